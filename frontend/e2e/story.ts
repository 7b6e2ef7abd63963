import {
  type APIRequestContext,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
  test as base,
} from '@playwright/test';
import { control } from './control.ts';
import type { Person } from './system.ts';

export { expect } from '@playwright/test';

interface Fixtures {
  /** Stops and starts parts of the system. After the story, everything runs again. */
  system: Pick<typeof control, 'perform'>;
  /**
   * Opens a page in a browser of its own, with its own cookies, which is closed after the story.
   */
  newVisitor: (options?: BrowserContextOptions) => Promise<Page>;
}

/** A story in a browser, on the system of this run. Stories run one after the other. */
export const test = base.extend<Fixtures>({
  // eslint-disable-next-line no-empty-pattern -- Playwright reads which fixtures it needs.
  system: async ({}, use) => {
    await use(control);
    await control.restore();
  },
  newVisitor: async ({ browser }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (options) => {
      const context = await browser.newContext(options);
      contexts.push(context);
      return context.newPage();
    });
    for (const context of contexts) await context.close();
  },
});

/** Writes need it: a page of another site cannot send it. */
const OWN_PAGE = { 'Ktgg-Csrf': '1' };

/**
 * The first person of the demo in a role, or the one with a name.
 *
 * @throws if there is none.
 */
export function personOf(role: Person['role'], name?: string): Person {
  const people = JSON.parse(process.env['KTGG_PEOPLE'] ?? '[]') as Person[];
  const person = people.find((it) => it.role === role && (name === undefined || it.name === name));
  if (!person) throw new Error(`the demo has no such ${role}`);
  return person;
}

/** A number of a customer of this story alone: `010-70XX-XXXX`. */
export function newPhone(): string {
  const digits = String(Math.floor(Math.random() * 1_000_000)).padStart(6, '0');
  return `010-70${digits.slice(0, 2)}-${digits.slice(2)}`;
}

/** Signs in without the page for it. The cookie is kept in `request`, as in its browser context. */
export async function signIn(request: APIRequestContext, person: Person): Promise<void> {
  if (person.role === 'customer') return signInByCode(request, person.login);
  const { login, password } = person;
  await post(request, '/api/auth/sign-in', { login, password });
}

/** Signs a customer in by a code, and the first time registers the number. */
export async function signInByCode(request: APIRequestContext, phone: string): Promise<void> {
  const consent = await request.get('/api/auth/consent');
  const { version } = (await consent.json()) as { version: string };
  const old = await messageIds(request, phone);
  const sent = await post(request, '/api/auth/otp', { phone, consentVersion: version });
  const { challenge } = sent as { challenge: string };
  const code = await readCode(request, phone, old);
  await post(request, '/api/auth/otp/verify', { challenge, code });
}

interface Message {
  id: string;
  text: string;
}

/** The messages to a number, the newest first. */
async function messages(request: APIRequestContext, phone: string): Promise<Message[]> {
  const inbox = process.env['KTGG_INBOX'] ?? '';
  const answer = await request.get(`${inbox}/messages?to=${phone}`);
  return ((await answer.json()) as { items: Message[] }).items;
}

/** Which messages a number has by now, so that a code of an earlier one is not taken. */
export async function messageIds(request: APIRequestContext, phone: string): Promise<Set<string>> {
  return new Set((await messages(request, phone)).map(({ id }) => id));
}

/**
 * The code in the next message to a number, besides the old ones.
 *
 * @throws if none arrives within 10 s.
 */
export async function readCode(
  request: APIRequestContext,
  phone: string,
  old: Set<string> = new Set(),
): Promise<string> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const all = await messages(request, phone);
    for (const { text } of all.filter((message) => !old.has(message.id))) {
      const code = /(?<!\d)\d{6}(?!\d)/.exec(text)?.[0];
      if (code) return code;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('no code arrived in the inbox');
}

/**
 * A write without the page for it. Its answer.
 *
 * @throws if it is refused.
 */
export async function post(
  request: APIRequestContext,
  path: string,
  data?: unknown,
): Promise<unknown> {
  const answer = await request.post(path, { headers: OWN_PAGE, data });
  if (!answer.ok()) throw new Error(`${path}: ${String(answer.status())} ${await answer.text()}`);
  return answer.status() === 204 ? undefined : answer.json();
}
