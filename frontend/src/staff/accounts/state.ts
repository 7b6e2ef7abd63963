import type { Account } from '@/api/types';

/** What an account can be used for now. */
export type AccountState = 'open' | 'invited' | 'expired' | 'closed' | 'inactive';

/** The state of an account at this moment, in milliseconds since 1970. */
export function stateOf(account: Account, now: number): AccountState {
  if (!account.active) return 'closed';
  if (account.personActive === false) return 'inactive';
  if (account.passwordSet) return 'open';
  return Date.parse(account.invitedUntil ?? '') > now ? 'invited' : 'expired';
}
