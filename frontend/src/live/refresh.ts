import type { QueryClient } from '@tanstack/vue-query';
import { awaitVersion } from '@/api/freshness';
import type { LiveEvent } from './events';

/** What may show something of an event: query keys, and the services that consume it. */
interface Effect {
  keys: readonly (readonly string[])[];
  services: readonly string[];
}

const NOTIFICATIONS = [
  ['interests', 'notifications'],
  ['salesmen', 'notifications'],
] as const;
const ALL_SERVICES = ['projects', 'interests', 'consultations', 'salesman-matches', 'salesmen'];

/** What an event of this type can change on a page. */
export function effectOf(event: LiveEvent): Effect {
  switch (event.type) {
    case 'projects-changed':
      return {
        keys: [['projects'], ['interests'], ...NOTIFICATIONS],
        services: ['interests', 'salesmen', 'consultations'],
      };
    case 'InterestCreated':
    case 'InterestUpdated':
      return {
        keys: [['interests'], ['projects', 'view'], ['projects', 'figures'], ['salesmen']],
        services: ['projects', 'salesmen', 'salesman-matches'],
      };
    case 'ConsultationCreated':
    case 'ConsultationEdited':
    case 'ConsultationProgressed':
      return {
        keys: [
          ['consultations'],
          ['projects', 'view'],
          ['projects', 'figures'],
          ['salesmen'],
          ['interests'],
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
          ['projects', 'view'],
          ['projects', 'figures'],
          ['salesmen'],
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

/** Marks what the event can change as out of date. What is shown is fetched again at once. */
export function refresh(queries: QueryClient, event: LiveEvent): void {
  if (event.type === 'resync') {
    // Many browsers hear of it at the same moment.
    setTimeout(() => void queries.invalidateQueries(), Math.random() * (event.spreadMs ?? 0));
    return;
  }
  const { keys, services } = effectOf(event);
  const { aggregate, aggregateId, version } = event;
  const [newest] = event.changed ?? [];
  if (aggregate && aggregateId && version)
    awaitVersion(services, { aggregate, aggregateId, version });
  else if (newest) awaitVersion(services, { aggregate: 'project', ...newest });
  for (const queryKey of keys) void queries.invalidateQueries({ queryKey });
}
