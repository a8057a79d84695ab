// The one error of the client: what the server answered as a problem object, or what went wrong on the way there.

/** The problem object of the server (RFC 9457). */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details?: unknown;
  readonly hint?: string | null;
  readonly where?: string | null;
  readonly fix?: string | null;
  readonly retry?: boolean;
  readonly requestId?: string | null;
}

/**
 * Codes are those of the server, and five of its own with status 0: `DISCONNECTED` (no answer), `CLOSED` (by this side), `QUEUE_FULL`
 * (`offline.limit`), `STORAGE_FAILED` (what would wait could not be kept) and `NOT_AMBIT` (something else answered).
 */
export class AmbitError extends Error {
  override readonly name = "AmbitError";
  readonly code: string;
  /** HTTP status; 0: no answer came. */
  readonly status: number;
  /** What to do about it. */
  readonly fix: string | null;
  /** The same request may succeed later. */
  readonly retry: boolean;
  readonly details: unknown;
  readonly hint: string | null;
  /** Where in the input. */
  readonly where: string | null;
  /** For whoever reads the server's log. */
  readonly requestId: string | null;
  /** So long the server wants to be left alone; null: it did not say. */
  readonly retryAfterMs: number | null;

  constructor(problem: Problem, extras: { readonly retryAfterMs?: number | null; readonly cause?: unknown } = {}) {
    super(problem.message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.code = problem.code;
    this.status = problem.status;
    this.fix = problem.fix ?? null;
    this.retry = problem.retry ?? false;
    this.details = problem.details ?? null;
    this.hint = problem.hint ?? null;
    this.where = problem.where ?? null;
    this.requestId = problem.requestId ?? null;
    this.retryAfterMs = extras.retryAfterMs ?? null;
  }
}

export function disconnected(cause?: unknown): AmbitError {
  return new AmbitError({ status: 0, code: "DISCONNECTED", message: "The server did not answer.", fix: "Try again when there is a connection.", retry: true }, { cause });
}

export function closed(): AmbitError {
  return new AmbitError({ status: 0, code: "CLOSED", message: "The client is closed." });
}

/** What is wrong in the call, before anything is sent. */
export function malformed(message: string, where: string, fix: string): AmbitError {
  return new AmbitError({ status: 400, code: "MALFORMED_QUERY", message, where, fix });
}

export function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && typeof (body as { code?: unknown }).code === "string" && typeof (body as { message?: unknown }).message === "string";
}
