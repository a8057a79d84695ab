// /files: brings a file for a field, hands one out, whole or in part, and makes links to it. Bytes pass through piece by piece.
import { parseDuration, durationMs } from "../../base/duration.ts";
import { fault } from "../../base/error.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { OpenFile, Result } from "../../resources/operation.ts";
import type { FileValue } from "../../schema/file-type.ts";
import type { Table } from "../../schema/catalog.ts";
import type { Answer } from "../http/exchange.ts";
import { matchingTag, readTags } from "./entity-tag.ts";
import { fileHeaders } from "./file-headers.ts";
import { readByteRange, type ByteRange } from "./file-range.ts";
import { readArguments } from "./read-input.ts";
import { cacheControl, NEVER_STORED } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

export async function answerUpload(request: RestRequest, { table, field }: { readonly table: Table; readonly field: string }): Promise<Answer> {
  const { exchange } = request;
  refuseOtherForms(request);
  const name = parameter(request, ["name"]).get("name") ?? null;
  const length = exchange.header("content-length");
  const content = followed(exchange.incoming?.() ?? new Blob([]).stream(), () => exchange.unhurried());
  const result = await request.dispatch({ kind: "upload", table: table.name, field, content, length: length === null ? null : Number(length), name }, null);
  return { status: result.status, headers: { "content-type": "application/json", "cache-control": NEVER_STORED, location: (result.body as FileValue).url }, body: JSON.stringify(result.body) };
}

/** A client that stops sending is cut off by the idle timeout; once all is there, what is left is ours, a slow bucket say. */
function followed(source: ReadableStream<Uint8Array>, whenWhole: () => void): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = await reader.read() as { readonly done: boolean; readonly value?: Uint8Array };
      if (piece.value !== undefined) return controller.enqueue(piece.value);
      whenWhole();
      controller.close();
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

function refuseOtherForms({ exchange }: RestRequest): void {
  const coding = exchange.header("content-encoding");
  if (coding !== null && coding.trim().toLowerCase() !== "identity") throw fault("UNSUPPORTED_MEDIA_TYPE", "A file is taken as it is.", { fix: "Send it without Content-Encoding.", headers: { connection: "close" } });
  if (/^\s*multipart\//i.test(exchange.header("content-type") ?? "")) throw fault("UNSUPPORTED_MEDIA_TYPE", "The body is the file itself.", { fix: "Send the file as the body, and its name as ?name=.", headers: { connection: "close" } });
  if (exchange.header("idempotency-key") !== null) throw fault("MALFORMED_HEADER", "An upload needs no Idempotency-Key.", { where: "Idempotency-Key", fix: "Send it again: what no record refers to goes by itself.", headers: { connection: "close" } });
}

/** Those of the query, which has none but `known`. */
function parameter({ exchange }: RestRequest, known: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of urlPairs(exchange.query)) {
    if (!known.includes(name) || found.has(name)) throw fault("UNKNOWN_PARAMETER", `${name.slice(0, 100)} is no parameter of this path, or stands twice.`, { where: name.slice(0, 100) });
    found.set(name, value);
  }
  return found;
}

export async function answerFile(request: RestRequest, id: string): Promise<Answer> {
  const given = parameter(request, ["expires", "signature"]);
  const [expires, signature] = [given.get("expires"), given.get("signature")];
  const isLink = expires !== undefined && signature !== undefined && /^[0-9]{1,12}$/.test(expires);
  if (given.size > 0 && !isLink) throw fault("MALFORMED_QUERY", "A link has expires and signature.", { fix: "Use the link as it was made." });
  const result = await request.dispatch({ kind: "file", id, link: isLink ? { expires: Number(expires), signature } : null }, null);
  return fileAnswer(request, result, result.file!);
}

async function fileAnswer(request: RestRequest, result: Result, file: OpenFile): Promise<Answer> {
  const { exchange } = request;
  const { size } = file.value;
  const headers: Record<string, string> = { ...fileHeaders(file.value), "cache-control": cacheControl(result) };
  const tag = headers["etag"]!;
  const ifMatch = readTags(exchange.header("if-match"), "If-Match");
  if (ifMatch !== null && ifMatch !== "*" && !ifMatch.includes(tag)) throw fault("PRECONDITION_FAILED", "The file is not the one in If-Match.", { headers: { etag: tag } });
  const ifNoneMatch = readTags(exchange.header("if-none-match"), "If-None-Match");
  if (ifNoneMatch !== null && matchingTag(ifNoneMatch, tag) !== null) {
    const { "content-type": _type, "content-disposition": _disposition, ...rest } = headers;
    return { status: 304, headers: rest, body: null };
  }
  const ifRange = exchange.header("if-range");
  // RFC 9110 knows ranges of GET alone.
  const range = exchange.method === "GET" && (ifRange === null || ifRange.trim() === tag) ? readByteRange(exchange.header("range"), size) : null;
  return range === null ? part(request, file, { status: 200, headers, range: { start: 0, end: size } })
    : part(request, file, { status: 206, headers: { ...headers, "content-range": `bytes ${range.start}-${range.end - 1}/${size}` }, range });
}

interface Part { readonly status: number; readonly headers: Record<string, string>; readonly range: ByteRange }

async function part({ exchange }: RestRequest, file: OpenFile, { status, headers, range }: Part): Promise<Answer> {
  const length = range.end - range.start;
  const told = { ...headers, "content-length": String(length) };
  if (exchange.method === "HEAD" || length === 0) return { status, headers: told, body: null };
  return { status, headers: told, body: null, stream: await file.open(range) };
}

/** Body: `{ "expires": "PT10M" }`, from now on. */
export async function answerLink(request: RestRequest, id: string): Promise<Answer> {
  const { input } = await readArguments(request.exchange);
  const { expires, ...more } = input;
  const duration = typeof expires === "string" ? parseDuration(expires) : null;
  if (duration === null || Object.keys(more).length > 0) throw fault("VALIDATION_FAILED", "The body says how long the link is good.", { where: "expires", fix: 'Send {"expires": "PT10M"}.' });
  const result = await request.dispatch({ kind: "file-link", id, forMs: durationMs(duration) }, null);
  return { status: 200, headers: { "content-type": "application/json", "cache-control": NEVER_STORED }, body: JSON.stringify(result.body) };
}
