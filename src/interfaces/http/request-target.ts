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

const SLASH = 47;
const QUESTION = 63;
const PERCENT = 37;

/** `url` is absolute, or only a path where a client named no host. Throws URL_TOO_LONG and MALFORMED_URL. */
export function readTarget(url: string, urlBytes: number): RequestTarget {
  const start = url.charCodeAt(0) === SLASH ? 0 : url.indexOf("/", url.indexOf("://") + 3);
  if (url.length - start > urlBytes) throw fault("URL_TOO_LONG", `The URL is longer than ${urlBytes} bytes.`);
  if (start < 0 || url.includes("#")) throw fault("MALFORMED_URL", "The URL holds a fragment or no path.");
  const segments: string[] = [];
  let encoded = false;
  let from = start + 1;
  let end = from;
  for (; end < url.length; end++) {
    const code = url.charCodeAt(end);
    if (code === SLASH) {
      segments.push(url.slice(from, end));
      from = end + 1;
    } else if (code === QUESTION) break;
    else if (code === PERCENT) encoded = true;
  }
  segments.push(url.slice(from, end));
  if (encoded) for (let index = 0; index < segments.length; index++) segments[index] = decodePart(segments[index]!);
  return { path: url.slice(start, end), segments, query: end === url.length ? "" : url.slice(end + 1) };
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
