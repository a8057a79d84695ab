// Looks into a data directory whose process is dead: is the file sound, do log and tables agree, are search structures in step?
// Reads only, so that recovery is left to the next start.
import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { join } from "node:path";
import { tokenize } from "../../src/base/text-tokens.ts";
import type { RecordValues, Value } from "../../src/base/value.ts";
import type { Change } from "../../src/changes/change.ts";
import { logHead, readEntries } from "../../src/changes/log.ts";
import type { Catalog, Table } from "../../src/schema/catalog.ts";
import { geoTable, quoted, rowKeyColumn, textColumn, textFields, textTable } from "../../src/storage/column.ts";
import { connect, type Connection } from "../../src/storage/connection.ts";
import { recordCodec } from "../../src/storage/record-codec.ts";
import { registerSqlFunctions } from "../../src/storage/sql-functions.ts";

interface Versioned { readonly values: RecordValues; readonly version: number }

const ENTRIES_AT_ONCE = 2_000;

/** Follows the log from kill to kill. */
export class DataCheck {
  readonly #catalog: Catalog;
  readonly #file: string;
  /** What the log says is there, by table and key. */
  readonly #replayed = new Map<string, Map<Value, Versioned>>();
  #position = 0;
  #entries = 0;
  #time = "";
  /** The last number of each @sequence field. */
  readonly #numbers = new Map<string, bigint>();
  /** How many changes the log has of each cause. */
  readonly causes = new Map<string, number>();

  constructor(catalog: Catalog, directory: string) {
    this.#catalog = catalog;
    this.#file = join(directory, "data.db");
    for (const name of catalog.tables.keys()) this.#replayed.set(name, new Map());
  }

  get entries(): number {
    return this.#entries;
  }

