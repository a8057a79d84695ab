// The Idempotency-Key header of an unsafe request, as a claim on its answer.
import { createHash } from "node:crypto";
import { fault } from "../../base/error.ts";
import type { IdempotencyClaim } from "../../resources/operation.ts";
import type { Exchange } from "../http/exchange.ts";

/** A stranger's key must not be guessable: 128 bits in the tightest usual spelling. */
const ANONYMOUS_LENGTH_MIN = 22;

/** What of a request decides which answer a key stands for. */
export type KeyedRequest = Pick<Exchange, "header" | "limits" | "identity" | "method" | "path" | "query">;

/** Null without the header. Throws MALFORMED_HEADER. */
export function readIdempotency(exchange: KeyedRequest, bytes: Uint8Array): IdempotencyClaim | null {
  const header = exchange.header("idempotency-key");
  if (header === null) return null;
  const key = /^"(.*)"$/.exec(header.trim())?.[1] ?? header.trim();
  const { idempotencyKeyLength } = exchange.limits;
  if (key === "" || key.length > idempotencyKeyLength || !/^[\x21-\x7e]+$/.test(key)) {
    throw fault("MALFORMED_HEADER", `Idempotency-Key must be 1 to ${idempotencyKeyLength} visible ASCII characters.`, { where: "Idempotency-Key" });
  }
  if (exchange.identity.kind === "anonymous" && key.length < ANONYMOUS_LENGTH_MIN) {
    throw fault("MALFORMED_HEADER", "Without a sign-in an Idempotency-Key needs 128 bits of chance.", { where: "Idempotency-Key", fix: "Use a random UUID." });
  }
  return {
    key,
    scope: `${exchange.method} ${exchange.path}${exchange.query === "" ? "" : `?${exchange.query}`}`,
    fingerprint: createHash("sha256").update(bytes).digest("hex"),
  };
}
