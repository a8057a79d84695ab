// Circles of references: SQLite's foreign keys are immediate, so rows of a circle let go of each other while they come or go.
import type { RecordValues, Value } from "../base/value.ts";
import { quoted } from "../storage/column.ts";
import type { Connection } from "../storage/connection.ts";
import type { Slot } from "./overlay.ts";

/** Writes the row that comes or goes without its references; true if that changed anything. Throws what SQLite does. */
export function letGo(connection: Connection, slot: Slot): boolean {
  const { model, id, stored, current } = slot;
  const row = stored ?? current;
  if (row === null || (stored !== null && current !== null)) return false;
  const values = withoutReferences(slot, row.values);
  if (values === null) return false;
  if (stored === null) {
    connection.query(model.codec.insertSql).run(...model.codec.encode(values, row.version, row.expires));
  } else {
    const changed = model.foreignKeys.map(({ field }) => field);
    const sql = `UPDATE ${quoted(model.table.sqlName)} SET ${changed.map((field) => `${quoted(field)} = ?`).join(", ")} WHERE ${quoted(model.table.primaryKey)} = ?`;
    connection.query(sql).run(...changed.map((field) => model.codec.key(values[field] ?? null)), model.codec.key(id));
  }
  slot.stored = { ...row, values };
  return true;
}

/** Null in place of a key that may be null, the record itself in place of one that may not but leads to its own table. Null: no such key. */
function withoutReferences({ model, id }: Slot, values: RecordValues): RecordValues | null {
  const replaced: [string, Value][] = [];
  for (const { field, target } of model.foreignKeys) {
    const required = model.table.fields.get(field)?.type.required === true;
    const place = required ? id : null;
    if ((values[field] ?? null) === place || (required && target !== model.table.name)) continue;
    replaced.push([field, place]);
  }
  return replaced.length === 0 ? null : { ...values, ...Object.fromEntries(replaced) };
}
