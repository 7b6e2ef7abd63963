/**
 * What the next reads wait for. A page hears of an event by the stream, and may then read from a
 * service that has not consumed it. `Ktgg-After` lets the read wait for it, and `Ktgg-Stale` says
 * that it waited in vain: then what the service answers is read again later.
 */

/** A version of an aggregate, as the stream names it. */
export interface Version {
  aggregate: string;
  aggregateId: string;
  version: number;
}

/** How long reads wait for an event, as long as no answer lacks it. */
const WINDOW_MS = 5_000;

/** How long it is read again for an event that answers lack. One that was parked never comes. */
const BEHIND_MS = 5 * 60_000;

/** The time before the first read again, when an answer lacked the event. It doubles. */
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;

interface Awaited {
  version: number;
  until: number;
  /** Before the next read. */
  delay: number;
  /** An answer lacked it. */
  isBehind: boolean;
}

/** By service, and by aggregate. A read can name one; the first comes first. */
const awaited = new Map<string, Map<string, Awaited>>();
const timers = new Map<string, ReturnType<typeof setTimeout>>();
let onBehind: (service: string) => void = () => undefined;

/** Registers how everything that is shown of a service is read again. */
export function whenBehind(readAgain: (service: string) => void): void {
  onBehind = readAgain;
}

/** The service of a path template such as `/api/consultations/{id}`. */
function serviceOf(path: string): string {
  return path.split('/')[2] ?? '';
}

/** Lets reads of these services wait for the version. */
export function awaitVersion(
  services: readonly string[],
  { aggregate, aggregateId, version }: Version,
): void {
  const id = `${aggregate}/${aggregateId}`;
  for (const service of services) {
    const versions = awaited.get(service) ?? new Map<string, Awaited>();
    awaited.set(service, versions);
    if ((versions.get(id)?.version ?? 0) >= version) continue;
    const until = Date.now() + WINDOW_MS;
    versions.set(id, { version, until, delay: FIRST_DELAY_MS, isBehind: false });
  }
}

/** The header of a read, or `undefined` when it need not wait. */
export function afterOf(path: string): string | undefined {
  const versions = awaited.get(serviceOf(path));
  for (const [id, { version, until }] of versions ?? []) {
    if (until > Date.now()) return `${id}@${String(version)}`;
    versions?.delete(id);
  }
  return undefined;
}

/**
 * Takes over whether the answer of a read with this header has the version. When it lacks it, or
 * may lack another one, what the service answers is read again.
 */
export function settle(path: string, header: string, hasVersion: boolean): void {
  const service = serviceOf(path);
  const versions = awaited.get(service);
  const [id = '', version] = header.split('@');
  const entry = versions?.get(id);
  if (!versions || !entry || entry.version > Number(version)) return;
  versions.delete(id);
  if (!hasVersion) {
    const until = entry.isBehind ? entry.until : Date.now() + BEHIND_MS;
    const delay = Math.min(LONGEST_DELAY_MS, entry.delay * 2);
    // Behind the others, which the service may have.
    versions.set(id, { ...entry, until, delay, isBehind: true });
  }
  if (versions.size > 0) readLater(service, hasVersion ? 0 : entry.delay);
}

function readLater(service: string, delay: number): void {
  if (timers.has(service)) return;
  const read = (): void => {
    timers.delete(service);
    onBehind(service);
  };
  timers.set(service, setTimeout(read, delay));
}
