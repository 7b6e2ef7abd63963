import createClient, { type Middleware } from 'openapi-fetch';
import { language } from '@/texts/texts';
import { afterOf, settle } from './freshness';
import { ApiError, problemOf } from './problem';
import type { paths } from './schema';

/** Called when the server says that the session is over. */
let onSignedOut: () => void = () => undefined;

/** Registers what happens when a request finds that the session is over. */
export function whenSignedOut(callback: () => void): void {
  onSignedOut = callback;
}

/** The version that a read waits for, and that its answer lacks it all the same. */
const AFTER = 'Ktgg-After';
const STALE = 'Ktgg-Stale';

const headers: Middleware = {
  onRequest({ request, schemaPath }) {
    request.headers.set('Accept-Language', language.value);
    if (request.method === 'GET') {
      const after = afterOf(schemaPath);
      if (after) request.headers.set(AFTER, after);
    }
    return request;
  },
  onResponse({ request, response, schemaPath }) {
    const after = request.headers.get(AFTER);
    if (after) settle(schemaPath, after, response.status < 500 && !response.headers.has(STALE));
    if (response.status === 401 && !schemaPath.startsWith('/api/auth/')) onSignedOut();
  },
  onError({ request, schemaPath }) {
    const after = request.headers.get(AFTER);
    if (after) settle(schemaPath, after, false);
    return new ApiError(0, {});
  },
};

/** The API, typed by the description that the gateway serves. */
export const api = createClient<paths>({ baseUrl: '/', credentials: 'same-origin' });
api.use(headers);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a successful answer. Throws an [`ApiError`] otherwise. */
export async function unwrap<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer;
  if (error !== undefined || !response.ok) throw problemOf(response, error);
  return data as T;
}

/** The header of every write: a page of another site cannot send it. */
export const csrf = { 'Ktgg-Csrf': '1' } as const;

/** A new key of an act that must not happen twice: the same one for each attempt of it. */
export function idempotencyKey(): string {
  return crypto.randomUUID();
}

/** The headers of a write that must not happen twice. */
export function once(key: string): typeof csrf & { 'Idempotency-Key': string } {
  return { ...csrf, 'Idempotency-Key': key };
}

/** The headers of a write that is based on this version. */
export function basedOn(version: number): typeof csrf & { 'If-Match': string } {
  return { ...csrf, 'If-Match': `"${version}"` };
}
