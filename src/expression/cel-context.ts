// What the CEL compiler's parts share: the place of the expression, what is known of each value, and how problems are reported.
import { didYouMean, type Diagnostic, type TextEdit } from "../base/diagnostic.ts";
import type { ErrorCode } from "../base/error-registry.ts";
import type { Catalog, Cel, InputField, Table } from "../schema/catalog.ts";
import type { CelNode, CelRange } from "./cel-ast.ts";
import { celEdit, celPosition } from "./cel-position.ts";
import type { Expression, ExpressionType } from "./expression.ts";

/** What an expression may look at, by where it stands in the schema. */
export interface CelPlace {
  readonly catalog: Catalog;
  /** By name: `record`, and `old` where there is one. */
  readonly rows: ReadonlyMap<string, Table>;
  readonly auth: boolean;
  /** Arguments of a callable, else null. */
  readonly input: ReadonlyMap<string, InputField> | null;
  /** Values by their own name, as the bounds of a decision have them: its output, its contexts. */
  readonly values?: ReadonlyMap<string, Pick<InputField, "type">>;
  /** Why `record` or `old` is not there, for who names it. */
  readonly absent: Readonly<Record<string, string>>;
}

/** Strings that must be one of a known set. */
export type Domain = { readonly kind: "enum"; readonly name: string } | { readonly kind: "role" };

export interface Typed {
  readonly expression: Expression;
  readonly type: ExpressionType;
  /** Of a string, or of a list's items. */
  readonly domain: Domain | null;
  readonly node: CelNode;
}

export interface Problem {
  /** One sentence. */
  readonly message: string;
  /** One sentence. */
  readonly fix: string;
  readonly code?: ErrorCode;
  readonly why?: string;
  readonly edits?: readonly (CelRange & { readonly text: string })[];
}

export interface CelContext {
  readonly place: CelPlace;
  /** Variables of the quantifiers around. */
  readonly items: ReadonlyMap<string, { readonly type: ExpressionType; readonly domain: Domain | null }>;
  /** Where each expression begins in the source. */
  readonly starts: Map<Expression, CelRange>;
  /** Reports; the part has no value then. */
  fail(range: CelRange, problem: Problem): null;
  /** Null where a problem was reported. */
  compile(node: CelNode, context: CelContext): Typed | null;
}

const WHY = "A rule that does not compile cannot be enforced, so the app does not start.";

export function celDiagnostic(cel: Cel, range: CelRange, problem: Problem): Diagnostic {
  const edits = (problem.edits ?? []).map((edit) => celEdit(cel, edit, edit.text));
  return {
    code: problem.code ?? "CEL_TYPE", severity: "error", position: celPosition(cel, range.start),
    message: problem.message, why: problem.why ?? WHY, fix: problem.fix,
    edits: edits.includes(null) ? [] : (edits as TextEdit[]),
  };
}

/** An unknown name, with the nearest known one as the fix. `range` is the name's own; `what` stands right before it. */
export function unknownName(context: CelContext, range: CelRange, names: { readonly what: string; readonly name: string; readonly known: Iterable<string> }): null {
  const known = [...names.known];
  const meant = didYouMean(names.name, known);
  const fix = meant !== null ? `Did you mean ${meant}?` : known.length === 0 ? "Remove it." : `Use one of: ${known.slice(0, 30).join(", ")}.`;
  return context.fail(range, { message: `${names.what}${names.name} does not exist.`, fix, edits: meant === null ? [] : [{ ...range, text: meant }] });
}

/** Wraps the text of a node. */
export function wrapped(node: CelNode, before: string, after: string): readonly (CelRange & { text: string })[] {
  return [{ start: node.start, end: node.start, text: before }, { start: node.end, end: node.end, text: after }];
}

export function sourceOf(node: CelNode): string {
  return node.input.slice(node.start, node.end);
}
