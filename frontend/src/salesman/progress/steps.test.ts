import { describe, expect, it } from 'vitest';
import type { Consultation, Step } from '@/api/types';
import { afterStep, needsReason, stepsToOffer } from './steps';

const consultation = (step: Step, nextSteps: Step[]): Consultation => ({
  id: 'a',
  version: 1,
  projectId: 'p',
  projectName: '수출바우처',
  projectState: 'known',
  desiredDate: '2026-03-04',
  memo: '',
  step,
  nextSteps,
  createdAt: '2026-03-01T00:00:00Z',
});

describe('the steps of a consultation', () => {
  it('are offered as the API allows them, the one that leads on first', () => {
    expect(stepsToOffer(consultation('apply', ['cancelled', 'approved']))).toEqual([
      'approved',
      'cancelled',
    ]);
    expect(stepsToOffer(consultation('apply', []))).toEqual([]);
  });

  it('want a reason where one is due', () => {
    const steps: Step[] = ['approved', 'succeeded', 'failed', 'cancelled'];
    expect(steps.filter(needsReason)).toEqual(['failed', 'cancelled']);
  });

  it('end with a closed one', () => {
    const approved = afterStep(consultation('apply', ['approved', 'cancelled']), 'approved');
    expect(approved.nextSteps).toEqual(['succeeded', 'failed', 'cancelled']);
    const failed = afterStep(approved, 'failed', '자부담이 부담됨');
    expect(failed).toMatchObject({ step: 'failed', nextSteps: [], reason: '자부담이 부담됨' });
  });
});
