import type { QueryClient } from '@tanstack/vue-query';
import { awaitVersion, whenBehind } from '@/api/freshness';
import { role } from '@/session/session';
import type { LiveEvent } from './events';

type Key = readonly string[];

/** What may show something of an event: query keys, and the services that consume it. */
interface Effect {
  keys: readonly Key[];
  services: readonly string[];
}

/**
 * The time after a round of reads before the next one, in milliseconds. It doubles from round to
 * round: a match soon follows its request, and in a busy hour events come by the second.
 */
const FIRST_MS = 100;
const LONGEST_MS = 1_000;

/** After this long without an event, the times begin again. */
const PAUSE_MS = 300;

const ALL_SERVICES = ['projects', 'interests', 'consultations', 'salesman-matches', 'salesmen'];
const NOTIFICATIONS: readonly Key[] = [
  ['interests', 'notifications'],
  ['salesmen', 'notifications'],
];

/** What of programmes shows customers and work: for colleagues only. */
const WORK: readonly Key[] = [
  ['projects', 'view'],
  ['projects', 'list'],
  ['projects', 'dashboard'],
];

function workOf(isStaff: boolean): readonly Key[] {
  return isStaff ? WORK : [['projects', 'view']];
}

/** What an event of this type can change on a page. Staff see figures of programmes in lists. */
export function effectOf(event: LiveEvent, isStaff: boolean): Effect {
  switch (event.type) {
    case 'projects-changed':
      return {
        keys: [['projects'], ['interests'], ['consultations'], ...NOTIFICATIONS],
        services: ['interests', 'salesmen', 'consultations'],
      };
    case 'InterestCreated':
    case 'InterestUpdated':
      return {
        keys: [['interests'], ['salesmen'], ['salesman-matches'], ...workOf(isStaff)],
        services: ['projects', 'salesmen', 'salesman-matches'],
      };
    case 'ConsultationCreated':
    case 'ConsultationEdited':
    case 'ConsultationProgressed':
      return {
        keys: [
          ['consultations'],
          ['interests'],
          ['salesmen'],
          ['salesman-matches'],
          ...workOf(isStaff),
        ],
        services: ['projects', 'salesmen', 'interests', 'salesman-matches'],
      };
    case 'SalesmanMatched':
    case 'SalesmanUnmatched':
      return {
        keys: [
          ['salesman-matches'],
          ['consultations'],
          ['interests'],
          ['salesmen'],
          ...workOf(isStaff),
        ],
        services: ALL_SERVICES,
      };
    case 'SalesmanRegistered':
    case 'SalesmanUpdated':
      return { keys: [['salesmen'], ['salesman-matches']], services: ALL_SERVICES };
    case 'removed':
      return {
        keys: [['consultations'], ['interests'], ['salesmen'], ['projects', 'view']],
        services: [],
      };
    default:
      return { keys: [[]], services: [] };
  }
}

/** Collects keys, and marks them as out of date at once or with the next round. */
export class Rounds {
  private readonly mark: (key: Key) => void;
  private readonly waiting = new Map<string, Key>();
  private lastEvent = -Infinity;
  private earliest = -Infinity;
  private interval = FIRST_MS;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(mark: (key: Key) => void) {
    this.mark = mark;
  }

  /** Marks the keys with the next round, which is now if the last one was long enough ago. */
  add(keys: readonly Key[]): void {
    for (const key of keys) this.waiting.set(key.join(' '), key);
    const now = Date.now();
    if (now - this.lastEvent > PAUSE_MS) this.interval = FIRST_MS;
    this.lastEvent = now;
    this.timer ??= setTimeout(() => this.run(), Math.max(0, this.earliest - now));
  }

  private run(): void {
    this.timer = undefined;
    this.earliest = Date.now() + this.interval;
    this.interval = Math.min(LONGEST_MS, 2 * this.interval);
    const keys = [...this.waiting.values()];
    this.waiting.clear();
    for (const key of keys) this.mark(key);
  }
}

/**
 * The listener of one page: marks what an event can change as out of date. What is shown is fetched
 * again.
 */
export function refresher(queries: QueryClient): (event: LiveEvent) => void {
  const rounds = new Rounds((queryKey) => void queries.invalidateQueries({ queryKey }));
  whenBehind((service) => rounds.add([[service]]));
  return (event) => {
    if (event.type === 'resync') {
      // Many browsers hear of it at the same moment.
      setTimeout(() => rounds.add([[]]), Math.random() * (event.spreadMs ?? 0));
      return;
    }
    const { keys, services } = effectOf(event, role.value === 'staff');
    const { aggregate, aggregateId, version } = event;
    const [newest] = event.changed ?? [];
    if (aggregate && aggregateId && version)
      awaitVersion(services, { aggregate, aggregateId, version });
    else if (newest) awaitVersion(services, { aggregate: 'project', ...newest });
    rounds.add(keys);
  };
}
