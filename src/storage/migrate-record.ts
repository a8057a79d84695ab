// One record of an old shape to what the catalog wants: values that fit stay, a function of Migrations gives the others, and what
// follows from them is worked out. Says what is wrong with a record; writes nothing.
import { dateTimeOf } from "../base/date-time.ts";
import { didYouMean } from "../base/diagnostic.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { coerceValue, noLimits, type Issue } from "../schema/coerce-value.ts";
import type { Field } from "../schema/catalog.ts";
import type { TypeShape } from "./catalog-shape.ts";
import { storedFields } from "./column.ts";
import { type TableChange, typeProblems } from "./compare-shapes.ts";
import { callFunction, type MigrationFunction } from "./migration-functions.ts";
import type { StoredRow } from "./record-codec.ts";
import { computedValues, type RefillContext } from "./refill-rows.ts";
import type { TableRename } from "./renames.ts";

export interface RecordProblem { readonly field: string | null; readonly what: string }

export type MigratedRecord =
  | { readonly ok: true; readonly values: RecordValues; readonly expires: string | null }
  | { readonly ok: false; readonly problems: readonly RecordProblem[] };

export type RecordMigration = (row: StoredRow) => MigratedRecord;

export interface RecordMigrationOptions {
  readonly change: TableChange;
  readonly run: MigrationFunction | null;
  /** Undeclared fields may be lost where the table no longer admits them. */
  readonly dropsUndeclared: boolean;
  /** The function sees a renamed field under both names. */
  readonly renamed: TableRename["fields"];
}

/** How one field comes from the old record. */
interface Step {
  readonly field: Field;
  readonly from: "kept" | "fitted" | "given";
  readonly old: TypeShape | null;
  readonly next: TypeShape;
  /** What stands where nothing does. */
  readonly fallback: Value;
}

type Draft = { [field: string]: Value };

export function recordMigration(context: RefillContext, { change, run, renamed, dropsUndeclared }: RecordMigrationOptions): RecordMigration {
  const steps = stepsOf(context, change);
  const computed = steps.filter(({ field }) => field.fill?.kind === "computed").map(({ field }) => field.name);
  return (row) => {
    const problems: RecordProblem[] = [];
    const given = run === null ? {} : answerOf(run, aliased(row.values, renamed), problems);
    const unknown = Object.keys(given).find((name) => !isGivable(context, name));
    if (unknown !== undefined) problems.push({ field: null, what: `has a function in Migrations that gives ${unknown}, which is no field that may be given${meant(context, unknown)}` });
    const rest = change.old.open ? undeclared(row.values, change) : {};
    if (!context.table.open && !dropsUndeclared && Object.keys(rest).length > 0) problems.push({ field: null, what: "no longer admits undeclared fields, and has some" });
    const draft: Draft = context.table.open ? rest : {};
    for (const step of steps) if (step.field.fill?.kind !== "computed") draft[step.field.name] = valueOf(context, step, { row, given, run }, problems);
    if (problems.length > 0) return { ok: false, problems };
    const whole = computed.length === 0 ? draft : completed(context, computed, draft, problems);
    for (const { field, dimensions } of change.next.vectors) if (hasOtherLength(whole[field] ?? null, dimensions)) problems.push({ field, what: `has ${dimensions} dimensions now, and holds a vector of another length` });
    for (const { field } of steps) if (field.type.required && (whole[field.name] ?? null) === null) problems.push({ field: field.name, what: "is required, and there is no value for it" });
    return problems.length > 0 ? { ok: false, problems } : { ok: true, values: whole, expires: expiryOf(context, change, row, whole) };
  };
}

function stepsOf({ table }: RefillContext, { old, next }: TableChange): Step[] {
  const before = new Map(old.fields.map((field) => [field.name, field.type]));
  const after = new Map(next.fields.map((field) => [field.name, field.type]));
  return storedFields(table).map((field) => {
    const [oldType, nextType] = [before.get(field.name) ?? null, after.get(field.name)!];
    const fallback = field.fill?.kind === "default-value" ? field.fill.value : null;
    if (oldType === null) return { field, from: "kept", old: null, next: nextType, fallback };
    if (oldType.base !== nextType.base || oldType.list !== nextType.list) return { field, from: "given", old: oldType, next: nextType, fallback };
    const same = typeProblems(oldType, nextType, "").length === 0 && JSON.stringify(oldType.fields) === JSON.stringify(nextType.fields);
    return { field, from: same ? "kept" : "fitted", old: oldType, next: nextType, fallback };
  });
}

function hasOtherLength(value: Value, dimensions: number): boolean {
  return Array.isArray(value) && value.length !== dimensions;
}

