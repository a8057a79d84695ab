// The entry of the log that stands for a change of the schema: it moves every reader on to the new catalog. It names tables and holds no
// images, because whoever read in the old shape has to read again.
import type { Connection } from "./connection.ts";

export interface MigrationNote {
  /** Hash of the catalog from here on. */
  readonly catalog: string;
  /** Types whose records look different from here on. */
  readonly tables: readonly string[];
}

/** In a transaction of the caller's; `position` is the one after the newest. */
export function appendMigrationEntry(connection: Connection, position: number, time: string, note: MigrationNote): void {
  const entry = JSON.stringify({ actor: null, requestId: "migration", changes: [], migration: note });
  connection.run(`INSERT INTO "$log" ("position", "time", "entry") VALUES (?1, ?2, ?3)`, position, time, entry);
}

export function nextPosition(connection: Connection): number {
  return (connection.values(`SELECT max("position") FROM "$log"`)[0]![0] as number | null ?? 0) + 1;
}
