// Fills the shadow of one table from the live one: page by page, and record by record behind live writes. What the catalog to come would
// refuse is noted as blocked and left out; the live record stays as it is.
import { SQLiteError } from "bun:sqlite";
import { dateTimeOf } from "../base/date-time.ts";
import type { RecordValues, SqlValue } from "../base/value.ts";
import { isTrue } from "../expression/evaluate.ts";
import { isLocal } from "../expression/inspect.ts";
import { type Difference, type TableChange, difference } from "./compare-shapes.ts";
import { type RecordMigrationOptions, type RecordProblem, recordMigration } from "./migrate-record.ts";
import type { MigrationFunction } from "./migration-functions.ts";
import { oldTable } from "./old-catalog.ts";
import type { RefillContext } from "./refill-rows.ts";
import { keyedInsert } from "./rewrite-table.ts";
import type { ShadowTable } from "./shadow-table.ts";
import { type KeyedRow, rowReader } from "./stored-rows.ts";

const ROWS_AT_ONCE = 50;
const EXAMPLES_MAX = 5;

export interface BackFillOptions extends Omit<RecordMigrationOptions, "change"> {
  readonly shadow: ShadowTable;
  readonly change: TableChange;
  /** The next key to look at; null: all were. */
  readonly from: bigint | null;
}

export class BackFill {
  readonly shadow: ShadowTable;
  readonly run: MigrationFunction | null;
  /** What was filled lies below; null: all. */
  cursor: bigint | null;
  readonly #context: RefillContext;
  readonly #options: BackFillOptions;
  readonly #read: (from: bigint, count: number) => KeyedRow[];
  readonly #migrate: (row: KeyedRow["row"]) => ReturnType<ReturnType<typeof recordMigration>>;
  readonly #insert: ReturnType<typeof keyedInsert>;
  readonly #checks: (values: RecordValues) => RecordProblem[];

  constructor(context: RefillContext, options: BackFillOptions) {
    const { shadow, change, renamed } = options;
    this.shadow = shadow;
    this.run = options.run;
    this.cursor = options.from;
    this.#context = context;
    this.#options = options;
    const old = oldTable(shadow.live);
    this.#read = rowReader({ connection: context.connection, ...old });
    const names = new Map(renamed.map(({ from, to }) => [from, to]));
    const migrate = recordMigration(context, { ...options, change });
    this.#migrate = (row) => migrate(names.size === 0 ? row : { ...row, values: renamedValues(row.values, names) });
    this.#insert = keyedInsert(context, shadow.sqlName);
    this.#checks = newChecks(context, change);
  }

  /** In a transaction. Goes on until `isEnough` or the end; returns how many records it looked at. */
  fill(isEnough: (records: number) => boolean): number {
    let records = 0;
    while (this.cursor !== null) {
      const page = this.#read(this.cursor, ROWS_AT_ONCE);
      for (const row of page) this.#write(row);
      records += page.length;
      const last = page.at(-1)?.key;
      this.cursor = last === undefined || page.length < ROWS_AT_ONCE || last === 2n ** 63n - 1n ? null : last + 1n;
      if (isEnough(records)) break;
    }
    return records;
  }

  /** In a transaction: a live write has changed the row `key`, or a blocked one is tried again. The shadow does not hold it. */
  followRow(key: bigint): void {
    const { connection } = this.#context;
    connection.run(`DELETE FROM "$blocked" WHERE "table" = ?1 AND "key" = ?2`, this.shadow.live.sqlName, key);
    // What lies above is still to be filled.
    if (this.cursor !== null && key >= this.cursor) return;
    const [row] = this.#read(key, 1);
    if (row !== undefined && row.key === key) this.#write(row);
  }