function isGivable({ table }: RefillContext, name: string): boolean {
  const field = table.fields.get(name);
  return field === undefined ? table.open : field.kind === "stored" && field.fill?.kind !== "computed" && name !== table.primaryKey;
}

function meant(context: RefillContext, name: string): string {
  const near = didYouMean(name, [...context.table.fields.keys()].filter((field) => isGivable(context, field)));
  return near === null ? "" : `; did you mean ${near}?`;
}

function answerOf(run: MigrationFunction, old: RecordValues, problems: RecordProblem[]): { readonly [field: string]: unknown } {
  const answer = callFunction(run, old);
  if (answer.ok) return answer.fields;
  problems.push({ field: null, what: `has a function in Migrations that ${answer.what}` });
  return {};
}

function aliased(values: RecordValues, renamed: TableRename["fields"]): RecordValues {
  const old: Draft = { ...values };
  for (const { from, to } of renamed) old[from] = values[to] ?? null;
  return old;
}

function undeclared(values: RecordValues, { old }: TableChange): Draft {
  const declared = new Set(old.fields.map((field) => field.name));
  const rest = Object.create(null) as Draft;
  for (const name of Object.keys(values)) if (!declared.has(name)) rest[name] = values[name]!;
  return rest;
}

interface Source { readonly row: StoredRow; readonly given: { readonly [field: string]: unknown }; readonly run: MigrationFunction | null }

function valueOf(context: RefillContext, { field, from, old, next, fallback }: Step, { row, given, run }: Source, problems: RecordProblem[]): Value {
  const { catalog, limits } = context;
  const told = given[field.name];
  const coerced = (raw: unknown, target: Pick<Field, "type" | "limits">): Value => {
    const issues: Issue[] = [];
    const value = coerceValue(raw, target, { catalog, dialect: "code", path: field.name, limits }, issues);
    for (const issue of issues.slice(0, 1)) problems.push({ field: field.name, what: `cannot hold what it is given: ${issue.message.replace(/\.$/, "")}` });
    return value ?? null;
  };
  if (told !== undefined) return coerced(told, { type: { ...field.type, required: false }, limits: field.limits });
  if (old === null && (row.values[field.name] ?? null) !== null) {
    problems.push({ field: field.name, what: "is new, and an undeclared field of that name is there; its function in Migrations must say what becomes of it" });
    return null;
  }
  if (from === "given") {
    problems.push({ field: field.name, what: `changed its type, and ${run === null ? "no function in Migrations converts it" : "its function in Migrations gives no value for it"}` });
    return null;
  }
  const value = old === null ? null : from === "fitted" ? fit(row.values[field.name] ?? null, old, next) : row.values[field.name] ?? null;
  // What did not fit any more is null; where that may not be, it is told below.
  return value === null ? fallback : from === "fitted" ? coerced(value, { type: { ...field.type, required: false }, limits: noLimits }) : value;
}

/** As much of a value as the new type can hold. */
function fit(value: Value, old: TypeShape, next: TypeShape): Value {
  if (value === null || old.base !== next.base) return null;
  if (old.list && Array.isArray(value)) return value.map((item: Value) => fit(item, { ...old, list: false }, { ...next, list: false })).filter((item) => item !== null || !next.itemRequired);
  if (next.values !== null) return next.values.includes(value as string) ? value : null;
  if (old.fields === null || next.fields === null) return value;
  const [before, after] = [old.fields, next.fields];
  return Object.fromEntries(Object.entries(after).map(([name, type]) => [name, before[name] === undefined ? null : fit((value as RecordValues)[name] ?? null, before[name], type)]));
}

function completed(context: RefillContext, fields: readonly string[], draft: Draft, problems: RecordProblem[]): RecordValues {
  for (const name of fields) draft[name] = null;
  const { values, misfit } = computedValues(context, fields, draft);
  if (misfit !== null) problems.push({ field: misfit, what: "has a value by its rule that its type or limits do not hold" });
  return values;
}

/** When it is gone: what was known of it, unless its own time or the rule is new. */
function expiryOf({ nowMs }: RefillContext, { old, next }: TableChange, row: StoredRow, values: RecordValues): string | null {
  if (next.expiry === null) return null;
  const { ms, field } = next.expiry;
  const own = field === null ? null : (values[field] ?? null) as string | null;
  const continued = old.expiry !== null && old.expiry.field === field && (old.expiry.ms === null) === (ms === null);
  if (continued && (field === null || own === (row.values[field] ?? null))) return row.expires;
  const last = ms === null ? null : dateTimeOf(nowMs + ms);
  return own !== null && (last === null || own < last) ? own : last;
}
