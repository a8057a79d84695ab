// QueryText: a query in REST's grammar with holes, `Order/{input.orderId}?status=eq.{order.status}`. Split here into text and holes, purely
// textually; what the holes mean is compiled where their values are known. A hole is a value, never text.
import type { Cel } from "./catalog.ts";

export type TemplatePiece =
  | { readonly kind: "text"; readonly text: string }
  /** `{cel}`: the runtime's. */
  | { readonly kind: "value"; readonly cel: Cel }
  /** `{?name: Type}`: an argument that the model gives. `at`: of the hole in the source. */
  | { readonly kind: "argument"; readonly name: string; readonly type: string; readonly at: number };

export interface QueryTemplate {
  /** The whole text as written; `source` and positions as of a Cel. */
  readonly text: Cel;
  /** Null: a brace is open or empty, or a hole for the model is not written so. */
  readonly pieces: readonly TemplatePiece[] | null;
}

/** Each argument must be given: `Money!` says no more than `Money`. */
const ARGUMENT = /^\?([A-Za-z_]\w*)\s*:\s*([A-Za-z_]\w*)!?$/;

export function queryTemplate(text: Cel): QueryTemplate {
  const pieces: TemplatePiece[] = [];
  const { source } = text;
  let rest = 0;
  for (;;) {
    const open = source.indexOf("{", rest);
    if (open < 0) break;
    const close = closing(source, open);
    const inside = close < 0 ? "" : source.slice(open + 1, close).trim();
    if (inside === "") return { text, pieces: null };
    if (open > rest) pieces.push({ kind: "text", text: source.slice(rest, open) });
    const argument = ARGUMENT.exec(inside);
    if (argument === null && inside.startsWith("?")) return { text, pieces: null };
    if (argument !== null) pieces.push({ kind: "argument", name: argument[1]!, type: argument[2]!, at: open });
    else pieces.push({ kind: "value", cel: partOf(text, open + 1, close) });
    rest = close + 1;
  }
  if (rest < source.length) pieces.push({ kind: "text", text: source.slice(rest) });
  return { text, pieces };
}

/** Of the brace at `open`, texts in quotes apart; -1: none. */
function closing(source: string, open: number): number {
  let quote: string | null = null;
  for (let index = open + 1; index < source.length; index++) {
    const character = source[index]!;
    if (quote !== null) {
      if (character === "\\") index++;
      else if (character === quote) quote = null;
    } else if (character === "'" || character === '"') quote = character;
    else if (character === "}") return index;
  }
  return -1;
}

/** A hole as a Cel of its own, at its place where the text stands in the file as it is. */
function partOf({ source, position, raw }: Cel, start: number, end: number): Cel {
  const text = source.slice(start, end);
  if (raw !== undefined) return { source: text, position };
  const lines = source.slice(0, start).split("\n");
  const last = lines.at(-1)!;
  return { source: text, position: { ...position, line: position.line + lines.length - 1, column: lines.length === 1 ? position.column + last.length : last.length + 1 } };
}
