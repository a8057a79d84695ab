// CEL text to its syntax tree, through the one CEL library. Nothing of that library is seen outside this file but the tree.
import { parse, ParseError, type ASTNode } from "@marcbachmann/cel-js";

export type CelNode = ASTNode;
export type CelOf<Op extends CelNode["op"]> = Extract<CelNode, { op: Op }>;

/** Offsets in the CEL source. */
export interface CelRange { readonly start: number; readonly end: number }

export type ParsedCel = { readonly node: CelNode; readonly problem: null } | { readonly node: null; readonly problem: CelRange & { readonly message: string } };

const SOURCE_LENGTH_MAX = 10_000;

export function parseCel(source: string): ParsedCel {
  if (source.length > SOURCE_LENGTH_MAX) return failed(`An expression has at most ${SOURCE_LENGTH_MAX} characters.`, { start: 0, end: 0 });
  if (source.trim() === "") return failed("The expression is empty.", { start: 0, end: 0 });
  try {
    return { node: parse(source).ast, problem: null };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return failed(sentence(error.summary), error.range ?? { start: 0, end: 0 });
  }
}

function failed(message: string, { start, end }: CelRange): ParsedCel {
  return { node: null, problem: { message, start, end } };
}

/** The library's tokens as they are written. */
function sentence(summary: string): string {
  const text = summary.replace("Unexpected token: EOF", "The expression ends too early").replace("got EOF", "but the expression ends");
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** The name of a called function or method, else null. */
export function calledName(node: CelNode): string | null {
  return node.op === "call" || node.op === "rcall" ? node.args[0] : null;
}
