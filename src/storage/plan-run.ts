// Runs one statement of a compiled plan: works out its parameters, adds the deadline where it is long, names what SQLite reports.
import type { SqlValue } from "../base/value.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { Environment } from "../expression/expression.ts";
import { typeOf } from "../expression/field-type.ts";
import type { Connection, Statement } from "./connection.ts";
import { beginRun, endRun, sumOverflow } from "./plan-functions.ts";
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
  const counted = runStatement(connection, compiled, probe, { parameters: parametersOf(probe, compiled, environment), guarded: false });
  return Number(counted[0]![0]) < enough ? rows : compiled.rows;
}

/** `guarded`: each row runs into the deadline limits.queryMs and counts for limits.answerRows; else only functions that may run long stop there. */
export interface Run { readonly parameters: Parameters; readonly guarded: boolean }

/** A statement of few rows. */
export function runStatement(connection: Connection, compiled: CompiledPlan, statement: PlanStatement, run: Run): SqlValue[][] {
  return withStatement(connection, compiled, { statement, guarded: run.guarded }, (prepared) => prepared.values(...run.parameters));
}

/** Hands the prepared statement to `read`, and names what it throws. */
export function withStatement<Result>(connection: Connection, compiled: CompiledPlan, run: { statement: PlanStatement; guarded: boolean }, read: (prepared: Statement) => Result): Result {
  try {
    const prepared = connection.query(run.guarded ? run.statement.guardedSql : run.statement.sql);
    beginRun(compiled.limits);
    return read(prepared);
  } catch (error) {
    throw error instanceof Error && error.message === "integer overflow" ? sumOverflow(error) : error;
  } finally {
    endRun();
  }
}
