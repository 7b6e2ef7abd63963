import type { LiveEvent } from './events';
import { FrameReader } from './frames';

/** What a connection says about itself. */
export type ConnectionState = 'connecting' | 'open' | 'waiting' | 'signed-out';

interface Callbacks {
  onEvent: (event: LiveEvent) => void;
  /** The cursor moved without an event. */
  onCursor: (cursor: string) => void;
  onState: (state: ConnectionState) => void;
}

/** The server comments every 15 s. After this much silence, the connection is taken for dead. */
const SILENCE_MS = 40_000;

/** The delay before the first reconnection. It doubles, up to the longest, with jitter. */
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;

/** The delay before attempt `attempt` (from 0), for `random` in [0, 1). */
export function delayOf(attempt: number, random: number): number {
  const base = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return base * (0.75 + random / 2);
}

/**
 * Keeps one connection to the live stream open until it is closed, and never gives up. It resumes
 * after the last event, so nothing is missed.
 *
 * Not an `EventSource`: that cannot send the cursor on its first request, and does not say that the
 * session is over.
 */
export class Connection {
  private readonly callbacks: Callbacks;
  private cursor: string | undefined;
  private attempt = 0;
  private abort: AbortController | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isClosed = false;

  constructor(cursor: string | undefined, callbacks: Callbacks) {
    this.cursor = cursor;
    this.callbacks = callbacks;
    addEventListener('online', this.retryNow);
    document.addEventListener('visibilitychange', this.retryNow);
    void this.connect();
  }

  /** Ends the connection for good. */
  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.abort?.abort();
    removeEventListener('online', this.retryNow);
    document.removeEventListener('visibilitychange', this.retryNow);
  }

  private readonly retryNow = (): void => {
    if (this.isClosed || this.timer === undefined || document.hidden) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    void this.connect();
  };

  private async connect(): Promise<void> {
    this.callbacks.onState('connecting');
    const abort = new AbortController();
    this.abort = abort;
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' };
      if (this.cursor !== undefined) headers['Last-Event-ID'] = this.cursor;
      const response = await fetch('/api/stream', {
        headers,
        signal: abort.signal,
        cache: 'no-store',
      });
      if (response.status === 401) {
        this.callbacks.onState('signed-out');
        return;
      }
      if (response.ok && response.body) await this.read(response.body, abort);
    } catch {
      // The stream broke or never began. Either way it is opened again.
    }
    if (this.isClosed) return;
    this.callbacks.onState('waiting');
    this.timer = setTimeout(this.reconnect, delayOf(this.attempt, Math.random()));
    this.attempt += 1;
  }

  private readonly reconnect = (): void => {
    this.timer = undefined;
    void this.connect();
  };

  private async read(body: ReadableStream<Uint8Array>, abort: AbortController): Promise<void> {
    this.callbacks.onState('open');
    this.attempt = 0;
    const frames = new FrameReader();
    const decoder = new TextDecoder();
    const reader = body.getReader();
    let silence = setTimeout(() => abort.abort(), SILENCE_MS);
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = setTimeout(() => abort.abort(), SILENCE_MS);
        for (const { id, data } of frames.push(decoder.decode(value, { stream: true }))) {
          if (id !== undefined) this.cursor = id;
          const event = data === undefined ? undefined : parse(data);
          if (event) this.callbacks.onEvent({ ...event, cursor: this.cursor ?? '' });
          else if (id !== undefined) this.callbacks.onCursor(id);
        }
      }
    } finally {
      clearTimeout(silence);
    }
  }
}

function parse(data: string): Omit<LiveEvent, 'cursor'> | undefined {
  try {
    const value: unknown = JSON.parse(data);
    const isEvent = typeof value === 'object' && value !== null && 'type' in value;
    return isEvent ? (value as Omit<LiveEvent, 'cursor'>) : undefined;
  } catch {
    return undefined;
  }
}
