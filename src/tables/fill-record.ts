// From what was sent to the whole record: defaults, generated keys and numbers, times, who, stored computed fields. No rules, no checks.
import { dateTimeOf, isDateTimeMs, millisecondsOf } from "../base/date-time.ts";
import { unreachable } from "../base/assert.ts";
import { fault } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { evaluate } from "../expression/evaluate.ts";
import { LONG_MAX } from "../schema/coerce-scalar.ts";
import { coerceValue, type Issue } from "../schema/coerce-value.ts";
import type { Field } from "../schema/catalog.ts";
import { quoted } from "../storage/column.ts";
import { equalValues } from "../base/equal-values.ts";
import { tenantOf } from "./confinement.ts";
import { embeddedText } from "./embedded-text.ts";
import { invalid, missing } from "./input-issue.ts";
import type { AcceptedInput } from "./read-input.ts";
import type { TableModel } from "./table-model.ts";
import { authOf, environmentOf, type FillContext, type WriteContext } from "./write-context.ts";
import type { WriteOptions } from "./write.ts";

type Draft = { [field: string]: Value };

/** A new record with every stored field. `id`: where the key is known from elsewhere than the input. */
export function newRecord(context: WriteContext, model: TableModel, accepted: AcceptedInput, options: { readonly write: WriteOptions; readonly id: Value }): RecordValues {
  const { draft, issues } = begunDraft(context, model, accepted, options);
  for (const field of model.stored) {
    if (field.fill?.kind !== "sequence") continue;
    if (draft[field.name] === null) draft[field.name] = nextNumber(context, model, field, draft);
    else context.sequences.reach(`${model.table.name}.${field.name}`, scopeOf(model, field, draft), BigInt(draft[field.name] as number | bigint) + 1n, firstOf(context, model, field, draft));
  }
  if (draft[model.primaryKey.name] === null) draft[model.primaryKey.name] = generatedKey(context, model);
  return completed(context, model, draft, issues);
}

/** A message: as a new record, but its key is given. */
export function newMessage(context: FillContext, model: TableModel, accepted: AcceptedInput, write: WriteOptions): RecordValues {
  const { draft, issues } = begunDraft(context, model, accepted, { write, id: null });
  return completed(context, model, draft, issues);
}

/** What was sent, and what fills the rest; no numbers and generated keys yet. */
function begunDraft(context: FillContext, model: TableModel, accepted: AcceptedInput, options: { readonly write: WriteOptions; readonly id: Value }): { readonly draft: Draft; readonly issues: Issue[] } {
  const draft = blank(model);
  for (const [name, value] of accepted.values) draft[name] = value;
  for (const [name, value] of accepted.undeclared) if (value !== null) draft[name] = value;
  if (options.id !== null) draft[model.primaryKey.name] = options.id;
  const sent = model.defaultRules.size === 0 ? draft : { ...draft };
  const issues: Issue[] = [];
  for (const field of model.stored) {
    if (field.fill === null || accepted.values.has(field.name)) continue;
    draft[field.name] = defaultOf(context, { model, field, sent, write: options.write, issues }) ?? null;
  }
  return { draft, issues };
}

/** The record before with the accepted input over it; times are not moved yet. */
export function changedRecord(context: WriteContext, model: TableModel, old: RecordValues, accepted: AcceptedInput): RecordValues {
  const draft = copyRecord(model, old);
  for (const [name, value] of accepted.values) draft[name] = value;
  applyUndeclared(draft, accepted.undeclared);
  renumber(context, model, old, draft);
  return completed(context, model, draft, []);
}

/** Numbers are of the record within whose key they count: one that moves takes the next there, and leaves its old one to nobody. */
function renumber(context: WriteContext, model: TableModel, old: RecordValues, draft: Draft): void {
  for (const field of model.stored) {
    const per = field.fill?.kind === "sequence" ? field.fill.per : null;
    if (per !== null && draft[per] !== null && draft[per] !== old[per]) draft[field.name] = nextNumber(context, model, field, draft);
  }
}

