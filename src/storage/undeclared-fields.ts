// The fields of a record of an open table that its schema does not declare.
import type { RecordValues, Value } from "../base/value.ts";
import type { Table } from "../schema/catalog.ts";

/** As one JSON object; null when there are none. */
export function undeclaredText(values: RecordValues, table: Table): string | null {
  const rest = Object.create(null) as { [name: string]: Value };
  let any = false;
  for (const name of Object.keys(values)) {
    if (table.fields.has(name) || values[name] === null) continue;
    rest[name] = values[name]!;
    any = true;
  }
  return any ? JSON.stringify(rest) : null;
}
