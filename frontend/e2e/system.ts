import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Program, START_TIMEOUT_MS } from './program.ts';

const target = fileURLToPath(new URL('../../target', import.meta.url));

/** The folder of the programs `ktgg`, `gateway` and `sandbox`. */
const PROGRAMS = process.env['KTGG_PROGRAMS'] ?? join(target, 'debug');

/** The folder of Postgres, Kafka and the keys. It is removed at the end. */
const DATA = process.env['KTGG_E2E_DATA'] ?? join(tmpdir(), `ktgg-e2e-${String(process.pid)}`);

/** Logs of the programs, kept until the next run. */
const LOGS = join(target, 'e2e');

/** The folder of the built pages. */
const PAGES = process.env['KTGG_PAGES'] ?? fileURLToPath(new URL('../dist', import.meta.url));

/** The ports of `ktgg` relative to that of its gateway: its services, and its inbox. */
const PORT_OFFSETS = [-6, -5, -4, -3, -2, 0, 1];

/** An admin server listens on its service's port plus this. */
const ADMIN_OFFSET = 1000;

const MAX_PORT = 65_535;

/** Parts that a story may stop. `services` are all five, with the inbox. */
export type Part = 'gateway' | 'services' | 'postgres' | 'kafka';

/**
 * `kill` is SIGKILL; `start` starts what does not run and returns when it is ready; `freeze` is
 * SIGSTOP, which leaves connections open without an answer, until `thaw`.
 */
export type Action = 'stop' | 'kill' | 'start' | 'freeze' | 'thaw';

/** A person of the demo. */
export interface Person {
  name: string;
  role: 'customer' | 'salesman' | 'consultant' | 'staff';
  /** The login; a customer's number. */
  login: string;
  /** Empty for customers, who sign in by a code. */
  password: string;
}

/**
 * All of KT.GG on servers of its own, with the demo data: `sandbox` runs Postgres and Kafka, `ktgg`
 * the services and the inbox, and `gateway` the gateway that browsers use, in a process of its own,
 * so that stories can stop each of them.
 */
export class System {
  /** The pages and the API. */
  readonly url: string;
  readonly inbox: string;
  readonly people: Person[];
  readonly #sandbox: Program;
  readonly #services: Program;
  readonly #gateway: Program;
  readonly #gatewayPort: number;

  private constructor(
    programs: { sandbox: Program; services: Program; gateway: Program },
    ports: { services: number; gateway: number },
    people: Person[],
  ) {
    this.#sandbox = programs.sandbox;
    this.#services = programs.services;
    this.#gateway = programs.gateway;
    this.#gatewayPort = ports.gateway;
    this.url = `http://localhost:${String(ports.gateway)}`;
    this.inbox = `http://127.0.0.1:${String(ports.services + 1)}`;
    this.people = people;
  }

  /**
   * Starts everything, in about 15 s.
   *
   * @throws if a program is not built or does not start. What was started by then is stopped.
   */
  static async start(): Promise<System> {
    requireBuilt();
    rmSync(LOGS, { recursive: true, force: true });
    mkdirSync(LOGS, { recursive: true });
    const sandbox = program('sandbox', [DATA]);
    const started = [sandbox];
    try {
      sandbox.start();
      const [postgres = '', kafka = ''] = await sandbox.readUntil((line) => line === 'ready');
      const ports = { services: await freePort(PORT_OFFSETS), gateway: await freePort([0]) };
      const servers = ['--data', DATA, '--postgres', postgres, '--kafka', kafka];
      const options = [...servers, '--port', String(ports.services)];

      const services = program('ktgg', ['serve', ...options, '--supervised']);
      started.push(services);
      services.start();
      const lines = await services.readUntil((line) => line === 'ready');

      const gateway = program('gateway', [], {
        ...(await variables(options)),
        GATEWAY_LISTEN: `127.0.0.1:${String(ports.gateway)}`,
        PUBLIC_ORIGIN: `http://localhost:${String(ports.gateway)}`,
        PAGES_DIR: PAGES,
      });
      started.push(gateway);
      const people = lines.flatMap(parsePerson);
      const system = new System({ sandbox, services, gateway }, ports, people);
      await system.#startGateway();
      return system;
    } catch (error) {
      await stopAll(started);
      throw error;
    }
  }

