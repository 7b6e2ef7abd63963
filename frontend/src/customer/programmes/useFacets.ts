import { keepPreviousData, useQuery } from '@tanstack/vue-query';
import { computed, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue';
import { api, unwrap } from '@/api/client';
import type { components } from '@/api/schema';
import type { FilterQuery } from './filters';

/** How many programmes each choice of the filters would show. */
export type Facets = components['schemas']['FacetsView'];

/** The counts for these filters; none are asked for without them. The old ones stay meanwhile. */
export function useFacets(
  query: MaybeRefOrGetter<FilterQuery | undefined>,
): ComputedRef<Facets | undefined> {
  const facets = useQuery({
    queryKey: computed(() => ['projects', 'facets', toValue(query)]),
    queryFn: () => {
      const filters = toValue(query) ?? {};
      return unwrap(api.GET('/api/projects/facets', { params: { query: filters } }));
    },
    enabled: computed(() => toValue(query) !== undefined),
    placeholderData: keepPreviousData,
  });
  return computed(() => facets.data.value);
}
