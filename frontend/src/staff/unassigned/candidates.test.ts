import { describe, expect, it } from 'vitest';
import type { Salesman } from '@/api/types';
import { obstacleOf, sortCandidates } from './candidates';

const person = (name: string, parts: Partial<Salesman> = {}): Salesman => ({
  id: name,
  name,
  displayName: name,
  role: 'salesman',
  phone: '+821012345678',
  regions: [],
  categories: [],
  active: true,
  onLeave: false,
  capacity: 8,
  weight: 1,
  openCount: 2,
  successCount: 0,
  failureCount: 0,
  version: 1,
  ...parts,
});

describe('candidates of a match by hand', () => {
  it('cannot take it when full, on leave or inactive', () => {
    expect(obstacleOf(person('가'))).toBeUndefined();
    expect(obstacleOf(person('가', { openCount: 8 }))).toBe('full');
    expect(obstacleOf(person('가', { onLeave: true, openCount: 8 }))).toBe('onLeave');
    expect(obstacleOf(person('가', { active: false }))).toBe('inactive');
  });

  it('come with the most room first, and those who cannot take it last', () => {
    const people = [
      person('다', { openCount: 8 }),
      person('나', { openCount: 5 }),
      person('가', { openCount: 1 }),
      person('라', { active: false }),
    ];
    expect(sortCandidates(people).map((it) => it.name)).toEqual(['가', '나', '다', '라']);
  });
});
