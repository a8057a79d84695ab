// The cursor of a full page's last row, as `after` takes it.
import type { Json } from "../base/value.ts";
import { typeOfField } from "../expression/field-type.ts";
import { cursorFingerprint, encodeCursor } from "../query/cursor.ts";
import { orderKeys } from "../query/order-keys.ts";
import type { Plan } from "../query/plan.ts";
import type { Catalog } from "../schema/catalog.ts";

/** Null where no page can follow. */
export function cursorAfter(plan: Plan, lastKeys: readonly Json[] | null, catalog: Catalog): string | null {
  const table = catalog.tables.get(plan.table);
  if (lastKeys === null || table === undefined) return null;
  const keys = orderKeys(plan, table, typeOfField(table.fields.get(table.primaryKey)!.type, catalog));
  return encodeCursor(lastKeys, cursorFingerprint(table.name, keys));
}
