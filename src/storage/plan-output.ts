// Reads the rows of a plan as JSON text, bounded by limits.answerBytes, and what the last of them says about the next page.
import type { Json, SqlValue } from "../base/value.ts";
import type { Connection, SqlRow, Statement } from "./connection.ts";
import { tooManyRows } from "./plan-functions.ts";
import { withStatement, type Run } from "./plan-run.ts";
import type { CompiledPlan } from "./plan-sql.ts";
import type { PlanStatement } from "./plan-statement.ts";

export interface Output {
  /** A JSON array. */
  readonly json: string;
  readonly rows: number;
  /** Order keys of the last row, where the plan has a cursor and there is a row. */
  readonly lastKeys: Json[] | null;
}

/** Pages up to this are read at once. */
const ROWS_AT_ONCE = 100;

export function readOutput(connection: Connection, compiled: CompiledPlan, statement: PlanStatement, run: Run): Output {
  const { columns, plan } = compiled;
  const read = columns !== null ? (prepared: Statement) => fromColumns(compiled, prepared.all(...run.parameters), columns.booleans)
    : plan.limit !== null && plan.limit <= ROWS_AT_ONCE ? (prepared: Statement) => fromTexts(compiled, prepared.all(...run.parameters))
      : (prepared: Statement) => fromTexts(compiled, prepared.iterate(...run.parameters));
  return withStatement(connection, compiled, { statement, guarded: run.guarded }, read);
}

function fromColumns(compiled: CompiledPlan, rows: readonly SqlRow[], booleans: readonly string[]): Output {
  for (const row of rows as { [member: string]: SqlValue | boolean }[]) {
    for (const name of booleans) if (row[name] !== null) row[name] = row[name] === 1;
  }
  const json = JSON.stringify(rows);
  checkSize(json.length, compiled);
  const last = rows.at(-1);
  return { json, rows: rows.length, lastKeys: last === undefined ? null : keysIn(last as { [key: string]: Json }, compiled) };
}

/** Rows with the column `row`, and perhaps `keys`. */
function fromTexts(compiled: CompiledPlan, rows: Iterable<SqlRow>): Output {
  let json = "[";
  let count = 0;
  let last: SqlRow | null = null;
  for (const row of rows) {
    json += count === 0 ? row["row"] : `,${row["row"] as string}`;
    checkSize(json.length, compiled);
    count++;
    last = row;
  }
  return { json: `${json}]`, rows: count, lastKeys: last === null ? null : keysOf(last, compiled) };
}

/** In UTF-16 units, which are at most as many as bytes. */
function checkSize(length: number, { limits }: CompiledPlan): void {
  if (length > limits.answerBytes) throw tooManyRows(`The answer is larger than limits.answerBytes (${limits.answerBytes}).`);
}

function keysOf(row: SqlRow, compiled: CompiledPlan): Json[] | null {
  if (compiled.cursor?.kind === "column") return JSON.parse(row["keys"] as string) as Json[];
  return compiled.cursor === null ? null : keysIn(JSON.parse(row["row"] as string) as { [key: string]: Json }, compiled);
}

function keysIn(row: { readonly [key: string]: Json }, { cursor }: CompiledPlan): Json[] | null {
  return cursor?.kind === "output" ? cursor.keys.map((key) => row[key] ?? null) : null;
}
