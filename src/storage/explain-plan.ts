// How SQLite answers a plan: its SQL, the steps, and whether they visit more than they give. For developers and administrators.
import type { Environment } from "../expression/expression.ts";
import type { Connection } from "./connection.ts";
import { chooseRows, parametersOf } from "./plan-run.ts";
import { explainLines, judgeScan } from "./plan-scan.ts";
import type { CompiledPlan } from "./plan-sql.ts";

export interface PlanExplanation {
  /** Without values: they are bound. */
  readonly sql: string;
  /** EXPLAIN QUERY PLAN, indented by depth. */
  readonly steps: readonly string[];
  /** A table of some size is visited without an index that answers the filter or the order. */
  readonly scanned: boolean;
  /** It would run under the deadline limits.queryMs. */
  readonly deadline: boolean;
}

export function explainPlan(connection: Connection, compiled: CompiledPlan, environment: Environment): PlanExplanation {
  const statement = chooseRows(connection, compiled, environment);
  const parameters = parametersOf(statement, compiled, environment);
  const { sql } = statement;
  const { scanned, long } = judgeScan(connection, compiled, statement, parameters);
  return { sql, steps: indented(explainLines(connection, sql, parameters)), scanned, deadline: long };
}

function indented(lines: ReturnType<typeof explainLines>): string[] {
  const depths = new Map<number, number>([[0, 0]]);
  return lines.map(({ id, parent, detail }) => {
    const depth = depths.get(parent) ?? 0;
    depths.set(id, depth + 1);
    return "  ".repeat(depth) + detail;
  });
}
