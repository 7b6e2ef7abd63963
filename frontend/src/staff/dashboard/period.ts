import { addDays, daysBetween, weekdayOf, type Day } from '@/texts/format';

export const PERIODS = ['week', 'month', 'year'] as const;
/** This week, the last 30 days, this year. */
export type Period = (typeof PERIODS)[number];

/** Days from the first to the last one. */
export interface Range {
  from: Day;
  until: Day;
}

/** The days of a period until today. */
export function rangeOf(period: Period, today: Day): Range {
  if (period === 'year') return { from: `${today.slice(0, 4)}-01-01`, until: today };
  const back = period === 'week' ? (weekdayOf(today) + 6) % 7 : 29;
  return { from: addDays(today, -back), until: today };
}

/** How many days a period has. */
export function lengthOf({ from, until }: Range): number {
  return daysBetween(from, until) + 1;
}

/** As many days, right before. */
export function rangeBefore(range: Range): Range {
  return { from: addDays(range.from, -lengthOf(range)), until: addDays(range.from, -1) };
}

/** What began within some days. */
export interface Part extends Range {
  interests: number;
  reached: { applied: number; approved: number; succeeded: number };
  failed: number;
  cancelled: number;
}

function sum(parts: readonly Part[]): Part | undefined {
  const [first] = parts;
  const last = parts.at(-1);
  if (!first || !last) return undefined;
  const add = (value: (part: Part) => number): number =>
    parts.reduce((total, part) => total + value(part), 0);
  return {
    from: first.from,
    until: last.until,
    interests: add((part) => part.interests),
    reached: {
      applied: add((part) => part.reached.applied),
      approved: add((part) => part.reached.approved),
      succeeded: add((part) => part.reached.succeeded),
    },
    failed: add((part) => part.failed),
    cancelled: add((part) => part.cancelled),
  };
}

/** Days summed up to weeks from Monday to Sunday: thirty bars are too many to compare. */
export function weeksOf(days: readonly Part[]): Part[] {
  const weeks: Part[][] = [];
  for (const day of days) {
    const current = weeks.at(-1);
    if (current && weekdayOf(day.from) !== 1) current.push(day);
    else weeks.push([day]);
  }
  return weeks.map(sum).filter((week) => week !== undefined);
}

/** The part of a whole, or none where there is no whole. */
export function shareOf(part: number, whole: number): number | undefined {
  return whole > 0 ? part / whole : undefined;
}
