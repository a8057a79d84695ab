// The ordered log: one entry for each committed transaction, appended in it. Reads entries back exactly; delivers nothing itself.
import type { Json, RecordValues, Value } from "../base/value.ts";
import type { Catalog, Table, TypeRef } from "../schema/catalog.ts";
import { fromWireValue } from "../schema/wire-value.ts";
import type { Connection } from "../storage/connection.ts";
import type { MigrationNote } from "../storage/migration-entry.ts";
import { type LoggedRename, loggedRenames } from "../storage/renames.ts";
import type { Change } from "./change.ts";

export interface LogEntry {
  readonly position: number;
  /** Canonical DateTime of the commit. */
  readonly time: string;
  /** Subject, or null for nobody and the runtime. */
  readonly actor: string | null;
  readonly requestId: string;
  /** In order of execution. */
  readonly changes: readonly Change[];
  /** Absent but for a change of the schema: from this entry on the tables it names look different, without images. */
  readonly migration?: MigrationNote;
  /** Changes were taken out of it since it was written. */
  readonly erased?: true;
}

/** What the next `appendEntry` of this transaction will be: the version of the records that it writes. */
export function reservePosition(connection: Connection): number {
  return logHead(connection) + 1;
}

/** The position of the last entry; 0 when there never was one. */
export function logHead(connection: Connection): number {
  return connection.values(`SELECT max("position") FROM "$log"`)[0]![0] as number | null ?? 0;
}

/** The position of the oldest entry still kept; null when there is none. */
export function logTail(connection: Connection): number | null {
  return connection.values(`SELECT min("position") FROM "$log"`)[0]![0] as number | null;
}

/** `position` is what reservePosition answered in this transaction; without it, it is looked up again. */
export type LogAddition = Omit<LogEntry, "position"> & { readonly position?: number };

/** Once in a transaction, after its writes. Returns the position, which is the one reserved before. */
export function appendEntry(connection: Connection, entry: LogAddition): number {
  const position = entry.position ?? reservePosition(connection);
  connection.run(`INSERT INTO "$log" ("position", "time", "entry") VALUES (?1, ?2, ?3)`, position, entry.time, encodeEntry(entry));
  return position;
}

/** Entries after position `since`, oldest first, at most `limit`. */
export function readEntries(connection: Connection, since: number, limit: number, catalog: Catalog): LogEntry[] {
  const rows = connection.values(`SELECT "position", "time", "entry" FROM "$log" WHERE "position" > ?1 ORDER BY "position" LIMIT ?2`, since, limit);
  const renames = loggedRenames(connection);
  return rows.map(([position, time, entry]) => {
    const since = renames.filter((rename) => rename.position >= (position as number));
    return { position: position as number, time: time as string, ...decodeEntry(entry as string, catalog, since) };
  });
}

/** Removes at most `limit` of the oldest entries that are older than `before`. The newest stays: positions are never reused. */
export function trimLog(connection: Connection, before: string, limit = 1_000): number {
  return connection.run(
    `DELETE FROM "$log" WHERE "position" IN (SELECT "position" FROM (SELECT "position", "time" FROM "$log" ORDER BY "position" LIMIT ?2) WHERE "time" < ?1)
     AND "position" < (SELECT max("position") FROM "$log")`, before, limit);
}

/** As kept: `new` and `old` are wire images; beside a `new`, `old` holds only what differed. */
export interface KeptChange {
  readonly table: string;
  readonly id: Json;
  readonly cause: Change["cause"];
  readonly new: KeptImage | null;
  readonly old: KeptImage | null;
}

type KeptImage = { readonly [field: string]: Json };

function encodeEntry({ actor, requestId, changes }: LogAddition): string {
  let list = "";
  for (const change of changes) {
    const before = change.old !== null && change.new !== null ? difference(change.old, change.new) : change.old;
    list += `${list === "" ? "" : ","}${beginning(change.table, wireText(change.id))}"cause":"${change.cause}","new":${wireText(change.new)},"old":${wireText(before)}}`;
  }
  return `{"actor":${JSON.stringify(actor)},"requestId":${JSON.stringify(requestId)},"changes":[${list}]}`;
}