  /** Tries the blocked ones again, and tells those that stay so. */
  blocked(): Difference[] {
    const { connection, table } = this.#context;
    const keys = (): SqlValue[][] => connection.values(`SELECT CAST("key" AS TEXT), "problems" FROM "$blocked" WHERE "table" = ?1`, this.shadow.live.sqlName);
    for (const [key] of keys()) this.followRow(BigInt(key as string));
    const found = new Map<string, { readonly problem: RecordProblem; readonly ids: string[]; records: number }>();
    for (const [key, text] of keys()) {
      for (const problem of JSON.parse(text as string) as RecordProblem[]) {
        const name = `${problem.field} ${problem.what}`;
        const one = found.get(name) ?? { problem, ids: [], records: 0 };
        found.set(name, one);
        one.records++;
        if (one.ids.length < EXAMPLES_MAX) one.ids.push(this.#idOf(BigInt(key as string)));
      }
    }
    return [...found.values()].map(({ problem, ids, records }) => difference(table, problem.field, `${problem.what} (${records} records: ${ids.join(", ")}${records > ids.length ? ", ..." : ""})`,
      "Write these records so that they comply, or mend Migrations, then run ambit migrate apply again."));
  }

  #idOf(key: bigint): string {
    const { live } = this.shadow;
    const [row] = this.#read(key, 1);
    return row === undefined ? "?" : String(row.row.values[live.primaryKey]);
  }

  #write({ key, row }: KeyedRow): void {
    const migrated = this.#migrate(row);
    const problems = migrated.ok ? this.#checks(migrated.values) : migrated.problems;
    if (migrated.ok && problems.length === 0) {
      const refused = this.#tryInsert(this.#insert.encode(key, migrated.values, row.version, migrated.expires));
      if (refused === null) return;
      return this.#block(key, [refused]);
    }
    this.#block(key, problems);
  }

  #tryInsert(parameters: readonly SqlValue[]): RecordProblem | null {
    try {
      this.#context.connection.run(this.#insert.insertSql, ...parameters);
      return null;
    } catch (error) {
      if (!(error instanceof SQLiteError) || !(error.code ?? "").startsWith("SQLITE_CONSTRAINT") || !this.#context.connection.inTransaction) throw error;
      return constraintProblem(error.message, this.#options);
    }
  }

  #block(key: bigint, problems: readonly RecordProblem[]): void {
    this.#context.connection.run(`INSERT OR REPLACE INTO "$blocked" VALUES (?1, ?2, ?3)`, this.shadow.live.sqlName, key, JSON.stringify(problems));
  }
}

function renamedValues(values: RecordValues, names: ReadonlyMap<string, string>): RecordValues {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [names.get(name) ?? name, value]));
}

/** Of rules that look at the record alone; the others are held at the switch. */
function newChecks({ table, book, nowMs }: RefillContext, { old }: TableChange): (values: RecordValues) => RecordProblem[] {
  const known = new Set(old.checks);
  const rules = table.checks.filter(({ rule }) => !known.has(rule.source)).map((check) => ({ check, expression: book.of(check.rule) })).filter(({ expression }) => isLocal(expression, book));
  const now = dateTimeOf(nowMs);
  return (values) => rules.filter(({ expression }) => ![null, values].some((before) => isTrue(expression, { rows: { record: values, old: before }, variables: {}, now, source: null }, book)))
    .map(({ check }) => ({ field: check.field, what: `does not comply with ${check.rule.source}` }));
}

function constraintProblem(message: string, { shadow, change }: BackFillOptions): RecordProblem {
  const unique = /^UNIQUE constraint failed: (.*)$/.exec(message)?.[1];
  if (unique === undefined) return { field: null, what: "refers to a record that is missing" };
  const columns = unique.split(", ").map((name) => name.slice(shadow.sqlName.length + 1)).join(",");
  const fields = change.next.indexes.find((index) => index.unique && index.columns.join(",") === columns)?.fields ?? [columns];
  return { field: fields.length === 1 ? fields[0]! : null, what: `shares a value with another record${fields.length === 1 ? "" : ` in ${fields.join(", ")}`}, and must be unique` };
}
