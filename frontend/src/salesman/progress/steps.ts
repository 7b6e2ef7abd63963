import type { Consultation, Step } from '@/api/types';

/** Steps that end a consultation for good. */
const CLOSED: readonly Step[] = ['succeeded', 'failed', 'cancelled'];

/** Whether no step follows this one. */
export function isClosed(step: Step): boolean {
  return CLOSED.includes(step);
}

/** Whether the API wants to know why. */
export function needsReason(step: Step): boolean {
  return step === 'failed' || step === 'cancelled';
}

/** The consultation as it will be once the server agrees. */
export function afterStep(consultation: Consultation, step: Step, reason?: string): Consultation {
  return {
    ...consultation,
    step,
    reason: reason ?? consultation.reason ?? null,
    nextSteps: isClosed(step) ? [] : ['succeeded', 'failed', 'cancelled'],
  };
}

/**
 * The buttons of a consultation, as the API allows them: the step that leads on first, the one that
 * gives up last.
 */
export function stepsToOffer(consultation: Consultation): Step[] {
  const order: Step[] = ['approved', 'succeeded', 'failed', 'cancelled'];
  return order.filter((step) => consultation.nextSteps.includes(step));
}
