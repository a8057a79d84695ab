// Raw input of one write to canonical values: unknown fields, types, limits, and which fields this sender may set. Collects every issue.
// What depends on the record is only noted here; write-record.ts decides it.
import { assert } from "../base/assert.ts";
import type { Limits } from "../base/limits.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { Expression } from "../expression/expression.ts";
import { isObject } from "../expression/json-value.ts";
import { coerceUndeclared, coerceValue, noLimits, type CoerceContext, type Issue } from "../schema/coerce-value.ts";
import { isFile } from "../schema/file-type.ts";
import { toWireValue } from "../schema/wire-value.ts";
import type { Catalog, Field, TypeRef } from "../schema/catalog.ts";
import type { TableAuthority } from "./authority.ts";
import { fieldsDenied } from "./denial.ts";
import { equalValues } from "../base/equal-values.ts";
import { invalid, relationInput, unknownField } from "./input-issue.ts";
import { mergePatch } from "./merge-patch.ts";
import { resolveFiles } from "./record-files.ts";
import { isFilled, type TableModel } from "./table-model.ts";
import { holds, rightsOf, type FillContext } from "./write-context.ts";
import type { RawInput, WriteOptions } from "./write.ts";

export type InputMode = "create" | "update" | "replace";

export interface InputRequest {
  readonly model: TableModel;
  readonly input: RawInput;
  /** replace: of a record that exists. */
  readonly mode: InputMode;
  /** RFC 7396 inside JSON and nested fields. */
  readonly merge: boolean;
  /** The record before; null on create. */
  readonly old: RecordValues | null;
  readonly options: WriteOptions;
}

export interface AcceptedInput {
  /** Declared fields to be set. */
  readonly values: ReadonlyMap<string, Value>;
  /** Undeclared fields of an open table; null removes. */
  readonly undeclared: ReadonlyMap<string, Value>;
  /** Sent, but not for the sender to set: must equal what is, or will be, stored. */
  readonly guarded: ReadonlyMap<string, Value>;
  /** Whether these may be set depends on the record. */
  readonly conditional: readonly { readonly field: string; readonly permission: Expression }[];
  /** What the caller itself set. */
  readonly sent: ReadonlySet<string>;
}

interface Reading {
  readonly context: FillContext;
  readonly model: TableModel;
  readonly mode: InputMode;
  readonly merge: boolean;
  readonly old: RecordValues | null;
  readonly options: WriteOptions;
  readonly rights: TableAuthority | null;
  readonly catalog: Catalog;
  readonly limits: Limits;
  readonly values: Map<string, Value>;
  readonly undeclared: Map<string, Value>;
  readonly guarded: Map<string, Value>;
  readonly conditional: { readonly field: string; readonly permission: Expression }[];
  readonly sent: Set<string>;
  readonly denied: string[];
  readonly issues: Issue[];
}

/** Throws VALIDATION_FAILED with all issues, or FORBIDDEN for fields that the caller's roles may never set. */
export function readInput(context: FillContext, request: InputRequest): AcceptedInput {
  const { options, model, mode, merge, old } = request;
  const reading: Reading = {
    context, model, mode, merge, old, options, rights: rightsOf(options, model.table.name), catalog: context.catalog, limits: context.limits,
    values: new Map(), undeclared: new Map(), guarded: new Map(), conditional: [], sent: new Set(), denied: [], issues: [],
  };
  for (const name of Object.keys(request.input)) {
    const raw = request.input[name];
    if (raw !== undefined) readOne(reading, name, raw);
    if (reading.issues.length >= context.limits.validationIssues) throw invalid(reading.issues);
  }
  if (reading.denied.length > 0 && options.authority !== null) {
    throw fieldsDenied(options.authority, model.table.name, request.mode === "create" ? "CREATE" : "UPDATE", reading.denied);
  }
  if (reading.issues.length > 0) throw invalid(reading.issues);
  return reading;
}

/** True if the field exists for the sender: neither internal nor out of sight. */
export function isKnown(field: Field, rights: TableAuthority | null, mode: InputMode): boolean {
  if (rights === null) return true;
  if (field.internal) return false;
  const own = rights.field(field.name);
  return own.read !== false || (mode === "create" ? own.create : own.update) !== false;
}

function readOne(reading: Reading, name: string, raw: unknown): void {
  const { table } = reading.model;
  const byCaller = reading.rights !== null && (reading.options.sent === null || reading.options.sent.has(name));
  const rights = byCaller ? reading.rights : null;
  const field = table.fields.get(name);
  if (field === undefined && table.open) return readUndeclared(reading, name, raw);
  if (field === undefined || !isKnown(field, rights, reading.mode)) {
    const known = [...table.fields.values()].filter((other) => isKnown(other, rights, reading.mode)).map((other) => other.name);
    reading.issues.push(unknownField(name, table.name, known));
    return;
  }
  if (field.kind === "relation") {
    reading.issues.push(relationInput(field));
    return;
  }
  if (reading.options.asStored === true && isWorkedOut(field)) return;
  if (isGuarded(field, reading, byCaller)) return readGuarded(reading, field, raw);
  if (rights !== null && !mayCallerSet(reading, field, raw, rights)) return;
  if (byCaller) reading.sent.add(name);
  const value = coerceValue(mergedRaw(reading, field, raw), field, coercionAt(reading, name), reading.issues);
  if (value === undefined) return;
  if (isFile(field.type)) return readFiles(reading, field, value);
  checkKey(reading, name, value);
  checkDimensions(reading, name, value);
  checkCoordinates(reading, name, value);
  reading.values.set(name, value);
}