/** The record as PUT leaves it: fields that were not sent get their default or null, unless `keeps` holds for them. */
export function replacedRecord(context: WriteContext, request: {
  readonly model: TableModel; readonly old: RecordValues; readonly accepted: AcceptedInput; readonly write: WriteOptions; keeps(field: Field): boolean;
}): RecordValues {
  const { model, old, accepted } = request;
  const draft = blank(model);
  for (const field of model.stored) {
    const value = accepted.values.get(field.name);
    if (value !== undefined) draft[field.name] = value;
    else if (request.keeps(field)) draft[field.name] = old[field.name] ?? null;
  }
  const sent = { ...draft };
  const issues: Issue[] = [];
  for (const field of model.stored) {
    if (field.fill === null || accepted.values.has(field.name) || request.keeps(field)) continue;
    draft[field.name] = defaultOf(context, { model, field, sent, write: request.write, issues }) ?? null;
  }
  applyUndeclared(draft, accepted.undeclared);
  renumber(context, model, old, draft);
  return completed(context, model, draft, issues);
}

/** Stored computed fields worked out again, required fields there. Throws VALIDATION_FAILED with what is missing. */
export function completed(context: FillContext, model: TableModel, draft: Draft, issues: Issue[]): RecordValues {
  for (const { field, expression } of model.computed) {
    const value = evaluate(expression, environmentOf(context, { record: draft }, {}), context.book);
    draft[field.name] = fitted(context, field, value, issues) ?? null;
  }
  // No vector outlives its text.
  for (const embedded of model.embedded) {
    if (draft[embedded.field] !== null && embeddedText(embedded, draft, context.overlay.now, context.book) === null) draft[embedded.field] = null;
  }
  for (const field of model.stored) {
    if (draft[field.name] === null && field.type.required && !issues.some((issue) => issue.path === field.name)) issues.push(missing(field.name));
  }
  if (issues.length > 0) throw invalid(issues);
  return draft;
}

/** With @updatedTime moved to now. */
export function touched(context: WriteContext, model: TableModel, record: RecordValues): RecordValues {
  let draft: Draft | null = null;
  for (const field of model.stored) {
    if (field.fill?.kind === "updated-time") (draft ??= copyRecord(model, record))[field.name] = context.overlay.now;
  }
  return draft === null ? record : draft;
}

/** True if nothing differs but what is filled anew at each write. Where writing prolongs a record's life, every write changes it. */
export function isUnchanged(model: TableModel, old: RecordValues, record: RecordValues): boolean {
  if (model.table.expirationMs !== null) return false;
  for (const field of model.stored) {
    if (field.fill?.kind !== "updated-time" && !equalValues(old[field.name], record[field.name])) return false;
  }
  if (!model.table.open) return true;
  const undeclared = new Set([...Object.keys(old), ...Object.keys(record)].filter((name) => !model.table.fields.has(name)));
  return [...undeclared].every((name) => equalValues(old[name], record[name]));
}

/** The instant from which on the record is gone, if it is written now. */
export function expiryOf(model: TableModel, values: RecordValues, now: string): string | null {
  const { expirationMs, expiresAt } = model.table;
  const own = expiresAt === null ? null : (values[expiresAt] ?? null) as string | null;
  if (expirationMs === null) return own;
  const ms = millisecondsOf(now) + expirationMs;
  const after = isDateTimeMs(ms) ? dateTimeOf(ms) : null;
  return own !== null && (after === null || own < after) ? own : after;
}

function blank(model: TableModel): Draft {
  const draft: Draft = model.table.open ? Object.create(null) as Draft : {};
  for (const field of model.stored) draft[field.name] = null;
  return draft;
}

/** To be changed; without a prototype where names come from outside. */
export function copyRecord(model: TableModel, values: RecordValues): { [field: string]: Value } {
  const draft = blank(model);
  for (const name of Object.keys(values)) draft[name] = values[name]!;
  return draft;
}

function applyUndeclared(draft: Draft, undeclared: ReadonlyMap<string, Value>): void {
  for (const [name, value] of undeclared) {
    if (value === null) delete draft[name];
    else draft[name] = value;
  }
}

