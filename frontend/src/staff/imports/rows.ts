import { api, unwrap } from '@/api/client';
import type { components } from '@/api/schema';

export type Row = components['schemas']['RowView'];
type Action = components['schemas']['Action'];

/** Which rows of a plan are shown: those of one action, or those with warnings. */
export type Shown = Action | 'warnings';

/** Rows of a page. */
const LIMIT = 100;

/** One page of rows. */
export function fetchRows(
  id: string,
  shown: Shown,
  after: string | undefined,
): Promise<{ items: Row[]; next?: string | null }> {
  const kind = shown === 'warnings' ? { warnings: true } : { action: shown };
  const query = { limit: LIMIT, ...kind, ...(after !== undefined && { after }) };
  return unwrap(api.GET('/api/projects/imports/{id}/rows', { params: { path: { id }, query } }));
}

/** All rows of one kind. */
export async function fetchAllRows(id: string, shown: Shown): Promise<Row[]> {
  const rows: Row[] = [];
  let after: string | undefined;
  do {
    const page = await fetchRows(id, shown, after);
    rows.push(...page.items);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return rows;
}
