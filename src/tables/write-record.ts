// One write of each kind on the session's state: who may, what comes of it, and the staged result. Order of refusals: 404, 403, 412, input, rules, checks.
import { assert } from "../base/assert.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { Authority } from "./authority.ts";
import { isWithin } from "./confinement.ts";
import { uniqueViolation } from "./constraint-error.ts";
import { denied, notFound } from "./denial.ts";
import { changedRecord, expiryOf, isUnchanged, newRecord, replacedRecord, touched } from "./fill-record.ts";
import { checkGuarded, checkPrecondition, isReadable, permitAfter, permitBefore, readOnly, runChecks } from "./judge.ts";
import type { Slot, Writer } from "./overlay.ts";
import { readInput, type AcceptedInput } from "./read-input.ts";
import { noteExistence, noteRecord } from "./read-notes.ts";
import { expireSlot } from "./referential-actions.ts";
import { isInTrashOfAnother } from "./restore-record.ts";
import { isFilled, modelOf, type TableModel } from "./table-model.ts";
import { holds, rightsOf, type WriteContext } from "./write-context.ts";
import type { Precondition, RawInput, Write, WriteOptions, WriteOutcome } from "./write.ts";

export type WriteOf<Kind extends Write["kind"]> = Extract<Write, { kind: Kind }>;

/** How an existing record is changed. */
export interface Rewrite {
  readonly mode: "update" | "replace";
  readonly merge: boolean;
  readonly precondition: Precondition | null;
  /** From the record before. */
  input(old: RecordValues): RawInput;
}

export function createRecord(context: WriteContext, write: WriteOf<"create">, options: WriteOptions): WriteOutcome {
  const model = modelOf(context.models, write.table);
  permitBefore(context, write.table, "CREATE", { old: null, authority: options.authority });
  const accepted = readInput(context, { model, input: write.input, mode: "create", merge: false, old: null, options });
  return insertRecord(context, model, accepted, { id: null, options });
}

export function replaceRecord(context: WriteContext, write: WriteOf<"replace">, options: WriteOptions): WriteOutcome {
  const model = modelOf(context.models, write.table);
  const slot = context.overlay.slot(model, write.id);
  noteRecord(context, model, slot.id);
  const old = context.overlay.visible(slot);
  if (old !== null) {
    // To whom it is hidden, it must look as if there were none that one may create.
    if (!isReadable(context, write.table, old.values, options.authority)) {
      permitBefore(context, write.table, "CREATE", { old: null, authority: options.authority });
      throw refusedCreate(options.authority, write.table);
    }
    return rewriteRecord(context, slot, { mode: "replace", merge: false, precondition: write.precondition, input: () => write.input }, options);
  }
  permitBefore(context, write.table, "CREATE", { old: null, authority: options.authority });
  checkPrecondition(write.precondition, null);
  const accepted = readInput(context, { model, input: write.input, mode: "create", merge: false, old: null, options });
  if ((accepted.values.get(model.primaryKey.name) ?? write.id) !== write.id) throw readOnly(model, [model.primaryKey.name]);
  return insertRecord(context, model, accepted, { id: write.id, options });
}

export function updateRecord(context: WriteContext, write: WriteOf<"update">, options: WriteOptions): WriteOutcome {
  const slot = readableSlot(context, write, options.authority);
  return rewriteRecord(context, slot, { mode: "update", merge: write.merge, precondition: write.precondition, input: () => write.input }, options);
}

export function removeRecord(context: WriteContext, write: WriteOf<"remove">, options: WriteOptions): WriteOutcome {
  const { overlay } = context;
  const slot = readableSlot(context, write, options.authority);
  const old = overlay.visible(slot);
  assert(old !== null, "a readable record is visible");
  permitBefore(context, write.table, "DELETE", { old: old.values, authority: options.authority });
  checkPrecondition(write.precondition, old.version);
  overlay.stage(slot, null, "write", { authority: options.authority, sent: new Set() });
  context.removed.push({ slot, lapsed: false });
  return { status: "deleted", table: write.table, id: slot.id, record: null, old: old.values };
}

/** The slot of a record that exists and that the sender may see. */
export function readableSlot(context: WriteContext, target: { readonly table: string; readonly id: Value }, authority: Authority | null): Slot {
  const slot = context.overlay.slot(modelOf(context.models, target.table), target.id);
  noteRecord(context, slot.model, slot.id);
  const old = context.overlay.visible(slot);
  if (old === null || !isReadable(context, target.table, old.values, authority)) throw notFound(target.table);
  return slot;
}

export function refusedCreate(authority: Authority | null, table: string): Error {
  return authority === null ? notFound(table) : denied(authority, table, "CREATE", "final record");
}

