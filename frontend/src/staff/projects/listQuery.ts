import type { Category, Region, Status } from '@/api/types';
import type { Sort as TableSort } from '@/ui/table';

export const SORTS = ['deadline', 'newest', 'name'] as const;
export type Sort = (typeof SORTS)[number];

/** Filters that take several values, in the order of the page. */
export const FACETS = ['status', 'category', 'region', 'target'] as const;
export type Facet = (typeof FACETS)[number];

/** What staff look for, as the address has it. */
export interface ListFilters {
  q: string;
  sort: Sort;
  status: readonly string[];
  category: readonly string[];
  region: readonly string[];
  target: readonly string[];
  /** The id of one salesman, or empty. */
  salesman: string;
  /** Only ongoing editions whose deadline has passed. */
  overdue: boolean;
}

/** The filters that the list and its counts share. */
export interface FilterQuery {
  q?: string;
  status?: Status[];
  category?: Category[];
  region?: Region[];
  target?: string[];
  overdue?: boolean;
}

/** The filters as the API takes them. A value of an old link that is none is refused by the API. */
export function filterQuery(filters: ListFilters): FilterQuery {
  const { q, status, category, region, target, overdue } = filters;
  return {
    ...(q !== '' && { q }),
    ...(status.length > 0 && { status: [...status] as Status[] }),
    ...(category.length > 0 && { category: [...category] as Category[] }),
    ...(region.length > 0 && { region: [...region] as Region[] }),
    ...(target.length > 0 && { target: [...target] }),
    ...(overdue && { overdue }),
  };
}

/** The query of the list without its page. */
export function listQuery(filters: ListFilters): FilterQuery & { sort: Sort; salesman?: string } {
  const { sort, salesman } = filters;
  return { ...filterQuery(filters), sort, ...(salesman !== '' && { salesman }) };
}

/** Whether anything is filtered. */
export function isFiltered(filters: ListFilters): boolean {
  const { q, salesman, overdue } = filters;
  return (
    q !== '' || salesman !== '' || overdue || FACETS.some((facet) => filters[facet].length > 0)
  );
}

/** The column that an order belongs to; none for the newest first. */
const COLUMNS: Readonly<Partial<Record<Sort, string>>> = { deadline: 'period', name: 'name' };

/** The order as the head of the table shows it. */
export function tableSort(sort: Sort): TableSort | undefined {
  const key = COLUMNS[sort];
  return key === undefined ? undefined : { key, descending: false };
}

/**
 * The order after a press on a head. Each has one direction: a second press goes back to newest.
 */
export function sortOf({ key, descending }: TableSort): Sort {
  if (descending) return 'newest';
  return SORTS.find((sort) => COLUMNS[sort] === key) ?? 'newest';
}
