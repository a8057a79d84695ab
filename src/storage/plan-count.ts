// How many rows a plan has without its page: counted; or, where an estimate is enough and the table is large, from a sample of it.
import type { Environment } from "../expression/expression.ts";
import { quoted, rowKeyColumn } from "./column.ts";
import type { Connection } from "./connection.ts";
import { parametersOf, runStatement } from "./plan-run.ts";
import { samplePlaces } from "./plan-sample.ts";
import { rowsUpTo } from "./plan-scan.ts";
import type { CompiledPlan } from "./plan-sql.ts";

export interface PageRead { readonly rows: number; readonly guarded: boolean }

/** Up to so many rows a table is counted whatever was asked for. */
const COUNTED_ROWS = 10_000;
/** An estimate below this is counted exactly after all, unless `planned` was asked for. */
const ESTIMATE_MIN = 1_000;

export function totalRows(connection: Connection, compiled: CompiledPlan, environment: Environment, page: PageRead): number | null {
  const { plan } = compiled;
  if (plan.count === null) return null;
  const ended = plan.limit === null || page.rows < plan.limit;
  if (plan.after === null && ended && (page.rows > 0 || plan.offset === 0)) return plan.offset + page.rows;
  if (plan.count === "exact") return countRows(connection, compiled, environment, page.guarded);
  const estimate = estimateRows(connection, compiled, environment);
  if (estimate === null || (plan.count === "estimated" && estimate < ESTIMATE_MIN)) return countRows(connection, compiled, environment, page.guarded);
  return Math.max(estimate, plan.offset + page.rows);
}

function countRows(connection: Connection, compiled: CompiledPlan, environment: Environment, guarded: boolean): number {
  const statement = compiled.count();
  const counted = runStatement(connection, compiled, statement, { parameters: parametersOf(statement, compiled, environment), guarded });
  return Number(counted[0]![0]);
}

/** The share of sampled rows that match, of all rows; null where counting costs no more. */
function estimateRows(connection: Connection, compiled: CompiledPlan, environment: Environment): number | null {
  const table = compiled.catalog.tables.get(compiled.plan.table);
  if (compiled.sample === null || table === undefined) return null;
  if (rowsUpTo(connection, table.sqlName, COUNTED_ROWS + 1) <= COUNTED_ROWS) return null;
  const key = quoted(rowKeyColumn(table));
  const name = quoted(table.sqlName);
  const [first, last] = connection.values(`SELECT (SELECT min(${key}) FROM ${name}), (SELECT max(${key}) FROM ${name})`)[0]!;
  const rows = rowsUpTo(connection, table.sqlName, Number.MAX_SAFE_INTEGER);
  const statement = compiled.sample();
  const parameters = [first!, (Number(last) - Number(first)) / samplePlaces, ...parametersOf(statement, compiled, environment)];
  const [sampled, matching] = runStatement(connection, compiled, statement, { parameters, guarded: false })[0]!.map(Number) as [number, number];
  return sampled === 0 ? null : Math.round((rows * matching) / sampled);
}
