import { computed, type ComputedRef, type WritableComputedRef } from 'vue';
import { useRoute, useRouter, type LocationQueryRaw } from 'vue-router';
import type { Category, Phase, Region } from '@/api/types';
import { useAddress, useAddressList } from '@/pages/address';
import type { FilterOption } from '@/ui/CheckList.vue';

/** Which part of the programmes a list shows. */
export const SCOPES = ['now', 'soon', 'all'] as const;
export type Scope = (typeof SCOPES)[number];

export const SORTS = ['deadline', 'newest', 'name'] as const;
export type Sort = (typeof SORTS)[number];

/** Filters that take several values. */
export const FACETS = ['region', 'category', 'target'] as const;
export type Facet = (typeof FACETS)[number];

/** The phases of the parts. All of them need no filter. */
const PHASES: Readonly<Record<Scope, readonly Phase[]>> = {
  now: ['open', 'closing', 'always', 'until_budget'],
  soon: ['upcoming'],
  all: [],
};

/** What the reader looks for. */
export interface Filters {
  q: string;
  scope: Scope;
  region: readonly string[];
  category: readonly string[];
  target: readonly string[];
}

/** The filters as the API takes them. A value of an old link that is none is refused by the API. */
export interface FilterQuery {
  q?: string;
  phase?: Phase[];
  region?: Region[];
  category?: Category[];
  target?: string[];
}

/** The query of the list and of its counts. Absent filters are left out. */
export function queryOf(filters: Filters): FilterQuery {
  const { q, scope, region, category, target } = filters;
  return {
    ...(q !== '' && { q }),
    ...(PHASES[scope].length > 0 && { phase: [...PHASES[scope]] }),
    ...(region.length > 0 && { region: [...region] as Region[] }),
    ...(category.length > 0 && { category: [...category] as Category[] }),
    ...(target.length > 0 && { target: [...target] }),
  };
}

/** What can be dropped to find more. */
export const DROPS = ['q', ...FACETS, 'scope'] as const;
export type Drop = (typeof DROPS)[number];

/** Whether dropping it would change anything. */
export function isActive(filters: Filters, name: Drop): boolean {
  return name === 'scope' ? filters.scope !== 'all' : filters[name].length > 0;
}

/** The filters without one of them. */
export function without(filters: Filters, name: Drop): Filters {
  if (name === 'q') return { ...filters, q: '' };
  if (name === 'scope') return { ...filters, scope: 'all' };
  return { ...filters, [name]: [] };
}

/** One of these values, or the first. */
function oneOf<T extends string>(values: readonly [T, ...T[]], value: string): T {
  return values.find((it) => it === value) ?? values[0];
}

/** The choices of a filter with their counts, and those of an old link that have none. */
export function optionsOf(
  counts: readonly { value: string; count: number }[],
  chosen: readonly string[],
): FilterOption[] {
  const known = new Set(counts.map(({ value }) => value));
  const others = chosen.filter((value) => !known.has(value));
  return [...counts, ...others.map((value) => ({ value, count: 0 }))].map(({ value, count }) => ({
    value,
    label: value,
    count,
  }));
}

/** The filters of the address, each of which can be changed. */
export interface AddressFilters {
  filters: ComputedRef<Filters>;
  q: WritableComputedRef<string>;
  sort: ComputedRef<Sort>;
  setSort: (sort: string) => void;
  facets: Record<Facet, ComputedRef<string[]>>;
  setFacet: (facet: Facet, values: readonly string[]) => void;
  /** The address of another part with the same filters. */
  scopeAddress: (scope: Scope) => { path: string; query: LocationQueryRaw };
  /** Whether anything is filtered besides the part. */
  isFiltered: ComputedRef<boolean>;
  /** Drops some filters, or all. */
  drop: (...names: Drop[]) => void;
}

/** The filters that live in the query string. */
export function useFilters(): AddressFilters {
  const route = useRoute();
  const router = useRouter();
  const q = useAddress('q');
  const scope = useAddress('scope', SCOPES[0]);
  const sort = useAddress('sort', SORTS[0]);
  const facets = {
    region: useAddressList('region'),
    category: useAddressList('category'),
    target: useAddressList('target'),
  };
  const filters = computed<Filters>(() => ({
    q: q.value,
    scope: oneOf(SCOPES, scope.value),
    region: facets.region.value,
    category: facets.category.value,
    target: facets.target.value,
  }));
  return {
    filters,
    q,
    sort: computed(() => oneOf(SORTS, sort.value)),
    setSort: (next) => (sort.value = next),
    facets,
    setFacet: (facet, values) => (facets[facet].value = [...values]),
    scopeAddress: (next) => {
      const query: LocationQueryRaw = { ...route.query, scope: next };
      if (next === SCOPES[0]) delete query.scope;
      return { path: route.path, query };
    },
    isFiltered: computed(
      () => q.value !== '' || FACETS.some((name) => facets[name].value.length > 0),
    ),
    drop: (...names) => {
      const query = { ...route.query };
      for (const name of names) delete query[name];
      if (names.includes('scope')) query.scope = 'all';
      void router.replace({ query });
    },
  };
}
