// Splits text into search tokens exactly as SQLite's FTS5 does with `unicode61 remove_diacritics 2`. No queries here.
import { droppedRanges, foldRuns, tokenRanges } from "./text-token-tables.ts";

interface Classes {
  /** Sorted pairs of first and last code point. */
  readonly tokens: readonly number[];
  readonly dropped: readonly number[];
  readonly folds: ReadonlyMap<number, number>;
}

let decoded: Classes | null = null;

/** The tokens of `text` in order: folded, without diacritics. A token's index in the list is its FTS5 position. */
export function tokenize(text: string): string[] {
  const tokens: string[] = [];
  let current = "";
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const folded = code < 0x80 ? foldAscii(code) : foldOther(code, character);
    if (folded !== null && (folded !== "" || current !== "")) current += folded;
    else if (current !== "") {
      tokens.push(current);
      current = "";
    }
  }
  if (current !== "") tokens.push(current);
  return tokens;
}

/** Null: a separator. */
function foldAscii(code: number): string | null {
  if ((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39)) return String.fromCharCode(code);
  return code >= 0x41 && code <= 0x5a ? String.fromCharCode(code + 0x20) : null;
}

/** Null: a separator. Empty: a mark that vanishes inside a token; it cannot begin one. */
function foldOther(code: number, character: string): string | null {
  decoded ??= { tokens: decodeRanges(tokenRanges), dropped: decodeRanges(droppedRanges), folds: decodeFolds(foldRuns) };
  if (within(decoded.tokens, code)) {
    const folded = decoded.folds.get(code);
    return folded === undefined ? character : String.fromCodePoint(folded);
  }
  return within(decoded.dropped, code) ? "" : null;
}

function within(ranges: readonly number[], code: number): boolean {
  let low = 0;
  let high = ranges.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (code < ranges[2 * middle]!) high = middle - 1;
    else if (code > ranges[2 * middle + 1]!) low = middle + 1;
    else return true;
  }
  return false;
}

function decodeRanges(text: string): number[] {
  const ranges: number[] = [];
  let next = 0x80;
  for (const part of text.split(" ")) {
    const [gap = "", length = "0"] = part.split(".");
    const first = next + Number.parseInt(gap, 36);
    const last = first + Number.parseInt(length, 36);
    ranges.push(first, last);
    next = last + 1;
  }
  return ranges;
}

function decodeFolds(text: string): Map<number, number> {
  const folds = new Map<number, number>();
  let next = 0x80;
  for (const [, gap = "", kind, count, target = ""] of text.matchAll(/(\w+)([.:=])(\w*)>(\w+)/g)) {
    const first = next + Number.parseInt(gap, 36);
    const step = kind === ":" ? 2 : 1;
    const length = count === "" || count === undefined ? 1 : Number.parseInt(count, 36);
    for (let index = 0; index < length; index++) {
      folds.set(first + index * step, Number.parseInt(target, 36) + (kind === "=" ? 0 : index * step));
    }
    next = first + (length - 1) * step + 1;
  }
  return folds;
}
