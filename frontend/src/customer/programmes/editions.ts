import type { Day } from '@/texts/format';

/** An announcement of one year, as far as its opening is known. */
export interface Opening {
  year: number;
  period: { startsOn?: Day | null | undefined };
}

/** The month in which every announcement opened, if at least two are known and all agree. */
export function usualMonth(editions: readonly Opening[]): number | undefined {
  const months = editions.flatMap(({ period }) =>
    period.startsOn ? [Number(period.startsOn.slice(5, 7))] : [],
  );
  const [first] = months;
  return months.length >= 2 && months.every((month) => month === first) ? first : undefined;
}
