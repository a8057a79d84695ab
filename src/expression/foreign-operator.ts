// Operators of SQL, JavaScript and Python where a rule expected one of CEL's. For the message only: nothing is read as if it were right.
import type { CelRange } from "./cel-ast.ts";

export interface ForeignOperator extends CelRange {
  /** As it stands in the source. */
  readonly written: string;
  /** What to write. */
  readonly fix: string;
  /** What may stand in its place; null where more than the operator changes. */
  readonly meant: string | null;
}

const MEANT: ReadonlyMap<string, string> = new Map([
  ["=", "=="], ["===", "=="], ["!==", "!="], ["<>", "!="], ["=>", ">="], ["=<", "<="], ["&", "&&"], ["|", "||"],
  ["and", "&&"], ["or", "||"], ["is null", "== null"], ["is not null", "!= null"], ["not", "!"],
]);
const REWRITTEN: ReadonlyMap<string, string> = new Map([
  ["not in", "Write !(VALUE in LIST)."], ["like", "Use startsWith, contains, endsWith or matches."], ["ilike", "Use lower with startsWith, contains or endsWith."],
  ["between", "Write VALUE >= LOW && VALUE <= HIGH."], ["??", "Write VALUE == null ? OTHER : VALUE."], ["?.", "Write an ordinary field access: what is absent is null."],
]);
const SYMBOLS = /[=!<>&|?]/;

/** `problem`: where the parser stopped. */
export function foreignOperator(source: string, problem: CelRange): ForeignOperator | null {
  const found = wordAt(source, problem.start) ?? symbolsAt(source, problem.start) ?? notBefore(source, problem.start);
  if (found === null) return null;
  const written = source.slice(found.start, found.end);
  const name = written.toLowerCase().replace(/\s+/g, " ").trim();
  const meant = MEANT.get(name) ?? null;
  const fix = meant === null ? REWRITTEN.get(name) : `Write ${meant}.`;
  return fix === undefined ? null : { ...found, written: name, fix, meant };
}

function wordAt(source: string, start: number): CelRange | null {
  const word = /^(?:is\s+not\s+null|is\s+null|not\s+in|and|or|like|ilike|between)\b/i.exec(source.slice(start));
  return word === null ? null : { start, end: start + word[0].length };
}

function symbolsAt(source: string, at: number): CelRange | null {
  if (source.slice(at - 1, at + 1) === "?.") return { start: at - 1, end: at + 1 };
  if (!SYMBOLS.test(source[at] ?? "")) return null;
  let [start, end] = [at, at + 1];
  while (SYMBOLS.test(source[start - 1] ?? "")) start -= 1;
  while (SYMBOLS.test(source[end] ?? "")) end += 1;
  return { start, end };
}

/** `not` reads as a name, so the parser stops behind it. */
function notBefore(source: string, at: number): CelRange | null {
  const word = /\bnot\s+$/i.exec(source.slice(0, at));
  return word === null ? null : { start: word.index, end: at };
}
