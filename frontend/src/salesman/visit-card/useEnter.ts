import { useQueryClient } from '@tanstack/vue-query';
import { api, once, unwrap } from '@/api/client';
import { markOwn } from '@/live/marks';
import type { Entered, Kind } from './enter';

/** What came of one programme. */
export interface Outcome {
  kind: Kind;
  /** Of the interest or consultation. */
  id: string;
  customerId: string | undefined;
  projectId: string;
  projectName: string;
  /** It was there before, and is unchanged. */
  isOld: boolean;
}

/** The programme of a body: by its id, or by a name. */
function projectOf(id: string | undefined, name: string) {
  return id ? { projectId: id } : { projectName: name.trim() };
}

/**
 * Enters an interest or a consultation for a customer. The same key gives the same outcome again,
 * so an attempt whose answer was lost can be repeated.
 */
export function useEnter(): (
  kind: Kind,
  entered: Entered,
  project: string | undefined,
  key: string,
) => Promise<Outcome> {
  const queries = useQueryClient();

  const refreshed = (kind: Kind): void => {
    const service = kind === 'interest' ? 'interests' : 'consultations';
    void queries.invalidateQueries({ queryKey: [service] });
  };

  return async (kind, entered, project, key) => {
    // An idempotency key belongs to one body: each programme has its own.
    const params = { header: once(`${key}.${project ?? 'name'}`) };
    const person = {
      customerName: entered.name.trim(),
      phone: entered.phone,
      consent: entered.consent,
      ...projectOf(project, entered.projectName),
    };
    if (kind === 'interest') {
      const { data, response } = await sent(api.POST('/api/interests', { params, body: person }));
      markOwn(data.id);
      refreshed(kind);
      const { id, customerId, projectId, projectName } = data;
      const isOld = response.status === 200;
      return { kind, id, customerId: customerId ?? undefined, projectId, projectName, isOld };
    }
    const memo = entered.memo.trim();
    const body = { ...person, desiredDate: entered.date, ...(memo ? { memo } : {}) };
    const { data } = await sent(api.POST('/api/consultations', { params, body }));
    markOwn(data.id);
    refreshed(kind);
    const { id, customerId, projectId, projectName } = data;
    const isOld = data.alreadyRequested ?? false;
    return { kind, id, customerId: customerId ?? undefined, projectId, projectName, isOld };
  };
}

/** The body with its response: 200 and 201 mean different things. */
async function sent<T>(
  answer: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<{ data: T; response: Response }> {
  const data = await unwrap(answer);
  const { response } = await answer;
  return { data, response };
}
