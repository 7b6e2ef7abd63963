import { Connection, type ConnectionState } from './connection';
import type { LiveEvent } from './events';

/** What the pages of one browser say to each other. */
type Message =
  | { kind: 'event'; event: LiveEvent }
  | { kind: 'state'; state: ConnectionState; cursor: string | undefined }
  | { kind: 'hello' };

interface Callbacks {
  onEvent: (event: LiveEvent) => void;
  onState: (state: ConnectionState) => void;
}

/** How often the leader says that it is alive. */
const BEAT_MS = 2_000;

/** A leader that says nothing for so long is frozen: another page takes over. */
const FROZEN_MS = 7_000;

/** How many events are remembered to drop an event that two leaders pass on. */
const REMEMBERED = 500;

/**
 * One stream for all pages of a browser: over HTTP/1.1 a browser opens six connections to a host,
 * so the seventh page would hang. The page that holds the lock connects, and passes events on.
 *
 * When the leader closes, the browser gives the lock to the next page. When it is frozen, the next
 * page that misses its beats steals the lock. The new leader resumes after the last event that it
 * saw, so nothing is missed, and nothing is passed on twice.
 */
export class SharedStream {
  private readonly name: string;
  private readonly callbacks: Callbacks;
  private readonly channel: BroadcastChannel;
  private readonly seen = new Set<string>();
  private readonly watch: ReturnType<typeof setInterval>;
  private waiting = new AbortController();
  private connection: Connection | undefined;
  private state: ConnectionState = 'connecting';
  private cursor: string | undefined;
  private lastBeat = Date.now();

  /** `subject` keeps the streams of different people apart. */
  constructor(subject: string, callbacks: Callbacks) {
    this.name = `ktgg-stream-${subject}`;
    this.callbacks = callbacks;
    this.channel = new BroadcastChannel(this.name);
    this.channel.onmessage = ({ data }: MessageEvent<Message>) => this.receive(data);
    this.channel.postMessage({ kind: 'hello' } satisfies Message);
    this.watch = setInterval(() => this.beat(), BEAT_MS);
    this.request(false);
  }

  /** Leaves: another page takes the lock. */
  close(): void {
    clearInterval(this.watch);
    this.waiting.abort();
    this.stopLeading();
    this.channel.close();
  }

  /** Whether this page has the connection. */
  get isLeader(): boolean {
    return this.connection !== undefined;
  }

  /** Leads as soon as the lock is free, or at once by stealing it. */
  private request(steal: boolean): void {
    this.waiting.abort();
    const waiting = new AbortController();
    this.waiting = waiting;
    // The lock manager takes no signal with a theft, which does not wait.
    const options = steal ? { steal } : { signal: waiting.signal };
    navigator.locks
      .request(this.name, options, () => {
        if (waiting.signal.aborted) return undefined;
        this.lead();
        return new Promise<void>((resolve) => {
          waiting.signal.addEventListener('abort', () => resolve(), { once: true });
        });
      })
      .catch(() => {
        // Without an abort of its own, another page stole the lock while this one was frozen.
        if (waiting.signal.aborted) return;
        this.stopLeading();
        this.lastBeat = Date.now();
        this.request(false);
      });
  }

  private lead(): void {
    this.connection = new Connection(this.cursor, {
      onEvent: (event) => {
        this.channel.postMessage({ kind: 'event', event } satisfies Message);
        this.take(event);
      },
      onCursor: (cursor) => {
        this.cursor = cursor;
      },
      onState: (state) => {
        this.setState(state);
        this.publishState();
      },
    });
  }

  private stopLeading(): void {
    this.connection?.close();
    this.connection = undefined;
  }

  private beat(): void {
    if (this.isLeader) {
      this.publishState();
    } else if (Date.now() - this.lastBeat > FROZEN_MS && !document.hidden) {
      this.lastBeat = Date.now();
      this.request(true);
    }
  }

  private publishState(): void {
    const { state, cursor } = this;
    this.channel.postMessage({ kind: 'state', state, cursor } satisfies Message);
  }

  private receive(message: Message): void {
    if (message.kind === 'hello') {
      if (this.isLeader) this.publishState();
      return;
    }
    // A leader that was frozen can still pass on what it had.
    if (message.kind === 'event') this.take(message.event);
    if (this.isLeader) return;
    this.lastBeat = Date.now();
    if (message.kind === 'state') {
      this.cursor = message.cursor ?? this.cursor;
      this.setState(message.state);
    }
  }

  private take(event: LiveEvent): void {
    // Another gateway sends the same event with another cursor.
    const key = event.id ?? `${event.cursor} ${event.type}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    if (this.seen.size > REMEMBERED) {
      const [oldest] = this.seen;
      if (oldest !== undefined) this.seen.delete(oldest);
    }
    this.cursor = event.cursor;
    this.callbacks.onEvent(event);
  }

  private setState(state: ConnectionState): void {
    if (state === this.state) return;
    this.state = state;
    this.callbacks.onState(state);
  }
}
