/** The shortest password that the server accepts, in characters. */
const SHORTEST = 10;

/** What is wrong with a new password that was typed twice. The server judges how weak it is. */
export function newPasswordErrors(
  { password, again }: { password: string; again: string },
  words: { setShort: string; notSame: string },
): Partial<Record<'password' | 'again', string>> {
  return {
    ...([...password].length < SHORTEST && { password: words.setShort }),
    ...(password !== again && { again: words.notSame }),
  };
}
