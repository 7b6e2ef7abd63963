import type { Consultation, Step } from '@/api/types';

/** A part of the list. */
export type ScopeKey = 'open' | 'closed' | 'all';

/** The steps of each part; none means all. */
export const STEPS_OF: Record<ScopeKey, readonly Step[]> = {
  open: ['apply', 'approved'],
  closed: ['succeeded', 'failed', 'cancelled'],
  all: [],
};

/** Whether a text is the last four digits of a number. */
export function isLastFour(text: string): boolean {
  return /^\d{4}$/u.test(text);
}

/** How a customer is called in a list: by name with the last digits, or by these alone. */
export function customerName(
  { customerName: name, phone, erasedAt }: Consultation,
  words: { noName: (digits: string) => string; erased: string },
): string {
  if (erasedAt) return words.erased;
  const digits = phone?.slice(-4);
  if (!name) return digits ? words.noName(digits) : words.erased;
  return digits ? `${name} ····${digits}` : name;
}
