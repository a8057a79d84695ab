// Raw input (parsed JSON, or what TypeScript handed in) to a canonical value of a declared type, with all issues and their paths.
// Knows no access rules and no database. Issues name limits and places, never the value itself.
import { didYouMean } from "../base/diagnostic.ts";
import { defaultLimits, type Limits } from "../base/limits.ts";
import { assert } from "../base/assert.ts";
import type { Value } from "../base/value.ts";
import type { Catalog, Field, InputField, ScalarName, TypeRef, ValueLimits } from "./catalog.ts";
import { checkLimits } from "./check-limits.ts";
import { coerceScalar, isPlainObject, ScalarProblem, textProblem, type Dialect } from "./coerce-scalar.ts";
import { isFile, readFileReference } from "./file-type.ts";
import { noLimits } from "./no-limits.ts";
import { redactText } from "./redact-text.ts";

export interface Issue {
  /** `lines[3].quantity`; empty for the value as a whole. */
  readonly path: string;
  /** REQUIRED WRONG_TYPE OUT_OF_RANGE MALFORMED_TEXT UNSAFE_KEY TOO_DEEP UNKNOWN_FIELD NOT_IN_ENUM TOO_SHORT TOO_LONG TOO_SMALL TOO_LARGE PATTERN */
  readonly code: string;
  readonly message: string;
}

export interface CoerceContext {
  readonly catalog: Catalog;
  /** `code` also takes Date, Uint8Array and Float32Array, and numbers for Long and Decimal. */
  readonly dialect: Dialect;
  readonly path: string;
  /** Default: `defaultLimits`. */
  readonly limits?: Pick<Limits, "jsonDepth" | "textLength">;
  /** Nesting so far; the outer caller leaves it out. */
  readonly depth?: number;
  /** `drop`: what is not declared is left out, not refused: others decide what they send. */
  readonly undeclared?: "drop";
}

export interface CoerceTarget {
  readonly type: TypeRef;
  readonly limits: ValueLimits;
}

export { noLimits };

/** The canonical value, or undefined when something was wrong with it: then `issues` grew. Absent (undefined) is null. */
export function coerceValue(raw: unknown, target: CoerceTarget, context: CoerceContext, issues: Issue[]): Value | undefined {
  const { type } = target;
  if (raw === undefined || raw === null) {
    if (!type.required) return null;
    return refuse(issues, context.path, "REQUIRED", "is required.");
  }
  const before = issues.length;
  const value = type.list ? coerceList(raw, target, context, issues) : coerceItem(raw, target, context, issues);
  if (value === undefined || issues.length > before) return undefined;
  const redacted = target.limits.redact.length === 0 ? value : redactValue(value, target.limits);
  for (const problem of checkLimits(redacted, type, target.limits)) {
    issues.push({ path: problem.item === null ? context.path : `${context.path}[${problem.item}]`, code: problem.code, message: `${describePath(context.path)} ${problem.message}` });
  }
  return issues.length > before ? undefined : redacted;
}

/** Arguments of a callable, or the fields of an input or nested object. Unknown keys are issues; absent fields get their default or null. */
export function coerceFields(raw: unknown, fields: ReadonlyMap<string, InputField>, context: CoerceContext, issues: Issue[]): { readonly [name: string]: Value } | undefined {
  const depth = (context.depth ?? 0) + 1;
  if (depth > jsonDepth(context)) return refuse(issues, context.path, "TOO_DEEP", "is nested too deeply.");
  if (!isPlainObject(raw)) return refuse(issues, context.path, "WRONG_TYPE", "must be an object.");
  const before = issues.length;
  if (context.undeclared !== "drop") refuseUnknownKeys(raw, fields, context, issues);
  const object = Object.create(null) as { [name: string]: Value };
  for (const [name, field] of fields) {
    const given = Object.hasOwn(raw, name) ? raw[name] : undefined;
    if (given === undefined && field.defaultValue !== undefined) { object[name] = field.defaultValue; continue; }
    const value = coerceValue(given, field, { ...context, path: childPath(context.path, name), depth }, issues);
    if (value !== undefined) object[name] = value;
  }
  return issues.length > before ? undefined : object;
}

