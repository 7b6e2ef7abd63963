import { formatDay } from '@/texts/format';
import { glue } from '@/texts/korean';
import type { Step } from '@/api/types';
import type { names } from '@/texts/names';
import type { WholeConsultation } from './mine';
import type { consultationTexts } from './texts';

type Entry = WholeConsultation['timeline'][number];
type Texts = (typeof consultationTexts)['ko'];
type Names = (typeof names)['ko'];

/** When each step was taken. */
export function stepTimes(whole: WholeConsultation): Partial<Record<Step, string>> {
  const times: Partial<Record<Step, string>> = { apply: whole.createdAt };
  for (const entry of whole.timeline) {
    if (entry.kind === 'progressed') times[entry.to] = entry.at;
  }
  return times;
}

/** 「김하늘(영업대표), 윤슬기(컨설턴트)」. */
function peopleOf(entry: Extract<Entry, { kind: 'matched' | 'rematched' }>, name: Names): string {
  const consultant = entry.consultant && `${entry.consultant.displayName}(${name.role.consultant})`;
  const salesman = `${entry.salesman.displayName}(${name.role.salesman})`;
  return [salesman, consultant].filter(Boolean).join(', ');
}

/** What an entry of the timeline says; `undefined` for one that customers do not see. */
export function sentenceOfEntry(entry: Entry, t: Texts, name: Names): string | undefined {
  switch (entry.kind) {
    case 'requested':
      return t.happened.requested(formatDay(entry.desiredDate));
    case 'edited':
      return entry.dateFrom === entry.dateTo
        ? t.happened.memoChanged
        : t.happened.moved(formatDay(entry.dateFrom), formatDay(entry.dateTo));
    case 'matched':
      return t.happened.matched(peopleOf(entry, name));
    case 'rematched':
      return t.happened.rematched(peopleOf(entry, name));
    case 'unmatched':
      return t.happened.unmatched;
    case 'progressed':
      return t.happened[entry.to];
    default:
      return undefined;
  }
}

/** Who did it: 나, or the name and the role. Absent for the system. */
export function authorOf(entry: Entry, t: Texts, name: Names): string | undefined {
  if (!entry.by) return undefined;
  if (entry.by.role === 'customer') return t.me;
  return glue([entry.by.displayName, name.role[entry.by.role]].filter(Boolean).join(' '));
}
