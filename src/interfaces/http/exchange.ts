// One request on its way through: what handlers read of it and what they answer. Wire types, so they stay in interfaces/.
import type { Identity } from "../../access/identity.ts";
import type { Sender } from "../../access/sender.ts";
import type { Limits } from "../../base/limits.ts";

/** One request, its path and headers already bounded and checked. */
export interface Exchange extends Sender {
  readonly method: string;
  /** As sent, percent-encoded, without the query. */
  readonly path: string;
  /** Decoded segments of the path. Encoded slashes stay inside their segment. */
  readonly segments: readonly string[];
  /** As sent, without the question mark. */
  readonly query: string;
  readonly requestId: string;
  readonly identity: Identity;
  readonly limits: Limits;
  /** Of where it goes, instead of `limits.bodyBytes`: set before the body is read. */
  bodyBytesMax?: number;
  /** Aborted when the client went away. */
  readonly signal: AbortSignal;
  /** Sent by a program on this machine itself, by no proxy that would say so. */
  readonly isLocal: boolean;
  /** Lower-case name. Null when absent. */
  header(name: string): string | null;
  /** All of them by lower-case name. */
  headers(): Readonly<Record<string, string>>;
  /** The whole body, at most `limits.bodyBytes` within `limits.requestMs`; throws BODY_TOO_LARGE, REQUEST_TIMEOUT, MALFORMED_BODY. At once where it is there already. */
  body(): Uint8Array | Promise<Uint8Array>;
  /** The body as it comes, neither bounded nor decoded, instead of `body`; null: there is none. Only where `streams`. */
  incoming?(): ReadableStream<Uint8Array> | null;
  /** True where an answer may be a stream: a request of its own over HTTP. */
  readonly streams?: boolean;
  /** The answer may take longer than the idle timeout (code of the app): lifts it for this request. */
  unhurried(): void;
  /** What the metrics and the log call this path, such as `/Product/{id}`: from a bounded set, never with values. */
  route: string;
  /** Milliseconds spent in the dispatcher, for Server-Timing. */
  dispatchMs: number;
  /** An unindexed filter visited the table. */
  scanned: boolean;
  /** A list that may be kept: whether it came from memory. */
  cached?: "hit" | "miss";
}

/** What a handler answers; http/ adds the headers that every answer has, compresses and writes it. */
export interface Answer {
  readonly status: number;
  /** Lower-case names. Fresh for each answer: http/ adds to it. */
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array | null;
  /** Answers that share this have the same headers, but for those that every answer has of its own. */
  readonly alike?: object;
  /** In place of a body: goes on until either side ends it. */
  readonly stream?: ReadableStream<Uint8Array>;
  /** Values of Set-Cookie. */
  readonly cookies?: readonly string[];
}

/** An interface over HTTP, such as REST. */
export interface HttpHandler {
  /** Throws AmbitError for what becomes a problem; NOT_FOUND for paths that are not its own. */
  handle(exchange: Exchange): Answer | Promise<Answer>;
  /** Methods that the path answers to, whoever asks; empty when it is unknown. */
  methods(segments: readonly string[]): readonly string[];
}
