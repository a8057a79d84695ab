// Records as an export wrote them, filled fields and all, in any order: without rules, but with types, limits, checks and constraints.
// What refers to a record that is not there yet is left for later.
import type { RecordValues, Value } from "../base/value.ts";
import { fault } from "../base/error.ts";
import { equalValues } from "../base/equal-values.ts";
import type { Connection } from "../storage/connection.ts";
import { tenantOf } from "./confinement.ts";
import { copyRecord, expiryOf, newRecord } from "./fill-record.ts";
import { readOnly, runChecks } from "./judge.ts";
import type { Slot, Writer } from "./overlay.ts";
import { readInput } from "./read-input.ts";
import { expireSlot } from "./referential-actions.ts";
import { modelOf, type TableModel } from "./table-model.ts";
import type { WriteContext } from "./write-context.ts";
import type { RawInput, WriteOptions } from "./write.ts";

export interface ImportedRow {
  readonly table: string;
  readonly input: RawInput;
}

/**
 * unchanged: it is there already, just so. deferred: nothing was done, since what it refers to is not there yet.
 * loosened: created without those optional references that lead to nothing yet. completed: such a one, or one like it, got them.
 */
export type ImportOutcome = "created" | "replaced" | "unchanged" | "deferred" | "loosened" | "completed";

export interface ImportMode {
  /** A record that is there and differs is replaced, else refused with UNIQUE_VIOLATION. */
  readonly replace: boolean;
  /** What refers to nothing yet comes without the reference, where that is optional: for circles. */
  readonly loosen: boolean;
}

/** The next number of a sequence; those before it were given out. */
export interface SequenceReach { readonly name: string; readonly scope: string; readonly next: string }

const REACH = `INSERT INTO "$sequence" ("name", "scope", "next") VALUES (?1, ?2, ?3) ON CONFLICT ("name", "scope") DO UPDATE SET "next" = max("next", excluded."next")`;

/** Numbers that were given out elsewhere are not given out again. Of no session's changes, so that it makes no log entry. */
export function reachSequences(connection: Connection, sequences: readonly SequenceReach[]): void {
  for (const { name, scope, next } of sequences) connection.run(REACH, name, scope, BigInt(next));
}

interface Draft {
  readonly model: TableModel;
  readonly slot: Slot;
  readonly record: RecordValues;
  /** Fields that the row leaves to the runtime, which filled them before. */
  readonly kept: ReadonlySet<string>;
}

const AS_STORED: WriteOptions = { dialect: "wire", authority: null, sent: null, asStored: true };
const FILLED_ONCE: ReadonlySet<string> = new Set(["created-time", "updated-time", "created-by", "sequence", "default-rule"]);
const WRITER: Writer = { authority: null, sent: new Set() };

/** Throws what is wrong with the row's own values. */
export function checkImported(context: WriteContext, row: ImportedRow): void {
  recordOf(context, row);
}

export function importRecords(context: WriteContext, rows: readonly ImportedRow[], mode: ImportMode): ImportOutcome[] {
  const drafts = rows.map((row): Draft => {
    const found = recordOf(context, row);
    return { ...found, slot: context.overlay.slot(found.model, found.record[found.model.primaryKey.name]!) };
  });
  const coming = new Map<Slot, Draft>(drafts.map((draft) => [draft.slot, draft]));
  const deferred = withoutParents(context, drafts, coming, mode);
  const staged: { readonly draft: Draft; readonly old: RecordValues | null }[] = [];
  const outcomes = drafts.map((whole): ImportOutcome => {
    if (deferred.has(whole)) return "deferred";
    const draft = loosened(context, whole, coming);
    const old = context.overlay.visible(draft.slot)?.values ?? null;
    if (old !== null && differing(old, draft.record).length === 0) return draft === whole ? "unchanged" : "loosened";
    const completes = old !== null && lacksReferences(draft, old);
    if (old !== null && !completes && !mode.replace) throw taken(draft.model);
    // Its children would be left in another tenant.
    if (old !== null && tenantOf(draft.model.table, old) !== tenantOf(draft.model.table, draft.record)) throw readOnly(draft.model, [draft.model.table.tenant!]);
    const final = old === null || completes ? draft : { ...draft, record: moved(context, draft) };
    stage(context, final);
    staged.push({ draft: final, old });
    if (draft !== whole) return "loosened";
    if (completes) return "completed";
    return old === null ? "created" : "replaced";
  });
  // They may look at each other.
  for (const { draft, old } of staged) runChecks(context, draft.model, { old, record: draft.record }, null);
  return outcomes;
}

