// One request to a provider and its answer, between the provider's package and the network: one request and no second, no redirect, nothing that
// unfolds, no more bytes than are allowed. What went wrong is told by status and kind; nobody's words are kept.
import { bodyReader, type AnswerBody, type BodyReader, type ParseStrictly } from "./answer-body.ts";
import { ModelFailure, type FailureReason } from "./model.ts";
import type { Wire } from "./wire.ts";

export type Fetch = (url: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface ExchangeParts {
  readonly wire: Wire;
  readonly parse: ParseStrictly;
  readonly fetch: Fetch;
  readonly isStream: boolean;
  readonly bytesMax: number;
}

export class Exchange {
  readonly #parts: ExchangeParts;
  #isBegun = false;
  /** What came; null: nothing that can be read. */
  body: AnswerBody | null = null;
  /** Whatever a package makes of it. */
  failure: ModelFailure | null = null;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
  }

  get isBegun(): boolean { return this.#isBegun; }

  /** For a provider's package. */
  readonly fetch: Fetch = async (url, init) => {
    try {
      if (this.#isBegun) throw new ModelFailure("output_invalid", "the answer asks for a second request");
      this.#isBegun = true;
      return await this.#fetch(url, init);
    } catch (error) {
      throw this.failure = error instanceof ModelFailure ? error : notReached(error);
    }
  };

  async #fetch(url: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    const { wire, parse, fetch, isStream, bytesMax } = this.#parts;
    const headers = new Headers(init.headers);
    // What nobody asked to be compressed may unfold to any size.
    headers.set("accept-encoding", "identity");
    const response = await fetch(url, { ...init, headers, redirect: "manual", decompress: false } as RequestInit);
    const failure = failureOf(response);
    if (failure !== null) {
      await response.body?.cancel().catch(() => {});
      throw failure;
    }
    this.body = await readInto(bodyReader(isStream, wire, parse), response, bytesMax);
    if (this.body.error !== null) throw new ModelFailure("provider_unavailable", "the answer is an error", { isRetryable: true, status: response.status });
    if (!this.body.hasEnd && wire.finish(this.body.documents) === null) throw new ModelFailure("provider_unavailable", "the answer was cut off", { isRetryable: true });
    return new Response(this.body.text, { status: 200, headers: { "content-type": isStream ? "text/event-stream" : "application/json" } });
  }
}

async function readInto(reader: BodyReader, response: Response, bytesMax: number): Promise<AnswerBody> {
  const tooLong = (): ModelFailure => new ModelFailure("output_invalid", `the answer has more than ${bytesMax} bytes`);
  if (Number(response.headers.get("content-length") ?? 0) > bytesMax) {
    await response.body?.cancel().catch(() => {});
    throw tooLong();
  }
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let length = 0;
  // Leaving the loop ends the stream.
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > bytesMax) throw tooLong();
    readable(() => reader.add(decoder.decode(chunk, { stream: true })));
  }
  return readable(() => {
    reader.add(decoder.decode());
    return reader.end();
  });
}

/** Connections that fail throw outside of this: they are no fault of the format. */
function readable<Result>(read: () => Result): Result {
  try {
    return read();
  } catch {
    throw new ModelFailure("output_invalid", "the answer is no text of its format");
  }
}

/** Statuses that another attempt may change: a time-out, a conflict, too early, overload. */
const PASSING = new Set([408, 409, 425, 529]);

/** Null: it may be an answer. */
function failureOf({ status, headers }: Response): ModelFailure | null {
  const failed = (reason: FailureReason, isRetryable: boolean): ModelFailure => new ModelFailure(reason, `the provider answers ${status}`, { isRetryable, status, retryAfterMs: isRetryable ? retryAfterMs(headers) : null });
  if (status === 429) return failed("rate_limited", true);
  if (status >= 500 || PASSING.has(status)) return failed("provider_unavailable", true);
  if (status !== 200) return failed("provider_unavailable", false);
  const coding = headers.get("content-encoding");
  return coding === null || coding === "identity" ? null : new ModelFailure("output_invalid", "the answer is compressed, which was not asked for", { status });
}

/** Seconds, or a time by the provider's own clock. Null: it says nothing of the kind. */
function retryAfterMs(headers: Headers): number | null {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,15}(\.\d{1,9})?$/.test(text)) return Number(text) * 1_000;
  const waitMs = Date.parse(text) - Date.parse(headers.get("date") ?? "");
  return /^[A-Z][a-z]{2}, /.test(text) && Number.isFinite(waitMs) ? Math.max(0, waitMs) : null;
}

/** The connection failed, or was not made. Its message may hold the address, so its code alone is told. */
function notReached(error: unknown): ModelFailure {
  const code = String((error as { readonly code?: unknown } | null)?.code ?? "");
  const isRefused = code === "OUTBOUND_REFUSED";
  return new ModelFailure("provider_unavailable", /^[A-Za-z_]{1,40}$/.test(code) ? `no answer: ${code}` : "no answer", { isRetryable: !isRefused });
}
