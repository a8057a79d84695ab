// Reads a request's body whole: bounded in size and time, decompressed within the same bound. Nothing is kept of a refused one.
import { gunzipSync } from "node:zlib";
import type { Clock } from "../../base/clock.ts";
import { AmbitError, fault } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";

export interface BodyReading {
  readonly limits: Pick<Limits, "bodyBytes" | "requestMs">;
  readonly clock: Clock;
  /** Told of bytes before they are kept; throws OVERLOADED. */
  hold(bytes: number): void;
}

/** What is left of the connection cannot be trusted after a body that was not read to its end. */
const CLOSE = { connection: "close" } as const;
/** A body that says to be no larger is read in one piece. */
const ONE_PIECE_BYTES = 65_536;

/** Throws BODY_TOO_LARGE, REQUEST_TIMEOUT, UNSUPPORTED_MEDIA_TYPE, MALFORMED_BODY, OVERLOADED. */
export async function readBody(request: Request, reading: BodyReading): Promise<Uint8Array> {
  const coding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (coding !== "identity" && coding !== "gzip" && coding !== "x-gzip" && coding !== "") {
    throw fault("UNSUPPORTED_MEDIA_TYPE", "The Content-Encoding is not known.", { fix: "Send the body as it is, or with gzip.", headers: { "accept-encoding": "gzip", ...CLOSE } });
  }
  const { bodyBytes } = reading.limits;
  const header = request.headers.get("content-length");
  const length = header === null ? Infinity : Number(header);
  if (header !== null && length > bodyBytes) throw tooLarge(bodyBytes);
  if (request.body === null) return new Uint8Array(0);
  const bytes = await withinTime(length <= ONE_PIECE_BYTES ? readPiece(request, length, reading) : readStream(request.body, reading), reading);
  return coding === "gzip" || coding === "x-gzip" ? unzip(bytes, reading) : bytes;
}

function readPiece(request: Request, length: number, reading: BodyReading): Promise<Uint8Array> {
  reading.hold(length);
  return request.bytes();
}

/** Counts what came, not what was announced: a slow client holds only what it sent. */
async function readStream(stream: ReadableStream<Uint8Array>, reading: BodyReading): Promise<Uint8Array> {
  const { bodyBytes } = reading.limits;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > bodyBytes) throw tooLarge(bodyBytes);
    reading.hold(chunk.length);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
}

async function withinTime(work: Promise<Uint8Array>, { limits, clock }: BodyReading): Promise<Uint8Array> {
  let cancel = (): void => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.schedule(limits.requestMs, () => reject(fault("REQUEST_TIMEOUT", `The body did not arrive within ${limits.requestMs} ms.`, { headers: CLOSE })));
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    if (error instanceof AmbitError) throw error;
    throw fault("MALFORMED_BODY", "The connection ended before the body was complete.", { cause: error, headers: CLOSE });
  } finally {
    cancel();
    // The loser of the race may still fail; nobody waits for it any more.
    work.catch(() => {});
  }
}

function unzip(bytes: Uint8Array, { limits, hold }: BodyReading): Uint8Array {
  let whole: Uint8Array;
  try {
    whole = gunzipSync(bytes, { maxOutputLength: limits.bodyBytes });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(limits.bodyBytes);
    throw fault("MALFORMED_BODY", "The body is not valid gzip.", { cause: error });
  }
  hold(whole.length);
  return whole;
}

function tooLarge(bytesMax: number): AmbitError {
  return fault("BODY_TOO_LARGE", `The body is larger than ${bytesMax} bytes.`, { headers: CLOSE });
}
