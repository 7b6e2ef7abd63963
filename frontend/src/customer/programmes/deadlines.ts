import { addDays, weekdayOf, type Day } from '@/texts/format';
import type { Phase } from '@/api/types';

/** When a programme closes, from the soonest to those without a last day. */
export const DEADLINE_GROUPS = ['thisWeek', 'nextWeek', 'later', 'past', 'undated'] as const;
export type DeadlineGroup = (typeof DEADLINE_GROUPS)[number];

/** What of a programme decides about its group. */
export interface Closing {
  phase: Phase;
  period: { endsOn?: Day | null | undefined };
}

/** The group of a programme. Weeks are from Monday to Sunday, as the API counts them. */
export function deadlineGroup({ phase, period }: Closing, today: Day): DeadlineGroup {
  if (!period.endsOn) return 'undated';
  if (phase === 'ended' || period.endsOn < today) return 'past';
  const sunday = addDays(today, (7 - weekdayOf(today)) % 7);
  if (period.endsOn <= sunday) return 'thisWeek';
  return period.endsOn <= addDays(sunday, 7) ? 'nextWeek' : 'later';
}