function readFiles(reading: Reading, field: Field, sent: Value): void {
  const value = wholeFiles(reading, field, sent, reading.issues);
  if (value !== undefined) reading.values.set(field.name, value);
}

function wholeFiles({ context, model, old, options }: Reading, field: Field, sent: Value, issues: Issue[]): Value | undefined {
  assert(context.files !== null, "only tables have fields for files");
  return resolveFiles(context.files, sent, { table: model.table, field, old, imported: options.asStored === true }, issues);
}

function coercionAt(reading: Reading, path: string): CoerceContext {
  return { catalog: reading.catalog, dialect: reading.options.dialect, path, limits: reading.limits };
}

function readUndeclared(reading: Reading, name: string, raw: unknown): void {
  const old = reading.old?.[name] ?? null;
  const merged = reading.merge && old !== null ? mergePatch(old, raw) : raw;
  const value = coerceUndeclared(name, merged, coercionAt(reading, name), reading.issues);
  if (value !== undefined) reading.undeclared.set(name, value);
}

/** By an expression. */
function isWorkedOut({ kind, fill }: Field): boolean {
  return kind === "computed" || fill?.kind === "computed";
}

/** Filled and computed fields always; read-only, fixed and internal ones where the caller itself sends them; the key of what exists. */
function isGuarded(field: Field, { mode, model, context, options }: Reading, byCaller: boolean): boolean {
  if (options.asStored === true) return false;
  if (field.kind === "computed") return true;
  // Who is not confined says whose the new record is.
  if (field.fill?.kind === "tenant") return mode !== "create" || context.confinement !== null;
  if (field.name === model.table.primaryKey) return mode !== "create";
  if (byCaller && (field.readOnly || (field.fixed && mode !== "create"))) return true;
  if (!isFilled(field.fill)) return false;
  // Code that imports or acts for somebody may say when and by whom.
  return byCaller || (field.fill?.kind !== "created-time" && field.fill?.kind !== "created-by");
}

function readGuarded(reading: Reading, field: Field, raw: unknown): void {
  if (raw === null && reading.mode !== "update") return;
  const target = { type: { ...field.type, required: false }, limits: noLimits };
  const value = coerceValue(raw, target, coercionAt(reading, field.name), reading.issues);
  if (value === undefined) return;
  if (!isFile(field.type)) return void reading.guarded.set(field.name, value);
  const whole = wholeFiles(reading, field, value, reading.issues);
  if (whole !== undefined) reading.guarded.set(field.name, whole);
}

/** False: the field is left alone. PUT may repeat what it may not change. */
function mayCallerSet(reading: Reading, field: Field, raw: unknown, rights: TableAuthority): boolean {
  const own = rights.field(field.name);
  const permission = reading.mode === "create" ? own.create : own.update;
  if (permission === true || (reading.mode === "replace" && repeats(reading, field, raw, own))) return permission === true;
  if (permission !== false) {
    reading.conditional.push({ field: field.name, permission });
    return true;
  }
  reading.denied.push(field.name);
  return false;
}

/** What the sender sees there and may not change. */
function repeats(reading: Reading, field: Field, raw: unknown, own: ReturnType<TableAuthority["field"]>): boolean {
  const { context, old, options, catalog, limits } = reading;
  if (old === null || holds(context, own.update, { record: old, old }, options.authority) || !holds(context, own.read, { record: old }, options.authority)) return false;
  const value = coerceValue(raw, field, { catalog, dialect: options.dialect, path: field.name, limits }, []) ?? null;
  const whole = isFile(field.type) ? wholeFiles(reading, field, value, []) ?? null : value;
  return equalValues(whole, old[field.name]);
}

function mergedRaw(reading: Reading, field: Field, raw: unknown): unknown {
  const old = reading.old?.[field.name] ?? null;
  if (!reading.merge || old === null || !isMergeable(field.type)) return raw;
  return mergePatch(toWireValue(old, field.type, reading.catalog), raw);
}

function isMergeable(type: TypeRef): boolean {
  return !type.list && !isFile(type) && (type.kind === "object" || (type.kind === "scalar" && type.name === "JSON"));
}

/** As the last part of a path these would lead elsewhere, so that nobody could name the record. */
function checkKey({ model, issues }: Reading, name: string, value: Value): void {
  if (name === model.table.primaryKey && (value === "" || value === "." || value === "..")) {
    issues.push({ path: name, code: "PATTERN", message: `${name} must be neither empty nor . nor .., which no path can name.` });
  }
}

function checkDimensions(reading: Reading, name: string, value: Value): void {
  const wanted = reading.model.dimensions.get(name);
  if (wanted === undefined || !Array.isArray(value) || value.length === wanted) return;
  reading.issues.push({ path: name, code: "WRONG_TYPE", message: `${name} must have ${wanted} numbers.` });
}

/** No place on earth is further, and `near` would not find it. */
function checkCoordinates(reading: Reading, name: string, value: Value): void {
  for (const { key, most } of reading.model.coordinates.get(name) ?? []) {
    const path = key === null ? name : `${name}.${key}`;
    const number = key === null ? value : isObject(value) ? value[key] : null;
    if (typeof number === "number" && Math.abs(number) > most) reading.issues.push({ path, code: "OUT_OF_RANGE", message: `${path} must lie within ±${most}.` });
  }
}
