import type { staffCustomerTexts } from './texts';

/** What the rows of interests and of consultations say of their customer. */
interface CustomerOfRow {
  customerName?: string | null;
  /** With hidden digits. */
  phone?: string | null;
  erasedAt?: string | null;
}

/** Whether a text is the last four digits of a number. */
export function isLastFour(text: string): boolean {
  return /^\d{4}$/u.test(text);
}

/** How a customer is called in a list: by name with the last digits, or by these alone. */
export function customerName(
  { customerName: name, phone, erasedAt }: CustomerOfRow,
  t: (typeof staffCustomerTexts)['ko'],
): string {
  const digits = phone?.slice(-4);
  if (erasedAt || (!name && !digits)) return t.erased;
  if (!digits) return name ?? t.erased;
  return name ? `${name} ····${digits}` : t.noName(digits);
}
