// Input on its way into and out of app code: what a client sent in the form that code knows, and what code handed in as raw input.
import { fault } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { Field, Table } from "../schema/catalog.ts";
import { isPlainObject } from "../schema/coerce-scalar.ts";
import { coerceValue, type Issue } from "../schema/coerce-value.ts";
import { toWireValue } from "../schema/wire-value.ts";
import type { TableAuthority } from "../tables/authority.ts";
import { equalValues } from "../base/equal-values.ts";
import { fieldsDenied } from "../tables/denial.ts";
import { invalid, relationInput, unknownField } from "../tables/input-issue.ts";
import { mergePatch } from "../tables/merge-patch.ts";
import { isKnown } from "../tables/read-input.ts";
import { isFilled } from "../tables/table-model.ts";
import type { RawInput } from "../tables/write.ts";
import type { Body, Mode } from "./body.ts";
import { ownCopy } from "./own-copy.ts";

export interface InputRequest {
  readonly table: Table;
  readonly input: RawInput;
  readonly dialect: "wire" | "code";
  /** Whose rules decide which fields there are. */
  readonly mode: Mode;
  readonly verb: "create" | "update";
  /** RFC 7396 inside JSON and nested fields, over these values. */
  readonly mergeInto: RecordValues | null;
}

/** Values of fields that the sender knows become canonical; what is none stays as it is, for the write to refuse. Throws VALIDATION_FAILED. */
export function codeInput(body: Body, { table, input, dialect, mode, verb, mergeInto }: InputRequest): { [field: string]: unknown } {
  const { catalog, limits } = body.core;
  const rights = body.rights(mode).authority?.table(table.name) ?? null;
  const issues: Issue[] = [];
  const result: { [field: string]: unknown } = {};
  for (const name of Object.keys(input)) {
    const field = table.fields.get(name);
    let raw = input[name];
    if (raw === undefined) continue;
    if (field === undefined || field.kind === "relation" || dialect === "code" || !isKnown(field, rights, verb)) {
      define(result, name, raw);
      continue;
    }
    const old = mergeInto?.[name] ?? null;
    if (old !== null && isPlainObject(raw)) raw = mergePatch(toWireValue(old, field.type, catalog), raw);
    const type = isFilled(field.fill) || field.kind === "computed" ? { ...field.type, required: false } : field.type;
    const value: Value | undefined = coerceValue(raw, { type, limits: field.limits }, { catalog, dialect, path: name, limits }, issues);
    if (value !== undefined) define(result, name, value);
  }
  if (issues.length > 0) throw invalid(issues);
  return result;
}

/** What code handed in, copied, so that it may go on changing its own. */
export function rawInput(given: unknown, what: string): RawInput {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw fault("VALIDATION_FAILED", `${what} takes an object.`);
  const copy = Object.create(null) as { [field: string]: unknown };
  for (const name of Object.keys(given)) copy[name] = ownCopy((given as { readonly [field: string]: unknown })[name]);
  return copy;
}

/** Fields of code's own input that the caller's field rules hold for: code itself sets read-only and internal ones. */
export function heldFields(table: Table, input: RawInput): ReadonlySet<string> {
  return new Set(Object.keys(input).filter((name) => {
    const field = table.fields.get(name);
    return field === undefined || !(field.readOnly || field.internal);
  }));
}

export interface OverriddenInput {
  /** What the override was given. */
  readonly input: { readonly [field: string]: unknown };
  /** Fields of it that are held to the caller's rules. */
  readonly sent: ReadonlySet<string>;
  /** What the override made of it. */
  readonly kept: RawInput;
  readonly verb: "create" | "update";
  readonly mode: Mode;
}

/** The fields that are still the caller's. What it sent is held to what it may send, also where an override leaves it out or changes it. */
export function sentThrough(body: Body, table: Table, request: OverriddenInput): ReadonlySet<string> {
  const { input, sent, kept, verb, mode } = request;
  const authority = body.rights(mode).authority;
  if (authority === null) return sent;
  const still = new Set(sent);
  const denied: string[] = [];
  for (const name of sent) {
    const given = (input[name] ?? null) as Value;
    if (Object.hasOwn(kept, name) && equalValues(given, kept[name] as Value)) continue;
    const field = table.fields.get(name);
    if (field === undefined && table.open) continue;
    refuseUnknown(table, name, authority.table(table.name), verb);
    if (isSetByOthers(field!, verb)) {
      if (given !== null) throw fault("READ_ONLY_FIELD", `${name} of ${table.name} cannot be set.`, { details: { table: table.name, fields: [name] }, where: name });
      still.delete(name);
    } else if (authority.table(table.name).field(name)[verb] === false) denied.push(name);
  }
  if (denied.length > 0) throw fieldsDenied(authority, table.name, verb === "create" ? "CREATE" : "UPDATE", denied);
  return still;
}

function refuseUnknown(table: Table, name: string, rights: TableAuthority, verb: "create" | "update"): void {
  const field = table.fields.get(name);
  if (field === undefined || !isKnown(field, rights, verb)) {
    throw invalid([unknownField(name, table.name, [...table.fields.values()].filter((one) => isKnown(one, rights, verb)).map((one) => one.name))]);
  }
  if (field.kind === "relation") throw invalid([relationInput(field)]);
}

function isSetByOthers(field: Field, verb: "create" | "update"): boolean {
  return field.readOnly || field.kind === "computed" || isFilled(field.fill) || (field.fixed && verb === "update");
}

/** An own property whatever its name: `__proto__` is one too. */
function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true });
}
