import { describe, expect, it } from 'vitest';
import type { Salesman } from '@/api/types';
import {
  bodyOf,
  changedFields,
  draftOf,
  editBody,
  emptyDraft,
  maskPhone,
  merge,
  problemsOf,
  stateOf,
} from './person';

const person: Salesman = {
  id: '1',
  name: '김하늘',
  displayName: '하늘',
  phone: '+821012345678',
  role: 'salesman',
  regions: ['서울', '부산'],
  categories: ['기술'],
  capacity: 8,
  weight: 1,
  active: true,
  leave: null,
  onLeave: false,
  successCount: 0,
  failureCount: 0,
  openCount: 3,
  successRate: null,
  version: 1,
};
const base = draftOf(person);

describe('the form of a person', () => {
  it('has the phone as people write it, and sends what changed only', () => {
    expect(base.phone).toBe('01012345678');
    expect(editBody(base, { ...base, capacity: '10' })).toEqual({ capacity: 10 });
  });

  it('takes regions in another order for the same', () => {
    expect(changedFields(base, { ...base, regions: ['부산', '서울'] })).toEqual([]);
  });

  it('shows customers the name if there is no other', () => {
    expect(bodyOf({ ...emptyDraft, name: ' 이도윤 ' }).displayName).toBe('이도윤');
  });

  it('says which fields are wrong', () => {
    expect(problemsOf(emptyDraft)).toEqual({ name: 'missing', phone: 'phone' });
    expect(problemsOf({ ...base, capacity: '1001', weight: '0' })).toEqual({
      capacity: 'capacity',
      weight: 'weight',
    });
    expect(problemsOf({ ...base, capacity: '-1' })).toEqual({ capacity: 'capacity' });
  });
});

describe('two edits of one person', () => {
  it('are merged where they do not meet', () => {
    const current = { ...base, capacity: '12' };
    const mine = { ...base, displayName: '김하늘' };
    const { merged, conflicts, taken } = merge(base, current, mine);
    expect(merged).toMatchObject({ capacity: '12', displayName: '김하늘' });
    expect(conflicts).toEqual([]);
    expect(taken).toEqual(['capacity']);
  });

  it('keep what was typed where they do', () => {
    const { merged, conflicts } = merge(
      base,
      { ...base, capacity: '12' },
      { ...base, capacity: '20' },
    );
    expect(merged.capacity).toBe('20');
    expect(conflicts).toEqual(['capacity']);
  });
});

describe('the state of a person', () => {
  it('says the first thing that keeps new work away', () => {
    expect(stateOf(person)).toBe('taking');
    expect(stateOf({ ...person, openCount: 8 })).toBe('full');
    expect(stateOf({ ...person, openCount: 8, onLeave: true })).toBe('onLeave');
    expect(stateOf({ ...person, active: false, onLeave: true })).toBe('inactive');
  });
});

it('hides the middle of a phone number', () => {
  expect(maskPhone('+821012345678')).toBe('010-****-5678');
  expect(maskPhone('other')).toBe('other');
});
