import { useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { api, unwrap } from '@/api/client';
import type { Salesman } from '@/api/types';

/** The salesman or consultant who is signed in, with their counts. */
export function useMe(): UseQueryReturnType<Salesman, Error> {
  return useQuery({
    queryKey: ['salesmen', 'me'],
    queryFn: () => unwrap(api.GET('/api/salesmen/me')),
  });
}
