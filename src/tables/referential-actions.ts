// What the deletion of records does to those that refer to them: CASCADE and SET_NULL as ordinary changes, with the tables' authority.
import { fault } from "../base/error.ts";
import { isWithin } from "./confinement.ts";
import { stillReferencedElsewhere } from "./constraint-error.ts";
import { runChecks } from "./judge.ts";
import { completed, copyRecord, expiryOf, touched } from "./fill-record.ts";
import type { Slot } from "./overlay.ts";
import { noteReferrers } from "./read-notes.ts";
import { modelOf, type Referrer } from "./table-model.ts";
import type { Removal, WriteContext } from "./write-context.ts";

/** Carries out the actions of all records removed since the last time, and of those that these remove. RESTRICT is for constraints.ts. */
export function carryOutActions(context: WriteContext): void {
  let rows = 0;
  for (;;) {
    const removal = context.removed.pop();
    if (removal === undefined) return;
    const { slot } = removal;
    if (slot.current !== null && !context.overlay.isReplaced(slot)) continue;
    for (const referrer of slot.model.referrers) {
      if (referrer.onDelete === "RESTRICT") continue;
      for (const child of referring(context, referrer, slot, context.limits.cascadeRows + 1)) {
        if (++rows > context.limits.cascadeRows) {
          throw fault("TOO_MANY_ROWS", `Deleting this would change more than ${context.limits.cascadeRows} records.`, { details: { limit: "cascadeRows", rows: context.limits.cascadeRows } });
        }
        act(context, referrer, child, removal);
      }
    }
  }
}

/**
 * Records of the referrer that point to `slot`'s, as the session sees them; expired ones that SQLite still holds too. At most about
 * `limit`. Of one that a new record has replaced: those that pointed to it before.
 */
export function referring(context: WriteContext, referrer: Referrer, slot: Slot, limit: number): Slot[] {
  const { overlay } = context;
  const model = modelOf(context.models, referrer.table);
  const found = new Set<Slot>();
  const key = slot.model.codec.key(slot.id);
  noteReferrers(context, referrer, slot.id);
  for (const row of overlay.connection.query(referrer.selectSql).values(key, limit)) found.add(overlay.adopt(model, row));
  for (const other of overlay.pointing(referrer.table)) found.add(other);
  const replaced = overlay.isReplaced(slot);
  return [...found].filter((other) => other !== slot && other.current?.values[referrer.field] === slot.id && (!replaced || other.original?.values[referrer.field] === slot.id));
}

/** Deletes a record whose time has come, with what hangs on it. */
export function expireSlot(context: WriteContext, slot: Slot): void {
  context.overlay.stage(slot, null, "expiry", slot.writer);
  context.removed.push({ slot, lapsed: true });
}

function act(context: WriteContext, referrer: Referrer, child: Slot, { slot: parent, lapsed }: Removal): void {
  const { overlay } = context;
  const row = child.current!;
  if (overlay.isExpired(row)) return expireSlot(context, child);
  // What a caller removes takes nothing of other tenants with it; there it is still referred to.
  if (!lapsed && !isWithin(context.confinement, child.model.table, row.values)) throw stillReferencedElsewhere(parent.model);
  if (referrer.onDelete === "CASCADE") {
    overlay.stage(child, null, "cascade", parent.writer);
    context.removed.push({ slot: child, lapsed });
    return;
  }
  const { model } = child;
  const draft = copyRecord(model, row.values);
  draft[referrer.field] = null;
  const values = touched(context, model, completed(context, model, draft, []));
  runChecks(context, model, { old: row.values, record: values }, parent.writer.authority);
  overlay.stage(child, { values, version: context.position(), expires: expiryOf(model, values, overlay.now) }, "cascade", parent.writer);
}
