import { keepPreviousData, useQuery } from '@tanstack/vue-query';
import { computed } from 'vue';
import { api, unwrap } from '@/api/client';
import type { components } from '@/api/schema';
import { filterQuery, listQuery } from './listQuery';
import type { ListAddress } from './useListAddress';

export type ListedProject = components['schemas']['ListedProjectView'];

/** Rows of a page. */
export const PAGE = 50;

/** One page of the list, and how many editions each choice of the filters would show. */
export function useProjectList(address: ListAddress) {
  const query = computed(() => {
    const after = address.cursors.value.at(-1);
    return { ...listQuery(address.filters.value), limit: PAGE, ...(after && { after }) };
  });
  const page = useQuery({
    queryKey: computed(() => ['projects', 'list', 'staff', query.value]),
    queryFn: () => unwrap(api.GET('/api/projects', { params: { query: query.value } })),
    placeholderData: keepPreviousData,
  });

  const counted = computed(() => filterQuery(address.filters.value));
  const facets = useQuery({
    queryKey: computed(() => ['projects', 'facets', counted.value]),
    queryFn: () => unwrap(api.GET('/api/projects/facets', { params: { query: counted.value } })),
    placeholderData: keepPreviousData,
  });
  const all = useQuery({
    queryKey: ['projects', 'facets', {}],
    queryFn: () => unwrap(api.GET('/api/projects/facets')),
  });

  /** With one salesman the counts are unknown: they are of all. */
  const total = computed(() =>
    address.filters.value.salesman === '' ? facets.data.value?.total : undefined,
  );
  return { query, page, facets, all, total };
}
