import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue';
import { api, unwrap } from '@/api/client';
import { asApiError, type ApiError } from '@/api/problem';
import type { Consultation, Interest } from '@/api/types';
import type { PhoneSubject } from '../phone/usePhone';

/** The most of each kind that are shown of one customer. */
const MOST = 50;

/** A customer as far as the caller may see them. */
export interface KnownCustomer {
  name: string | undefined;
  phone: string | undefined;
  subject: PhoneSubject;
  interests: Interest[];
  consultations: Consultation[];
}

/** Name and number are with the interests and consultations: there is no other record of them. */
function knownFrom(
  interests: Interest[],
  consultations: Consultation[],
): KnownCustomer | undefined {
  const [interest] = interests;
  const [consultation] = consultations;
  const first = interest ?? consultation;
  if (!first) return undefined;
  const all = [...interests, ...consultations];
  return {
    name: all.find((one) => one.customerName)?.customerName ?? undefined,
    phone: all.find((one) => one.phone)?.phone ?? undefined,
    subject: { kind: interest ? 'interest' : 'consultation', id: first.id },
    interests,
    consultations,
  };
}

/** One customer of the caller; `undefined` once nothing of them is assigned to the caller. */
export function useCustomer(id: MaybeRefOrGetter<string>): {
  customer: ComputedRef<KnownCustomer | undefined>;
  isPending: ComputedRef<boolean>;
  error: ComputedRef<ApiError | undefined>;
  reload: () => void;
} {
  const enabled = computed(() => toValue(id) !== '');
  const interests = useQuery({
    queryKey: computed(() => ['interests', 'of', toValue(id)]),
    queryFn: () => {
      const query = { customer: toValue(id), interested: true, limit: MOST };
      return unwrap(api.GET('/api/interests', { params: { query } }));
    },
    enabled,
  });
  const consultations = useQuery({
    queryKey: computed(() => ['consultations', 'of', toValue(id)]),
    queryFn: () => {
      const query = { customer: toValue(id), limit: MOST };
      return unwrap(api.GET('/api/consultations', { params: { query } }));
    },
    enabled,
  });
  const failure = computed(() => interests.error.value ?? consultations.error.value);
  return {
    customer: computed(() =>
      interests.data.value && consultations.data.value
        ? knownFrom(interests.data.value.items, consultations.data.value.items)
        : undefined,
    ),
    isPending: computed(
      () => enabled.value && (interests.isPending.value || consultations.isPending.value),
    ),
    error: computed(() => (failure.value ? asApiError(failure.value) : undefined)),
    reload: () => {
      void interests.refetch();
      void consultations.refetch();
    },
  };
}
