// Runs one statement of a compiled plan: works out its parameters, adds the deadline where it is long, names what SQLite reports.
import type { SqlValue } from "../base/value.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { Environment } from "../expression/expression.ts";
import { typeOf } from "../expression/field-type.ts";
import type { Connection } from "./connection.ts";
import { beginGuarded, sumOverflow } from "./plan-functions.ts";
import type { CompiledPlan } from "./plan-sql.ts";
import type { PlanStatement } from "./plan-statement.ts";
import { toSqlValue } from "./sql-value.ts";

export type Parameters = readonly SqlValue[];

export function parametersOf(statement: PlanStatement, { book }: CompiledPlan, environment: Environment): SqlValue[] {
  return statement.slots.map((slot) =>
    (slot.kind === "value" ? slot.value : toSqlValue(evaluate(slot.expression, environment, book), typeOf(slot.expression))));
}

/** The way that visits fewer rows. */
export function chooseRows(connection: Connection, compiled: CompiledPlan, environment: Environment): PlanStatement {
  if (compiled.sparse === null) return compiled.rows;
  const { rows, probe, enough } = compiled.sparse();
  const counted = runStatement(connection, compiled, probe, { parameters: parametersOf(probe, compiled, environment), long: false });
  return Number(counted[0]![0]) < enough ? rows : compiled.rows;
}

/** `long`: with the deadline limits.queryMs, else as it is. */
export function runStatement(connection: Connection, compiled: CompiledPlan, statement: PlanStatement, run: { parameters: Parameters; long: boolean }): SqlValue[][] {
  try {
    if (!run.long) return connection.query(statement.sql).values(...run.parameters);
    beginGuarded(compiled.limits);
    return connection.query(statement.guardedSql).values(...run.parameters);
  } catch (error) {
    throw error instanceof Error && error.message === "integer overflow" ? sumOverflow(error) : error;
  }
}