  /**
   * Does this to a part of the system.
   *
   * @throws if it does not start.
   */
  async perform(action: Action, part: Part): Promise<void> {
    if (action === 'freeze' || action === 'thaw') {
      this.#signal(action === 'freeze' ? 'SIGSTOP' : 'SIGCONT', part);
    } else if (part === 'postgres' || part === 'kafka') {
      this.#sandbox.write(`${action} ${part}`);
      const answers = await this.#sandbox.readUntil((line) => /^(done|failed) /.test(line));
      const answer = answers.at(-1) ?? '';
      if (!answer.startsWith('done')) throw new Error(answer);
    } else if (action === 'start') {
      await (part === 'gateway' ? this.#startGateway() : this.#startServices());
    } else {
      await (part === 'gateway' ? this.#gateway : this.#services)[action]();
    }
  }

  /** Starts everything that does not run, for the next story. */
  async restore(): Promise<void> {
    for (const part of ['postgres', 'kafka', 'services', 'gateway'] as const) {
      await this.perform('start', part);
      await this.perform('thaw', part);
    }
  }

  /** Stops everything and removes the data. */
  async stop(): Promise<void> {
    await stopAll([this.#sandbox, this.#services, this.#gateway]);
  }

  #signal(signal: NodeJS.Signals, part: Part): void {
    if (part === 'gateway') this.#gateway.signal(signal);
    else if (part === 'services') this.#services.signal(signal);
    // The sandbox writes the process id of each server to a file; its first line is the id.
    else
      process.kill(Number.parseInt(readFileSync(join(DATA, 'run', `${part}.pid`), 'utf8')), signal);
  }

  async #startServices(): Promise<void> {
    if (this.#services.isRunning) return;
    this.#services.start();
    await this.#services.readUntil((line) => line === 'ready');
  }

  async #startGateway(): Promise<void> {
    this.#gateway.start();
    const admin = `http://127.0.0.1:${String(this.#gatewayPort + ADMIN_OFFSET)}/readyz`;
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      // It refuses connections until it listens.
      const answer = await fetch(admin).catch(() => undefined);
      if (answer?.ok) return;
      if (!this.#gateway.isRunning || Date.now() > deadline) {
        throw new Error(`the gateway is not ready; its log is ${log('gateway')}`);
      }
      await sleep(50);
    }
  }
}

function requireBuilt(): void {
  const needed = ['ktgg', 'gateway', 'sandbox'].map((name) => join(PROGRAMS, name));
  if (!needed.every((file) => existsSync(file))) {
    throw new Error('Build the programs: cargo build -p ktgg -p gateway -p sandbox');
  }
  if (!existsSync(join(PAGES, 'index.html'))) throw new Error('Build the pages: npm run build');
}

function program(name: string, args: string[], env: NodeJS.ProcessEnv = {}): Program {
  const file = join(PROGRAMS, name);
  return new Program({ file, args, env: { ...process.env, ...env }, log: log(name) });
}

function log(name: string): string {
  return join(LOGS, `${name}.log`);
}

/** What uses a server stops before it, so that it stops in order. */
async function stopAll(started: Program[]): Promise<void> {
  for (const program of started.reverse()) await program.stop();
  rmSync(DATA, { recursive: true, force: true });
}

/** The variables of a gateway in a process of its own, of `export NAME='VALUE'`. */
async function variables(options: string[]): Promise<NodeJS.ProcessEnv> {
  const run = promisify(execFile);
  const { stdout } = await run(join(PROGRAMS, 'ktgg'), ['provision', ...options]);
  const pairs = [...stdout.matchAll(/^export (\w+)='(.*)'$/gm)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value]));
}

/** Reads a line such as `김하늘  salesman  haneul  PASSWORD`; other lines give nothing. */
function parsePerson(line: string): Person[] {
  const match = /^ {2}(\S.*?) +(customer|salesman|consultant|staff) +(\S+) *(\S*)$/.exec(line);
  const [, name, role, login, password = ''] = match ?? [];
  // A line about a service begins with a role, and has an address instead of a login.
  if (!name || !login || login.includes('://')) return [];
  return [{ name, role: role as Person['role'], login, password }];
}

/** A port of which all ports at the offsets, with their admin ports, are free. */
async function freePort(offsets: number[]): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const port = await listen(0);
    if (port === undefined || port + 1 + ADMIN_OFFSET > MAX_PORT) continue;
    const needed = offsets.flatMap((offset) => [port + offset, port + offset + ADMIN_OFFSET]);
    const results = await Promise.all(needed.map(listen));
    if (!results.includes(undefined)) return port;
  }
  throw new Error('no free range of ports was found');
}

/** The port if it could be listened on; a free one for 0. */
function listen(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}
