import { computed, type ComputedRef } from 'vue';
import { useRoute, useRouter, type LocationQueryRaw } from 'vue-router';
import { FACETS, SORTS, type ListFilters } from './listQuery';

/** The filters, order and page of the list, which live in the query string. */
export interface ListAddress {
  filters: ComputedRef<ListFilters>;
  /** Changes some filters, and goes to the first page. */
  change: (changed: Partial<ListFilters>) => void;
  /** Drops all filters. The order stays. */
  clear: () => void;
  /** Where each page before this one and this one begin. */
  cursors: ComputedRef<string[]>;
  /** Goes to the page that begins here, so that Back returns to this one. */
  next: (cursor: string) => void;
  previous: () => void;
}

export function useListAddress(): ListAddress {
  const route = useRoute();
  const router = useRouter();
  const values = (name: string): string[] =>
    [route.query[name] ?? []].flat().filter((value) => value !== null);
  const value = (name: string): string => values(name)[0] ?? '';

  const filters = computed<ListFilters>(() => ({
    q: value('q'),
    sort: SORTS.find((sort) => sort === value('sort')) ?? SORTS[0],
    status: values('status'),
    category: values('category'),
    region: values('region'),
    target: values('target'),
    salesman: value('salesman'),
    overdue: value('overdue') === 'true',
  }));

  const queryOf = (next: ListFilters): LocationQueryRaw => ({
    ...(next.q !== '' && { q: next.q }),
    ...(next.sort !== SORTS[0] && { sort: next.sort }),
    ...Object.fromEntries(
      FACETS.filter((facet) => next[facet].length > 0).map((facet) => [facet, [...next[facet]]]),
    ),
    ...(next.salesman !== '' && { salesman: next.salesman }),
    ...(next.overdue && { overdue: 'true' }),
  });

  const cursors = computed(() => values('after'));
  const goTo = (after: string[]): void => {
    const query = { ...queryOf(filters.value), ...(after.length > 0 && { after }) };
    void router.push({ query });
  };
  const change = (changed: Partial<ListFilters>): void =>
    void router.replace({ query: queryOf({ ...filters.value, ...changed }) });

  return {
    filters,
    change,
    clear: () =>
      change({
        q: '',
        status: [],
        category: [],
        region: [],
        target: [],
        salesman: '',
        overdue: false,
      }),
    cursors,
    next: (cursor) => goTo([...cursors.value, cursor]),
    previous: () => goTo(cursors.value.slice(0, -1)),
  };
}
