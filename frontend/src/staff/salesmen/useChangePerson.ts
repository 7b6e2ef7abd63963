import { useQueryClient } from '@tanstack/vue-query';
import { api, basedOn, unwrap } from '@/api/client';
import type { components } from '@/api/schema';
import type { Salesman } from '@/api/types';
import { markOwn } from '@/live/marks';

type Change = components['schemas']['UpdateBody'];

interface ChangePerson {
  /** Changes a person at this version. Throws what the API refuses. */
  change: (person: { id: string; version: number }, body: Change) => Promise<Salesman>;
  /** The person as stored now. */
  stored: (id: string) => Promise<Salesman>;
}

export function useChangePerson(): ChangePerson {
  const queries = useQueryClient();
  const refresh = async (): Promise<void> => {
    await Promise.all([
      queries.invalidateQueries({ queryKey: ['salesmen'] }),
      queries.invalidateQueries({ queryKey: ['salesman-matches'] }),
    ]);
  };
  return {
    change: async ({ id, version }, body) => {
      markOwn(id);
      const params = { path: { id }, header: basedOn(version) };
      const changed = await unwrap(api.PATCH('/api/salesmen/{id}', { params, body }));
      await refresh();
      return changed;
    },
    stored: async (id) => {
      const found = await unwrap(api.GET('/api/salesmen/{id}', { params: { path: { id } } }));
      await refresh();
      return found;
    },
  };
}
