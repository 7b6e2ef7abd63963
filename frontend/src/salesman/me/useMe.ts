import { useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { api, unwrap } from '@/api/client';
import type { Salesman } from '@/api/types';

/** The salesman or consultant who is signed in, with their counts. Staff are none of them. */
export function useMe(enabled = true): UseQueryReturnType<Salesman, Error> {
  return useQuery({
    enabled,
    queryKey: ['salesmen', 'me'],
    queryFn: () => unwrap(api.GET('/api/salesmen/me')),
  });
}
