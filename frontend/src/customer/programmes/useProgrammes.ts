import { computed } from 'vue';
import { api, unwrap } from '@/api/client';
import type { Project } from '@/api/types';
import { usePagedList, type PagedList } from '@/pages/paging';
import { queryOf, type AddressFilters } from './filters';

/** The programmes of the filters of the address, page by page. */
export function useProgrammes(address: AddressFilters): PagedList<Project> {
  const query = computed(() => ({
    ...queryOf(address.filters.value),
    sort: address.sort.value,
  }));
  return usePagedList(
    computed(() => ['projects', 'list', query.value]),
    (after) =>
      unwrap(
        api.GET('/api/projects', {
          params: { query: { ...query.value, ...(after !== undefined && { after }) } },
        }),
      ),
  );
}
