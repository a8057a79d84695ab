// Takes records out of the kept log. The entry stays with its position, and says that something was taken: whoever goes on across it reads anew.
import type { Connection } from "../storage/connection.ts";
import { isLoose, looseTables, type Named } from "../storage/loose-rows.ts";
import type { Whose } from "../storage/whose-rows.ts";
import { loggedRenames } from "../storage/renames.ts";

export interface ErasedEntries {
  /** By `recordKey`. */
  readonly records: ReadonlySet<string>;
  /** Records that were theirs, which may be gone since. */
  readonly whose: readonly Whose[];
  /** Who is not named as the one who wrote any more; null: nobody. */
  readonly actor: string | null;
  /** Whom sign-in names by an address; null: nobody. */
  readonly named: Named | null;
}

/** By the table's name and the key, as text. */
export function recordKey(table: string, id: unknown): string {
  return JSON.stringify([table, String(id)]);
}

const PAGE_ROWS = 500;

/** Answers how many entries were rewritten. */
export function eraseEntries(connection: Connection, { records, whose, actor, named }: ErasedEntries): number {
  const gone = withFormerNames(connection, records);
  const names = [...[...gone].map((key) => (JSON.parse(key) as [string])[0]), ...whose.map(({ table }) => table.name), ...named === null ? [] : looseTables];
  const tables = [...new Set(names)].map((name) => `"table":${JSON.stringify(name)}`);
  const by = actor === null ? null : `{"actor":${JSON.stringify(actor)},`;
  let erased = 0;
  for (let after = -1; ;) {
    const rows = connection.values(`SELECT "position", "entry" FROM "$log" WHERE "position" > ?1 ORDER BY "position" LIMIT ?2`, after, PAGE_ROWS);
    for (const [position, entry] of rows) {
      const text = rewritten(entry as string, { gone, whose, named, tables, by });
      if (text === null) continue;
      connection.run(`UPDATE "$log" SET "entry" = ?2 WHERE "position" = ?1`, position!, text);
      erased++;
    }
    if (rows.length < PAGE_ROWS) return erased;
    after = rows.at(-1)![0] as number;
  }
}

interface Erasing { readonly gone: ReadonlySet<string>; readonly whose: readonly Whose[]; readonly named: Named | null; readonly tables: readonly string[]; readonly by: string | null }

/** Null: it is as it was. */
function rewritten(text: string, { gone, whose, named, tables, by }: Erasing): string | null {
  const isTheirs = by !== null && text.startsWith(by);
  const mayHold = tables.some((table) => text.includes(table));
  if (!isTheirs && !mayHold) return null;
  const entry = JSON.parse(text) as { readonly actor: string | null; readonly changes: readonly KeptChange[] };
  const changes = mayHold ? entry.changes.filter((change) => !gone.has(recordKey(change.table, change.id)) && !whose.some((one) => isOf(change, one)) && (named === null || !isLoose(change.table, change.new ?? change.old ?? {}, named))) : entry.changes;
  const isChanged = changes.length < entry.changes.length;
  if (!isTheirs && !isChanged) return null;
  return JSON.stringify({ ...entry, ...(isTheirs ? { actor: null } : {}), changes, ...(isChanged ? { erased: true } : {}) });
}

type Image = { readonly [field: string]: unknown } | null;
interface KeptChange { readonly table: string; readonly id: unknown; readonly new: Image; readonly old: Image }

function isOf(change: KeptChange, { table, field, values, tenant }: Whose): boolean {
  const image = change.new ?? change.old;
  if (change.table !== table.name || image === null || !values.has(String(image[field]))) return false;
  return tenant === undefined || table.tenant === null || image[table.tenant] === tenant;
}

/** Entries name a table as it was called then. */
function withFormerNames(connection: Connection, records: ReadonlySet<string>): ReadonlySet<string> {
  const all = new Set(records);
  for (const { from, to } of loggedRenames(connection).toReversed()) {
    for (const key of all) {
      const [table, id] = JSON.parse(key) as [string, unknown];
      if (table === to.name) all.add(JSON.stringify([from.name, id]));
    }
  }
  return all;
}
