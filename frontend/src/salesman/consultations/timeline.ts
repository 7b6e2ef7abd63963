import type { components } from '@/api/schema';
import { formatDay } from '@/texts/format';
import { glue } from '@/texts/korean';
import type { names } from '@/texts/names';
import type { consultationTexts } from './texts';

export type Entry = components['schemas']['EntryView'];
type Person = components['schemas']['PersonView'];
type Texts = (typeof consultationTexts)['ko'];
type Names = (typeof names)['ko'];

/** An entry of the timeline in words. */
export interface EntryWords {
  text: string;
  /** A reason or a note, as it was written. */
  quote?: string | undefined;
  /** A day that moved. */
  move?: { from: string; to: string } | undefined;
  /** Who did it; nothing for the customer. */
  by?: string | undefined;
  /** Which colour the station has. */
  tone?: 'apply' | 'approved' | 'succeeded' | 'failed' | 'cancelled' | undefined;
}

function peopleOf(
  salesman: Person | null | undefined,
  consultant: Person | null | undefined,
  n: Names,
): string {
  const people = [
    salesman && `${salesman.displayName} ${n.role.salesman}`,
    consultant && `${consultant.displayName} ${n.role.consultant}`,
  ];
  return people.filter(Boolean).join(', ');
}

/** Who did it: the name of a colleague, or the role where the name is unknown. */
export function authorOf(by: Entry['by'], n: Names): string | undefined {
  if (!by) return undefined;
  const role = n.role[by.role];
  return by.displayName ? `${by.displayName} ${role}` : role;
}

/** What happened, in the words of the page. */
export function entryWords(entry: Entry, t: Texts, n: Names): EntryWords {
  const by = authorOf(entry.by, n);
  switch (entry.kind) {
    case 'requested': {
      const isByCustomer = !entry.by || entry.by.role === 'customer';
      const text = isByCustomer ? t.events.requested : t.events.requestedBy(by ?? t.consentBy);
      return { text, tone: 'apply' };
    }
    case 'edited': {
      const isMoved = entry.dateFrom !== entry.dateTo;
      const move = isMoved
        ? { from: formatDay(entry.dateFrom), to: formatDay(entry.dateTo) }
        : undefined;
      if (!isMoved) return { text: t.events.memoEdited };
      return { text: entry.memoChanged ? t.events.bothEdited : t.events.dateEdited, move };
    }
    case 'matched':
    case 'rematched':
      return {
        text: t.events[entry.kind](glue(peopleOf(entry.salesman, entry.consultant, n))),
        by: by ?? t.automatic,
      };
    case 'unmatched':
      return { text: t.events.unmatched, by };
    case 'progressed': {
      if (entry.to === 'apply') return { text: n.step.apply, by };
      return { text: t.events[entry.to], quote: entry.reason ?? undefined, by, tone: entry.to };
    }
    case 'noted':
      return { text: t.events.noted, quote: entry.text ?? t.noteErased, by };
  }
}

/** When a consultation reached each step that it reached. */
export function reachedAt(timeline: readonly Entry[]): Partial<Record<string, string>> {
  const reached: Partial<Record<string, string>> = {};
  for (const entry of timeline) {
    if (entry.kind === 'requested') reached.apply ??= entry.at;
    if (entry.kind === 'progressed') reached[entry.to] = entry.at;
  }
  return reached;
}
