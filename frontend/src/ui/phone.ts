const LENGTH = 11;

/** The digits of a Korean mobile number as typed or pasted, with `+82` read as the leading 0. */
export function phoneDigits(text: string): string {
  const plain = text.normalize('NFKC').trim();
  const isInternational = /^\+?82[\s\-.)]*0?1/.test(plain) && /^(\+|82)/.test(plain);
  const digits = plain.replace(/\D/g, '');
  if (!isInternational) return digits.slice(0, LENGTH);
  return `0${digits.replace(/^820?/, '')}`.slice(0, LENGTH);
}

/** `010-1234-5678`, also while it is being typed: `010`, `010-12`, `010-1234-5`. */
export function groupPhone(text: string): string {
  const digits = phoneDigits(text);
  return [digits.slice(0, 3), digits.slice(3, 7), digits.slice(7)].filter(Boolean).join('-');
}

/** Where the caret goes so that as many digits are before it as were. */
export function caretAfter(text: string, digitsBefore: number): number {
  let seen = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (seen === digitsBefore) return index;
    if (/\d/.test(text[index] ?? '')) seen += 1;
  }
  return text.length;
}
