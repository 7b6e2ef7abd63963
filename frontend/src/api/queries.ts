import { QueryClient } from '@tanstack/vue-query';
import { asApiError } from './problem';

/** Attempts after the first one of a read that found no one answering. */
const RETRIES = 2;

/**
 * The cache of what the server said. Keys begin with the service: `['projects', 'list', filters]`.
 * The live stream says when something is out of date, so nothing is fetched again by time or focus.
 */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Infinity,
      gcTime: 10 * 60_000,
      refetchOnWindowFocus: false,
      refetchOnReconnect: true,
      networkMode: 'always',
      retry: (failures, error) => failures < RETRIES && asApiError(error).isTemporary,
      retryDelay: (failures, error) =>
        (asApiError(error).retryAfter ?? 2 ** failures * 0.5) * 1000 * (1 + Math.random() / 4),
    },
    mutations: { retry: false, networkMode: 'always' },
  },
});
