/** Digits of the one-time code. */
export const CODE_LENGTH = 6;

/** The code in what was typed or pasted: `123 456`, or the whole message `[KT.GG] 123456`. */
export function codeDigits(text: string): string {
  const plain = text.normalize('NFKC');
  const whole = new RegExp(`(?<!\\d)\\d{${CODE_LENGTH}}(?!\\d)`).exec(plain);
  return whole ? whole[0] : plain.replace(/\D/g, '').slice(0, CODE_LENGTH);
}
