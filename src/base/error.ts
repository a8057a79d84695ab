// The one error of the outer world: stable code, status, safe message, fix. What it says may be shown to the client.
import { errorRegistry, type ErrorCode } from "./error-registry.ts";
import type { Json } from "./value.ts";

export interface ErrorExtras {
  /** Structured facts for a machine; the whole of it may be shown. A string for what PostgREST clients call details. */
  readonly details?: Json;
  readonly hint?: string;
  /** Where in the input: a field path such as `lines[3].quantity`, or a parameter's name. */
  readonly where?: string;
  /** Whose page tells of this code, which has none of its own. */
  readonly page?: ErrorCode;
  /** Overrides the registry's fix. */
  readonly fix?: string;
  /** Seconds after which the same request may succeed; makes `retry` true and sets Retry-After. */
  readonly retryAfterS?: number;
  /** For the log only. */
  readonly cause?: unknown;
  /** Extra response headers, lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
}

export class AmbitError extends Error {
  override readonly name = "AmbitError";
  readonly code: string;
  readonly status: number;
  readonly extras: ErrorExtras;

  constructor(status: number, code: string, message: string, extras: ErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.status = status;
    this.code = code;
    this.extras = extras;
  }
}

/** An error of the registry. `message` says what happened here; never a value that the caller may not read. */
export function fault(code: ErrorCode, message: string, extras: ErrorExtras = {}): AmbitError {
  return new AmbitError(errorRegistry[code].status, code, message, extras);
}

/** RFC 9457 problem object, the same on every interface. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly details: Json;
  readonly hint: string | null;
  readonly where: string | null;
  readonly fix: string | null;
  readonly retry: boolean;
  readonly requestId: string;
}

export function toProblem(error: AmbitError, requestId: string): Problem {
  const page = Object.hasOwn(errorRegistry, error.code) ? error.code as ErrorCode : error.extras.page;
  const known = page === undefined ? undefined : errorRegistry[page];
  return {
    type: page === undefined ? "about:blank" : `/docs/errors/${page}`,
    title: known?.title ?? error.code,
    status: error.status,
    code: error.code,
    message: error.message,
    details: error.extras.details ?? null,
    hint: error.extras.hint ?? null,
    where: error.extras.where ?? null,
    fix: error.extras.fix ?? known?.fix ?? null,
    retry: error.extras.retryAfterS !== undefined || known?.retry === true,
    requestId,
  };
}
