import type { components } from './schema';

type ProblemBody = components['schemas']['Problem'];

/** A field that the server refused, as a JSON pointer such as `/desiredDate`. */
export interface FieldError {
  pointer: string;
  code: string;
  message: string;
}

/** A refusal by the server as RFC 9457 has it, or the lack of an answer (`status` 0). */
export class ApiError extends Error {
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The last part of the type, as in `several-projects`; empty without a body. */
  readonly slug: string;
  /** What happened, in the language of the page. */
  readonly title: string;
  readonly detail: string | undefined;
  readonly fields: readonly FieldError[];
  /** Finds the request in the logs. */
  readonly traceId: string | undefined;
  /** Seconds until another attempt makes sense. */
  readonly retryAfter: number | undefined;
  /** The whole body: some problems carry the present state. */
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, body: Partial<ProblemBody>, retryAfter?: number) {
    super(`${status} ${body.type ?? ''}`);
    this.name = 'ApiError';
    this.status = status;
    this.slug = body.type?.split('/').at(-1) ?? '';
    this.title = body.title ?? '';
    this.detail = body.detail ?? undefined;
    this.fields = (body.errors ?? []) as FieldError[];
    this.traceId = body.traceId ?? undefined;
    this.retryAfter = retryAfter;
    this.body = body as Readonly<Record<string, unknown>>;
  }

  /** No answer came: offline, or the gateway is away. */
  get isUnreachable(): boolean {
    return this.status === 0;
  }

  /** Another attempt of the same request may succeed. */
  get isTemporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }
}

/** What a response without success says. A body that is no problem is kept out. */
export function problemOf(response: Response, body: unknown): ApiError {
  const isProblem = typeof body === 'object' && body !== null && 'title' in body;
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new ApiError(
    response.status,
    isProblem ? (body as ProblemBody) : {},
    Number.isFinite(seconds) ? seconds : undefined,
  );
}

/** An error of any kind as an [`ApiError`], for what is shown to people. */
export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, {});
}
