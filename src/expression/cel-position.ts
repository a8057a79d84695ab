// Places in CEL source to places in the schema file, through the escapes and indentation of SDL strings.
import type { SourcePosition, TextEdit } from "../base/diagnostic.ts";
import type { Cel } from "../schema/catalog.ts";
import type { CelRange } from "./cel-ast.ts";

/** Where a character of the source stands in the file; as near as can be known where the raw text is not. */
export function celPosition(cel: Cel, offset: number): SourcePosition {
  const raw = cel.raw ?? rawGuess(cel.source);
  const at = rawOffset(cel.source, raw, Math.min(offset, cel.source.length));
  const before = raw.slice(0, at);
  const lineStart = before.lastIndexOf("\n") + 1;
  const lines = before.split("\n").length - 1;
  return { file: cel.position.file, line: cel.position.line + lines, column: lines === 0 ? cel.position.column + at : at - lineStart + 1 };
}

/** Replaces a range of the source in the file; null where its place there is not certain. */
export function celEdit(cel: Cel, range: CelRange, text: string): TextEdit | null {
  if (cel.raw === undefined && /["\\\n\r\t]/.test(cel.source)) return null;
  const [start, end] = [celPosition(cel, range.start), celPosition(cel, range.end)];
  return { file: start.file, start: { line: start.line, column: start.column }, end: { line: end.line, column: end.column }, text };
}

/** A one-line string with its escapes, or a block string whose indentation is lost. */
function rawGuess(source: string): string {
  return source.includes("\n") ? source : source.replace(/["\\]/g, (mark) => `\\${mark}`);
}

function rawOffset(source: string, raw: string, offset: number): number {
  if (raw === source) return offset;
  return isBlock(raw) ? blockOffset(source, raw, offset) : escapedOffset(raw, offset);
}

function isBlock(raw: string): boolean {
  return raw.includes("\n") || /(^|[^\\])(\\\\)*"/.test(raw);
}

/** Each line of the source is the end of its raw line; `\"""` counts as three. */
function blockOffset(source: string, raw: string, offset: number): number {
  const before = source.slice(0, offset).split("\n");
  const sourceLines = source.split("\n");
  const rawLines = raw.split("\n");
  const first = Math.max(0, rawLines.findIndex((line) => line.trim() !== ""));
  const line = before.length - 1;
  const rawLine = (rawLines[first + line] ?? "").replace(/\r$/, "");
  const unescaped = rawLine.replaceAll('\\"""', '"""');
  const indent = Math.max(0, unescaped.length - (sourceLines[line] ?? "").replace(/\r$/, "").length);
  const lineStart = rawLines.slice(0, first + line).reduce((sum, one) => sum + one.length + 1, 0);
  const column = indent + before[line]!.length;
  const escapes = rawLine.slice(0, column).split('\\"""').length - 1;
  return lineStart + column + escapes;
}

function escapedOffset(raw: string, offset: number): number {
  let at = 0;
  for (let units = 0; units < offset && at < raw.length; units++) {
    const escape = /^\\(?:u\{([0-9A-Fa-f]+)\}|u[0-9A-Fa-f]{4}|.)/.exec(raw.slice(at, at + 12));
    if (escape?.[1] !== undefined && Number.parseInt(escape[1], 16) > 0xffff) units++;
    at += escape?.[0].length ?? 1;
  }
  return at;
}
