// A schema file's text with places in it: offsets to lines and columns, and edits. Knows nothing of what the text means.
import { assert } from "../base/assert.ts";
import type { SourcePosition, TextEdit } from "../base/diagnostic.ts";

export interface SourceText {
  readonly file: string;
  readonly text: string;
  /** Offset of the first character of each line. */
  readonly lineStarts: readonly number[];
}

/** Anything graphql-js parsed; it always has a location unless told otherwise. */
export interface Located {
  readonly loc?: { readonly start: number; readonly end: number } | undefined;
}

export function sourceText(file: string, text: string): SourceText {
  const lineStarts = [0];
  for (const match of text.matchAll(/\r\n|\n|\r/g)) lineStarts.push(match.index + match[0].length);
  return { file, text, lineStarts };
}

export function startOf(node: Located): number {
  assert(node.loc !== undefined, "a parsed node has a location");
  return node.loc.start;
}

export function endOf(node: Located): number {
  assert(node.loc !== undefined, "a parsed node has a location");
  return node.loc.end;
}

/** Line and column, both from 1. */
export function placeAt(source: SourceText, offset: number): { readonly line: number; readonly column: number } {
  let low = 0;
  let high = source.lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (source.lineStarts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - source.lineStarts[low]! + 1 };
}

export function positionAt(source: SourceText, offset: number): SourcePosition {
  return { file: source.file, ...placeAt(source, offset) };
}

export function replaceText(source: SourceText, range: { readonly start: number; readonly end: number }, text: string): TextEdit {
  return { file: source.file, start: placeAt(source, range.start), end: placeAt(source, range.end), text };
}

export function insertText(source: SourceText, offset: number, text: string): TextEdit {
  return replaceText(source, { start: offset, end: offset }, text);
}
