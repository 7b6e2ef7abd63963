import { useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { api, unwrap } from '@/api/client';
import type { Consultation, Step } from '@/api/types';

const OPEN: Step[] = ['apply', 'approved'];

/** The most that the API gives at once: more open consultations than anybody has. */
const MOST = 100;

/** Open consultations of the caller. */
export interface OpenConsultations {
  items: Consultation[];
  /** There are more than these. */
  isMore: boolean;
}

/** The open consultations of the caller, soonest day first. */
export function useOpenConsultations(): UseQueryReturnType<OpenConsultations, Error> {
  return useQuery({
    queryKey: ['consultations', 'open'],
    queryFn: async () => {
      const query = { step: OPEN, sort: 'desired' as const, limit: MOST };
      const page = await unwrap(api.GET('/api/consultations', { params: { query } }));
      return { items: page.items, isMore: Boolean(page.next) };
    },
  });
}
