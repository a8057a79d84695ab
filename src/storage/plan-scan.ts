// Which tables a statement visits, and how: asked of SQLite once for each text, unless all of them are small. Whether that is much depends on their
// sizes now.
import type { Parameters } from "./plan-run.ts";
import type { Connection, Statement } from "./connection.ts";
import { quoted } from "./column.ts";
import type { CompiledPlan } from "./plan-sql.ts";
import type { PlanStatement } from "./plan-statement.ts";

export interface ScanVerdict {
  /** A table of some size is visited row by row to answer a filter or an order. */
  readonly scanned: boolean;
  /** It may visit more rows than limits.scanRows, or multiply few: a deadline is due. */
  readonly long: boolean;
}

/** Names in SQLite. */
interface Visits {
  /** Visited without an index that answers the filter. */
  readonly scanned: readonly string[];
  /** Visited for more than one row. */
  readonly many: readonly string[];
}

/** By statement: a connection that forgets its statements has had its tables changed. */
interface Observed { readonly visits: WeakMap<Statement, Visits>; /** All that it names, as long as its visits are not known. */ readonly named: WeakMap<Statement, readonly string[]>; readonly sizes: Map<string, Size> }
interface Size { rows: number; cap: number; usesLeft: number }

/** A hundredth of limits.scanRows is a table of some size. */
const NOTABLE_SHARE = 100;
/** A size is measured again after so many uses, or as many as it has rows. */
const SIZE_USES_MIN = 1_000;

const observations = new WeakMap<Connection, Observed>();

export function judgeScan(connection: Connection, compiled: CompiledPlan, statement: PlanStatement, parameters: Parameters): ScanVerdict {
  // Former versions are found by few indexes, and how many there are is not known beforehand.
  if (compiled.plan.asof !== undefined) return { scanned: false, long: true };
  const observed = observationsOf(connection);
  const { scanRows } = compiled.limits;
  const rows = (table: string): number => rowsUpTo(connection, table, scanRows + 1);
  const prepared = connection.query(statement.sql);
  let visits = observed.visits.get(prepared);
  if (visits === undefined) {
    if (tablesNamed(observed, prepared, statement.sql).every((table) => rows(table) <= scanRows / NOTABLE_SHARE)) return { scanned: false, long: compiled.multiplies };
    observed.visits.set(prepared, visits = readVisits(statement.sql, explainLines(connection, statement.sql, parameters), compiled));
  }
  if (visits.many.length === 0) return { scanned: false, long: compiled.multiplies };
  return {
    scanned: visits.scanned.some((table) => rows(table) > scanRows / NOTABLE_SHARE),
    long: compiled.multiplies || visits.many.some((table) => rows(table) > scanRows),
  };
}

function observationsOf(connection: Connection): Observed {
  let observed = observations.get(connection);
  if (observed === undefined) observations.set(connection, observed = { visits: new WeakMap(), named: new WeakMap(), sizes: new Map() });
  return observed;
}

function tablesNamed({ named }: Observed, statement: Statement, sql: string): readonly string[] {
  let tables = named.get(statement);
  if (tables === undefined) named.set(statement, tables = [...new Set(tablesByAlias(sql).values())]);
  return tables;
}

export interface ExplainLine { readonly id: number; readonly parent: number; readonly detail: string }

/** EXPLAIN QUERY PLAN. */
export function explainLines(connection: Connection, sql: string, parameters: Parameters): ExplainLine[] {
  return connection.values(`EXPLAIN QUERY PLAN ${sql}`, ...parameters).map((row) => ({ id: Number(row[0]), parent: Number(row[1]), detail: String(row[3]) }));
}

/** The first alias that a plan hands out. */
const OUTERMOST = "t0";
const VISIT = /^(SCAN|SEARCH) (\S+)(.*)$/;
const ONE_ROW = /USING INTEGER PRIMARY KEY \(rowid=\?\)|USING (COVERING )?INDEX sqlite_autoindex_\S+ \(\S+=\?\)/;

function readVisits(sql: string, lines: readonly ExplainLine[], { plan, sparse }: CompiledPlan): Visits {
  const tables = tablesByAlias(sql);
  const sorted = lines.some(({ parent, detail }) => parent === 0 && /TEMP B-TREE FOR .*ORDER BY/.test(detail));
  const unfiltered = plan.filter === null && !plan.select.some((item) => item.kind === "embed" && item.inner);
  // With an index for the bounds at hand, going through the table in its order was the shorter way.
  const wholeTable = (unfiltered || sparse !== null) && !sorted;
  const scanned = new Set<string>();
  const many = new Set<string>();
  for (const { detail } of lines) {
    const [, how, alias, rest] = VISIT.exec(detail) ?? [];
    const table = tables.get(alias ?? "");
    if (table === undefined || rest!.includes("VIRTUAL TABLE") || ONE_ROW.test(rest!)) continue;
    many.add(table);
    const asked = wholeTable && alias === OUTERMOST;
    if ((how === "SCAN" && !asked) || rest!.includes("AUTOMATIC")) scanned.add(table);
  }
  return { scanned: [...scanned], many: [...many] };
}

/** From `"Name" t0` and `"Name" AS "t0"`: how this folder writes every table that it reads from. */
function tablesByAlias(sql: string): Map<string, string> {
  const tables = new Map<string, string>();
  for (const [, table, alias] of sql.matchAll(/"((?:[^"]|"")+)" (?:AS )?"?(t\d+)\b/g)) tables.set(alias!, table!.replaceAll('""', '"'));
  return tables;
}

/** The number of rows of a table in SQLite, or `cap` where there are as many at least. May be somewhat old. */
export function rowsUpTo(connection: Connection, table: string, cap: number): number {
  const { sizes } = observationsOf(connection);
  let size = sizes.get(table);
  if (size === undefined || size.cap < cap || size.usesLeft-- <= 0) {
    const counted = connection.values(`SELECT count(*) FROM (SELECT 1 FROM ${quoted(table)} LIMIT ?1)`, cap);
    const rows = Number(counted[0]![0]);
    sizes.set(table, size = { rows, cap, usesLeft: Math.max(SIZE_USES_MIN, rows) });
  }
  return size.rows;
}
