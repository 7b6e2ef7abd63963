import { addDays, daysBetween, weekdayOf, type Day } from '@/texts/format';
import type { Phase } from '@/api/types';

const DAYS_OF_A_WEEK = 7;
const WEEKS_BACK = 2;
const WEEKS_AHEAD = 6;
/** A mark of the axis closer to today than this, in percent, would touch the word for it. */
const NEAR_TODAY = 9;

/** The stretch of time that all rails of a list share. */
export interface Axis {
  kind: 'weeks' | 'year';
  from: Day;
  /** The first day after the axis. */
  until: Day;
  /** Null where today is off the axis. */
  today: Day | null;
}

/** A drawn piece of a rail. `start` and `width` are percent of the axis. */
export interface Bar {
  shape: 'past' | 'solid' | 'plan' | 'always' | 'until_budget';
  start: number;
  width: number;
  /** It goes on beyond this end: the end is not rounded. */
  cutStart: boolean;
  cutEnd: boolean;
}

/** A mark of the axis. `at` is percent. `optional` ones fall away where there is little room. */
export interface Tick {
  at: number;
  day: Day;
  optional: boolean;
}

/** When customers can apply, as far as it is known. */
export interface Span {
  phase: Phase;
  startsOn?: Day | null | undefined;
  endsOn?: Day | null | undefined;
}

/** From the Monday two weeks before this week to the Monday six weeks after its Monday. */
export function weeksAxis(today: Day): Axis {
  const monday = addDays(today, -((weekdayOf(today) + 6) % DAYS_OF_A_WEEK));
  return {
    kind: 'weeks',
    from: addDays(monday, -WEEKS_BACK * DAYS_OF_A_WEEK),
    until: addDays(monday, WEEKS_AHEAD * DAYS_OF_A_WEEK),
    today,
  };
}

/** From January to December of a year. Editions of different years are drawn on the same months. */
export function yearAxis(year: number, today: Day): Axis {
  const inYear = today.startsWith(`${year}-`);
  return {
    kind: 'year',
    from: `${year}-01-01`,
    until: `${year + 1}-01-01`,
    today: inYear ? today : null,
  };
}

/** Where a day begins on the axis, in percent; it may be below 0 or above 100. */
export function position(axis: Axis, day: Day): number {
  return (100 * daysBetween(axis.from, day)) / daysBetween(axis.from, axis.until);
}

/** The marks under or above the rails. */
export function ticks(axis: Axis): Tick[] {
  if (axis.kind === 'year') {
    const year = axis.from.slice(0, 4);
    return ['01', '04', '07', '10', '12'].map((month) => {
      const day = `${year}-${month}-01`;
      return { at: month === '12' ? 100 : position(axis, day), day, optional: false };
    });
  }
  const now = axis.today === null ? Number.NEGATIVE_INFINITY : position(axis, axis.today);
  const step = WEEKS_BACK * DAYS_OF_A_WEEK;
  const count = daysBetween(axis.from, axis.until) / step;
  return Array.from({ length: count + 1 }, (_, index) => {
    const day = addDays(axis.from, index * step);
    return { at: position(axis, day), day, optional: index === count - 1 };
  }).filter((tick) => Math.abs(tick.at - now) > NEAR_TODAY);
}

/** The part of a bar that lies on the axis; null where nothing of it does. */
function clip(shape: Bar['shape'], start: number, end: number): Bar | null {
  if (end <= 0 || start >= 100 || end <= start) return null;
  const from = Math.max(0, start);
  const until = Math.min(100, end);
  return { shape, start: from, width: until - from, cutStart: start < 0, cutEnd: end > 100 };
}

/** What is drawn on the rail of a programme. The last day counts as a whole day. */
export function bars(axis: Axis, span: Span): Bar[] {
  const { phase } = span;
  if (phase === 'always' || phase === 'until_budget') {
    return [{ shape: phase, start: 0, width: 100, cutStart: true, cutEnd: true }];
  }
  if (!span.startsOn && !span.endsOn) return [];
  // An unknown end lies beyond the axis.
  const start = span.startsOn ? position(axis, span.startsOn) : -1;
  const end = span.endsOn ? position(axis, addDays(span.endsOn, 1)) : 101;
  const isOpen = phase === 'open' || phase === 'closing';
  if (isOpen && axis.kind === 'weeks' && axis.today !== null) {
    const now = position(axis, axis.today);
    const past = clip('past', start, Math.min(now, end));
    const rest = clip('solid', Math.max(start, now), end);
    if (past && rest) {
      past.cutEnd = true;
      rest.cutStart = true;
    }
    return [past, rest].filter((bar) => bar !== null);
  }
  const bar = clip(phase === 'upcoming' ? 'plan' : 'solid', start, end);
  return bar ? [bar] : [];
}
