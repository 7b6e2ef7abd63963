import type { components } from '@/api/schema';
import type { Category, Project, Region } from '@/api/types';

type Schemas = components['schemas'];
export type PeriodKind = Schemas['PeriodKindName'];

/** An edition as a form has it: every field is a text or a list of names. */
export interface Draft {
  name: string;
  year: string;
  category: Category | '';
  regions: Region[];
  agency: string;
  host: string;
  target: string;
  /** KRW. */
  scale: string;
  link: string;
  summary: string;
  periodKind: PeriodKind;
  startsOn: string;
  endsOn: string;
  periodText: string;
}

export type DraftField = keyof Draft;

/** Fields of a draft that the API has as one: the period is replaced as a whole. */
const PERIOD_FIELDS = ['periodKind', 'startsOn', 'endsOn', 'periodText'] as const;

/** An empty form for an edition of this year. */
export function emptyDraft(year: number): Draft {
  return {
    name: '',
    year: String(year),
    category: '',
    regions: [],
    agency: '',
    host: '',
    target: '',
    scale: '',
    link: '',
    summary: '',
    periodKind: 'range',
    startsOn: '',
    endsOn: '',
    periodText: '',
  };
}

/** The form of an edition that exists. */
export function draftOf(project: Project): Draft {
  const { period } = project;
  return {
    name: project.name,
    year: String(project.year),
    category: project.category,
    regions: [...project.regions],
    agency: project.agency,
    host: project.host,
    target: project.target ?? '',
    scale: project.scale == null ? '' : String(project.scale),
    link: project.link ?? '',
    summary: project.summary ?? '',
    periodKind: period.kind,
    startsOn: period.startsOn ?? '',
    endsOn: period.endsOn ?? '',
    periodText: period.text,
  };
}

const orNull = (text: string): string | null => (text.trim() === '' ? null : text.trim());

function periodOf(draft: Draft): Schemas['PeriodBody'] {
  // With both dates the text only repeats them, unless staff wrote another one.
  const text = orNull(draft.periodText);
  return {
    kind: draft.periodKind,
    startsOn: orNull(draft.startsOn),
    endsOn: orNull(draft.endsOn),
    ...(text !== null && { text }),
  };
}

/** An amount as people type it: `1억 2000만` is not one, `120,000,000` is. `undefined` if wrong. */
export function wonOf(text: string): number | null | undefined {
  const digits = text.replace(/[,\s원]/gu, '');
  if (digits === '') return null;
  return /^\d{1,15}$/u.test(digits) ? Number(digits) : undefined;
}

/** The body that creates the edition. */
export function createBody(draft: Draft): Schemas['CreateProject'] {
  return {
    name: draft.name.trim(),
    year: Number(draft.year),
    category: draft.category as Category,
    regions: draft.regions,
    agency: draft.agency.trim(),
    host: orNull(draft.host),
    target: orNull(draft.target),
    scale: wonOf(draft.scale) ?? null,
    link: orNull(draft.link),
    summary: orNull(draft.summary),
    period: periodOf(draft),
  };
}

/** Whether two values of a field are the same. */
function isSame(one: Draft[DraftField], other: Draft[DraftField]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The fields in which two drafts differ. */
export function changedFields(base: Draft, draft: Draft): DraftField[] {
  return (Object.keys(base) as DraftField[]).filter((field) => !isSame(base[field], draft[field]));
}

/** The body that changes `base` into `draft`, with what differs only. */
export function editBody(base: Draft, draft: Draft): Schemas['EditProject'] {
  const whole = createBody(draft);
  const changed = new Set<string>(changedFields(base, draft));
  if (PERIOD_FIELDS.some((field) => changed.has(field))) changed.add('period');
  const entries = Object.entries(whole).filter(([field]) => changed.has(field));
  return Object.fromEntries(entries) as Schemas['EditProject'];
}

/** What two people made of one edition. */
export interface Merge {
  /** `mine`, with the changes of the other one where they do not meet. */
  merged: Draft;
  /** Fields that both changed, to different values. */
  conflicts: DraftField[];
  /** Fields of the other one that were taken over. */
  taken: DraftField[];
}

/** Merges my changes of `base` with those that are stored now. */
export function merge(base: Draft, current: Draft, mine: Draft): Merge {
  const theirs = changedFields(base, current);
  const own = new Set(changedFields(base, mine));
  const conflicts = theirs.filter(
    (field) => own.has(field) && !isSame(current[field], mine[field]),
  );
  const taken = theirs.filter((field) => !own.has(field));
  const merged: Draft = { ...mine };
  for (const field of taken) Object.assign(merged, { [field]: current[field] });
  return { merged, conflicts, taken };
}

/** What is wrong with a draft: a code for each field. */
export function problemsOf(
  draft: Draft,
): Partial<Record<DraftField, 'missing' | 'year' | 'won' | 'order' | 'link'>> {
  const year = Number(draft.year);
  const isBackwards = draft.startsOn !== '' && draft.endsOn !== '' && draft.endsOn < draft.startsOn;
  return {
    ...(draft.name.trim() === '' && { name: 'missing' as const }),
    ...(draft.category === '' && { category: 'missing' as const }),
    ...(draft.agency.trim() === '' && { agency: 'missing' as const }),
    ...(!(Number.isInteger(year) && year >= 1990 && year <= 2100) && { year: 'year' as const }),
    ...(wonOf(draft.scale) === undefined && { scale: 'won' as const }),
    ...(isBackwards && { endsOn: 'order' as const }),
    ...(draft.periodKind === 'range' && draft.endsOn === '' && { endsOn: 'missing' as const }),
    ...(draft.link.trim() !== '' &&
      !/^https?:\/\//u.test(draft.link.trim()) && { link: 'link' as const }),
  };
}
