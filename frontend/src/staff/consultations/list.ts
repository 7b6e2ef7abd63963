import type { Step } from '@/api/types';

/** A part of the list. */
export type ScopeKey = 'open' | 'closed' | 'all';

/** The steps of each part; none means all. */
export const STEPS_OF: Record<ScopeKey, readonly Step[]> = {
  open: ['apply', 'approved'],
  closed: ['succeeded', 'failed', 'cancelled'],
  all: [],
};
