import { language } from './texts';

/** Everything on the pages happens in this zone, wherever the browser is. */
const SEOUL = 'Asia/Seoul';
const NBSP = '\u00A0';
const DAY = 86_400_000;

const WEEKDAYS = {
  ko: ['일', '월', '화', '수', '목', '금', '토'],
  en: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'],
} as const;

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** A day of the calendar as the API has it: `YYYY-MM-DD`. */
export type Day = string;

interface Parts {
  year: number;
  month: number;
  day: number;
}

const seoulDay = new Intl.DateTimeFormat('en-CA', {
  timeZone: SEOUL,
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
});

const seoulTime = new Intl.DateTimeFormat('en-GB', {
  timeZone: SEOUL,
  hour: '2-digit',
  minute: '2-digit',
});

/** The day of an instant in Seoul. */
export function dayOf(instant: string | number | Date): Day {
  return seoulDay.format(new Date(instant));
}

/** Today in Seoul. */
export function today(): Day {
  return dayOf(Date.now());
}

function partsOf(day: Day): Parts {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return { year, month, day: date };
}

function millis(day: Day): number {
  const { year, month, day: date } = partsOf(day);
  return Date.UTC(year, month - 1, date);
}

/** The day some days later, or earlier if negative. */
export function addDays(day: Day, days: number): Day {
  return new Date(millis(day) + days * DAY).toISOString().slice(0, 10);
}

/** Days from one day to another: negative if the other is earlier. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((millis(to) - millis(from)) / DAY);
}

/** 0 for Sunday to 6 for Saturday. */
export function weekdayOf(day: Day): number {
  return new Date(millis(day)).getUTCDay();
}

/** `2026. 3. 4.(수)`, or without the year where `year` is false. It never breaks over lines. */
export function formatDay(day: Day, options: { year?: boolean } = {}): string {
  const { year, month, day: date } = partsOf(day);
  const weekday = WEEKDAYS[language.value][weekdayOf(day)];
  const withYear = options.year ?? year !== partsOf(today()).year;
  if (language.value === 'en') {
    const base = `${weekday}${NBSP}${date}${NBSP}${MONTHS[month - 1]}`;
    return withYear ? `${base}${NBSP}${year}` : base;
  }
  const base = `${month}.${NBSP}${date}.(${weekday})`;
  return withYear ? `${year}.${NBSP}${base}` : base;
}

/** `2. 9.(월) ~ 3. 7.(토)`. It may break after the tilde only. */
export function formatRange(from: Day | null | undefined, until: Day | null | undefined): string {
  const parts = [from ? formatDay(from) : '', until ? formatDay(until) : ''];
  return `${parts[0]}${NBSP}~ ${parts[1]}`.trim();
}

/** `11:42` today, and the day of anything older. */
export function formatInstant(instant: string): string {
  return dayOf(instant) === today() ? formatTime(instant) : formatDay(dayOf(instant));
}

/** `11:42` in Seoul. */
export function formatTime(instant: string | number): string {
  return seoulTime.format(new Date(instant));
}

/** `2026. 3. 4.(수) 11:42`. */
export function formatDayAndTime(instant: string): string {
  return `${formatDay(dayOf(instant))} ${formatTime(instant)}`;
}

/** `3월 7일 토요일`, with the year where it is not this one. */
export function spellDay(day: Day): string {
  const locale = language.value === 'ko' ? 'ko-KR' : 'en-GB';
  const isThisYear = partsOf(day).year === partsOf(today()).year;
  return new Intl.DateTimeFormat(locale, {
    ...(!isThisYear && { year: 'numeric' }),
    month: 'long',
    day: 'numeric',
    weekday: 'long',
    timeZone: 'UTC',
  }).format(new Date(millis(day)));
}

/** `3월 10일`, for a button that says what it does. */
export function nameDay(day: Day): string {
  const { month, day: date } = partsOf(day);
  return language.value === 'ko'
    ? `${month}월${NBSP}${date}일`
    : `${date}${NBSP}${MONTHS[month - 1]}`;
}

/** `1,234`. */
export function formatNumber(value: number): string {
  return new Intl.NumberFormat(language.value === 'ko' ? 'ko-KR' : 'en-GB').format(value);
}

/** `80%` of a share between 0 and 1. */
export function formatShare(share: number): string {
  return `${Math.round(share * 100)}%`;
}

/** `1억 2,000만 원` of an amount in KRW. It never breaks over lines. */
export function formatMoney(won: number): string {
  if (language.value === 'en') return `KRW${NBSP}${formatNumber(won)}`;
  const units: [number, string][] = [
    [1_000_000_000_000, '조'],
    [100_000_000, '억'],
    [10_000, '만'],
    [1, ''],
  ];
  const parts: string[] = [];
  let rest = Math.round(won);
  for (const [size, unit] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${formatNumber(count)}${unit}`);
  }
  return `${parts.join(NBSP) || '0'}${NBSP}원`;
}

/** `010-1234-5678` of a number in E.164. A masked one keeps its stars. */
export function formatPhone(phone: string): string {
  const national = phone.replace(/^\+82/, '0');
  const match = /^(050\d|0\d{2})([\d*]{3,4})([\d*]{4})$/.exec(national.replaceAll('-', ''));
  return match ? `${match[1]}-${match[2]}-${match[3]}` : phone;
}

/** How long ago an instant was: `방금`, `12분 전`, `3시간 전`, `2일 전`. */
export function formatAge(instant: string, now: number = Date.now()): string {
  const minutes = Math.max(0, Math.floor((now - Date.parse(instant)) / 60_000));
  const [value, unit] =
    minutes < 60
      ? ([minutes, 'minute'] as const)
      : minutes < 48 * 60
        ? ([Math.floor(minutes / 60), 'hour'] as const)
        : ([Math.floor(minutes / 1440), 'day'] as const);
  if (value === 0) return language.value === 'ko' ? '방금' : 'just now';
  return new Intl.RelativeTimeFormat(language.value).format(-value, unit);
}

/** How long something has waited: `12분`, `3시간 5분`, `2일`. */
export function formatDuration(millisOfWait: number): string {
  const minutes = Math.max(0, Math.floor(millisOfWait / 60_000));
  const ko = language.value === 'ko';
  if (minutes < 60) return ko ? `${minutes}분` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) {
    const rest = minutes % 60;
    return ko
      ? `${hours}시간${rest ? ` ${rest}분` : ''}`
      : `${hours} h${rest ? ` ${rest} min` : ''}`;
  }
  return ko ? `${Math.floor(hours / 24)}일` : `${Math.floor(hours / 24)} days`;
}
