import { useQuery, type QueryClient, type UseQueryReturnType } from '@tanstack/vue-query';
import { computed } from 'vue';
import { api, unwrap } from '@/api/client';
import type { components } from '@/api/schema';
import type { Consultation } from '@/api/types';
import { role } from '@/session/session';

/** A consultation with its timeline. */
export type WholeConsultation = components['schemas']['WholeConsultationView'];

/** The most that one page of the list holds. */
const PAGE = 100;

/** All consultations of the customer, newest first. */
async function fetchMine(): Promise<Consultation[]> {
  const found: Consultation[] = [];
  let after: string | undefined;
  do {
    const query = { limit: PAGE, ...(after !== undefined && { after }) };
    const page = await unwrap(api.GET('/api/consultations', { params: { query } }));
    found.push(...page.items);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return found;
}

/** The consultations of the signed-in customer. */
export function useMyConsultations(): UseQueryReturnType<Consultation[], Error> {
  return useQuery({
    queryKey: ['consultations', 'mine'],
    queryFn: fetchMine,
    enabled: computed(() => role.value === 'customer'),
  });
}

/** One consultation, as it is now. */
export function fetchConsultation(id: string): Promise<WholeConsultation> {
  return unwrap(api.GET('/api/consultations/{id}', { params: { path: { id } } }));
}

/** One consultation with its timeline. */
export function useConsultation(id: () => string): UseQueryReturnType<WholeConsultation, Error> {
  return useQuery({
    queryKey: computed(() => ['consultations', 'one', id()]),
    queryFn: () => fetchConsultation(id()),
  });
}

/** Takes over the answer of a write, and reads the list again. */
export function keepConsultation(queries: QueryClient, whole: WholeConsultation): void {
  queries.setQueryData(['consultations', 'one', whole.id], whole);
  void queries.invalidateQueries({ queryKey: ['consultations', 'mine'] });
}

/** Whether something is still to come. */
export function isOpen({ step }: Pick<Consultation, 'step'>): boolean {
  return step === 'apply' || step === 'approved';
}