  /** Throws what `expect` throws. Nothing is there before the first start came so far. */
  run(): void {
    const database = new Database(this.#file, { readonly: true });
    registerSqlFunctions(database);
    const connection = connect(database, 100);
    try {
      expect(connection.values("PRAGMA integrity_check")).toEqual([["ok"]]);
      expect(connection.values("PRAGMA foreign_key_check")).toEqual([]);
      const made = new Set(connection.values("SELECT name FROM sqlite_schema").map(([name]) => name));
      if (!made.has("$log")) return;
      this.#replay(connection);
      for (const table of this.#catalog.tables.values()) {
        if (!made.has(table.sqlName)) continue;
        this.#compare(connection, table);
        checkText(connection, table, this.#catalog);
        checkPlaces(connection, table);
      }
    } finally {
      connection.close();
    }
  }

  #replay(connection: Connection): void {
    // What was read after the last kill is still there.
    expect(connection.values(`SELECT count(*) FROM "$log" WHERE "position" <= ?1`, this.#position)).toEqual([[this.#entries]]);
    for (;;) {
      const entries = readEntries(connection, this.#position, ENTRIES_AT_ONCE, this.#catalog);
      for (const { position, time, changes } of entries) {
        if (!(position > this.#position) || time < this.#time || changes.length === 0) throw new Error(`entry ${position} at ${time} after ${this.#position} at ${this.#time} with ${changes.length} changes`);
        this.#position = position;
        this.#time = time;
        for (const change of changes) {
          this.causes.set(change.cause, (this.causes.get(change.cause) ?? 0) + 1);
          this.#checkNumbers(change);
          const records = this.#replayed.get(change.table)!;
          const before = records.get(change.id);
          // Each change begins where the one before left the record.
          if (!Bun.deepEquals(before === undefined ? null : plain(before.values), change.old === null ? null : plain(change.old))) throw new Error(`entry ${position} changes ${change.table} ${String(change.id)} from another state than the log left`);
          if (change.new === null) records.delete(change.id);
          else records.set(change.id, { values: change.new, version: position });
        }
      }
      this.#entries += entries.length;
      if (entries.length < ENTRIES_AT_ONCE) break;
    }
    expect(logHead(connection)).toBe(this.#position);
  }

  /** Numbers come without gaps and are never used again, whatever was refused or killed between. */
  #checkNumbers(change: Change): void {
    if (change.old !== null || change.new === null) return;
    for (const field of this.#catalog.tables.get(change.table)!.fields.values()) {
      if (field.fill?.kind !== "sequence") continue;
      const name = `${change.table}.${field.name}`;
      const expected = (this.#numbers.get(name) ?? 0n) + 1n;
      if (change.new[field.name] !== expected) throw new Error(`${name} of ${String(change.id)} is ${String(change.new[field.name])}, not ${expected}`);
      this.#numbers.set(name, expected);
    }
  }

  #compare(connection: Connection, table: Table): void {
    const codec = recordCodec(table, this.#catalog);
    const stored = new Map<Value, Versioned>(connection.values(`SELECT ${codec.columns} FROM ${quoted(table.sqlName)}`).map((row) => {
      const { values, version } = codec.decode(row);
      return [values[table.primaryKey]!, { values: plain(values), version }] as const;
    }));
    const replayed = this.#replayed.get(table.name)!;
    expect([table.name, stored.size]).toEqual([table.name, replayed.size]);
    for (const [id, { values, version }] of replayed) {
      const found = stored.get(id);
      const wanted = { values: plain(values), version };
      if (!Bun.deepEquals(found, wanted)) throw new Error(`${table.name} ${String(id)} is ${Bun.inspect(found)}, by the log ${Bun.inspect(wanted)}`);
    }
  }
}

/** The same whether a null is written down or left out, with or without a prototype. */
function plain(values: RecordValues): RecordValues {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

/** The full-text index holds exactly the words of the rows. */
function checkText(connection: Connection, table: Table, catalog: Catalog): void {
  const fields = textFields(table, catalog);
  if (fields.length === 0) return;
  const words: string[] = [];
  for (const [row, ...texts] of connection.values(`SELECT ${[rowKeyColumn(table), ...fields].map(quoted).join(", ")} FROM ${quoted(table.sqlName)}`)) {
    fields.forEach((field, index) => {
      const text = texts[index] ?? null;
      if (text !== null) tokenize(String(text)).forEach((word, at) => words.push(`${String(row)} ${textColumn(field)} ${at} ${word}`));
    });
  }
  connection.execute(`CREATE VIRTUAL TABLE IF NOT EXISTS temp.words USING fts5vocab(main, ${quoted(textTable(table))}, instance)`);
  const indexed = connection.values("SELECT doc, col, offset, term FROM temp.words").map((parts) => parts.join(" "));
  connection.execute("DROP TABLE temp.words");
  expect(indexed.sort()).toEqual(words.sort());
}

/** The R-Tree is sound and holds exactly the places of the rows, in its 32-bit bounds. */
function checkPlaces(connection: Connection, table: Table): void {
  for (const index of table.indexes.filter(({ kind }) => kind === "GEO")) {
    const name = geoTable(table, index);
    expect(connection.values("SELECT rtreecheck(?1)", name)).toEqual([["ok"]]);
    const place = quoted(index.fields[0]!);
    const rows = connection.values(`SELECT ${quoted(rowKeyColumn(table))}, json_extract(${place}, '$.lat'), json_extract(${place}, '$.lon') FROM ${quoted(table.sqlName)} WHERE ${place} IS NOT NULL`);
    const boxes = new Map(connection.values(`SELECT row, minLat, maxLat, minLon, maxLon FROM ${quoted(name)}`).map(([row, ...box]) => [row, box as number[]]));
    expect(boxes.size).toBe(rows.length);
    for (const [row, latitude, longitude] of rows as [number, number, number][]) {
      const [south, north, west, east] = boxes.get(row)!;
      if (!(south! <= latitude && latitude <= north! && west! <= longitude && longitude <= east!)) throw new Error(`row ${row} of ${name} is elsewhere`);
    }
  }
}