/** Path of a field of the value at `path`. */
export function childPath(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function jsonDepth(context: CoerceContext): number {
  return (context.limits ?? defaultLimits).jsonDepth;
}

function describePath(path: string): string {
  return path === "" ? "The value" : path;
}

function refuse(issues: Issue[], path: string, code: string, message: string): undefined {
  issues.push({ path, code, message: `${describePath(path)} ${message}` });
  return undefined;
}

function refuseUnknownKeys(raw: { readonly [key: string]: unknown }, fields: ReadonlyMap<string, unknown>, context: CoerceContext, issues: Issue[]): void {
  for (const key of Object.keys(raw)) {
    if (fields.has(key) || raw[key] === undefined) continue;
    const near = didYouMean(key, fields.keys());
    refuse(issues, childPath(context.path, key), "UNKNOWN_FIELD", near === null ? "is not a field." : `is not a field; did you mean ${near}?`);
  }
}

function coerceList(raw: unknown, target: CoerceTarget, context: CoerceContext, issues: Issue[]): Value | undefined {
  if (!Array.isArray(raw)) return refuse(issues, context.path, "WRONG_TYPE", "must be a list.");
  const items: Value[] = [];
  for (let index = 0; index < raw.length; index++) {
    const given: unknown = raw[index];
    const inside = { ...context, path: `${context.path}[${index}]` };
    if (given === null || given === undefined) {
      if (target.type.itemRequired) refuse(issues, inside.path, "REQUIRED", "must not be null.");
      else items.push(null);
      continue;
    }
    const value = coerceItem(given, target, inside, issues);
    if (value !== undefined) items.push(value);
  }
  return items;
}

function coerceItem(raw: unknown, target: CoerceTarget, context: CoerceContext, issues: Issue[]): Value | undefined {
  const { type } = target;
  switch (type.kind) {
    case "scalar": {
      const { jsonDepth: depth, textLength } = context.limits ?? defaultLimits;
      const value = coerceScalar(raw, type.name as ScalarName, context.dialect, { depth: depth - (context.depth ?? 0), textLength });
      return value instanceof ScalarProblem ? refuse(issues, context.path, value.code, value.message) : value;
    }
    case "enum": return coerceEnum(raw, type.name, context, issues);
    case "object":
    case "input": {
      if (isFile(type)) return coerceFile(raw, context, issues);
      const object = context.catalog.objects.get(type.name);
      assert(object !== undefined, `object type ${type.name} is in the catalog`);
      return coerceFields(raw, object.fields, context, issues);
    }
    case "table": return coerceRecord(raw, type.name, context, issues);
  }
}

function coerceFile(raw: unknown, context: CoerceContext, issues: Issue[]): Value | undefined {
  const read = readFileReference(raw);
  return "problem" in read ? refuse(issues, context.path, "WRONG_TYPE", read.problem) : read.value;
}

function coerceEnum(raw: unknown, name: string, context: CoerceContext, issues: Issue[]): Value | undefined {
  const values = context.catalog.enums.get(name)?.values;
  assert(values !== undefined, `enum ${name} is in the catalog`);
  if (typeof raw === "string" && values.includes(raw)) return raw;
  if (typeof raw !== "string") return refuse(issues, context.path, "WRONG_TYPE", `must be one of ${values.join(", ")}.`);
  const near = didYouMean(raw, values);
  return refuse(issues, context.path, "NOT_IN_ENUM", near === null ? `must be one of ${values.join(", ")}.` : `must be one of ${values.join(", ")}; did you mean ${near}?`);
}

/** A record as a callable answers it: fields that are absent stay absent, related records may hang in it. No limits: it was stored under them. */
function coerceRecord(raw: unknown, name: string, context: CoerceContext, issues: Issue[]): Value | undefined {
  const table = context.catalog.tables.get(name);
  assert(table !== undefined, `table ${name} is in the catalog`);
  const depth = (context.depth ?? 0) + 1;
  if (depth > jsonDepth(context)) return refuse(issues, context.path, "TOO_DEEP", "is nested too deeply.");
  if (!isPlainObject(raw)) return refuse(issues, context.path, "WRONG_TYPE", `must be a record of ${name}.`);
  if (!table.open) refuseUnknownKeys(raw, table.fields, context, issues);
  const record = Object.create(null) as { [field: string]: Value };
  for (const key of Object.keys(raw)) {
    const given = raw[key];
    if (given === undefined) continue;
    const inside = { ...context, path: childPath(context.path, key), depth };
    const field = table.fields.get(key);
    const value = field !== undefined ? coerceValue(given, { type: typeInRecord(field), limits: noLimits }, inside, issues)
      : table.open ? coerceUndeclared(key, given, inside, issues) : undefined;
    if (value !== undefined) record[key] = value;
  }
  return record;
}

// A record that the caller may not read hangs in as null, also where the relation is required.
function typeInRecord(field: Field): TypeRef {
  return field.kind === "relation" ? { ...field.type, required: false } : field.type;
}

/** A field of an @table(open: true) that the schema does not declare: any JSON, under a name that is text. */
export function coerceUndeclared(name: string, raw: unknown, context: CoerceContext, issues: Issue[]): Value | undefined {
  const { jsonDepth: depth, textLength } = context.limits ?? defaultLimits;
  const badName = name === "__proto__" ? new ScalarProblem("UNSAFE_KEY", "is a name that is refused.") : textProblem(name, { depth, textLength });
  if (badName !== null) return refuse(issues, context.path, badName.code, badName.message);
  if (raw === undefined || raw === null) return null;
  return coerceItem(raw, { type: { kind: "scalar", name: "JSON", list: false, required: false, itemRequired: false }, limits: noLimits }, context, issues);
}

function redactValue(value: Value, limits: ValueLimits): Value {
  if (typeof value === "string") return redactText(value, limits.redact);
  if (Array.isArray(value)) return value.map((item: Value) => (typeof item === "string" ? redactText(item, limits.redact) : item));
  return value;
}
