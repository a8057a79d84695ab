// Former versions of one table's records: the statements that keep, find and forget them, and the moments at which entries were written.
// What is kept, and who may see it, is decided elsewhere.
import type { Catalog, Table } from "../schema/catalog.ts";
import type { SqlValue, Value } from "../base/value.ts";
import { VERSION_COLUMN, quoted } from "./column.ts";
import type { Connection } from "./connection.ts";
import { ENDED_COLUMN, ENDING_COLUMN, UNTIL_COLUMN, historyTable, type Ending } from "./history-tables.ts";
import { recordCodec, type StoredRow } from "./record-codec.ts";

/** How a version ended. */
export interface VersionEnd {
  /** The position of the entry that ended it. */
  readonly until: number;
  /** The time of that entry. */
  readonly ended: string;
  readonly ending: Ending;
}

export interface FormerVersion extends VersionEnd { readonly row: StoredRow }

export interface FormerVersions {
  keep(connection: Connection, row: StoredRow, end: VersionEnd): void;
  /** Of one record, newest first, those that began before position `before`. */
  ofRecord(connection: Connection, id: Value, page: { readonly before: number; readonly limit: number }): FormerVersion[];
  /** The version with which the record last ended; null when none is kept. */
  last(connection: Connection, id: Value): FormerVersion | null;
  /** Those that ended in the entry `until` with the record that their field `key` named. */
  endedWith(connection: Connection, key: string, parent: { readonly id: Value; readonly until: number; readonly limit: number }): FormerVersion[];
  /** All of one record. Answers how many. */
  forget(connection: Connection, id: Value): number;
}

const known = new WeakMap<Table, FormerVersions>();

export function formerVersions(table: Table, catalog: Catalog): FormerVersions {
  let versions = known.get(table);
  if (versions === undefined) known.set(table, versions = createFormerVersions(table, catalog));
  return versions;
}

function createFormerVersions(table: Table, catalog: Catalog): FormerVersions {
  const codec = recordCodec(table, catalog);
  const name = quoted(historyTable(table.sqlName));
  const [key, version, until, ended, ending] = [table.primaryKey, VERSION_COLUMN, UNTIL_COLUMN, ENDED_COLUMN, ENDING_COLUMN].map(quoted) as [string, string, string, string, string];
  const columns = [...codec.names.map(quoted), until, ended, ending];
  const insertSql = `INSERT INTO ${name} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
  const select = `SELECT ${until}, ${ended}, ${ending}, ${codec.columns} FROM ${name}`;
  const decode = ([position, time, how, ...row]: readonly SqlValue[]): FormerVersion => ({ until: position as number, ended: time as string, ending: how as Ending, row: codec.decode(row) });
  return {
    keep(connection, row, end) {
      connection.query(insertSql).run(...codec.encode(row.values, writtenAt(row), row.expires), end.until, end.ended, end.ending);
    },
    ofRecord: (connection, id, page) => connection.query(`${select} WHERE ${key} = ?1 AND ${version} < ?2 ORDER BY ${until} DESC LIMIT ?3`).values(codec.key(id), page.before, page.limit).map(decode),
    last: (connection, id) => connection.query(`${select} WHERE ${key} = ?1 ORDER BY ${until} DESC LIMIT 1`).values(codec.key(id)).map(decode)[0] ?? null,
    endedWith: (connection, field, parent) => connection.query(`${select} WHERE ${until} = ?1 AND ${ending} = 'cascade' AND ${quoted(field)} = ?2 LIMIT ?3`).values(parent.until, codec.key(parent.id), parent.limit).map(decode),
    forget: (connection, id) => connection.query(`DELETE FROM ${name} WHERE ${key} = ?1`).run(codec.key(id)),
  };
}

/** Where the row came to stand on the log; a later version comes from the schema. */
export function writtenAt({ version, written = version }: Pick<StoredRow, "version" | "written">): number {
  return written;
}
