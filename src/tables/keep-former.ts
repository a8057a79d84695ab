// Keeps what an entry replaces or takes away, in that entry's own commit: the former version of each record whose table has a history or a
// trash, and the moment itself. Decides nothing about rights.
import { keepMoment, type Coming } from "../storage/moments.ts";
import { formerVersions } from "../storage/former-versions.ts";
import type { Ending } from "../storage/history-tables.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Connection } from "../storage/connection.ts";
import type { Overlay, Slot } from "./overlay.ts";

export interface EntryToKeep {
  readonly connection: Connection;
  readonly catalog: Catalog;
  readonly position: number;
  readonly time: string;
  readonly actor: string | null;
  /** Records that came back from the trash. */
  readonly restored: ReadonlySet<Slot>;
}

/** After the entry was appended. */
export function keepFormer(entry: EntryToKeep, overlay: Overlay): void {
  let hasHistory = false;
  const causes: { [table: string]: { [id: string]: Coming } } = {};
  for (const slot of overlay.applied) {
    const { table } = slot.model;
    if ((table.historyMs === null && table.trashMs === null) || slot.original === slot.current || slot.cause === "embedding") continue;
    keepSlot(entry, slot, overlay);
    if (table.historyMs === null) continue;
    hasHistory = true;
    const coming = comingOf(slot, entry.restored);
    if (coming !== null) (causes[table.name] ??= {})[String(slot.id)] = coming;
  }
  if (hasHistory) keepMoment(entry.connection, { position: entry.position, time: entry.time, actor: entry.actor, causes });
}

function keepSlot({ connection, catalog, position, time }: EntryToKeep, slot: Slot, overlay: Overlay): void {
  const { table } = slot.model;
  const versions = formerVersions(table, catalog);
  const ending = endingOf(slot, overlay);
  // Where only the trash is kept, it holds one version of what is gone, and none of what is there.
  if (table.historyMs === null) versions.forget(connection, slot.id);
  if (ending === null || (table.historyMs === null && ending !== "delete" && ending !== "cascade")) return;
  versions.keep(connection, slot.original!, { until: position, ended: time, ending });
}

/** Null: nothing ended. */
function endingOf({ original, current, cause }: Slot, overlay: Overlay): Ending | null {
  if (original === null) return null;
  if (overlay.isExpired(original)) return "expiry";
  if (current !== null) return "update";
  return cause === "cascade" || cause === "expiry" ? cause : "delete";
}

function comingOf(slot: Slot, restored: ReadonlySet<Slot>): Coming | null {
  if (slot.current === null) return null;
  if (restored.has(slot)) return "restored";
  return slot.cause === "cascade" || slot.cause === "migration" ? slot.cause : null;
}
