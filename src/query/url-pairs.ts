// Decodes a raw query string into its pairs, strictly: each must be percent-encoded UTF-8. Knows no parameter's meaning.
import { fault } from "../base/error.ts";
import { isWellFormedText } from "../base/text.ts";

/** `query` is the text after `?`, without it. `+` is a space. Throws MALFORMED_URL. */
export function urlPairs(query: string): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (const part of query.split("&")) {
    if (part !== "") pairs.push(urlPair(part));
  }
  return pairs;
}

/** Of one part between two `&`. */
export function urlPair(part: string): readonly [string, string] {
  const equals = part.indexOf("=");
  return equals < 0 ? [decodeText(part), ""] : [decodeText(part.slice(0, equals)), decodeText(part.slice(equals + 1))];
}

const AS_IT_STANDS = /^[A-Za-z0-9_.,:()*-]*$/;

export function decodeText(text: string): string {
  if (AS_IT_STANDS.test(text)) return text;
  let decoded: string;
  try {
    decoded = decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw fault("MALFORMED_URL", "The query string is not percent-encoded UTF-8.", { fix: "Encode each name and value with encodeURIComponent." });
  }
  if (!isWellFormedText(decoded)) throw fault("MALFORMED_URL", "The query string contains a character that text must not have.");
  return decoded;
}