/** Of a change as it is kept: whatever an entry says of a record holds this text. `id`: as on the wire, as JSON. */
export function beginning(table: string, id: string): string {
  return `{"table":${JSON.stringify(table)},"id":${id},`;
}

/** What `old` had where it differs from `present`; null where it had nothing. Unchanged lists and objects are usually the same object. */
function difference(old: RecordValues, present: RecordValues): RecordValues {
  const differing = Object.create(null) as { [field: string]: Value };
  for (const name in present) {
    const before = old[name] ?? null;
    if (before !== (present[name] ?? null)) differing[name] = before;
  }
  for (const name in old) if (!(name in present)) differing[name] = old[name] ?? null;
  return differing;
}

/** Wire form differs from memory form in 64-bit integers only; without one, the native serialiser does it all. */
function wireText(value: Value): string {
  return holdsBigint(value) ? JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? item.toString() : item)) : JSON.stringify(value);
}

function holdsBigint(value: Value | undefined): boolean {
  if (typeof value !== "object" || value === null) return typeof value === "bigint";
  if (Array.isArray(value)) return value.some(holdsBigint);
  const values = value as RecordValues;
  for (const name in values) if (holdsBigint(values[name])) return true;
  return false;
}

function decodeEntry(text: string, catalog: Catalog, renames: readonly LoggedRename[]): Pick<LogEntry, "actor" | "requestId" | "changes" | "migration" | "erased"> {
  const kept = JSON.parse(text) as { actor: string | null; requestId: string; changes: KeptChange[]; migration?: MigrationNote; erased?: true };
  const changes = kept.changes.map((change) => decodeChange(renames.reduce(renamedChange, change), catalog));
  return { actor: kept.actor, requestId: kept.requestId, changes, ...(kept.migration === undefined ? {} : { migration: kept.migration }), ...(kept.erased === undefined ? {} : { erased: kept.erased }) };
}

/** By the names that the schema has by now (@renamed). */
function renamedChange(kept: KeptChange, { from, to, fields }: LoggedRename): KeptChange {
  if (kept.table !== from.name) return kept;
  const names = new Map(fields.map((field) => [field.from, field.to]));
  const image = (of: KeptImage | null): KeptImage | null => (of === null ? null : Object.fromEntries(Object.entries(of).map(([name, value]) => [names.get(name) ?? name, value])));
  return { ...kept, table: to.name, new: image(kept.new), old: image(kept.old) };
}

function decodeChange(kept: KeptChange, catalog: Catalog): Change {
  const table = catalog.tables.get(kept.table) ?? null;
  const old = kept.old !== null && kept.new !== null ? { ...kept.new, ...kept.old } : kept.old;
  const key = table?.fields.get(table.primaryKey);
  return {
    table: kept.table, cause: kept.cause,
    id: key === undefined ? kept.id : valueOf(kept.id, key.type, catalog),
    old: image(old, table, catalog), new: image(kept.new, table, catalog),
  };
}

/** In memory form by today's catalog; of a table or field that is gone, the wire form is what is left. */
function image(kept: KeptImage | null, table: Table | null, catalog: Catalog): RecordValues | null {
  if (kept === null) return null;
  const values = Object.create(null) as { [field: string]: Value };
  for (const name of Object.keys(kept)) {
    const field = table?.fields.get(name);
    if (field !== undefined) values[name] = valueOf(kept[name]!, field.type, catalog);
    else if (kept[name] !== null) values[name] = kept[name]!;
  }
  return values;
}

/** An entry may be older than the type: what does not fit stays as it was kept. */
function valueOf(kept: Json, type: TypeRef, catalog: Catalog): Value {
  try {
    return fromWireValue(kept, type, catalog);
  } catch {
    return kept;
  }
}
