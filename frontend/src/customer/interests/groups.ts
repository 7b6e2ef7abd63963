import type { Interest } from '@/api/types';

/** What the customer can do about an interest now. */
export const INTEREST_GROUPS = ['now', 'soon', 'past', 'unknown'] as const;
export type InterestGroup = (typeof INTEREST_GROUPS)[number];

/** The group of an interest, by the phase of its edition. */
export function groupOf({ project }: Interest): InterestGroup {
  switch (project?.phase) {
    case undefined:
      return 'unknown';
    case 'upcoming':
      return 'soon';
    case 'closed':
    case 'ended':
      return 'past';
    default:
      return 'now';
  }
}

/** What comes first: the soonest deadline or opening; those without a day follow. */
function dayOf({ project }: Interest): string {
  const { startsOn, endsOn } = project?.period ?? {};
  return (project?.phase === 'upcoming' ? startsOn : endsOn) ?? '9999';
}

/** The interests in the order of a timetable. */
export function inOrder(interests: readonly Interest[]): Interest[] {
  return interests.toSorted((a, b) => {
    const [first, second] = [dayOf(a), dayOf(b)];
    return first < second ? -1 : first > second ? 1 : 0;
  });
}
