import type { ApiError } from '@/api/problem';
import { formatDay, formatDuration, type Day } from '@/texts/format';
import type { enterTexts } from './enterTexts';

type Texts = (typeof enterTexts)['ko'];

export type Kind = 'interest' | 'consultation';

/** What a salesman types for a customer. */
export interface Entered {
  /** Ids of programmes; a consultation has one. */
  projects: readonly string[];
  /** The name of a programme, where no id is known. */
  projectName: string;
  name: string;
  /** Digits alone. */
  phone: string;
  consent: boolean;
  date: Day | '';
  memo: string;
}

const PHONE_LENGTH = 11;
const MEMO_LIMIT = 2000;

type Errors = Partial<Record<keyof Entered, string>>;

/** What is wrong with it, by field, in the order of the form. */
export function errorsOf(
  entered: Entered,
  kind: Kind,
  isByName: boolean,
  today: Day,
  t: Texts['errors'],
): Errors {
  const errors: Errors = {};
  const missing = PHONE_LENGTH - entered.phone.length;
  if (isByName && entered.projectName.trim() === '') errors.projectName = t.projectName;
  if (!isByName && entered.projects.length === 0) errors.projects = t.projects;
  if (entered.name.trim() === '') errors.name = t.name;
  if (entered.phone === '') errors.phone = t.phone;
  else if (missing > 0) errors.phone = t.phoneShort(missing);
  if (kind === 'consultation') {
    if (entered.date === '') errors.date = t.date;
    else if (entered.date < today) errors.date = t.past(formatDay(today));
    if (Array.from(entered.memo).length > MEMO_LIMIT) errors.memo = t.memo;
  }
  if (!entered.consent) errors.consent = t.consent;
  return errors;
}

/** The field of the form for a JSON pointer of the server. */
export function fieldOf(pointer: string): keyof Entered {
  const names: Record<string, keyof Entered> = {
    '/customerName': 'name',
    '/phone': 'phone',
    '/consent': 'consent',
    '/desiredDate': 'date',
    '/memo': 'memo',
    '/projectId': 'projects',
    '/projectName': 'projectName',
  };
  return names[pointer] ?? 'projects';
}

/** A programme of which the name that was sent may be. */
export interface Candidate {
  id: string;
  name: string;
  year?: number | null;
  agency?: string | null;
}

/** The programmes to choose from, when a name fits several. */
export function candidatesOf(error: ApiError | undefined): Candidate[] {
  const candidates = error?.body.candidates;
  return Array.isArray(candidates) ? (candidates as Candidate[]) : [];
}

/** Why it was not entered, in a sentence. */
export function failureOf(error: ApiError, t: Texts): string {
  const { failed } = t;
  if (error.isUnreachable) return failed.offline;
  switch (error.slug) {
    case 'project-ended':
      return failed.ended;
    case 'already-requested':
      return failed.requested;
    case 'too-many-consultations':
      return failed.tooMany;
  }
  if (error.status === 429) {
    return failed.tooOften(formatDuration((error.retryAfter ?? 60) * 1000));
  }
  return error.status >= 500 ? failed.ours : [error.title, error.detail].filter(Boolean).join('. ');
}
