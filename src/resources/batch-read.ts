// Reads of a batch: the same plans as outside, on the state that the operations before them left. Never from caches.
import { fault } from "../base/error.ts";
import { notFound } from "../tables/denial.ts";
import type { Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { JsonText, type OperationBody, type Result } from "./operation.ts";
import { cursorAfter } from "./page-cursor.ts";
import { openEnvironment, planEnvironment } from "./planner.ts";
import { nothing } from "./read-operations.ts";
import { isByText } from "./similar-text.ts";
import { requireReady } from "./read-source.ts";
import type { State } from "./work.ts";

type GetBody = Extract<OperationBody, { kind: "get" }>;
type QueryBody = Extract<OperationBody, { kind: "query" }>;
export type ReadBody = GetBody | QueryBody;

/** Throws what `rights` refuse, NOT_FOUND, and what is wrong with the query. */
export function readAt(core: DispatchCore, body: ReadBody, { rights }: Caller, at: State): Result {
  rights.require(body.kind === "get" ? body.table : body.plan.table, "READ");
  if (isByText(body.plan)) throw fault("NOT_IN_BATCH", "similar by a text asks a model, for which a batch does not wait.", { where: "similar", fix: "Pass a vector, or ask beside the batch." });
  if (body.plan.asof !== undefined) throw fault("NOT_IN_BATCH", "What was at an earlier moment is asked for by itself.", { where: "asof" });
  if (body.plan.asof !== undefined) throw fault("NOT_IN_BATCH", "asof asks about an earlier moment, of which a batch changes nothing.", { where: "asof", fix: "Ask beside the batch." });
  return body.kind === "get" ? recordAt(core, body, rights, at) : rowsAt(core, body, rights, at);
}

function recordAt(core: DispatchCore, body: GetBody, rights: Caller["rights"], at: State): Result {
  requireReady(core, body, rights);
  return recordHere(core, body, rights, at);
}

function recordHere({ planner, views }: DispatchCore, { table, id, plan, plain }: GetBody, rights: Caller["rights"], at: State): Result {
  const { compiled } = planner.prepare(planner.byKey(plan), rights, "wire");
  const { json, rows, scanned } = at.rows(compiled, planEnvironment(rights, at.now, id));
  if (rows === 0) throw notFound(table);
  // As of a record that comes from memory.
  const version = plain && views.of(table, rights, "wire").unconditional ? at.get(table, id)?.version ?? null : null;
  return { ...nothing, body: new JsonText(json.slice(1, -1)), version, scanned };
}

function rowsAt({ planner, catalog }: DispatchCore, { plan, explain, values }: QueryBody, rights: Caller["rights"], at: State): Result {
  if (explain) throw fault("NOT_IN_BATCH", "A query is explained by itself.", { where: "explain" });
  const { compiled } = planner.prepare(plan, rights, "wire");
  const environment = values === undefined ? planEnvironment(rights, at.now) : openEnvironment(rights, at.now, values);
  const { json, rows, total, lastKeys, scanned } = at.rows(compiled, environment);
  return { ...nothing, body: new JsonText(json), range: { offset: plan.offset, rows, total }, nextCursor: cursorAfter(plan, lastKeys, catalog), scanned };
}
