// The order in which staged deletions and insertions suit SQLite's immediate foreign keys: what is referred to stands first.
import type { RecordValues, Value } from "../base/value.ts";
import { dependenciesFirst } from "./dependencies-first.ts";
import type { Slot } from "./overlay.ts";

/** Each slot after those that its image refers to; cycles are broken anywhere. Reverse it for deletions. */
export function parentsFirst(slots: readonly Slot[], imageOf: (slot: Slot) => RecordValues): Slot[] {
  if (slots.length < 2) return [...slots];
  const byTable = new Map<string, Map<Value, Slot>>();
  for (const slot of slots) {
    const { name } = slot.model.table;
    let table = byTable.get(name);
    if (table === undefined) byTable.set(name, table = new Map());
    table.set(slot.id, slot);
  }
  const parentsOf = (slot: Slot): Slot[] => {
    const image = imageOf(slot);
    const parents: Slot[] = [];
    for (const key of slot.model.foreignKeys) {
      const parent = byTable.get(key.target)?.get(image[key.field] ?? null);
      if (parent !== undefined && parent !== slot) parents.push(parent);
    }
    return parents;
  };
  return dependenciesFirst(slots, parentsOf);
}
