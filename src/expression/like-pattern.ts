// SQL LIKE as rules and filters mean it: % any text, _ one code point, backslash escapes. The one engine for memory and ambit_like.
import { foldCase } from "../base/text.ts";

export interface LikePattern {
  matches(text: string): boolean;
  /** The text that every match begins with. */
  readonly prefix: string;
  /** exact: the prefix alone. prefix: the prefix and anything. */
  readonly shape: "exact" | "prefix" | "other";
}

/** Between two `%`. `null` stands for `_`. */
type Segment = readonly (string | null)[];

const CACHE_MAX = 1_000;
/** Pieces of a segment that must be searched for; keeps a match near linear time. */
const PIECES_MAX = 64;

/** With `fold` pattern and text are compared case-folded, and `prefix` is folded. */
export const likePattern = likeCompiler();

function likeCompiler(): (pattern: string, fold: boolean) => LikePattern {
  const cache = new Map<string, LikePattern>();
  return (pattern, fold) => {
    const key = (fold ? "i" : "c") + pattern;
    let known = cache.get(key);
    if (known === undefined) {
      known = compile(pattern, fold);
      if (cache.size >= CACHE_MAX) cache.delete(cache.keys().next().value!);
      cache.set(key, known);
    }
    return known;
  };
}

function compile(pattern: string, fold: boolean): LikePattern {
  const segments = segmentsOf(fold ? foldCase(pattern) : pattern);
  const first = segments[0]!;
  const prefix = typeof first[0] === "string" ? first[0] : "";
  const plain = first.length === 0 || (first.length === 1 && first[0] !== null);
  const shape = plain && segments.length === 1 ? "exact" : plain && segments.length === 2 && segments[1]!.length === 0 ? "prefix" : "other";
  const bounded = isBounded(segments);
  return { prefix, shape, matches: (text) => bounded && matchSegments(segments, fold ? foldCase(text) : text) };
}

/** Why a pattern matches nothing, as a sentence, or null. */
export function likeProblem(pattern: string): string | null {
  return isBounded(segmentsOf(pattern)) ? null : `Between two % a pattern has at most ${PIECES_MAX} characters _ and pieces of text.`;
}

function isBounded(segments: readonly Segment[]): boolean {
  return segments.every((segment) => segment.length <= PIECES_MAX);
}

function segmentsOf(pattern: string): Segment[] {
  const segments: (string | null)[][] = [[]];
  let literal = "";
  const flush = (): void => {
    if (literal !== "") segments.at(-1)!.push(literal);
    literal = "";
  };
  for (let index = 0; index < pattern.length; index++) {
    const mark = pattern[index]!;
    if (mark === "%") {
      flush();
      segments.push([]);
    } else if (mark === "_") {
      flush();
      segments.at(-1)!.push(null);
    } else literal += mark === "\\" && index + 1 < pattern.length ? pattern[++index]! : mark;
  }
  flush();
  return segments;
}

/** The first segment at the start, the last at the end, those between as far left as they go. */
function matchSegments(segments: readonly Segment[], text: string): boolean {
  let at = matchAt(segments[0]!, text, 0);
  if (at < 0) return false;
  if (segments.length === 1) return at === text.length;
  for (let index = 1; index < segments.length - 1; index++) {
    at = find(segments[index]!, text, at);
    if (at < 0) return false;
  }
  return matchesEnd(segments.at(-1)!, text, at);
}

/** Where the segment ends that begins at `at`, or -1. */
function matchAt(segment: Segment, text: string, at: number): number {
  let end = at;
  for (const part of segment) {
    if (part === null) {
      if (end >= text.length) return -1;
      end += characterLength(text, end);
    } else if (text.startsWith(part, end)) end += part.length;
    else return -1;
  }
  return end;
}

function find(segment: Segment, text: string, from: number): number {
  const first = segment[0];
  for (let at = from; at <= text.length; at++) {
    if (typeof first === "string") {
      at = text.indexOf(first, at);
      if (at < 0) return -1;
    }
    const end = isBoundary(text, at) ? matchAt(segment, text, at) : -1;
    if (end >= 0) return end;
  }
  return -1;
}

function matchesEnd(segment: Segment, text: string, from: number): boolean {
  let at = text.length;
  for (let index = segment.length - 1; index >= 0; index--) {
    const part = segment[index]!;
    if (part === null) at -= at > 0 && isBoundary(text, at - 1) ? 1 : 2;
    else if (text.endsWith(part, at)) at -= part.length;
    else return false;
    if (at < from) return false;
  }
  return true;
}

function characterLength(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1;
}

/** False in the middle of a surrogate pair. */
function isBoundary(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return !(unit >= 0xdc00 && unit <= 0xdfff);
}
