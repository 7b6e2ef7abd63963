import { useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { api, unwrap } from '@/api/client';
import type { Consultation, Step } from '@/api/types';

/** The most that the API gives at once: more open consultations than anybody has. */
const MOST = 100;

/** Open consultations of the caller. */
export interface OpenConsultations {
  items: Consultation[];
  /** There are more than these. */
  isMore: boolean;
}

function pageOf(step: Step) {
  const query = { step, sort: 'desired', limit: MOST } as const;
  return unwrap(api.GET('/api/consultations', { params: { query } }));
}

/** The open consultations of the caller, soonest day first. */
export function useOpenConsultations(): UseQueryReturnType<OpenConsultations, Error> {
  return useQuery({
    queryKey: ['consultations', 'open'],
    queryFn: async () => {
      const pages = await Promise.all([pageOf('apply'), pageOf('approved')]);
      return {
        items: pages.flatMap((page) => page.items),
        isMore: pages.some((page) => page.next),
      };
    },
  });
}
