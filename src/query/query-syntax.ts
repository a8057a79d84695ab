// A query as it was written, in whatever grammar, before any name is resolved. REST and code both become this; build-plan.ts reads it.
import type { Catalog, TypeRef } from "../schema/catalog.ts";
import type { Value } from "../base/value.ts";
import type { Expression } from "../expression/expression.ts";
import type { Operator, State } from "./operators.ts";
import type { AggregateFunction, Cast } from "./plan.ts";

export interface FieldSyntax {
  readonly name: string;
  /** Keys and indexes inside it; empty: the field itself. */
  readonly path: readonly (string | number)[];
  /** The last step was `->>`. */
  readonly asText: boolean;
}

export type SelectSyntax =
  | { readonly kind: "all" }
  | { readonly kind: "field"; readonly alias: string | null; readonly field: FieldSyntax; readonly cast: Cast | null }
  /** `field` null: `count()`. `inputCast` is applied before, `cast` after. */
  | { readonly kind: "aggregate"; readonly alias: string | null; readonly field: FieldSyntax | null; readonly inputCast: Cast | null; readonly function: AggregateFunction; readonly cast: Cast | null }
  | EmbedSyntax;

export interface EmbedSyntax {
  readonly kind: "embed";
  readonly alias: string | null;
  readonly name: string;
  readonly hint: string | null;
  readonly inner: boolean;
  readonly spread: boolean;
  readonly items: readonly SelectSyntax[];
}

/** The right side of an operator. Its reader says which type it must be; each throws BAD_FILTER_VALUE when it is not. */
export interface Operand {
  value(type: TypeRef, catalog: Catalog): Exclude<Value, null>;
  /** Of `in` and of any/all. */
  items(): readonly Operand[];
  /** A pattern or search words. */
  text(): string;
  /** Of cs, cd and ov, and of equality with a list: `type` is a list or JSON. */
  set(type: TypeRef, catalog: Catalog): Exclude<Value, null>;
  state(): State;
  /** In place of `value`: a variable for it, if the plan can do without the value. */
  open?(type: TypeRef): Expression | null;
  /** In place of `text`, of `search`: a variable for what FTS5 is asked. */
  openWords?(): Expression;
}

export interface OperationSyntax {
  readonly negated: boolean;
  readonly operator: Operator;
  readonly quantifier: "any" | "all" | null;
  readonly operand: Operand;
}

export type ConditionSyntax =
  /** `where` is what an error names. */
  | { readonly kind: "filter"; readonly field: FieldSyntax; readonly operation: OperationSyntax; readonly where: string }
  | { readonly kind: "logic"; readonly operator: "and" | "or"; readonly negated: boolean; readonly operands: readonly ConditionSyntax[] }
  /** Some record that the relation leads to satisfies all of `operands`. */
  | { readonly kind: "related"; readonly relation: string; readonly operands: readonly ConditionSyntax[]; readonly where: string };

export interface OrderSyntax {
  /** A to-one relation whose field it is; null: a field of the table itself. */
  readonly relation: string | null;
  readonly field: FieldSyntax;
  readonly descending: boolean;
  readonly nulls: "first" | "last";
}

/** What shapes one level: the table itself (`path` empty), or the embed that the path of aliases or names leads to. */
export type LevelSyntax = { readonly path: readonly string[]; readonly where: string } & (
  | { readonly kind: "condition"; readonly condition: ConditionSyntax }
  | { readonly kind: "order"; readonly terms: readonly OrderSyntax[] }
  | { readonly kind: "limit" | "offset"; readonly count: number }
);
