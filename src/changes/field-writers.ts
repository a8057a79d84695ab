// Who wrote what fields of a record hold by now, as far back as the log is looked through. Reads entries as they are kept: it needs names, no values.
import type { Json } from "../base/value.ts";
import type { Connection } from "../storage/connection.ts";
import { beginning, type KeptChange } from "./log.ts";

export interface WrittenFields {
  readonly table: string;
  /** As on the wire. */
  readonly id: Json;
  readonly fields: readonly string[];
  /** Of the last entry that changed the record. */
  readonly position: number;
}

interface KeptEntry { readonly actor: string | null; /** By `beginning`. */ readonly changes: ReadonlyMap<string, readonly KeptChange[]> }

/** How many entries are looked through for who wrote a field, where the last one that changed the record has not. */
const LOOKED_THROUGH = 10_000;

/** Subjects, each once. Whoever changed a record last stands for fields whose writer is not found. */
export function fieldWriters(connection: Connection, records: Iterable<WrittenFields>): Set<string> {
  const known = new Map<number, KeptEntry>();
  const found = new Set<string>();
  for (const record of records) {
    for (const actor of writersOf(connection, record, known)) if (actor !== null) found.add(actor);
  }
  return found;
}

function writersOf(connection: Connection, { table, id, fields, position }: WrittenFields, known: Map<number, KeptEntry>): (string | null)[] {
  const start = beginning(table, JSON.stringify(id));
  const open = new Set(fields);
  const found: (string | null)[] = [];
  const last = entryAt(connection, position, known);
  const look = ({ actor, changes }: KeptEntry): void => {
    const written = (changes.get(start) ?? []).flatMap(({ old }) => [...open].filter((name) => old === null || name in old));
    if (written.length > 0) found.push(actor);
    for (const name of written) open.delete(name);
  };
  if (last !== null) look(last);
  const before = open.size === 0 ? [] : positionsBefore(connection, position, start);
  for (const one of before) {
    if (open.size > 0) look(entryAt(connection, one, known)!);
  }
  return open.size === 0 || last === null ? found : [...found, last.actor];
}

/** Of what an entry says of this record, newest first. */
function positionsBefore(connection: Connection, position: number, start: string): number[] {
  return connection.values(
    `SELECT "position" FROM (SELECT "position", "entry" FROM "$log" WHERE "position" < ?1 ORDER BY "position" DESC LIMIT ?3) WHERE instr("entry", ?2) > 0 ORDER BY "position" DESC`,
    position, start, LOOKED_THROUGH).map(([one]) => one as number);
}

/** Null: it is kept no longer. */
function entryAt(connection: Connection, position: number, known: Map<number, KeptEntry>): KeptEntry | null {
  const found = known.get(position);
  if (found !== undefined) return found;
  const text = connection.values(`SELECT "entry" FROM "$log" WHERE "position" = ?1`, position)[0]?.[0];
  if (text === undefined) return null;
  const { actor, changes } = JSON.parse(text as string) as { readonly actor: string | null; readonly changes: readonly KeptChange[] };
  const entry: KeptEntry = { actor, changes: Map.groupBy(changes, ({ table, id }) => beginning(table, JSON.stringify(id))) };
  known.set(position, entry);
  return entry;
}
