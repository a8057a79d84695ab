// What the parts of the expression compiler share: rows, variables of quantifiers, binding, and which parts are bound whole.
import type { SqlValue } from "../base/value.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import type { Expression, ExpressionType, RowName } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { partsOf } from "../expression/inspect.ts";

/** closed: evaluated for each request (`auth`, `input`, now), then bound as `toSqlValue` says for its type. */
export type BindSlot =
  | { readonly kind: "value"; readonly value: SqlValue }
  | { readonly kind: "closed"; readonly expression: Expression };

export interface SqlContext {
  readonly catalog: Catalog;
  /** What expressions marked `present` read, where `catalog` is that of an earlier moment. */
  readonly presentCatalog?: Catalog | undefined;
  readonly book: ExpressionBook;
  /** By row name: the alias that it has in the statement, unquoted, and its table's name in the catalog. */
  readonly rows: Readonly<Record<RowName, SqlRowSource>>;
  /** The placeholder's text; numbered, since fragments are put together in any order. */
  bind(slot: BindSlot): string;
  /** An alias that nothing else in the statement has. */
  nextAlias(): string;
}

export interface SqlRowSource { readonly alias: string; readonly table: string }

/** A variable of a quantifier: the SQL of its value. */
export interface SqlItem { readonly sql: string; readonly type: ExpressionType }

export interface SqlScope extends SqlContext {
  readonly items: ReadonlyMap<string, SqlItem>;
  /** Quantifiers around. */
  readonly depth: number;
  compile(expression: Expression, scope: SqlScope): string;
}

export function tableNamed(scope: SqlContext, name: string): Table {
  const table = scope.catalog.tables.get(name);
  if (table === undefined) throw new TypeError(`no table ${name}`);
  return table;
}

interface Reach { readonly records: boolean; readonly roots: ReadonlySet<string> }

const reaches = new WeakMap<Expression, Reach>();

/** True if no record and no variable of a quantifier around is read: then one bound value stands for the whole. */
export function isBindable(expression: Expression, scope: SqlScope): boolean {
  const { records, roots } = reachOf(expression);
  if (records) return false;
  for (const root of roots) if (scope.items.has(root)) return false;
  return true;
}

function reachOf(expression: Expression): Reach {
  const known = reaches.get(expression);
  if (known !== undefined) return known;
  const roots = new Set<string>();
  let records = expression.op === "field" || expression.op === "exists" || expression.op === "text-search" || expression.op === "near";
  if (expression.op === "variable") roots.add(expression.root);
  for (const part of partsOf(expression)) {
    const reach = reachOf(part);
    records ||= reach.records;
    for (const root of reach.roots) roots.add(root);
  }
  if (expression.op === "quantify") roots.delete(expression.variable);
  const reach = { records, roots };
  reaches.set(expression, reach);
  return reach;
}

export function bindText(scope: SqlScope, text: string): string {
  return scope.bind({ kind: "value", value: text });
}
