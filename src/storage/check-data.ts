// Is a data file whole, and does it agree with its own log? For copies, before anybody relies on them. Reads only.
import { fault, type AmbitError } from "../base/error.ts";
import type { CatalogShape, TableShape } from "./catalog-shape.ts";
import { quoted } from "./column.ts";
import type { Connection } from "./connection.ts";
import { readMeta } from "./system-tables.ts";

/** How many of SQLite's findings are named. */
const FINDINGS_MAX = 10;

/** The position of the newest log entry; 0 when there is none. */
export function headOf(connection: Connection): number {
  return connection.values(`SELECT max("position") FROM "$log"`)[0]![0] as number | null ?? 0;
}

/** Throws DATA_DAMAGED; answers the position up to which the file holds everything. */
export function checkData(connection: Connection): { readonly position: number } {
  const ours = connection.values("SELECT count(*) FROM sqlite_schema WHERE name IN ('$meta', '$log')")[0]![0];
  if (ours !== 2) throw fault("DATA_DAMAGED", "The file was not written by Ambit.", { fix: "Name a file that ambit backup wrote." });
  const findings = connection.values(`PRAGMA integrity_check(${FINDINGS_MAX})`).map(([text]) => String(text)).filter((text) => text !== "ok");
  if (findings.length > 0) throw damaged(`SQLite's own check finds: ${findings.join("; ")}.`);
  const broken = connection.values("PRAGMA foreign_key_check").slice(0, FINDINGS_MAX);
  if (broken.length > 0) throw damaged(`${broken.length} or more records refer to missing ones, for example of ${String(broken[0]![2])}.`);
  const position = headOf(connection);
  const shape = readMeta(connection, "catalog");
  const tables = shape === null ? [] : (JSON.parse(shape) as CatalogShape).tables;
  for (const table of tables) checkVersions(connection, table, position);
  checkNewest(connection, tables, position);
  return { position };
}

interface NewestChange { readonly table: string; readonly id: string | number; readonly cause: string; readonly new: object | null }

/** What the newest entry wrote is there, and of its version. */
function checkNewest(connection: Connection, tables: readonly TableShape[], position: number): void {
  const text = connection.values(`SELECT "entry" FROM "$log" WHERE "position" = ?1`, position)[0]?.[0] as string | undefined;
  for (const change of text === undefined ? [] : (JSON.parse(text) as { changes: NewestChange[] }).changes) {
    const table = tables.find(({ name }) => name === change.table);
    if (table === undefined || change.new === null || change.cause !== "write") continue;
    const version = connection.values(`SELECT "$version" FROM ${quoted(table.sqlName)} WHERE ${quoted(table.primaryKey)} = ?1`, change.id)[0]?.[0];
    if (version !== position) throw damaged(`The newest entry of the log wrote a record of ${table.name} that is not there as it says.`);
  }
}

/** Every record was written by an entry that is there or was trimmed: none by one that comes after the newest. */
function checkVersions(connection: Connection, { name, sqlName }: TableShape, position: number): void {
  const newest = connection.values(`SELECT max("$version") FROM ${quoted(sqlName)}`)[0]![0] as number | null;
  if (newest !== null && newest > position) throw damaged(`${name} holds records of position ${newest}, but the log ends at ${position}.`);
}

function damaged(message: string): AmbitError {
  return fault("DATA_DAMAGED", message, { fix: "Use another copy of the data." });
}
