// Brings a deleted record back from the trash, with what went with it by CASCADE. It is a write like any other: constraints and checks
// hold again, or nothing happens. Whoever may read the record and delete it once it is back, may do so.
import { fault } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { dateTimeOf, millisecondsOf } from "../base/date-time.ts";
import { formerVersions, type FormerVersion } from "../storage/former-versions.ts";
import type { Authority } from "./authority.ts";
import { isWithin } from "./confinement.ts";
import { completed, copyRecord, expiryOf, touched } from "./fill-record.ts";
import { isReadable, permitBefore, runChecks } from "./judge.ts";
import type { Slot, Writer } from "./overlay.ts";
import { expireSlot } from "./referential-actions.ts";
import { modelOf, type TableModel } from "./table-model.ts";
import type { WriteContext } from "./write-context.ts";
import type { WriteOutcome } from "./write.ts";

interface Restoring {
  readonly context: WriteContext;
  readonly writer: Writer;
  /** All that came back. */
  readonly restored: Slot[];
}

/** Throws NOT_FOUND where there is none that the caller may know of. The slots that came back are added to `restored`. */
export function restoreRecord(context: WriteContext, target: { readonly table: string; readonly id: Value; readonly authority: Authority | null }, restored: Slot[]): WriteOutcome {
  const { table, id, authority } = target;
  const model = modelOf(context.models, table);
  const restoring: Restoring = { context, writer: { authority, sent: new Set() }, restored };
  const version = inTrash(context, model, id);
  if (version === null || !isWithin(context.confinement, model.table, version.row.values)) throw notInTrash(table);
  const slot = broughtBack(restoring, model, version, authority);
  if (slot === null) throw notInTrash(table);
  const record = slot.current!.values;
  // On the state in which it is back: what gave the right may have gone with it.
  if (!isReadable(context, table, record, authority)) throw notInTrash(table);
  permitBefore(context, table, "DELETE", { old: record, authority });
  for (const back of restored) runChecks(context, back.model, { old: null, record: back.current!.values }, authority);
  return { status: "created", table, id, record, old: null };
}

/** What prevents it is told only to whom the record may be shown. */
function broughtBack(restoring: Restoring, model: TableModel, version: FormerVersion, authority: Authority | null): Slot | null {
  try {
    return bringBack(restoring, model, version);
  } catch (error) {
    if (!isReadable(restoring.context, model.table.name, version.row.values, authority)) throw notInTrash(model.table.name);
    throw error;
  }
}

function notInTrash(table: string): Error {
  return fault("NOT_FOUND", `There is no deleted ${table} with this key that can be restored.`);
}

/** Keys are unique over all tenants, and a new record under the key ends what could be restored: so nobody may take that of another tenant. */
export function isInTrashOfAnother(context: WriteContext, model: TableModel, id: Value): boolean {
  if (context.confinement === null || model.table.tenant === null || model.table.trashMs === null) return false;
  const version = inTrash(context, model, id);
  return version !== null && !isWithin(context.confinement, model.table, version.row.values);
}

/** The version with which the record was deleted, while it can be restored. */
function inTrash({ catalog, overlay }: WriteContext, { table }: TableModel, id: Value): FormerVersion | null {
  if (table.trashMs === null) return null;
  const version = formerVersions(table, catalog).last(overlay.connection, id);
  if (version === null || (version.ending !== "delete" && version.ending !== "cascade")) return null;
  return version.ended > dateTimeOf(millisecondsOf(overlay.now) - table.trashMs) ? version : null;
}

/** Null: it lives, or its own time is over. */
function bringBack(restoring: Restoring, model: TableModel, { row, until }: FormerVersion): Slot | null {
  const { context, writer, restored } = restoring;
  const { overlay } = context;
  const slot = overlay.slot(model, row.values[model.primaryKey.name]!);
  if (overlay.visible(slot) !== null) return null;
  const values = touched(context, model, completed(context, model, copyRecord(model, row.values), []));
  const expires = expiryOf(model, values, overlay.now);
  if (expires !== null && expires <= overlay.now) return null;
  if (slot.current !== null) expireSlot(context, slot);
  overlay.stage(slot, { values, version: context.position(), expires }, "write", writer);
  restored.push(slot);
  bringBackChildren(restoring, model, { values, id: slot.id, until });
  return slot;
}

/** Those that the deletion took along, and theirs. */
function bringBackChildren(restoring: Restoring, model: TableModel, parent: { readonly values: RecordValues; readonly id: Value; readonly until: number }): void {
  const { context, restored } = restoring;
  for (const referrer of model.referrers) {
    const child = modelOf(context.models, referrer.table);
    if (referrer.onDelete !== "CASCADE" || child.table.trashMs === null) continue;
    const limit = context.limits.cascadeRows + 1;
    for (const version of formerVersions(child.table, context.catalog).endedWith(context.overlay.connection, referrer.field, { id: parent.id, until: parent.until, limit })) {
      if (restored.length > context.limits.cascadeRows) {
        throw fault("TOO_MANY_ROWS", `Restoring this would bring back more than ${context.limits.cascadeRows} records.`, { details: { limit: "cascadeRows", rows: context.limits.cascadeRows } });
      }
      // One that came back and went again since did not go with this parent.
      const last = formerVersions(child.table, context.catalog).last(context.overlay.connection, version.row.values[child.primaryKey.name]!);
      // Those of another tenant, whose parent belongs to all, come back when that tenant asks for them.
      if (last?.until === version.until && isWithin(context.confinement, child.table, version.row.values)) bringBack(restoring, child, version);
    }
  }
}
