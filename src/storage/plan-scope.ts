// What one compilation of a plan shares: the catalog, the parameters so far, the aliases handed out. No SQL of plans is made here.
import { assert } from "../base/assert.ts";
import type { Limits } from "../base/limits.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import type { Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { EXPIRES_COLUMN, expires, quoted } from "./column.ts";
import { expressionSql, filterSql, type SqlContext } from "./expression-sql.ts";
import { bindNow, createBindings, type Bindings } from "./plan-bindings.ts";

export interface PlanScope {
  readonly catalog: Catalog;
  /** Of a plan about an earlier moment: the tables as they are. */
  readonly presentCatalog: Catalog | undefined;
  readonly book: ExpressionBook;
  readonly limits: Limits;
  readonly bindings: Bindings;
  nextAlias(): string;
}

/** A row in the statement: `alias` stands for a row of `table`. */
export interface RowAlias { readonly alias: string; readonly table: Table }

export function createPlanScope({ catalog, presentCatalog, book, limits }: Pick<PlanScope, "catalog" | "presentCatalog" | "book" | "limits">): PlanScope {
  let aliases = 0;
  return { catalog, presentCatalog, book, limits, bindings: createBindings(), nextAlias: () => `t${aliases++}` };
}

export function tableNamed(scope: PlanScope, name: string): Table {
  const table = scope.catalog.tables.get(name);
  assert(table !== undefined, `table ${name} of a plan is in the catalog`);
  return table;
}

export function column(alias: string, name: string): string {
  return `${alias}.${quoted(name)}`;
}

/** The expression over `row`, which it calls `record`. */
export function rowSql(scope: PlanScope, row: RowAlias, expression: Expression): string {
  return expressionSql(expression, rowContext(scope, row));
}

/** For WHERE: true where the expression is. */
export function rowFilterSql(scope: PlanScope, row: RowAlias, expression: Expression): string {
  return filterSql(expression, rowContext(scope, row));
}

export function rowContext(scope: PlanScope, { alias, table }: RowAlias): SqlContext {
  return {
    catalog: scope.catalog, presentCatalog: scope.presentCatalog, book: scope.book, rows: { record: { alias, table: table.name } },
    bind: (slot) => scope.bindings.bind(slot), nextAlias: () => scope.nextAlias(),
  };
}

/** Conditions under which the row exists at all, as a list of terms. */
export function aliveTerms(scope: PlanScope, { alias, table }: RowAlias): string[] {
  // As one expression, so that SQLite does not answer it by the index of expiry times.
  return expires(table) ? [`ifnull(${column(alias, EXPIRES_COLUMN)} > ${bindNow(scope.bindings)}, 1)`] : [];
}

export function fromTable({ alias, table }: RowAlias): string {
  return `${quoted(table.sqlName)} ${alias}`;
}
