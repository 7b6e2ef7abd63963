const SEOUL = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Seoul' });

/** The day in Seoul this many days from today, as `2026-03-09`. */
export function dayFromToday(days: number): string {
  return SEOUL.format(Date.now() + days * 86_400_000);
}
