import { onScopeDispose, ref } from 'vue';
import type { ConnectionState } from './connection';
import type { LiveEvent } from './events';
import type { SharedStream } from './leader';

/** After this long without a connection, the page says so. */
const SAY_SO_MS = 3_000;

type Listener = (event: LiveEvent) => void;

const listeners = new Set<Listener>();
let stream: SharedStream | undefined;
let sayLost: ReturnType<typeof setTimeout> | undefined;

/** The state of the connection. */
export const connection = ref<ConnectionState>('connecting');

/** Since when the page shows what was true then; `undefined` while it is connected. */
export const staleSince = ref<number>();

/** Events that arrived since the connection was lost the last time. */
export const caughtUp = ref(0);

function onState(state: ConnectionState): void {
  connection.value = state;
  clearTimeout(sayLost);
  if (state === 'open') {
    staleSince.value = undefined;
    return;
  }
  const since = staleSince.value ?? Date.now();
  caughtUp.value = 0;
  sayLost = setTimeout(() => {
    staleSince.value = since;
  }, SAY_SO_MS);
}

function onEvent(event: LiveEvent): void {
  caughtUp.value += 1;
  for (const listener of listeners) listener(event);
}

/** Whose stream is open or being opened. */
let followed: string | undefined;

/** Follows what this person may see. Calling it for another person ends the previous stream. */
export async function startLive(subject: string): Promise<void> {
  stopLive();
  followed = subject;
  // Visitors who are not signed in have no stream, and do not load its code.
  const { SharedStream: Stream } = await import('./leader');
  if (followed === subject) stream = new Stream(subject, { onEvent, onState });
}

/** Ends the stream of this page. */
export function stopLive(): void {
  followed = undefined;
  stream?.close();
  stream = undefined;
  clearTimeout(sayLost);
  staleSince.value = undefined;
  connection.value = 'connecting';
}

/** Calls the listener for each event, as long as the component or scope lives. */
export function useLive(listener: Listener): void {
  listeners.add(listener);
  onScopeDispose(() => listeners.delete(listener));
}
