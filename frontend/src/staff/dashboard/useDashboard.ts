import { keepPreviousData, useQuery } from '@tanstack/vue-query';
import { computed, type ComputedRef } from 'vue';
import { api, unwrap } from '@/api/client';
import { rangeBefore, type Period, type Range } from './period';

/** What the overview shows of a period, and what is so now. */
export function useDashboard(period: ComputedRef<Period>, range: ComputedRef<Range>) {
  const before = computed(() => rangeBefore(range.value));
  const by = computed(() => (period.value === 'year' ? ('month' as const) : ('day' as const)));

  const began = useQuery({
    queryKey: computed(() => ['projects', 'dashboard', range.value, by.value]),
    queryFn: () =>
      unwrap(
        api.GET('/api/projects/dashboard', {
          params: { query: { ...range.value, by: by.value } },
        }),
      ),
    placeholderData: keepPreviousData,
  });
  const beganBefore = useQuery({
    queryKey: computed(() => ['projects', 'dashboard', before.value, 'total']),
    queryFn: () =>
      unwrap(
        api.GET('/api/projects/dashboard', {
          params: { query: { ...before.value, by: 'month' as const } },
        }),
      ),
    select: (found) => found.total,
  });
  const outcomes = useQuery({
    queryKey: computed(() => ['salesmen', 'dashboard', range.value]),
    queryFn: () => unwrap(api.GET('/api/salesmen/dashboard', { params: { query: range.value } })),
    placeholderData: keepPreviousData,
  });
  const programmes = useQuery({
    queryKey: ['projects', 'facets', {}],
    queryFn: () => unwrap(api.GET('/api/projects/facets')),
  });
  const queue = useQuery({
    queryKey: ['salesman-matches', 'counts'],
    queryFn: () => unwrap(api.GET('/api/salesman-matches/counts')),
  });
  const consultations = useQuery({
    queryKey: ['consultations', 'counts'],
    queryFn: () => unwrap(api.GET('/api/consultations/counts')),
  });
  return { before, began, beganBefore, outcomes, programmes, queue, consultations };
}

export type DashboardData = ReturnType<typeof useDashboard>;
