// How many rows a plan has without its page: counted, or estimated from a sample where the table is large and that is enough.
import type { Environment } from "../expression/expression.ts";
import type { Connection } from "./connection.ts";
import { parametersOf, runStatement } from "./plan-run.ts";
import type { CompiledPlan } from "./plan-sql.ts";

export interface PageRead { readonly rows: number; readonly long: boolean }

export function totalRows(connection: Connection, compiled: CompiledPlan, environment: Environment, page: PageRead): number | null {
  const { plan } = compiled;
  if (plan.count === null) return null;
  const ended = plan.limit === null || page.rows < plan.limit;
  if (plan.after === null && ended && (page.rows > 0 || plan.offset === 0)) return plan.offset + page.rows;
  return countRows(connection, compiled, environment, page.long);
}

function countRows(connection: Connection, compiled: CompiledPlan, environment: Environment, long: boolean): number {
  const statement = compiled.count();
  const counted = runStatement(connection, compiled, statement, { parameters: parametersOf(statement, compiled, environment), long });
  return Number(counted[0]![0]);
}