interface FillRequest {
  readonly model: TableModel;
  readonly field: Field;
  /** The record as sent. */
  readonly sent: RecordValues;
  readonly write: WriteOptions;
  readonly issues: Issue[];
}

/** What stands in a new record where nothing was sent; sequences and computed fields come later. */
function defaultOf(context: FillContext, { model, field, sent, write, issues }: FillRequest): Value | undefined {
  const fill = field.fill!;
  switch (fill.kind) {
    case "default-value": return fill.value;
    case "default-rule": {
      const rule = model.defaultRules.get(field.name)!;
      const environment = environmentOf(context, { record: sent }, { auth: authOf(context, write.authority) });
      return fitted(context, field, evaluate(rule, environment, context.book), issues);
    }
    case "created-time": case "updated-time": return context.overlay.now;
    case "created-by": return write.authority === null ? context.actor : write.authority.subject;
    case "tenant": return fitted(context, field, context.confinement?.tenant ?? null, issues);
    case "sequence": case "computed": case "embedding": return null;
    default: return unreachable(fill);
  }
}

/** The result of a rule in the field's canonical form, within its limits. */
function fitted(context: FillContext, field: Field, value: Value, issues: Issue[]): Value | undefined {
  if (value === null) return null;
  return coerceValue(value, field, { catalog: context.catalog, dialect: "code", path: field.name, limits: context.limits }, issues);
}

function nextNumber(context: WriteContext, model: TableModel, field: Field, draft: Draft): Value {
  return numberOf(field, context.sequences.take(`${model.table.name}.${field.name}`, scopeOf(model, field, draft), 1n, firstOf(context, model, field, draft)));
}

/** Where a tenant begins to count: a table that was given tenants goes on after the numbers that each of them has. */
function firstOf({ overlay }: WriteContext, { table }: TableModel, field: Field, draft: Draft): (() => bigint) | undefined {
  const { tenant } = table;
  if (tenant === null) return undefined;
  const per = field.fill?.kind === "sequence" ? field.fill.per : null;
  const scope = [tenant, ...(per === null || draft[per] === null ? [] : [per])];
  return () => {
    const where = scope.map((name, index) => `${quoted(name)} = ?${index + 1}`).join(" AND ");
    const values = scope.map((name) => draft[name] as string | number | bigint);
    const text = overlay.connection.values(`SELECT CAST(max(${quoted(field.name)}) AS TEXT) FROM ${quoted(table.sqlName)} WHERE ${where}`, ...values)[0]?.[0] ?? null;
    return text === null ? 1n : BigInt(text as string) + 1n;
  };
}

function scopeOf(model: TableModel, field: Field, draft: Draft): string {
  const per = field.fill?.kind === "sequence" ? field.fill.per : null;
  const within = per === null ? "" : String(draft[per] ?? "");
  const tenant = tenantOf(model.table, draft);
  // No text of one tenant's is another's: JSON keeps the two parts apart.
  return tenant === null ? within : JSON.stringify([tenant, within]);
}

function generatedKey(context: WriteContext, model: TableModel): Value {
  const { table, primaryKey } = model;
  if (primaryKey.type.name !== "Int" && primaryKey.type.name !== "Long") return context.createId();
  // Keys may also be given: a generated one comes after all of them.
  const text = context.overlay.connection.values(`SELECT CAST(max(${quoted(primaryKey.name)}) AS TEXT) FROM ${quoted(table.sqlName)}`)[0]?.[0] ?? null;
  const largest = text === null ? 0n : BigInt(text as string);
  for (;;) {
    const id = numberOf(primaryKey, context.sequences.take(table.name, "", largest < 0n ? 1n : largest + 1n));
    if (context.overlay.fresh(model, id).current === null) return id;
  }
}

function numberOf(field: Field, number: bigint): Value {
  const largest = field.type.name === "Long" ? LONG_MAX : 2_147_483_647n;
  if (number > largest) throw fault("CONFLICT", `There are no more numbers for ${field.name}.`);
  return field.type.name === "Long" ? number : Number(number);
}
