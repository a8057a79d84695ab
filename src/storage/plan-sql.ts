// A Plan as SQL: one statement whose rows are JSON objects, and beside it those for keys and counts. Text without values:
// plans of one shape have one text, so that prepared statements are used again.
import { defaultLimits, type Limits } from "../base/limits.ts";
import type { Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Plan } from "../query/plan.ts";
import type { Catalog } from "../schema/catalog.ts";
import { asOfCatalog, withFormerRows } from "./as-of-sql.ts";
import { sampleSql } from "./plan-sample.ts";
import { groupedSource } from "./plan-aggregate.ts";
import { continuedRows } from "./plan-continue.ts";
import { afterTerm, cursorKeys, orderClause, type OrderKey } from "./plan-cursor.ts";
import { findsByIndex, rangeConditions } from "./plan-index.ts";
import { planLevel, type Level } from "./plan-level.ts";
import { plainColumns, type PlainColumns } from "./plan-columns.ts";
import { multiplies } from "./plan-multiply.ts";
import { objectSql, type ObjectSql } from "./plan-object.ts";
import { planKeys } from "./plan-order.ts";
import { pageClause } from "./plan-page.ts";
import { column, createPlanScope, fromTable, rowFilterSql, tableNamed, type PlanScope } from "./plan-scope.ts";
import { rowObject } from "./plan-select.ts";
import { givenMark, planStatement, type PlanStatement, type StatementOptions, whereClause } from "./plan-statement.ts";

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
  /** Lists within lists, or many-to-many ones: small tables may make a large answer. */
  readonly multiplies: boolean;
  /** Its columns are the members of a row; the Booleans among them are named. Null: the first column is the JSON text of a row. */
  readonly columns: PlainColumns | null;
  readonly rows: PlanStatement;
  /** Another way to the same rows, better where few match; null where there is but one. */
  readonly sparse: (() => SparseRows) | null;
  /** Null where no page can follow: without a limit, with aggregates, by a ranking. */
  readonly cursor: CursorSource | null;
  /** Primary keys (a Long as text) in the plan's order; given: limit and offset. Null with aggregates. */
  readonly ids: (() => PlanStatement) | null;
  /** One number: the rows without page and cursor. */
  readonly count: () => PlanStatement;
  /** Two numbers: sampled rows, and those of them that match; given: plan-count.ts. Null where only counting tells. */
  readonly sample: (() => PlanStatement) | null;
}

/** By the index of a bounded field, then sorted. `rows`, without it, may go through the table in order of the primary key. */
export interface SparseRows {
  readonly rows: PlanStatement;
  /** One number: how many rows lie within the bounds, `enough` at most. */
  readonly probe: PlanStatement;
  readonly enough: number;
}

/** From so many matches on, or twice the page, going through the table in its order soon fills a page. */
const ENOUGH_MATCHES = 2_000;

export function compilePlan(plan: Plan, { catalog, book, limits = defaultLimits }: PlanContext): CompiledPlan {
  const scope = createPlanScope(plan.asof === undefined ? { catalog, presentCatalog: undefined, book, limits } : { catalog: asOfCatalog(catalog), presentCatalog: catalog, book, limits });
  const statements = plan.grouped ? groupedStatements(scope, plan) : rowStatements(scope, plan);
  return { plan, catalog, book, limits, multiplies: multiplies(plan, catalog), ...statements };
}

type Statements = Pick<CompiledPlan, "columns" | "rows" | "sparse" | "cursor" | "ids" | "count" | "sample">;

/** From marked text. */
function statementOf(scope: PlanScope, marked: string, options: StatementOptions = {}): PlanStatement {
  const { presentCatalog, bindings } = scope;
  return planStatement(presentCatalog === undefined ? marked : withFormerRows(marked, presentCatalog, bindings), bindings.slots, options);
}

