import type { components } from '@/api/schema';

type Counts = components['schemas']['CountsView'];
type CommitImport = components['schemas']['CommitImport'];

/** What staff decided about a row that may fill an expected edition. */
export type Decision = 'fill' | 'asNew' | 'skip';

/** The decision about all such rows that are not in the map. */
export interface Decisions {
  byRow: ReadonlyMap<string, Decision>;
  rest: 'fill' | 'skip';
}

/** The decision about one row. */
export function decisionOf({ byRow, rest }: Decisions, row: string): Decision {
  return byRow.get(row) ?? rest;
}

/** How many of `all` rows are not skipped. */
export function countTaken({ byRow, rest }: Decisions, all: number): number {
  const decided = [...byRow.values()];
  const taken = decided.filter((decision) => decision !== 'skip').length;
  return taken + (rest === 'fill' ? all - decided.length : 0);
}

/** How many rows the commit would carry out. */
export function countCommitted(counts: Counts, decisions: Decisions): number {
  return counts.create + counts.edit + countTaken(decisions, counts.fillsPlanned);
}

/** The body of the commit. `fillIds` are the ids of all rows that fill an expected edition. */
export function commitBody(decisions: Decisions, fillIds: readonly string[]): CommitImport {
  const of = (wanted: Decision): string[] =>
    fillIds.filter((id) => decisionOf(decisions, id) === wanted);
  const asNew = of('asNew');
  return { confirm: of('fill'), ...(asNew.length > 0 && { asNew }) };
}
