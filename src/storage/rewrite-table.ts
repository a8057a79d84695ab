// Writes every record of a table anew in its new shape, in the transaction of prepare-catalog.ts. Row keys stay: companions go by them.
import type { SqlValue } from "../base/value.ts";
import { ROW_COLUMN, hasIntegerKey, quoted } from "./column.ts";
import { type Difference, type TableChange, difference } from "./compare-shapes.ts";
import { createTable } from "./ddl.ts";
import { type RecordMigrationOptions, type RecordProblem, recordMigration } from "./migrate-record.ts";
import { oldTable } from "./old-catalog.ts";
import { recordCodec } from "./record-codec.ts";
import type { RefillContext } from "./refill-rows.ts";
import { keyedRows } from "./stored-rows.ts";

/** Returns what is wrong with records; then the caller must roll back. */
export function rewriteTable(context: RefillContext, options: RecordMigrationOptions): Difference[] {
  const { connection, table, catalog } = context;
  const copy = `${table.sqlName}$copy`;
  connection.execute(createTable(table, catalog, copy));
  const { insertSql, encode } = keyedInsert(context, copy);
  const migrate = recordMigration(context, options);
  const tally = new ProblemTally(options.change);
  for (const { key, row } of keyedRows({ connection, ...oldTable(options.change.old) })) {
    const migrated = migrate(row);
    if (!migrated.ok) tally.add(migrated.problems);
    else if (tally.isEmpty) connection.run(insertSql, ...encode(key, migrated.values, row.version, migrated.expires));
  }
  if (!tally.isEmpty) return tally.differences();
  connection.execute(`DROP TABLE ${quoted(table.sqlName)}`);
  connection.execute(`ALTER TABLE ${quoted(copy)} RENAME TO ${quoted(table.sqlName)}`);
  return [];
}

type KeyedEncoder = (key: bigint, ...row: Parameters<ReturnType<typeof recordCodec>["encode"]>) => SqlValue[];

/** INSERT of a record with its row key, into the table or one of its shape. */
export function keyedInsert({ table, catalog }: RefillContext, sqlName: string): { readonly insertSql: string; readonly encode: KeyedEncoder } {
  const codec = recordCodec({ ...table, sqlName }, catalog);
  // The codec writes the integer key as a field like others.
  if (hasIntegerKey(table)) return { insertSql: codec.insertSql, encode: (_key, ...row) => codec.encode(...row) };
  const insertSql = codec.insertSql.replace(/\((.*)\) VALUES \(/s, (_, columns: string) => `(${quoted(ROW_COLUMN)}, ${columns}) VALUES (?, `);
  return { insertSql, encode: (key, ...row) => [key, ...codec.encode(...row)] };
}

/** The same problem of many records is told once, with their number. */
export class ProblemTally {
  readonly #change: TableChange;
  readonly #counts = new Map<string, { readonly problem: RecordProblem; records: number }>();

  constructor(change: TableChange) {
    this.#change = change;
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  add(problems: readonly RecordProblem[]): void {
    for (const problem of problems) {
      const key = `${problem.field} ${problem.what}`;
      const known = this.#counts.get(key);
      if (known !== undefined) known.records++;
      else if (this.#counts.size < 100) this.#counts.set(key, { problem, records: 1 });
    }
  }

  differences(): Difference[] {
    const { next } = this.#change;
    return [...this.#counts.values()].map(({ problem, records }) =>
      difference(next, problem.field, `${problem.what} (${records} records)`, `Correct Migrations.${next.name} in resources.ts${problem.field === null ? "" : `, which answers with ${problem.field}`}.`));
  }
}
