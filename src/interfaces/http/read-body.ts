// Reads a request's body whole: bounded in size and time, decompressed within the same bound. Nothing is kept of a refused one.
import { gunzipSync } from "node:zlib";
import type { Clock } from "../../base/clock.ts";
import { AmbitError, fault } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";

/** What is left of the connection cannot be trusted after a body that was not read to its end. */
const CLOSE = { connection: "close" } as const;

/** Throws BODY_TOO_LARGE, REQUEST_TIMEOUT, UNSUPPORTED_MEDIA_TYPE, MALFORMED_BODY. */
export async function readBody(request: Request, limits: Pick<Limits, "bodyBytes" | "requestMs">, clock: Clock): Promise<Uint8Array> {
  const coding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (coding !== "identity" && coding !== "gzip" && coding !== "x-gzip" && coding !== "") {
    throw fault("UNSUPPORTED_MEDIA_TYPE", "The Content-Encoding is not known.", { fix: "Send the body as it is, or with gzip.", headers: { "accept-encoding": "gzip", ...CLOSE } });
  }
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > limits.bodyBytes) throw tooLarge(limits.bodyBytes);
  if (request.body === null) return new Uint8Array(0);
  const bytes = await withinTime(length === null ? readStream(request.body, limits.bodyBytes) : request.bytes(), limits.requestMs, clock);
  if (bytes.length > limits.bodyBytes) throw tooLarge(limits.bodyBytes);
  return coding === "gzip" || coding === "x-gzip" ? unzip(bytes, limits.bodyBytes) : bytes;
}

async function readStream(stream: ReadableStream<Uint8Array>, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

async function withinTime(reading: Promise<Uint8Array>, requestMs: number, clock: Clock): Promise<Uint8Array> {
  let cancel = (): void => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.schedule(requestMs, () => reject(fault("REQUEST_TIMEOUT", `The body did not arrive within ${requestMs} ms.`, { headers: CLOSE })));
  });
  try {
    return await Promise.race([reading, late]);
  } catch (error) {
    if (error instanceof AmbitError) throw error;
    throw fault("MALFORMED_BODY", "The connection ended before the body was complete.", { cause: error, headers: CLOSE });
  } finally {
    cancel();
    // The loser of the race may still fail; nobody waits for it any more.
    reading.catch(() => {});
  }
}

function unzip(bytes: Uint8Array, bytesMax: number): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: bytesMax });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(bytesMax);
    throw fault("MALFORMED_BODY", "The body is not valid gzip.", { cause: error });
  }
}

function tooLarge(bytesMax: number): AmbitError {
  return fault("BODY_TOO_LARGE", `The body is larger than ${bytesMax} bytes.`, { headers: CLOSE });
}
