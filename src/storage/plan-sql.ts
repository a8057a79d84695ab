// A Plan as SQL: one statement whose rows are JSON objects, and beside it those for keys and counts. Text without values:
// plans of one shape have one text, so that prepared statements are used again.
import { defaultLimits, type Limits } from "../base/limits.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Plan } from "../query/plan.ts";
import type { Catalog } from "../schema/catalog.ts";
import { groupedSource } from "./plan-aggregate.ts";
import { continuedRows } from "./plan-continue.ts";
import { afterTerm, cursorKeys, orderClause, type OrderKey } from "./plan-cursor.ts";
import { planLevel, type Level } from "./plan-level.ts";
import { objectSql } from "./plan-object.ts";
import { planKeys } from "./plan-order.ts";
import { pageClause } from "./plan-page.ts";
import { column, createPlanScope, tableNamed, whereClause, type PlanScope } from "./plan-scope.ts";
import { rowObject } from "./plan-select.ts";
import { planStatement, type PlanStatement } from "./plan-statement.ts";

export interface PlanContext {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  /** Without it: the defaults. */
  readonly limits?: Limits;
}

/** How the cursor of the last row is found: by keys of its object, or in the second column, a JSON array. */
export type CursorSource = { readonly kind: "output"; readonly keys: readonly string[] } | { readonly kind: "column" };

export interface CompiledPlan {
  readonly plan: Plan;
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly limits: Limits;
  /** Its first column is the JSON text of a row. */
  readonly rows: PlanStatement;
  /** Null where no page can follow: without a limit, with aggregates, by a ranking. */
  readonly cursor: CursorSource | null;
  /** Primary keys (a Long as text) in the plan's order; its last two parameters are limit and offset. Null with aggregates. */
  readonly ids: (() => PlanStatement) | null;
  /** One number: the rows without page and cursor. */
  readonly count: () => PlanStatement;
}

export function compilePlan(plan: Plan, { catalog, book, limits = defaultLimits }: PlanContext): CompiledPlan {
  const scope = createPlanScope(catalog, book, limits);
  const statements = plan.grouped ? groupedStatements(scope, plan) : rowStatements(scope, plan);
  return { plan, catalog, book, limits, ...statements };
}

type Statements = Pick<CompiledPlan, "rows" | "cursor" | "ids" | "count">;

function groupedStatements(scope: PlanScope, plan: Plan): Statements {
  const { slots } = scope.bindings;
  const source = groupedSource(scope, plan);
  const object = objectSql(scope, source.parts, tableNamed(scope, plan.table).fields);
  return {
    rows: planStatement(`SELECT ${object.sql} FROM ${source.from}`, slots),
    cursor: null,
    ids: null,
    count: once(() => planStatement(source.countSql, slots)),
  };
}

function rowStatements(scope: PlanScope, plan: Plan): Statements {
  const { slots } = scope.bindings;
  const level = planLevel(scope, plan);
  const keys = planKeys(scope, plan, level);
  const terms = [...level.terms, ...cursorTerms(scope, plan, keys)];
  const found = `FROM ${level.from}${whereClause(terms)}${orderClause(keys)}`;
  const cursor = cursorSource(plan, level, keys);
  const object = rowObject(scope, plan, level.row);
  const keyColumn = cursor?.kind === "column" ? `, json_array(${keys.map(({ wire }) => wire).join(", ")})` : "";
  const continued = continuedRows(scope, plan, level.row);
  const page = continued === null ? `${found}${pageClause(scope, plan)}` : `FROM ${continued}${orderClause(keys)}`;
  return {
    rows: planStatement(`SELECT ${object.sql}${keyColumn} ${page}`, slots),
    cursor,
    ids: once(() => planStatement(`SELECT CAST(${column(level.row.alias, level.row.table.primaryKey)} AS TEXT) ${found}`, slots, true)),
    count: once(() => planStatement(`SELECT count(*) FROM ${level.from}${whereClause(level.terms)}`, slots)),
  };
}

/** Most answers need neither keys nor counts. */
function once<Result>(make: () => Result): () => Result {
  let made: Result | null = null;
  return () => made ??= make();
}

function cursorTerms(scope: PlanScope, plan: Plan, keys: readonly OrderKey[]): string[] {
  if (plan.after === null) return [];
  return [afterTerm(cursorKeys(keys, plan.after, (value) => scope.bindings.value(value)))];
}

function cursorSource(plan: Plan, level: Level, keys: readonly OrderKey[]): CursorSource | null {
  if (plan.limit === null || (level.rank !== null && plan.order.length === 0)) return null;
  const outputs = keys.flatMap(({ output }) => (output === null ? [] : [output]));
  return outputs.length === keys.length ? { kind: "output", keys: outputs } : { kind: "column" };
}
