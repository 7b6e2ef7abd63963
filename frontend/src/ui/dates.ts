import { addDays, weekdayOf, type Day } from '@/texts/format';

const DAYS_OF_A_WEEK = 7;
const MONTH_NAMES = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const RELATIVE: Readonly<Record<string, number>> = {
  오늘: 0,
  내일: 1,
  모레: 2,
  글피: 3,
  today: 0,
  tomorrow: 1,
};

/** A day that exists; undefined for 2월 30일. */
function dayFrom(year: number, month: number, date: number): Day | undefined {
  const time = new Date(Date.UTC(year, month - 1, date));
  const isReal = time.getUTCMonth() === month - 1 && time.getUTCDate() === date;
  return isReal && year >= 1000 && year <= 9999 ? time.toISOString().slice(0, 10) : undefined;
}

/** Month and day without a year mean the next such day, today included. */
function nextDay(month: number, date: number, today: Day): Day | undefined {
  const year = Number(today.slice(0, 4));
  // 29 February may be some years away.
  for (let ahead = 0; ahead <= 8; ahead += 1) {
    const day = dayFrom(year + ahead, month, date);
    if (day && day >= today) return day;
  }
  return undefined;
}

/** A day of a month alone means the next such day. */
function nextDate(date: number, today: Day): Day | undefined {
  const [year = 0, month = 1] = today.split('-').map(Number);
  for (let ahead = 0; ahead < 3; ahead += 1) {
    const first = new Date(Date.UTC(year, month - 1 + ahead, 1));
    const day = dayFrom(first.getUTCFullYear(), first.getUTCMonth() + 1, date);
    if (day && day >= today) return day;
  }
  return undefined;
}

/**
 * The day that was typed: `2026. 3. 10.(화)`, `2026-03-10`, `20260310`, `260310`, `3/10`,
 * `3월 10일`, `10일`, `내일`, `10 Mar`. Undefined if it is none. A weekday in it is not checked.
 */
export function parseDay(text: string, today: Day): Day | undefined {
  const plain = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\([^)]*\)?/g, ' ')
    .replace(/[월화수목금토일]요일/g, ' ')
    .trim();
  const ahead = RELATIVE[plain];
  if (ahead !== undefined) return addDays(today, ahead);

  const compact = /^(\d{4}|\d{2})(\d{2})(\d{2})$/.exec(plain);
  if (compact) return dayFrom(fullYear(compact[1] ?? ''), Number(compact[2]), Number(compact[3]));
  const short = /^(\d{2})(\d{2})$/.exec(plain);
  if (short) return nextDay(Number(short[1]), Number(short[2]), today);
  const onlyDate = /^(\d{1,2})\s*일$/.exec(plain);
  if (onlyDate) return nextDate(Number(onlyDate[1]), today);

  const named = namedMonth(plain, today);
  if (named !== undefined) return named;
  if (!/^[\d\s./년월일,-]+$/.test(plain)) return undefined;
  const numbers = plain.match(/\d+/g) ?? [];
  const [first = '', second = '', third = ''] = numbers;
  if (numbers.length === 3) return dayFrom(fullYear(first), Number(second), Number(third));
  if (numbers.length === 2) return nextDay(Number(first), Number(second), today);
  return undefined;
}

/** `26` means 2026. */
function fullYear(text: string): number {
  return text.length === 2 ? 2000 + Number(text) : Number(text);
}

/** `10 Mar`, `Mar 10 2026`. */
function namedMonth(text: string, today: Day): Day | undefined {
  const name = /[a-z]{3,}/.exec(text.replace(/\b(sun|mon|tue|wed|thu|fri|sat)[a-z]*\b/g, ' '))?.[0];
  const month = name ? MONTH_NAMES.indexOf(name.slice(0, 3)) + 1 : 0;
  if (month === 0) return undefined;
  const numbers = (text.match(/\d+/g) ?? []).map(Number);
  const year = numbers.find((number) => number > 31);
  const date = numbers.find((number) => number <= 31);
  if (date === undefined) return undefined;
  return year === undefined ? nextDay(month, date, today) : dayFrom(year, month, date);
}

/** The first day of the month of a day. */
export function monthOf(day: Day): Day {
  return `${day.slice(0, 8)}01`;
}

/** The same day some months later, or the last day of a shorter month. */
export function addMonths(day: Day, months: number): Day {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const lastDate = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  const moved = Date.UTC(year, month - 1 + months, Math.min(date, lastDate));
  return new Date(moved).toISOString().slice(0, 10);
}

/** The weeks of a month from Sunday on; null for days of other months. */
export function weeksOf(month: Day): (Day | null)[][] {
  const first = monthOf(month);
  const next = addMonths(first, 1);
  const weeks: (Day | null)[][] = [];
  for (
    let day = addDays(first, -weekdayOf(first));
    day < next;
    day = addDays(day, DAYS_OF_A_WEEK)
  ) {
    weeks.push(
      Array.from({ length: DAYS_OF_A_WEEK }, (_, index) => {
        const shown = addDays(day, index);
        return shown >= first && shown < next ? shown : null;
      }),
    );
  }
  return weeks;
}

/** Where a key of the calendar leads; undefined for keys that it does not know. */
export function dayAfterKey(day: Day, key: string): Day | undefined {
  switch (key) {
    case 'ArrowLeft':
      return addDays(day, -1);
    case 'ArrowRight':
      return addDays(day, 1);
    case 'ArrowUp':
      return addDays(day, -DAYS_OF_A_WEEK);
    case 'ArrowDown':
      return addDays(day, DAYS_OF_A_WEEK);
    case 'Home':
      return addDays(day, -weekdayOf(day));
    case 'End':
      return addDays(day, 6 - weekdayOf(day));
    case 'PageUp':
      return addMonths(day, -1);
    case 'PageDown':
      return addMonths(day, 1);
    default:
      return undefined;
  }
}
