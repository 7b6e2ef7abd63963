import { useQueryClient } from '@tanstack/vue-query';
import { ref, type Ref } from 'vue';
import { api, basedOn, idempotencyKey, unwrap } from '@/api/client';
import { asApiError, type ApiError } from '@/api/problem';
import type { Consultation, Step } from '@/api/types';
import { markOwn } from '@/live/marks';
import { names } from '@/texts/names';
import { useTexts } from '@/texts/texts';
import { useToasts } from '@/ui/toasts';
import { withConsultation } from '../consultations/cache';
import { salesmanTexts } from '../texts';
import { refusalOf } from './refusal';
import { afterStep } from './steps';
import { progressTexts } from './texts';

/** How a step was taken. */
export interface Progress {
  /** The step that is being sent; nothing while none is. */
  sending: Ref<Step | undefined>;
  /**
   * Takes the step: the page shows it at once and takes it back, with words, when it is refused.
   * Returns the words of the refusal.
   */
  progress: (
    consultation: Consultation,
    step: Step,
    reason?: string,
  ) => Promise<string | undefined>;
}

function send(consultation: Consultation, step: Step, reason: string | undefined) {
  return unwrap(
    api.POST('/api/consultations/{id}/progress', {
      params: {
        path: { id: consultation.id },
        header: { ...basedOn(consultation.version), 'Idempotency-Key': idempotencyKey() },
      },
      body: { step, ...(reason ? { reason } : {}) },
    }),
  );
}

/**
 * The state after the step. When something else of the consultation changed meanwhile, it is sent
 * once more; not when its day or its step did, because the person has not seen that.
 */
async function take(consultation: Consultation, step: Step, reason: string | undefined) {
  try {
    return await send(consultation, step, reason);
  } catch (error) {
    if (asApiError(error).status !== 412) throw error;
    const path = { id: consultation.id };
    const fresh = await unwrap(api.GET('/api/consultations/{id}', { params: { path } }));
    // An attempt whose answer was lost on the way.
    if (fresh.step === step) return fresh;
    const isSame =
      fresh.step === consultation.step && fresh.desiredDate === consultation.desiredDate;
    if (!isSame) throw error;
    return send(fresh, step, reason);
  }
}

/** Moves consultations on. */
export function useProgress(): Progress {
  const queries = useQueryClient();
  const toasts = useToasts();
  const t = useTexts(progressTexts);
  const n = useTexts(names);
  const common = useTexts(salesmanTexts);
  const sending = ref<Step>();

  const put = (id: string, change: (consultation: Consultation) => Consultation): void => {
    queries.setQueriesData({ queryKey: ['consultations'] }, (value: unknown) =>
      withConsultation(value, id, change),
    );
  };

  const doneWords = (consultation: Consultation, step: Step): string => {
    const name = consultation.customerName ?? common.value.noName;
    if (step === 'approved') return t.value.approvedDone(name);
    if (step === 'cancelled') return t.value.cancelledDone(name);
    return t.value.closedDone(name, n.value.step[step]);
  };

  const progress = async (
    consultation: Consultation,
    step: Step,
    reason?: string,
  ): Promise<string | undefined> => {
    if (sending.value) return undefined;
    const { id } = consultation;
    sending.value = step;
    toasts.dismiss();
    markOwn(id);
    // A list that is on its way would show the step before.
    await queries.cancelQueries({ queryKey: ['consultations'] });
    put(id, (one) => afterStep(one, step, reason));
    try {
      const after = await take(consultation, step, reason);
      put(id, (one) => ({ ...one, ...after }));
      toasts.show(doneWords(consultation, step));
      void queries.invalidateQueries({ queryKey: ['salesmen', 'me'] });
      return undefined;
    } catch (error) {
      return rollBack(asApiError(error), consultation, step);
    } finally {
      sending.value = undefined;
      void queries.invalidateQueries({ queryKey: ['consultations'] });
    }
  };

  const rollBack = (error: ApiError, before: Consultation, step: Step): string => {
    const { step: was, nextSteps, reason } = before;
    put(before.id, (one) => ({ ...one, step: was, nextSteps, reason: reason ?? null }));
    return refusalOf(error, step, was, t.value, n.value);
  };

  return { sending, progress };
}
