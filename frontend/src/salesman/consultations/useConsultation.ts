import { useQuery, useQueryClient } from '@tanstack/vue-query';
import { computed, ref, toValue, watch, type ComputedRef, type MaybeRefOrGetter } from 'vue';
import { api, unwrap } from '@/api/client';
import { asApiError, type ApiError } from '@/api/problem';
import type { components } from '@/api/schema';
import { useLive } from '@/live/live';

export type WholeConsultation = components['schemas']['WholeConsultationView'];

/** One consultation while the caller may see it. */
export interface OneConsultation {
  data: ComputedRef<WholeConsultation | undefined>;
  error: ComputedRef<ApiError | undefined>;
  isPending: ComputedRef<boolean>;
  /** `moved` while it was open, or `refused` from the start. */
  gone: ComputedRef<'moved' | 'refused' | undefined>;
  reload: () => void;
}

/** The key of a whole consultation in the cache. */
export const keyOf = (id: string): readonly string[] => ['consultations', 'one', id];

/** One consultation. When it goes to someone else while it is open, nothing of it stays. */
export function useConsultation(id: MaybeRefOrGetter<string>): OneConsultation {
  const queries = useQueryClient();
  const hasMoved = ref(false);
  watch(
    () => toValue(id),
    () => (hasMoved.value = false),
  );

  const query = useQuery({
    queryKey: computed(() => keyOf(toValue(id))),
    queryFn: () => {
      const path = { id: toValue(id) };
      return unwrap(api.GET('/api/consultations/{id}', { params: { path } }));
    },
    enabled: computed(() => !hasMoved.value),
  });

  useLive((event) => {
    if (event.type !== 'removed' || event.aggregateId !== toValue(id)) return;
    hasMoved.value = true;
    queries.removeQueries({ queryKey: keyOf(toValue(id)) });
  });

  const error = computed(() => (query.error.value ? asApiError(query.error.value) : undefined));
  const gone = computed(() => {
    if (hasMoved.value) return 'moved';
    return [403, 404].includes(error.value?.status ?? 0) ? 'refused' : undefined;
  });
  return {
    data: computed(() => (gone.value ? undefined : query.data.value)),
    error,
    isPending: computed(() => query.isPending.value),
    gone,
    reload: () => void query.refetch(),
  };
}
