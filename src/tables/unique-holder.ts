// Which record holds given unique values, as the session sees it: for upserts, and to know before a commit that it would fail.
import type { Value } from "../base/value.ts";
import { comparedText, comparedValues } from "./compared-value.ts";
import { uniqueViolation } from "./constraint-error.ts";
import type { Slot } from "./overlay.ts";
import { noteUnique } from "./read-notes.ts";
import type { TableModel, UniqueKey } from "./table-model.ts";
import type { WriteContext } from "./write-context.ts";

export interface HolderRequest {
  readonly model: TableModel;
  readonly key: UniqueKey;
  /** Of the key's fields. */
  readonly values: readonly Value[];
  readonly except: Slot | null;
}

/** Null: nobody, as far as the session sees. Nulls are distinct. */
export function uniqueHolder(context: WriteContext, { model, key, values, except }: HolderRequest): Slot | null {
  if (values.includes(null)) return null;
  const { overlay } = context;
  noteUnique(context, model, key, values);
  const row = overlay.connection.query(key.selectSql).values(...comparedValues(key, values))[0];
  if (row !== undefined) {
    const slot = overlay.adopt(model, row);
    const current = slot === except ? null : overlay.visible(slot);
    if (current !== null && comparedText(key, key.fields.map((field) => current.values[field.name] ?? null)) === comparedText(key, values)) return slot;
  }
  return overlay.holder(model, key, values, except);
}

/** Who took values that SQLite still holds for `except`: it had given them up, and wants them back. */
function stagedHolder({ overlay }: WriteContext, { model, key, values, except }: HolderRequest): Slot | null {
  return values.includes(null) || overlay.countOf(model.table.name) < 2 ? null : overlay.holder(model, key, values, except);
}

/** Throws UNIQUE_VIOLATION where a staged record has values that another one has. */
export function probeUnique(context: WriteContext, slot: Slot): void {
  const { model, current, stored } = slot;
  if (current === null) return;
  for (const key of model.uniqueKeys) {
    const values = key.fields.map((field) => current.values[field.name] ?? null);
    const isStored = stored !== null && values.every((value, index) => value === stored.values[key.fields[index]!.name]);
    const holder = isStored ? stagedHolder(context, { model, key, values, except: slot }) : uniqueHolder(context, { model, key, values, except: slot });
    if (holder !== null) throw uniqueViolation(model, key, slot.writer);
  }
}
