// Queries of app code: typed objects to plans, plans to records in memory form.
import { AmbitError, fault } from "../base/error.ts";
import type { RecordValues } from "../base/value.ts";
import { isLiteral } from "../query/code-conditions.ts";
import { parseCodeQuery } from "../query/code-query.ts";
import { malformedCursor } from "../query/cursor.ts";
import type { Environment } from "../expression/expression.ts";
import type { Plan } from "../query/plan.ts";
import type { Table } from "../schema/catalog.ts";
import { decodeRows } from "../storage/decode-rows.ts";
import type { CompiledPlan } from "../storage/plan-sql.ts";
import { readRows, type RowSet } from "../storage/read-plan.ts";
import { asOfEnvironment } from "./as-of.ts";
import type { Body, Mode } from "./body.ts";
import { cursorAfter } from "./page-cursor.ts";
import { planEnvironment } from "./planner.ts";

/** Throws UNAUTHENTICATED or FORBIDDEN where the caller can read nothing, and what is wrong with the query. */
export function codePlan(body: Body, table: Table, query: unknown, mode: Mode): Plan {
  const rights = body.rights(mode);
  rights.require(table.name, "READ");
  try {
    const sealed = sealedAfter(body, query);
    const opened = sealed === null ? query : { ...(query as object), after: body.core.cursors.open(sealed) };
    const plan = parseCodeQuery(opened, { table, scope: rights.codeScope, limits: body.core.limits, now: body.now });
    // One that the client made up would ask where values lie that it may not read.
    if (sealed === null && plan.after !== null && tellsHidden(body, plan, mode)) throw malformedCursor("after is not a cursor of this page.");
    return plan;
  } catch (error) {
    if (mode === "system" && error instanceof AmbitError) body.caller.systemRefusals.set(error, table.name);
    throw error;
  }
}

export function readPage(body: Body, plan: Plan, mode: Mode): { rows: RecordValues[]; next: string | null } {
  const { planner, catalog } = body.core;
  const rights = body.rights(mode);
  const { compiled } = planner.prepare(plan, rights, "code");
  const { json, lastKeys } = rowsOf(body, plan, compiled, planEnvironment(rights, body.now));
  const rows = decodeRows(compiled.plan, json, catalog);
  const next = cursorAfter(plan, lastKeys, catalog);
  return { rows, next: next !== null && tellsHidden(body, plan, mode) ? body.core.cursors.seal(next) : next };
}

/** Earlier moments are read as they were committed, beside what the body wrote; no commit to come changes them. */
function rowsOf(body: Body, plan: Plan, compiled: CompiledPlan, environment: Environment): RowSet {
  const { catalog, clock, storage } = body.core;
  const { asof } = plan;
  if (asof === undefined) return body.work.rows(compiled, environment);
  return readRows(storage.reader, compiled, asOfEnvironment({ catalog, clock, reader: storage.reader }, plan, asof, environment));
}

/** The query says how many it wants at most. */
export function isLimited(query: unknown): boolean {
  return isLiteral(query) && query["limit"] !== undefined;
}

/** Every row, or TOO_MANY_ROWS: a sum over some of them that passes for one over all would be wrong without a word. */
export function readAll(body: Body, plan: Plan, mode: Mode): RecordValues[] {
  const { rows } = readPage(body, plan, mode);
  if (plan.limit === null || rows.length < plan.limit) return rows;
  const { rows: more } = readPage(body, { ...plan, offset: plan.offset + plan.limit, limit: 1 }, mode);
  if (more.length === 0) return rows;
  throw fault("TOO_MANY_ROWS", `More than ${plan.limit} records of ${plan.table} match.`, { fix: "Give find a limit, or go page by page with query." });
}

/** Null: none, or an open one. */
function sealedAfter({ core }: Body, query: unknown): string | null {
  const after = isLiteral(query) ? query["after"] : null;
  return typeof after === "string" && core.cursors.isSealed(after) ? after : null;
}

/** Whether the order keys of a page are more than the caller may read of each of its rows: `next` holds those of the last one. */
function tellsHidden(body: Body, plan: Plan, mode: Mode): boolean {
  const { rights } = body.caller;
  // The administrator's plans have no masks to look for, not even of internal fields.
  if (mode === "system" || rights.administrator) return true;
  const ruled = rights.rulePlan({ ...plan, select: [], filter: null, search: null, similar: null, near: null }, "wire");
  return plan.order.some((term, index) => ruled.order[index]!.value !== term.value);
}

export function countRows(body: Body, plan: Plan, mode: Mode): number {
  const rights = body.rights(mode);
  const counting: Plan = {
    ...plan, grouped: true, order: [], limit: null, offset: 0, after: null,
    select: [{ kind: "aggregate", alias: "count", function: "count", value: null, field: null, cast: null }],
  };
  const { compiled } = body.core.planner.prepare(counting, rights, "code");
  const { json } = rowsOf(body, plan, compiled, planEnvironment(rights, body.now));
  return (JSON.parse(json) as { count: number }[])[0]?.count ?? 0;
}
