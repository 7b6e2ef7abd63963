import { computed } from 'vue';
import { api, unwrap } from '@/api/client';
import type { Project } from '@/api/types';
import { usePagedList, type PagedList } from '@/pages/paging';
import { queryOf, type AddressFilters } from './filters';

/** The programmes of the filters of the address, page by page. */
export function useProgrammes(address: AddressFilters): PagedList<Project> {
  const query = computed(() => {
    const { phase, region, category, target, ...rest } = queryOf(address.filters.value);
    return {
      ...rest,
      ...(region?.[0] && { region: region[0] }),
      ...(category?.[0] && { category: category[0] }),
      ...(target?.[0] && { target: target[0] }),
      ...(phase?.length === 1 && phase[0] && { phase: phase[0] }),
      ...(phase && phase.length > 1 && { status: 'ongoing' as const }),
      sort: address.sort.value,
    };
  });
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
