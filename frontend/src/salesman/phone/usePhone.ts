import { ref, type Ref } from 'vue';
import { api, idempotencyKey, once, unwrap } from '@/api/client';
import { asApiError, type ApiError } from '@/api/problem';

/** What the number is shown for: the record names it. */
export interface PhoneSubject {
  kind: 'consultation' | 'interest';
  id: string;
}

/** The most characters of the reason that the API takes. */
export const WHY_LIMIT = 200;

/**
 * The whole number of a customer. The server records who was shown it, when and why, so it is asked
 * for on purpose only, and forgotten with the component: it is in no cache.
 */
export function usePhone(): {
  phone: Ref<string | undefined>;
  isBusy: Ref<boolean>;
  problem: Ref<ApiError | undefined>;
  show: (subject: PhoneSubject, why: string) => Promise<boolean>;
} {
  const phone = ref<string>();
  const isBusy = ref(false);
  const problem = ref<ApiError>();
  let key = idempotencyKey();

  const show = async (subject: PhoneSubject, why: string): Promise<boolean> => {
    if (isBusy.value) return false;
    isBusy.value = true;
    problem.value = undefined;
    const request = { params: { path: { id: subject.id }, header: once(key) }, body: { why } };
    try {
      const answer =
        subject.kind === 'consultation'
          ? await unwrap(api.POST('/api/consultations/{id}/phone', request))
          : await unwrap(api.POST('/api/interests/{id}/phone', request));
      phone.value = answer.phone;
      return true;
    } catch (error) {
      problem.value = asApiError(error);
      return false;
    } finally {
      isBusy.value = false;
      key = idempotencyKey();
    }
  };

  return { phone, isBusy, problem, show };
}
