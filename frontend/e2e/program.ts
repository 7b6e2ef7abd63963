import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** Bounds each start; a start takes seconds, and more beside other work. */
export const START_TIMEOUT_MS = 120_000;

/** The time from SIGTERM to SIGKILL. */
const STOP_TIMEOUT_MS = 20_000;

/** What to run. stderr is appended to the log. */
interface Command {
  file: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  log: string;
}

/** A program as a child process, which can be stopped and started again. */
export class Program {
  readonly #command: Command;
  readonly #changes = new EventEmitter();
  #child: ChildProcessWithoutNullStreams | undefined;
  #lines: string[] = [];

  constructor(command: Command) {
    this.#command = command;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Starts it unless it runs. It does not outlive this process. */
  start(): void {
    if (this.#child) return;
    const { file, args, env, log } = this.#command;
    const child = spawn(file, args, { env: env ?? process.env });
    child.stderr.pipe(createWriteStream(log, { flags: 'a' }));
    this.#child = child;
    this.#lines = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#lines.push(line);
      this.#changes.emit('change');
    });
    // A write to a program that has just exited fails; its end is reported all the same.
    child.stdin.on('error', () => undefined);
    const killWithParent = () => child.kill('SIGKILL');
    process.once('exit', killWithParent);
    const ended = () => {
      process.off('exit', killWithParent);
      this.#child = undefined;
      this.#changes.emit('change');
    };
    child.once('close', ended).once('error', ended);
  }

  /** Writes a line to its stdin. */
  write(line: string): void {
    this.#child?.stdin.write(`${line}\n`);
  }

  /**
   * The next lines of its stdout up to the first that is the last.
   *
   * @throws if it exits before, or after two minutes.
   */
  async readUntil(isLast: (line: string) => boolean): Promise<string[]> {
    const timeout = AbortSignal.timeout(START_TIMEOUT_MS);
    const read: string[] = [];
    for (;;) {
      for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
        read.push(line);
        if (isLast(line)) return read;
      }
      await this.#change(timeout);
    }
  }

  /** Waits until it exits. */
  async #exit(timeout?: AbortSignal): Promise<void> {
    while (this.#child) await once(this.#changes, 'change', timeout ? { signal: timeout } : {});
  }

  async #change(timeout: AbortSignal): Promise<void> {
    const { file, log } = this.#command;
    if (!this.#child) throw new Error(`${file} has exited; its log is ${log}`);
    try {
      await once(this.#changes, 'change', { signal: timeout });
    } catch {
      throw new Error(`${file} did not answer in time; its log is ${log}`);
    }
  }

  /** Sends a signal, such as SIGSTOP and SIGCONT to freeze and thaw it. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Stops it in order, or kills it after 20 s. */
  async stop(): Promise<void> {
    // A frozen process handles SIGTERM only after it.
    this.signal('SIGTERM');
    this.signal('SIGCONT');
    try {
      await this.#exit(AbortSignal.timeout(STOP_TIMEOUT_MS));
    } catch {
      await this.kill();
    }
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#exit();
  }
}
