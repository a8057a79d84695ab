// Constraints at the end of a request: references exist, nothing that goes is still referred to, expired records make room.
// Unique values are SQLite's verdict (apply-staged.ts), after all changes are in.
import type { RecordValues } from "../base/value.ts";
import { isHidden } from "../schema/account-tables.ts";
import type { Table } from "../schema/catalog.ts";
import { holds, type WriteContext } from "./write-context.ts";
import { comparedValues } from "./compared-value.ts";
import { isWithin, tenantOf } from "./confinement.ts";
import { missingReference, stillReferenced, stillReferencedElsewhere } from "./constraint-error.ts";
import type { Slot } from "./overlay.ts";
import { noteExistence } from "./read-notes.ts";
import { carryOutActions, expireSlot, referring } from "./referential-actions.ts";
import { modelOf, type ForeignKey } from "./table-model.ts";

/** Looks at everything staged since the last time. May stage deletions of expired records that are in the way. */
export function settleConstraints(context: WriteContext): void {
  const { unsettled } = context.overlay;
  // The set grows while records in the way expire.
  for (const slot of unsettled) {
    if (slot.current === null || context.overlay.isReplaced(slot)) checkReferrers(context, slot);
    if (slot.current !== null) expireColliding(context, slot);
  }
  for (const slot of unsettled) if (slot.current !== null) checkReferences(context, slot);
  unsettled.clear();
}

function checkReferrers(context: WriteContext, slot: Slot): void {
  for (const referrer of slot.model.referrers) {
    if (referrer.onDelete !== "RESTRICT") continue;
    const overlaid = context.overlay.countOf(referrer.table);
    for (const other of referring(context, referrer, slot, overlaid + 1)) {
      if (other.current === null || !context.overlay.isExpired(other.current)) throw keptBy(context, slot, other, referrer.field);
      expireSlot(context, other);
      carryOutActions(context);
    }
  }
}

function keptBy({ confinement }: WriteContext, slot: Slot, other: Slot, field: string): Error {
  const isSeen = other.current === null || isWithin(confinement, other.model.table, other.current.values);
  return isSeen ? stillReferenced(slot.model, other.model, field, slot.writer) : stillReferencedElsewhere(slot.model);
}

/** An expired record does not exist, but in SQLite it holds its unique values. */
function expireColliding(context: WriteContext, slot: Slot): void {
  const { model } = slot;
  if (!model.expires) return;
  for (const key of model.uniqueKeys) {
    const values = key.fields.map((field) => slot.current?.values[field.name] ?? null);
    if (values.includes(null) || values.every((value, index) => value === slot.stored?.values[key.fields[index]!.name])) continue;
    const row = context.overlay.connection.query(key.selectSql).values(...comparedValues(key, values))[0];
    if (row === undefined) continue;
    const other = context.overlay.adopt(model, row);
    if (other === slot || other.current === null || !context.overlay.isExpired(other.current)) continue;
    expireSlot(context, other);
    carryOutActions(context);
  }
}

function checkReferences(context: WriteContext, slot: Slot): void {
  const before = slot.original === null || context.overlay.isExpired(slot.original) ? null : slot.original;
  for (const key of slot.model.foreignKeys) {
    const id = slot.current!.values[key.field] ?? null;
    if (id === null) continue;
    const model = modelOf(context.models, key.target);
    // What it pointed to before is there, unless it went in this session: then it points there again.
    if (id === (before?.values[key.field] ?? null) && !context.overlay.isRemoved(model, id)) continue;
    noteExistence(context, model, id, slot.writer.sent.has(key.field) ? slot.writer.authority?.table(key.target).read ?? true : true);
    const target = context.overlay.visible(context.overlay.slot(model, id));
    if (target === null || !isOfOneTenant(slot, model.table, target.values) || !mayRefer(context, slot, key, target.values)) throw missingReference(slot.model, key.field, key.target, slot.writer);
  }
}

/** Whoever writes: what belongs to a tenant refers to nothing of another. To what belongs to none, all may. What sign-in keeps is its person's, of whichever tenant. */
function isOfOneTenant({ model, current }: Slot, target: Table, record: RecordValues): boolean {
  return target.tenant === null || isHidden(model.table.name) || tenantOf(target, record) === tenantOf(model.table, current!.values);
}

/** What the caller itself refers to must be in its sight. */
function mayRefer(context: WriteContext, slot: Slot, key: ForeignKey, record: NonNullable<Slot["current"]>["values"]): boolean {
  const { authority, sent } = slot.writer;
  if (authority === null || !sent.has(key.field)) return true;
  return holds(context, authority.table(key.target).read, { record }, authority);
}