function recordOf(context: WriteContext, { table, input }: ImportedRow): Omit<Draft, "slot"> {
  const model = modelOf(context.models, table);
  const accepted = readInput(context, { model, input, mode: "create", merge: false, old: null, options: AS_STORED });
  const kept = filledBefore(context, model, accepted.values);
  const values = kept.size === 0 ? accepted.values : new Map([...accepted.values, ...kept]);
  return { model, record: newRecord(context, model, { ...accepted, values }, { write: AS_STORED, id: null }), kept: new Set(kept.keys()) };
}

/** What the runtime filled when the record came, and the row does not say: filled anew, a row that comes again would differ. */
function filledBefore({ overlay }: WriteContext, model: TableModel, sent: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
  const id = sent.get(model.primaryKey.name) ?? null;
  const left = model.stored.filter(({ name, fill }) => fill !== null && FILLED_ONCE.has(fill.kind) && !sent.has(name));
  const old = id === null || left.length === 0 ? null : overlay.visible(overlay.slot(model, id));
  if (old === null) return new Map();
  // The number of a record that comes back within another one is not the old one's.
  const stays = left.filter(({ fill }) => fill?.kind !== "sequence" || fill.per === null || equalValues(old.values[fill.per], sent.get(fill.per)));
  return new Map(stays.map(({ name }) => [name, old.values[name] ?? null]));
}

/** A record that is replaced was changed now, unless the row says when. */
function moved({ overlay }: WriteContext, { model, record, kept }: Draft): RecordValues {
  const times = model.stored.filter(({ name, fill }) => fill?.kind === "updated-time" && kept.has(name));
  if (times.length === 0) return record;
  const copy = copyRecord(model, record);
  for (const { name } of times) copy[name] = overlay.now;
  return copy;
}

/** Whoever refers to somebody who is neither there nor comes along in these rows; and whoever refers to one of those. They come out of `coming`. */
function withoutParents(context: WriteContext, drafts: readonly Draft[], coming: Map<Slot, Draft>, { loosen }: ImportMode): ReadonlySet<Draft> {
  const deferred = new Set<Draft>();
  for (let grew = true; grew;) {
    grew = false;
    for (const draft of drafts) {
      if (deferred.has(draft) || missingParents(context, draft, coming).every((field) => loosen && isOptional(draft, field))) continue;
      deferred.add(draft);
      if (coming.get(draft.slot) === draft) coming.delete(draft.slot);
      grew = true;
    }
  }
  return deferred;
}

/** Fields. */
function missingParents(context: WriteContext, { model, record }: Draft, coming: ReadonlyMap<Slot, Draft>): string[] {
  return model.foreignKeys.filter((key) => {
    const id: Value = record[key.field] ?? null;
    if (id === null) return false;
    const parent = context.overlay.slot(modelOf(context.models, key.target), id);
    return !coming.has(parent) && context.overlay.visible(parent) === null;
  }).map(({ field }) => field);
}

function isOptional({ model }: Draft, field: string): boolean {
  return model.table.fields.get(field)?.type.required === false;
}

/** Itself where nothing is missing. */
function loosened(context: WriteContext, draft: Draft, coming: ReadonlyMap<Slot, Draft>): Draft {
  const missing = missingParents(context, draft, coming);
  if (missing.length === 0) return draft;
  const record = copyRecord(draft.model, draft.record);
  for (const field of missing) record[field] = null;
  return { ...draft, record };
}

/** All that differs is optional references that are not there. */
function lacksReferences(draft: Draft, old: RecordValues): boolean {
  const keys = new Set(draft.model.foreignKeys.map(({ field }) => field));
  return differing(old, draft.record).every((name) => keys.has(name) && isOptional(draft, name) && (old[name] ?? null) === null);
}

function stage(context: WriteContext, { model, slot, record }: Draft): void {
  const { overlay } = context;
  if (slot.current !== null && overlay.visible(slot) === null) expireSlot(context, slot);
  overlay.stage(slot, { values: record, version: context.position(), expires: expiryOf(model, record, overlay.now) }, "write", WRITER);
}

/** Fields, those that the runtime fills too. */
function differing(old: RecordValues, record: RecordValues): string[] {
  return [...new Set([...Object.keys(old), ...Object.keys(record)])].filter((name) => !equalValues(old[name], record[name]));
}

function taken({ table }: TableModel): Error {
  return fault("UNIQUE_VIOLATION", `A ${table.name} with this key is there already, and differs.`, {
    details: { table: table.name, fields: [table.primaryKey] }, where: table.primaryKey, fix: "Remove the line, or replace what is there with --replace.",
  });
}
