import { describe, expect, it } from 'vitest';
import type { Interest } from '@/api/types';
import { groupOf, inOrder } from './groups';

function interest(id: string, phase: string | null, startsOn?: string, endsOn?: string): Interest {
  const period = { kind: 'range', text: '', startsOn, endsOn };
  return { id, project: phase && { phase, period } } as unknown as Interest;
}

describe('the interests of a customer', () => {
  it('are grouped by what can be done about them', () => {
    const phases = ['closing', 'always', 'upcoming', 'closed', 'ended', null];
    expect(phases.map((phase) => groupOf(interest('i', phase)))).toEqual([
      'now',
      'now',
      'soon',
      'past',
      'past',
      'unknown',
    ]);
  });

  it('come in the order of their days, those without a day last', () => {
    const interests = [
      interest('always', 'always'),
      interest('late', 'open', '2026-11-01', '2026-12-31'),
      interest('upcoming', 'upcoming', '2026-12-10', '2026-12-20'),
      interest('soon', 'closing', '2026-11-01', '2026-12-03'),
    ];
    expect(inOrder(interests).map((it) => it.id)).toEqual(['soon', 'upcoming', 'late', 'always']);
  });
});
