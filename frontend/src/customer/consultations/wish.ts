import { formatDay, today, type Day } from '@/texts/format';
import type { consultationTexts } from './texts';

/** The longest memo that the API takes, in characters. */
export const LONGEST_MEMO = 2_000;

/** What a customer wishes for. */
export interface Wish {
  desiredDate: Day | '';
  memo: string;
}

/** The sentence for each field that is wrong. */
export function wrongIn(
  { desiredDate, memo }: Wish,
  unreadable: string,
  t: (typeof consultationTexts)['ko'],
): Partial<Record<keyof Wish, string>> {
  const now = today();
  const isLong = Array.from(memo).length > LONGEST_MEMO;
  return {
    ...(desiredDate === '' && { desiredDate: unreadable || t.dateMissing }),
    ...(desiredDate !== '' && desiredDate < now && { desiredDate: t.datePast(formatDay(now)) }),
    ...(isLong && { memo: t.memoLong }),
  };
}
