// One CEL source to one typed expression of the type that its place expects, with all problems that it has.
import type { Diagnostic } from "../base/diagnostic.ts";
import { unreachable } from "../base/assert.ts";
import type { Cel } from "../schema/catalog.ts";
import { parseCel, type CelNode, type CelRange } from "./cel-ast.ts";
import { celDiagnostic, type CelContext, type CelPlace, type Typed } from "./cel-context.ts";
import { fitted, type Expected } from "./cel-convert.ts";
import { compileCall } from "./cel-functions.ts";
import { compileName } from "./cel-names.ts";
import { compileArithmetic, compileComparison, compileConditional, compileIn, compileJunction, compileList, compileLiteral, compileNegation, compileNot } from "./cel-operators.ts";
import type { Expression } from "./expression.ts";
import { foreignOperator } from "./foreign-operator.ts";

export interface CompiledCel {
  /** Null if and only if there are diagnostics. */
  readonly expression: Expression | null;
  readonly diagnostics: readonly Diagnostic[];
  /** Where a part of the expression stands in the source. */
  rangeOf(part: Expression): CelRange;
}

export function compileCel(cel: Cel, place: CelPlace, expected: Expected): CompiledCel {
  const { node, context, diagnostics } = parsed(cel, place);
  const { starts } = context;
  const value = node === null ? null : compile(node, context);
  const expression = value === null ? null : fitted(value, expected, context);
  return {
    expression: diagnostics.length > 0 ? null : expression,
    diagnostics,
    rangeOf: (part) => starts.get(part) ?? { start: 0, end: cel.source.length },
  };
}

/** Of whatever type it has. */
export function compileAnyCel(cel: Cel, place: CelPlace): { readonly typed: Typed | null; readonly diagnostics: readonly Diagnostic[] } {
  const { node, context, diagnostics } = parsed(cel, place);
  const typed = node === null ? null : compile(node, context);
  return { typed: diagnostics.length > 0 ? null : typed, diagnostics };
}

function parsed(cel: Cel, place: CelPlace): { readonly node: CelNode | null; readonly context: CelContext; readonly diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const context: CelContext = {
    place, starts: new Map(), items: new Map(), compile,
    fail(range, problem) {
      diagnostics.push(celDiagnostic(cel, range, problem));
      return null;
    },
  };
  const { node, problem } = parseCel(cel.source);
  if (problem !== null) failSyntax(cel.source, problem, context);
  return { node, context, diagnostics };
}

function failSyntax(source: string, problem: CelRange & { readonly message: string }, context: CelContext): void {
  const foreign = foreignOperator(source, problem);
  if (foreign === null) context.fail(problem, { message: problem.message, fix: "Correct the syntax of the expression." });
  else context.fail(foreign, { message: `Rules have no operator ${foreign.written}.`, fix: foreign.fix, edits: foreign.meant === null ? [] : [{ start: foreign.start, end: foreign.end, text: foreign.meant }] });
}

function compile(node: CelNode, context: CelContext): Typed | null {
  switch (node.op) {
    case "value": return compileLiteral(node, context);
    case "id": case ".": case "[]": return compileName(node, context);
    case "call": case "rcall": return compileCall(node, context);
    case "&&": case "||": return compileJunction(node, context);
    case "!_": return compileNot(node, context);
    case "-_": return compileNegation(node, context);
    case "?:": return compileConditional(node, context);
    case "==": case "!=": case "<": case "<=": case ">": case ">=": return compileComparison(node, context);
    case "in": return compileIn(node, context);
    case "+": case "-": case "*": case "/": case "%": return compileArithmetic(node, context);
    case "list": return compileList(node, context);
    case "map": return context.fail(node, { message: "Rules have no maps.", fix: "Compare the fields one by one." });
    case ".?": case "[?]": return context.fail(node, { message: "Rules have no optional values; what is absent is null.", fix: "Write an ordinary field access." });
    default: return unreachable(node);
  }
}
