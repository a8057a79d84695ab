// The request's URL taken apart by hand and decoded strictly: nothing is guessed, nothing malformed passes.
import { fault } from "../../base/error.ts";

export interface RequestTarget {
  /** As sent, percent-encoded. */
  readonly path: string;
  /** Decoded. `/a/b%2Fc` has the segments `a` and `b/c`. */
  readonly segments: readonly string[];
  /** As sent, without the question mark. */
  readonly query: string;
}

/** `url` is absolute, or only a path where a client named no host. Throws URL_TOO_LONG and MALFORMED_URL. */
export function readTarget(url: string, urlBytes: number): RequestTarget {
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3);
  if (url.length - start > urlBytes) throw fault("URL_TOO_LONG", `The URL is longer than ${urlBytes} bytes.`);
  if (start < 0 || url.includes("#")) throw fault("MALFORMED_URL", "The URL holds a fragment or no path.");
  const question = url.indexOf("?", start);
  const path = question < 0 ? url.slice(start) : url.slice(start, question);
  const segments = path.slice(1).split("/");
  if (path.includes("%")) for (let index = 0; index < segments.length; index++) segments[index] = decodePart(segments[index]!);
  return { path, segments, query: question < 0 ? "" : url.slice(question + 1) };
}

/** Names and values of a query in their order. Throws MALFORMED_URL. */
export function readQuery(query: string): (readonly [string, string])[] {
  if (query === "") return [];
  const pairs: (readonly [string, string])[] = [];
  for (const part of query.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = equals < 0 ? part : part.slice(0, equals);
    pairs.push([decodeQueryPart(name), equals < 0 ? "" : decodeQueryPart(part.slice(equals + 1))]);
  }
  return pairs;
}

function decodeQueryPart(part: string): string {
  return decodePart(part.includes("+") ? part.replaceAll("+", " ") : part);
}

function decodePart(part: string): string {
  if (!part.includes("%")) return part;
  let text: string;
  try {
    text = decodeURIComponent(part);
  } catch {
    throw fault("MALFORMED_URL", "A percent-encoding in the URL is not valid UTF-8.");
  }
  if (text.includes("\0")) throw fault("MALFORMED_URL", "The URL holds the character U+0000.");
  return text;
}
