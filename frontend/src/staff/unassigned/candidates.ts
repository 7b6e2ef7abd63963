import type { Salesman } from '@/api/types';

/** Why a person cannot take a match now. The API refuses the same. */
export type Obstacle = 'inactive' | 'onLeave' | 'full';

/** What keeps a person from taking a match; `undefined` if nothing does. */
export function obstacleOf(person: Salesman): Obstacle | undefined {
  if (!person.active) return 'inactive';
  if (person.onLeave) return 'onLeave';
  return person.openCount >= person.capacity ? 'full' : undefined;
}

/** Those who can take it first, the most room first; the others after them by name. */
export function sortCandidates(people: readonly Salesman[]): Salesman[] {
  const room = (it: Salesman): number => it.capacity - it.openCount;
  return people.toSorted((one, other) => {
    const isFree = (it: Salesman): number => (obstacleOf(it) === undefined ? 0 : 1);
    return (
      isFree(one) - isFree(other) ||
      (isFree(one) === 0 ? room(other) - room(one) : 0) ||
      one.name.localeCompare(other.name, 'ko')
    );
  });
}
