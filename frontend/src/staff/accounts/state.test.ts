import { describe, expect, it } from 'vitest';
import type { Account } from '@/api/types';
import { stateOf } from './state';

const now = Date.parse('2026-11-24T00:00:00Z');
const account: Account = {
  id: 'a',
  login: 'haneul',
  name: '김하늘',
  role: 'salesman',
  active: true,
  passwordSet: true,
  personActive: true,
  createdAt: '2026-11-01T00:00:00Z',
  version: 1,
};

describe('state of an account', () => {
  it('is open once a password is set', () => {
    expect(stateOf(account, now)).toBe('open');
  });

  it('is invited until the link expires', () => {
    const invited = { ...account, passwordSet: false, invitedUntil: '2026-11-25T00:00:00Z' };
    expect(stateOf(invited, now)).toBe('invited');
    expect(stateOf(invited, now + 2 * 86_400_000)).toBe('expired');
    expect(stateOf({ ...invited, invitedUntil: null }, now)).toBe('expired');
  });

  it('is closed even if its salesman is active, and inactive with the salesman', () => {
    expect(stateOf({ ...account, active: false }, now)).toBe('closed');
    expect(stateOf({ ...account, personActive: false }, now)).toBe('inactive');
  });
});
