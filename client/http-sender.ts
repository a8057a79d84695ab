// Requests over HTTP: adds the credential, reads the answer, makes an AmbitError of every refusal. Tries once more with a new token, else never.
import { AmbitError, disconnected, isProblem } from "./ambit-error.ts";
import type { Credentials, Token } from "./credentials.ts";
import type { Environment } from "./environment.ts";

export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string | null;
}

export interface WireAnswer {
  readonly status: number;
  header(name: string): string | null;
  /** JSON, or the text where it is something else; null: none. */
  readonly body: unknown;
}

export interface HttpParts {
  /** Without a slash at its end. */
  readonly url: string;
  readonly credentials: Credentials;
  readonly environment: Environment;
  /** A request without an answer is given up after this. */
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
}

const UNAUTHENTICATED = 401;

export class HttpSender {
  readonly #parts: HttpParts;

  constructor(parts: HttpParts) {
    this.#parts = parts;
  }

  get url(): string {
    return this.#parts.url;
  }

  /** Throws AmbitError for whatever is no success; DISCONNECTED where nobody knows what became of it. */
  async send(request: WireRequest, signal?: AbortSignal): Promise<WireAnswer> {
    const { credentials } = this.#parts;
    const token = await had(credentials.current());
    try {
      return await this.#once(request, token, signal);
    } catch (error) {
      if (!(error instanceof AmbitError) || error.status !== UNAUTHENTICATED || !credentials.isRenewable) throw error;
      const other = await had(credentials.renewed(token));
      if (other === null || other === token) throw error;
      return this.#once(request, other, signal);
    }
  }

  async #once(request: WireRequest, token: Token, signal: AbortSignal | undefined): Promise<WireAnswer> {
    const { url, environment, timeoutMs } = this.#parts;
    const abort = new AbortController();
    const give = (): void => abort.abort(signal?.reason);
    if (signal?.aborted === true) give();
    signal?.addEventListener("abort", give, { once: true });
    const cancel = environment.schedule(timeoutMs, () => abort.abort(new DOMException("The server took too long.", "TimeoutError")));
    let response: Response;
    let text: string;
    try {
      response = await environment.fetch(url + request.path, this.#init(request, token, abort.signal));
      text = await response.text();
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      throw disconnected(error);
    } finally {
      cancel();
      signal?.removeEventListener("abort", give);
    }
    return readAnswer(response, text, this.#parts.environment.now());
  }

  #init({ method, headers, body }: WireRequest, token: Token, signal: AbortSignal): RequestInit {
    const whole: Record<string, string> = { accept: "application/json", ...this.#parts.headers, ...headers };
    if (token !== null) whole["authorization"] = `Bearer ${token}`;
    if (body !== null) whole["content-type"] ??= "application/json";
    // No cookies, no cache of the browser: the header alone says who asks.
    return { method, headers: whole, signal, credentials: "omit", redirect: "error", cache: "no-store", ...(body === null ? {} : { body }) };
  }
}

async function had(token: Promise<Token>): Promise<Token> {
  try {
    return await token;
  } catch (error) {
    throw new AmbitError({ status: 0, code: "DISCONNECTED", message: "No token could be had.", fix: "See the cause: it is what `token` threw.", retry: true }, { cause: error });
  }
}

function readAnswer(response: Response, text: string, now: number): WireAnswer {
  const isJson = /[/+]json\b/.test(response.headers.get("content-type") ?? "");
  let body: unknown = text === "" ? null : text;
  if (isJson && text !== "") {
    try {
      body = JSON.parse(text);
    } catch (error) {
      // Cut off on its way: nobody knows the whole of it.
      throw disconnected(error);
    }
  }
  if (response.ok) return { status: response.status, header: (name) => response.headers.get(name), body };
  const retryAfterMs = retryAfter(response.headers.get("retry-after"), now);
  if (isProblem(body)) throw new AmbitError({ ...body, status: response.status }, { retryAfterMs });
  const message = `The server answered ${response.status} without a problem object.`;
  throw new AmbitError({ status: response.status, code: "NOT_AMBIT", message, retry: response.status >= 500, fix: "See what stands between: a proxy, or another address." }, { retryAfterMs });
}

function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  const waitMs = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : null;
}
