/** The most characters of a reason that the API takes. */
export const REASON_LIMIT = 500;

/** The reason as it is sent: the usual one, the words of the person, or both. */
export function reasonOf(usual: string, words: string): string {
  return [usual, words.trim()].filter(Boolean).join(': ');
}
