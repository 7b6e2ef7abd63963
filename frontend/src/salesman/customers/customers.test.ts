import { describe, expect, it } from 'vitest';
import type { Interest } from '@/api/types';
import { byCustomer, ofServed } from './customers';

const interest = (id: string, customerId: string | null, customerName?: string): Interest => ({
  id,
  version: 1,
  projectId: 'p',
  projectName: '수출바우처',
  interested: true,
  customerId,
  customerName: customerName ?? null,
  phone: '010-****-5678',
});
const served = {
  customerId: 'u1',
  lastFour: '5678',
  servedBy: { id: 's', displayName: '김하늘' },
  interests: [] as string[],
  consultations: ['c1'],
  lastActivityAt: '2026-01-01T00:00:00Z',
  daysSince: 47,
};

describe('customers', () => {
  it('have their interests together, in the order of the newest one', () => {
    const customers = byCustomer([
      interest('a', 'u1', '누리정밀'),
      interest('b', 'u2'),
      interest('c', 'u1'),
    ]);
    expect(customers.map((it) => [it.id, it.name, it.interestCount])).toEqual([
      ['u1', '누리정밀', 2],
      ['u2', undefined, 1],
    ]);
    expect(customers[0]).toMatchObject({
      lastFour: '5678',
      subject: { kind: 'interest', id: 'a' },
    });
  });

  it('do not contain an erased one', () => {
    expect(byCustomer([interest('a', null)])).toEqual([]);
  });

  it('without interests can be called about a consultation', () => {
    const row = ofServed(served);
    expect(row.subject).toEqual({ kind: 'consultation', id: 'c1' });
    expect(row).toMatchObject({ daysSince: 47, interests: [], name: undefined });
  });

  it('are called about their newest interest', () => {
    const row = ofServed({ ...served, interests: ['old', 'new'] });
    expect(row.subject).toEqual({ kind: 'interest', id: 'new' });
    expect(row.interestCount).toBe(2);
  });
});
