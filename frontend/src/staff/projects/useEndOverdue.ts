import { useQueryClient } from '@tanstack/vue-query';
import { computed, ref, type ComputedRef, type Ref } from 'vue';
import { api, csrf, unwrap } from '@/api/client';
import { asApiError, type ApiError } from '@/api/problem';
import type { components } from '@/api/schema';
import { markOwn } from '@/live/marks';

export type Ended = components['schemas']['EndedView'];

/** Calls of one press: the API ends 200 at a time, and more than this is another day's work. */
const MOST_CALLS = 25;

interface EndOverdue {
  isBusy: Ref<boolean>;
  /** The outcome of each edition so far. */
  results: Ref<Ended[]>;
  endedCount: ComputedRef<number>;
  /** Some are left, because the service stopped. */
  isStopped: Ref<boolean>;
  /** Why it stopped, where no call gave an answer. */
  problem: Ref<ApiError | undefined>;
  run: () => Promise<void>;
}

/** Ends all editions whose deadline has passed, call after call, until none is left. */
export function useEndOverdue(): EndOverdue {
  const queries = useQueryClient();
  const isBusy = ref(false);
  const results = ref<Ended[]>([]);
  const isStopped = ref(false);
  const problem = ref<ApiError>();

  const run = async (): Promise<void> => {
    if (isBusy.value) return;
    isBusy.value = true;
    results.value = [];
    problem.value = undefined;
    isStopped.value = false;
    try {
      for (let call = 0; call < MOST_CALLS; call++) {
        const params = { header: csrf };
        const answer = await unwrap(api.POST('/api/projects/end-overdue', { params }));
        const known = new Set(results.value.map(({ id }) => id));
        const fresh = answer.results.filter(({ id }) => !known.has(id));
        markOwn(...fresh.map(({ id }) => id));
        results.value = [...results.value, ...fresh];
        isStopped.value = answer.more;
        // Those that were refused come again with each call.
        if (!answer.more || !fresh.some(({ outcome }) => outcome === 'ended')) break;
      }
    } catch (error) {
      problem.value = asApiError(error);
      isStopped.value = results.value.length > 0;
    } finally {
      isBusy.value = false;
      await queries.invalidateQueries({ queryKey: ['projects'] });
    }
  };

  return {
    isBusy,
    results,
    endedCount: computed(() => results.value.filter((it) => it.outcome === 'ended').length),
    isStopped,
    problem,
    run,
  };
}
