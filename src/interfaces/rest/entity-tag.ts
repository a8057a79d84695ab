// ETags: a record's version as a strong tag, anything else as a weak tag over its body; and the headers that compare them.
import { fault } from "../../base/error.ts";
import type { JsonText } from "../../resources/operation.ts";
import type { Precondition } from "../../tables/write.ts";

/** `suffix` names the media type where it is not JSON: two representations never share a strong tag. */
export function versionTag(version: number, suffix: string): string {
  return suffix === "" ? `"v${version}"` : `"v${version}-${suffix}"`;
}

export function bodyTag(body: string): string {
  return `W/"${Bun.hash(body).toString(36)}"`;
}

const tagsOfKept = new WeakMap<JsonText, string>();

/** The same of an answer that is kept, and will be asked for again: worked out once. */
export function keptTag(body: JsonText): string {
  let tag = tagsOfKept.get(body);
  if (tag === undefined) tagsOfKept.set(body, tag = bodyTag(body.text));
  return tag;
}

/** A list of tags as sent, or `*`. */
export type TagList = "*" | readonly string[];

const TAG = /\s*((?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*")\s*(?:,|$)/y;

/** Null: the header is absent. Throws MALFORMED_HEADER. */
export function readTags(header: string | null, name: string): TagList | null {
  if (header === null) return null;
  const text = header.trim();
  if (text === "*") return "*";
  const tags: string[] = [];
  TAG.lastIndex = 0;
  while (TAG.lastIndex < text.length) {
    const match = TAG.exec(text);
    if (match === null) break;
    tags.push(match[1]!);
    if (TAG.lastIndex >= text.length) return tags;
  }
  throw fault("MALFORMED_HEADER", `${name} is not a list of entity tags.`, { where: name, fix: 'Send an ETag as it was received, with its quotes: "v42".' });
}

/** Of a write to one record. Only strong tags of ours can match: a weak or foreign one is a version that no record has. */
export function readPrecondition(ifMatch: string | null, ifNoneMatch: string | null): Precondition | null {
  if (ifMatch === null && ifNoneMatch === null) return null;
  return { ifMatch: versionsOf(readTags(ifMatch, "If-Match")), ifNoneMatch: versionsOf(readTags(ifNoneMatch, "If-None-Match")) };
}

function versionsOf(tags: TagList | null): readonly number[] | "*" | null {
  if (tags === null || tags === "*") return tags;
  return tags.map(versionOf).filter((version) => version !== null);
}

/** The version in a strong tag of ours, whatever its media type and coding. */
function versionOf(tag: string): number | null {
  const match = /^"v([0-9]{1,16})(?:-[a-z]+)*"$/.exec(tag);
  return match === null ? null : Number(match[1]);
}

/** Weak comparison (RFC 9110, 13.1.2): the tag of the list that matches, or null. A coding's suffix does not matter. */
export function matchingTag(tags: TagList, tag: string): string | null {
  if (tags === "*") return tag;
  const wanted = withoutWeakness(tag);
  return tags.find((one) => withoutWeakness(withoutCoding(one)) === wanted) ?? null;
}

function withoutWeakness(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag;
}

function withoutCoding(tag: string): string {
  return tag.replace(/-(?:gzip|br)"$/, '"');
}