/** Changes a record that the sender sees. */
export function rewriteRecord(context: WriteContext, slot: Slot, rewrite: Rewrite, options: WriteOptions): WriteOutcome {
  const { model, id } = slot;
  const { authority } = options;
  const table = model.table.name;
  const old = context.overlay.visible(slot);
  assert(old !== null, "a record to change is visible");
  permitBefore(context, table, "UPDATE", { old: old.values, authority });
  checkPrecondition(rewrite.precondition, old.version);
  const accepted = readInput(context, { model, input: rewrite.input(old.values), mode: rewrite.mode, merge: rewrite.merge, old: old.values, options });
  const keeps = ({ name }: { readonly name: string }): boolean => (rewrite.mode === "update" ? !accepted.values.has(name) : isKept(context, slot, name, options));
  const record = rewrite.mode === "update" ? changedRecord(context, model, old.values, accepted) : replacedRecord(context, { model, old: old.values, accepted, write: options, keeps });
  const images = { old: old.values, record };
  checkGuarded(context, model, { images, accepted, authority });
  permitAfter(context, model, { images, accepted, authority });
  if (isUnchanged(model, old.values, record) && seesAll(context, model, { keeps, values: old.values, authority })) return { status: "unchanged", table, id, record: old.values, old: old.values };
  const final = touched(context, model, record);
  runChecks(context, model, { old: old.values, record: final }, authority);
  stageRecord(context, slot, final, { authority, sent: accepted.sent });
  return { status: "updated", table, id, record: final, old: old.values };
}

/** Whether the sender may read all that it set: else a version that stays would tell that what it guessed was there. */
function seesAll(context: WriteContext, model: TableModel, { keeps, values, authority }: { keeps(field: { readonly name: string }): boolean; readonly values: RecordValues; readonly authority: Authority | null }): boolean {
  if (authority === null) return true;
  const rights = authority.table(model.table.name);
  return model.stored.every((field) => rights.field(field.name).read === true || keeps(field) || holds(context, rights.field(field.name).read, { record: values }, authority));
}

export function insertRecord(context: WriteContext, model: TableModel, accepted: AcceptedInput, request: { readonly id: Value; readonly options: WriteOptions }): WriteOutcome {
  const { options } = request;
  const { overlay } = context;
  const writer: Writer = { authority: options.authority, sent: accepted.sent };
  const given = request.id ?? accepted.values.get(model.primaryKey.name) ?? null;
  const occupied = given === null ? null : overlay.slot(model, given);
  refuseUnfilled(model, accepted);
  const record = newRecord(context, model, accepted, { write: options, id: given });
  const images = { old: null, record };
  checkGuarded(context, model, { images, accepted, authority: options.authority });
  permitAfter(context, model, { images, accepted, authority: options.authority });
  runChecks(context, model, images, options.authority);
  const id = record[model.primaryKey.name]!;
  // The key is the tenant, and this one is another's.
  if (given !== null && id !== given) throw refusedCreate(options.authority, model.table.name);
  // A key that a default gave may be somebody's; one that was just made up is nobody's.
  const isMadeUp = occupied === null && model.primaryKey.fill === null;
  const slot = occupied ?? (isMadeUp ? overlay.fresh(model, id) : overlay.slot(model, id));
  if (!isMadeUp) noteExistence(context, model, id);
  const holder = overlay.visible(slot);
  // Keys are unique over all tenants: that another one has it is told as little as with PUT.
  if (holder !== null) throw isWithin(context.confinement, model.table, holder.values) ? uniqueViolation(model, null, writer) : refusedCreate(options.authority, model.table.name);
  if (!isMadeUp && isInTrashOfAnother(context, model, id)) throw refusedCreate(options.authority, model.table.name);
  if (slot.current !== null) expireSlot(context, slot);
  stageRecord(context, slot, record, writer);
  return { status: "created", table: model.table.name, id, record, old: null };
}

/** What only code sets, and nothing fills: that the sender gave it is what is wrong, not that it is missing. */
function refuseUnfilled(model: TableModel, accepted: AcceptedInput): void {
  const wrong = model.stored.filter(({ name, kind, type, fill }) => kind === "stored" && type.required && fill === null && accepted.guarded.has(name));
  if (wrong.length > 0) throw readOnly(model, wrong.map(({ name }) => name));
}

function stageRecord(context: WriteContext, slot: Slot, values: RecordValues, writer: Writer): void {
  const expires = expiryOf(slot.model, values, context.overlay.now);
  context.overlay.stage(slot, { values, version: context.position(), expires }, "write", writer);
}

/** PUT leaves what the sender may not change, and what the runtime or code sets. */
function isKept(context: WriteContext, slot: Slot, name: string, options: WriteOptions): boolean {
  const { model } = slot;
  const field = model.table.fields.get(name)!;
  if (name === model.table.primaryKey || isFilled(field.fill)) return true;
  if (options.authority === null) return false;
  if (field.readOnly || field.fixed || field.internal) return true;
  const permission = rightsOf(options, model.table.name)?.field(name).update ?? true;
  const values = slot.current!.values;
  return !holds(context, permission, { record: values, old: values }, options.authority);
}
