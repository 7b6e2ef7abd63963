import { daysBetween, formatDay, weekdayOf, type Day } from '@/texts/format';
import { language } from '@/texts/texts';

/** `3. 4.`: the day of a time column, without year and weekday. */
export function shortDay(day: Day): string {
  const text = formatDay(day, { year: false });
  return language.value === 'ko' ? text.replace(/\(.\)$/u, '') : text.replace(/^\S+\s/u, '');
}

/** Words about how far a day is from today. */
interface Words {
  today: string;
  tomorrow: string;
  afterTomorrow: string;
  daysAgo: (days: number) => string;
}

/** `수요일 · 오늘`: what stands under the day. Coming days beyond the next two have no addition. */
export function dayCaption(
  day: Day,
  today: Day,
  weekdays: readonly string[],
  words: Words,
): string {
  const distance = daysBetween(today, day);
  const near = [words.today, words.tomorrow, words.afterTomorrow][distance];
  const addition = distance < 0 ? words.daysAgo(-distance) : near;
  return [weekdays[weekdayOf(day)], addition].filter(Boolean).join(' · ');
}

/** The consultations of one part of the day's plan. */
export interface Agenda<T> {
  /** Their day has passed, and they are still open: oldest first. */
  overdue: T[];
  today: T[];
  /** The next ones first. */
  coming: T[];
}

/** Open consultations, parted by their day. */
export function agendaOf<T extends { desiredDate: Day; id: string }>(
  open: readonly T[],
  today: Day,
): Agenda<T> {
  const sorted = [...open].sort(
    (a, b) => a.desiredDate.localeCompare(b.desiredDate) || a.id.localeCompare(b.id),
  );
  return {
    overdue: sorted.filter((one) => one.desiredDate < today),
    today: sorted.filter((one) => one.desiredDate === today),
    coming: sorted.filter((one) => one.desiredDate > today),
  };
}
