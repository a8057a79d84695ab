// Reads what a compiled plan describes: rows as ready JSON text, the total where it was asked for, keys for bulk writes.
import { assert } from "../base/assert.ts";
import { fault } from "../base/error.ts";
import type { Json, SqlValue, Value } from "../base/value.ts";
import type { Environment } from "../expression/expression.ts";
import { columnType, fieldOf } from "./column.ts";
import type { Connection } from "./connection.ts";
import { totalRows } from "./plan-count.ts";
import { readOutput } from "./plan-output.ts";
import { chooseRows, parametersOf, runStatement } from "./plan-run.ts";
import { judgeScan, type ScanVerdict } from "./plan-scan.ts";
import type { CompiledPlan } from "./plan-sql.ts";
import type { PlanStatement } from "./plan-statement.ts";
import { isLong } from "./plan-value.ts";

export interface RowSet {
  /** A JSON array. */
  readonly json: string;
  readonly rows: number;
  /** Rows without page and cursor, as the plan's `count` asks; null where it does not. */
  readonly total: number | null;
  /** Order keys of the last row in wire form, for `after`; null where no page can follow. */
  readonly lastKeys: Json[] | null;
  /** A table of some size was visited without an index. */
  readonly scanned: boolean;
}

/** Throws SCAN_REFUSED, QUERY_TIMEOUT, AGGREGATE_OVERFLOW. `environment`: the caller's variables and the operation's now. */
export function readRows(connection: Connection, compiled: CompiledPlan, environment: Environment): RowSet {
  const statement = chooseRows(connection, compiled, environment);
  const parameters = parametersOf(statement, compiled, environment);
  const verdict = permittedScan(connection, compiled, statement, parameters);
  const { json, rows, lastKeys } = readOutput(connection, compiled, statement, { parameters, guarded: verdict.long });
  return {
    json,
    rows,
    total: totalRows(connection, compiled, environment, { rows, guarded: verdict.long }),
    // After a short page there is nothing.
    lastKeys: rows === compiled.plan.limit ? lastKeys : null,
    scanned: verdict.scanned,
  };
}

/** Primary keys of the plan's rows in its order, `limit` of them at most. */
export function readIds(connection: Connection, compiled: CompiledPlan, environment: Environment, limit: number): Value[] {
  assert(compiled.ids !== null, "only records have keys");
  const { plan, catalog } = compiled;
  const statement = compiled.ids();
  const bound = Math.min(limit, plan.limit ?? limit);
  const parameters = [bound, plan.offset, ...parametersOf(statement, compiled, environment)];
  const { long } = permittedScan(connection, compiled, statement, parameters);
  const table = catalog.tables.get(plan.table);
  assert(table !== undefined, `table ${plan.table} of a plan is in the catalog`);
  const { type } = fieldOf(table, table.primaryKey);
  const read = isLong(type) ? BigInt : columnType(type) === "INTEGER" ? Number : String;
  return runStatement(connection, compiled, statement, { parameters, guarded: long }).map(([key]) => read(key as string));
}

function permittedScan(connection: Connection, compiled: CompiledPlan, statement: PlanStatement, parameters: readonly SqlValue[]): ScanVerdict {
  const verdict = judgeScan(connection, compiled, statement, parameters);
  if (verdict.scanned && compiled.plan.refuseScan) throw fault("SCAN_REFUSED", `No index of ${compiled.plan.table} answers this query.`);
  return verdict;
}
