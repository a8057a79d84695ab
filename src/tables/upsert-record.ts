// A create that meets a record with the same key: merges into it or leaves it, as PostgREST's resolution says.
import { fault } from "../base/error.ts";
import { didYouMean } from "../base/diagnostic.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { coerceValue } from "../schema/coerce-value.ts";
import type { Field } from "../schema/catalog.ts";
import { isReadable, permitBefore } from "./judge.ts";
import type { Slot } from "./overlay.ts";
import { isKnown } from "./read-input.ts";
import { noteRecord } from "./read-notes.ts";
import { modelOf, type TableModel, type UniqueKey } from "./table-model.ts";
import { uniqueHolder } from "./unique-holder.ts";
import { holds, rightsOf, type WriteContext } from "./write-context.ts";
import { createRecord, refusedCreate, rewriteRecord, type WriteOf } from "./write-record.ts";
import type { WriteOptions, WriteOutcome } from "./write.ts";

/** `write.onConflict` is not null. */
export function upsertRecord(context: WriteContext, write: WriteOf<"create">, options: WriteOptions): WriteOutcome {
  const model = modelOf(context.models, write.table);
  permitBefore(context, write.table, "CREATE", { old: null, authority: options.authority });
  const key = conflictKey(model, write.onConflict?.fields ?? null, options);
  const slot = key === null ? holderOfPrimaryKey(context, model, write, options) : holderOf(context, { model, key, write, options });
  if (slot === null) return createRecord(context, write, options);
  noteRecord(context, model, slot.id);
  const { values } = context.overlay.visible(slot)!;
  // That it is this record that has the key is told only to those who see both.
  const tells = isReadable(context, write.table, values, options.authority) && showsKey(context, { model, key, values, options });
  if (!tells) throw refusedCreate(options.authority, write.table);
  if (write.onConflict?.resolution === "ignore") return { status: "ignored", table: write.table, id: slot.id, record: values, old: values };
  return rewriteRecord(context, slot, { mode: "update", merge: false, precondition: null, input: () => write.input }, options);
}

function showsKey(context: WriteContext, { model, key, values, options }: { readonly model: TableModel; readonly key: UniqueKey | null; readonly values: RecordValues; readonly options: WriteOptions }): boolean {
  const rights = rightsOf(options, model.table.name);
  return rights === null || (key?.declared ?? [model.primaryKey]).every((field) => holds(context, rights.field(field.name).read, { record: values }, options.authority));
}

/** The unique key over exactly these fields; null for the primary key. */
function conflictKey(model: TableModel, names: readonly string[] | null, options: WriteOptions): UniqueKey | null {
  const { table } = model;
  if (names === null || (names.length === 1 && names[0] === table.primaryKey)) return null;
  const rights = rightsOf(options, table.name);
  const known = [...table.fields.values()].filter((field) => isKnown(field, rights, "create")).map((field) => field.name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = didYouMean(name, known);
    throw fault("UNKNOWN_FIELD", `${name} is not a field of ${table.name}${near === null ? "." : `; did you mean ${near}?`}`, { where: "on_conflict" });
  }
  const wanted = new Set(names);
  const key = model.uniqueKeys.find(({ declared }) => declared.length === wanted.size && declared.every((field) => wanted.has(field.name)));
  if (key !== undefined) return key;
  throw fault("MALFORMED_QUERY", `${table.name} has no unique index over ${names.join(", ")}.`, { where: "on_conflict", fix: "Name the primary key, or all fields of one unique index." });
}

function holderOfPrimaryKey(context: WriteContext, model: TableModel, write: WriteOf<"create">, options: WriteOptions): Slot | null {
  const id = valueOf(context, model.primaryKey, write, options);
  if (id === null) return null;
  const slot = context.overlay.slot(model, id);
  noteRecord(context, model, id);
  return context.overlay.visible(slot) === null ? null : slot;
}

function holderOf(context: WriteContext, request: { readonly model: TableModel; readonly key: UniqueKey; readonly write: WriteOf<"create">; readonly options: WriteOptions }): Slot | null {
  const { model, key, write, options } = request;
  return uniqueHolder(context, { model, key, values: key.fields.map((field) => valueOf(context, field, write, options)), except: null });
}

/** What the new record would hold there; null where that is not known beforehand, or is not valid, which the create then says. */
function valueOf(context: WriteContext, field: Field, write: WriteOf<"create">, options: WriteOptions): Value {
  if (field.fill?.kind === "tenant" && context.confinement !== null) return context.confinement.tenant;
  const raw = Object.hasOwn(write.input, field.name) ? write.input[field.name] : undefined;
  if (raw === undefined) {
    if (field.fill?.kind === "default-value") return field.fill.value;
    if (field.fill?.kind !== "created-by") return null;
    return options.authority === null ? context.actor : options.authority.subject;
  }
  return coerceValue(raw, field, { catalog: context.catalog, dialect: options.dialect, path: field.name, limits: context.limits }, []) ?? null;
}
