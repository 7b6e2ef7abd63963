import type { Consultation } from '@/api/types';
import type { Wish } from './wish';

/** What is stored, as the form has it. */
export function wishOf({ desiredDate, memo }: Pick<Consultation, 'desiredDate' | 'memo'>): Wish {
  return { desiredDate, memo };
}

/** The fields that someone else changed to another value than the form has. */
export function conflictsOf(opened: Wish, stored: Wish, mine: Wish): (keyof Wish)[] {
  return (['desiredDate', 'memo'] as const).filter(
    (name) => stored[name] !== opened[name] && stored[name] !== mine[name],
  );
}

/** The form with what changed elsewhere and was not touched here. */
export function merged(opened: Wish, stored: Wish, mine: Wish): Wish {
  const pick = (name: keyof Wish): string => (mine[name] === opened[name] ? stored : mine)[name];
  return { desiredDate: pick('desiredDate'), memo: pick('memo') };
}
