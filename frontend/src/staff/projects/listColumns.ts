import { ref, watch, type Ref } from 'vue';

/** Columns that can be hidden. The status and the name always show. */
export const COLUMNS = [
  'category',
  'regions',
  'period',
  'interests',
  'consultations',
  'salesman',
  'year',
] as const;
export type ColumnKey = (typeof COLUMNS)[number];

const STORED = 'ktgg.staff.projects.columns';
const DEFAULT: readonly ColumnKey[] = COLUMNS.filter((key) => key !== 'year');

/**
 * The columns that a stored text names, in the order of the table; the usual ones if it is none.
 */
export function columnsOf(stored: string | null): ColumnKey[] {
  if (stored === null) return [...DEFAULT];
  const chosen = stored.split(',');
  return COLUMNS.filter((key) => chosen.includes(key));
}

/** The shown columns, which this browser keeps. */
export function useColumns(): Ref<readonly string[]> {
  const shown = ref<readonly string[]>(columnsOf(localStorage.getItem(STORED)));
  watch(shown, (keys) => localStorage.setItem(STORED, keys.join(',')));
  return shown;
}
