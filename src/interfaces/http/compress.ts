// Compresses an answer's body when the client can read it and it is worth it. Large bodies leave the event loop meanwhile.
import { promisify } from "node:util";
import { brotliCompress, brotliCompressSync, constants, gzip, gzipSync } from "node:zlib";
import { chooseCoding } from "./accept.ts";
import type { Answer } from "./exchange.ts";

/** Smaller bodies go out as they are: one packet either way. */
const SMALLEST_BYTES = 1_024;
/** Larger ones would hold the event loop for more than about a millisecond. */
const LARGEST_AT_ONCE_BYTES = 65_536;
const GZIP = { level: 5 };

const gzipLater = promisify(gzip) as (bytes: Uint8Array, options: typeof GZIP) => Promise<Uint8Array>;
const brotliLater = promisify(brotliCompress) as (bytes: Uint8Array, options: ReturnType<typeof brotliOptions>) => Promise<Uint8Array>;

/** The answer itself, or the compressed one: a strong ETag gets the coding as a suffix. */
export function compress(answer: Answer, acceptEncoding: string | null): Answer | Promise<Answer> {
  const { headers } = answer;
  const whole = answer.body;
  if (whole === null || whole.length < SMALLEST_BYTES || headers["content-encoding"] !== undefined) return answer;
  const coding = chooseCoding(acceptEncoding);
  if (coding === null) return answer;
  const bytes = typeof whole === "string" ? Buffer.from(whole) : whole;
  headers["content-encoding"] = coding;
  const tag = headers["etag"];
  if (tag !== undefined && tag.startsWith('"')) headers["etag"] = `${tag.slice(0, -1)}-${coding}"`;
  if (bytes.length > LARGEST_AT_ONCE_BYTES) {
    return (coding === "br" ? brotliLater(bytes, brotliOptions(bytes)) : gzipLater(bytes, GZIP)).then((body) => ({ status: answer.status, headers, body }));
  }
  return { status: answer.status, headers, body: coding === "br" ? brotliCompressSync(bytes, brotliOptions(bytes)) : gzipSync(bytes, GZIP) };
}

function brotliOptions(bytes: Uint8Array): { params: Record<number, number> } {
  return { params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
}
