import { useQuery, type QueryClient, type UseQueryReturnType } from '@tanstack/vue-query';
import { computed } from 'vue';
import { api, unwrap } from '@/api/client';
import type { Interest } from '@/api/types';
import { role } from '@/session/session';

const KEY = ['interests', 'mine'] as const;

/** The most that one page of the list holds. */
const PAGE = 100;

/** All interests of the customer that are on, newest first. */
async function fetchMine(): Promise<Interest[]> {
  const found: Interest[] = [];
  let after: string | undefined;
  do {
    const query = { interested: true, limit: PAGE, ...(after !== undefined && { after }) };
    const page = await unwrap(api.GET('/api/interests', { params: { query } }));
    found.push(...page.items);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return found;
}

/** The interests of the signed-in customer that are on. Without one nothing is asked. */
export function useMyInterests(): UseQueryReturnType<Interest[], Error> {
  return useQuery({
    queryKey: KEY,
    queryFn: fetchMine,
    enabled: computed(() => role.value === 'customer'),
  });
}

/** Takes over the answer of a write. */
export function keepInterest(queries: QueryClient, interest: Interest): void {
  queries.setQueryData<Interest[]>(KEY, (before) => {
    const others = (before ?? []).filter((it) => it.id !== interest.id);
    if (!interest.interested) return others;
    const place = (before ?? []).findIndex((it) => it.id === interest.id);
    return others.toSpliced(Math.max(0, place), 0, interest);
  });
}

/** The interests as they were read last. */
export function knownInterests(queries: QueryClient): Interest[] {
  return queries.getQueryData<Interest[]>(KEY) ?? [];
}

/**
 * What tells the interests of a customer apart: the programme, or the edition while it is unknown.
 */
export function seriesOf({ seriesId, projectId }: Interest): string {
  return seriesId ?? projectId;
}
