/**
 * What the next reads wait for. A page hears of an event by the stream, and may then read from a
 * service that has not consumed it. `Ktgg-After` lets the read wait for it.
 */

/** A version of an aggregate, as the stream names it. */
export interface Version {
  aggregate: string;
  aggregateId: string;
  version: number;
}

/** How long a service can be behind an event before reads stop waiting for it. */
const WINDOW_MS = 5_000;

const awaited = new Map<string, { header: string; until: number }>();

/** The service of a path template such as `/api/consultations/{id}`. */
function serviceOf(path: string): string {
  return path.split('/')[2] ?? '';
}

/** Lets reads of these services wait for the version. */
export function awaitVersion(services: readonly string[], version: Version): void {
  const header = `${version.aggregate}/${version.aggregateId}@${version.version}`;
  for (const service of services) {
    awaited.set(service, { header, until: Date.now() + WINDOW_MS });
  }
}

/** The header of a read, or `undefined` when it need not wait. */
export function afterOf(path: string): string | undefined {
  const entry = awaited.get(serviceOf(path));
  return entry && entry.until > Date.now() ? entry.header : undefined;
}
