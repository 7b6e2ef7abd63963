import type { components } from '@/api/schema';

type Outcome = components['schemas']['SalesmanOutcomesView'];

export type OutcomeKey = 'displayName' | 'succeeded' | 'failed' | 'successRate' | 'openCount';

/** By one column; those without a rate are last in either direction, and equal ones by name. */
export function sortOutcomes(
  outcomes: readonly Outcome[],
  key: OutcomeKey,
  isDescending: boolean,
): Outcome[] {
  const sign = isDescending ? -1 : 1;
  const byName = (one: Outcome, other: Outcome): number =>
    one.displayName.localeCompare(other.displayName, 'ko');
  return outcomes.toSorted((one, other) => {
    if (key === 'displayName') return sign * byName(one, other);
    const [left, right] = [one[key] ?? undefined, other[key] ?? undefined];
    if (left === undefined || right === undefined) {
      return Number(left === undefined) - Number(right === undefined) || byName(one, other);
    }
    return sign * (left - right) || byName(one, other);
  });
}
