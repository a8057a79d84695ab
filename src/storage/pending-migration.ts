// What is kept with the data of a migration that takes longer than one commit. Written by online-migration.ts.
import type { Catalog } from "../schema/catalog.ts";
import { catalogShape } from "./catalog-shape.ts";
import { quoted } from "./column.ts";
import type { Connection } from "./connection.ts";
import { readMeta, writeMeta } from "./system-tables.ts";
import { dropNotes, dropShadow } from "./shadow-table.ts";

const STATE_KEY = "migration";

export interface PendingMigration {
  /** The shape to come, as text. */
  readonly target: string;
  /** Signatures of the functions that give values. */
  readonly functions: readonly string[];
  readonly destroy: readonly string[];
  readonly tables: readonly PendingTable[];
}

export interface PendingTable {
  /** Of the type to come. */
  readonly name: string;
  /** In SQLite. */
  readonly live: string;
  readonly shadow: string;
  /** The next row key; null: all are filled. */
  readonly cursor: string | null;
}

/** Null: none is under way. */
export function pendingMigration(connection: Connection): PendingMigration | null {
  const text = readMeta(connection, STATE_KEY);
  return text === null ? null : JSON.parse(text) as PendingMigration;
}

export function isTarget(pending: PendingMigration, catalog: Catalog): boolean {
  return pending.target === JSON.stringify(catalogShape(catalog));
}

/** In a transaction of the caller's. */
export function writePending(connection: Connection, pending: PendingMigration): void {
  writeMeta(connection, STATE_KEY, JSON.stringify(pending));
}

export interface MigrationProgress {
  readonly name: string;
  /** Of the way through the table, in percent. */
  readonly percent: number;
  /** Records looked at that stand in the way of the switch so far. */
  readonly blocked: number;
}

export function progressOf(connection: Connection): MigrationProgress[] {
  return (pendingMigration(connection)?.tables ?? []).map(({ name, live, cursor }) => {
    const blocked = connection.values(`SELECT count(*) FROM "$blocked" WHERE "table" = ?1`, live)[0]![0] as number;
    const [least, most] = connection.values(`SELECT min(rowid), max(rowid) FROM ${quoted(live)}`)[0] as [number | null, number | null];
    const way = least === null || most === null || cursor === null ? 1 : (Number(cursor) - least) / (most - least + 1);
    return { name, percent: Math.floor(100 * Math.min(1, Math.max(0, way))), blocked };
  });
}

/** In a transaction of the caller's: everything that was filled goes. */
export function abandonMigration(connection: Connection): void {
  const pending = pendingMigration(connection);
  if (pending === null) return;
  for (const { live, shadow } of pending.tables) dropShadow(connection, live, shadow);
  endMigration(connection);
}

/** In a transaction of the caller's, after the shadows were swapped. */
export function endMigration(connection: Connection): void {
  dropNotes(connection);
  connection.run(`DELETE FROM "$meta" WHERE "key" = ?1`, STATE_KEY);
}