function groupedStatements(scope: PlanScope, plan: Plan): Statements {
  const source = groupedSource(scope, plan);
  const object = objectSql(scope, source.parts, tableNamed(scope, plan.table).fields);
  return {
    columns: null,
    rows: statementOf(scope, `SELECT ${outputSql(object, null, [])} FROM ${source.from}`),
    sparse: null,
    cursor: null,
    ids: null,
    count: once(() => statementOf(scope, source.countSql)),
    sample: null,
  };
}

function rowStatements(scope: PlanScope, plan: Plan): Statements {
  const bounds = boundsOf(scope, plan);
  const level = planLevel(scope, plan, undefined, bounds);
  const keys = planKeys(scope, plan, level);
  const terms = [...level.terms, ...cursorTerms(scope, plan, keys)];
  const matched = `FROM ${level.from}${whereClause(terms)}`;
  const found = `${matched}${orderClause(keys)}`;
  const cursor = cursorSource(plan, level, keys);
  const columns = cursor?.kind === "column" ? null : plainColumns(plan, level.row);
  const output = columns?.sql ?? outputSql(rowObject(scope, plan, level.row), cursor, keys);
  const continued = continuedRows(scope, plan, level.row);
  const limits = pageClause(scope, plan);
  const page = continued === null ? `${found}${limits}` : `FROM ${continued}${orderClause(keys)}`;
  const sorted = (): string => `SELECT ${output} ${matched}${orderClause(unindexed(keys))}${limits}`;
  return {
    columns,
    rows: statementOf(scope, `SELECT ${output} ${page}`, { unbounded: bounds.length > 0 }),
    sparse: bounds.length === 0 ? null : sparseRows(scope, level, { bounds, sorted, enough: Math.max(ENOUGH_MATCHES, plan.limit! * 2) }),
    cursor,
    ids: once(() => statementOf(scope, `SELECT CAST(${column(level.row.alias, level.row.table.primaryKey)} AS TEXT) ${found} LIMIT ${givenMark(0)} OFFSET ${givenMark(1)}`, { given: 2 })),
    count: once(() => statementOf(scope, `SELECT count(*) FROM ${level.from}${whereClause(level.terms)}`)),
    sample: plan.search === null && plan.asof === undefined ? once(() => statementOf(scope, sampleSql(level.row, level.terms), { given: 2 })) : null,
  };
}

function outputSql(object: ObjectSql, cursor: CursorSource | null, keys: readonly OrderKey[]): string {
  return cursor?.kind === "column" ? `${object.sql} AS row, json_array(${keys.map(({ wire }) => wire).join(", ")}) AS keys` : `${object.sql} AS row`;
}

/**
 * Conditions on which SQLite, which has no statistics of values, cannot know whether their index or the order of the primary
 * key leads to a page sooner. Empty where there is no such choice.
 */
function boundsOf({ catalog }: PlanScope, plan: Plan): readonly Expression[] {
  const table = catalog.tables.get(plan.table);
  if (table === undefined || plan.limit === null || plan.order.length > 0 || plan.search !== null || plan.similar !== null || plan.near !== null) return [];
  return findsByIndex(plan.filter, table, catalog) ? [] : rangeConditions(plan.filter, table, catalog);
}

interface Sparse { readonly bounds: readonly Expression[]; readonly sorted: () => string; readonly enough: number }

function sparseRows(scope: PlanScope, { row }: Level, { bounds, sorted, enough }: Sparse): () => SparseRows {
  return once(() => {
    const terms = bounds.map((condition) => rowFilterSql(scope, row, condition));
    const within = `SELECT 1 FROM ${fromTable(row)}${whereClause(terms)} LIMIT ${scope.bindings.value(enough)}`;
    return { rows: statementOf(scope, sorted()), probe: statementOf(scope, `SELECT count(*) FROM (${within})`), enough };
  });
}

/** Equal, but no index gives the order. */
function unindexed(keys: readonly OrderKey[]): OrderKey[] {
  return keys.map((key) => ({ ...key, sql: `+${key.sql}` }));
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
