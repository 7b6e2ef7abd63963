import type { components } from '@/api/schema';
import type { Category, Region, Salesman } from '@/api/types';

type Schemas = components['schemas'];
export type PersonRole = Schemas['PersonRoleName'];

/** A person as a form has them. */
export interface PersonDraft {
  name: string;
  displayName: string;
  /** Digits. */
  phone: string;
  regions: Region[];
  categories: Category[];
  capacity: string;
  weight: string;
}
export type PersonField = keyof PersonDraft;

export const emptyDraft: Readonly<PersonDraft> = {
  name: '',
  displayName: '',
  phone: '',
  regions: [],
  categories: [],
  capacity: '30',
  weight: '1',
};

/** The form of a person who is registered. */
export function draftOf(person: Salesman): PersonDraft {
  return {
    name: person.name,
    displayName: person.displayName,
    phone: person.phone.replace(/^\+82/u, '0'),
    regions: [...person.regions],
    categories: [...person.categories],
    capacity: String(person.capacity),
    weight: String(person.weight),
  };
}

/** The body of the API with all fields. */
export function bodyOf(draft: PersonDraft) {
  const { name, displayName, phone, regions, categories, capacity, weight } = draft;
  return {
    name: name.trim(),
    displayName: displayName.trim() || name.trim(),
    phone,
    regions,
    categories,
    capacity: Number(capacity),
    weight: Number(weight),
  };
}

function isSame(one: PersonDraft[PersonField], other: PersonDraft[PersonField]): boolean {
  const key = (value: typeof one): string =>
    typeof value === 'string' ? value.trim() : value.toSorted().join();
  return key(one) === key(other);
}

/** The fields in which two drafts differ. The order of regions and categories means nothing. */
export function changedFields(base: PersonDraft, draft: PersonDraft): PersonField[] {
  const fields = Object.keys(base) as PersonField[];
  return fields.filter((field) => !isSame(base[field], draft[field]));
}

/** The body that changes `base` into `draft`, with what differs only. */
export function editBody(
  base: PersonDraft,
  draft: PersonDraft,
): Partial<ReturnType<typeof bodyOf>> {
  const changed = new Set<string>(changedFields(base, draft));
  return Object.fromEntries(Object.entries(bodyOf(draft)).filter(([field]) => changed.has(field)));
}

/** What two people made of one person. */
export interface PersonMerge {
  /** `mine`, with the changes of the other one where they do not meet. */
  merged: PersonDraft;
  /** Fields that both changed, to different values. */
  conflicts: PersonField[];
  /** Fields of the other one that were taken over. */
  taken: PersonField[];
}

/** Merges my changes of `base` with those that are stored now. */
export function merge(base: PersonDraft, current: PersonDraft, mine: PersonDraft): PersonMerge {
  const theirs = changedFields(base, current);
  const own = new Set(changedFields(base, mine));
  const taken = theirs.filter((field) => !own.has(field));
  const conflicts = theirs.filter(
    (field) => own.has(field) && !isSame(current[field], mine[field]),
  );
  const merged: PersonDraft = { ...mine };
  for (const field of taken) Object.assign(merged, { [field]: current[field] });
  return { merged, conflicts, taken };
}

function isBetween(text: string, least: number, most: number): boolean {
  return /^\d{1,4}$/u.test(text.trim()) && Number(text) >= least && Number(text) <= most;
}

/** What is wrong with a draft: a code for each field. */
export function problemsOf(
  draft: PersonDraft,
): Partial<Record<PersonField, 'missing' | 'phone' | 'capacity' | 'weight'>> {
  return {
    ...(draft.name.trim() === '' && { name: 'missing' as const }),
    ...(!/^010\d{8}$/u.test(draft.phone) && { phone: 'phone' as const }),
    ...(!isBetween(draft.capacity, 0, 1000) && { capacity: 'capacity' as const }),
    ...(!isBetween(draft.weight, 1, 100) && { weight: 'weight' as const }),
  };
}

/** Whether a person gets new work now, and why not. */
export type PersonState = 'inactive' | 'onLeave' | 'full' | 'taking';

export function stateOf(person: Salesman): PersonState {
  if (!person.active) return 'inactive';
  if (person.onLeave) return 'onLeave';
  return person.openCount >= person.capacity ? 'full' : 'taking';
}

/** A number with the middle hidden: `010-****-5678`. A list shows many people at once. */
export function maskPhone(phone: string): string {
  return phone.replace(/^\+82(10)\d{4}(\d{4})$/u, '0$1-****-$2');
}
