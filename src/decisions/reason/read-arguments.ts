// Arguments as a model wrote them, read strictly: one JSON object, integers written as integers, nothing twice, nothing unknown.
import type { RecordValues, Value } from "../../base/value.ts";
import type { Catalog, InputField, TypeRef } from "../../schema/catalog.ts";
import { coerceFields, coerceValue, noLimits, type Issue } from "../../schema/coerce-value.ts";

/** Throws for what is no JSON, has keys twice, or characters that no text has. */
export type ParseJson = (text: string) => unknown;

export interface ArgumentReader { readonly parse: ParseJson; readonly catalog: Catalog }

export function argument(name: string, type: TypeRef): InputField {
  return { name, description: null, position: { file: "", line: 1, column: 1 }, type, defaultValue: undefined, limits: noLimits };
}

/** Undefined: it is none. */
export function readFields(text: string, fields: ReadonlyMap<string, InputField>, reader: ArgumentReader): RecordValues | undefined {
  const read = parsed(text, reader.parse);
  if (read === undefined) return undefined;
  const issues: Issue[] = [];
  const values = coerceFields(read.raw, fields, { catalog: reader.catalog, dialect: "wire", path: "" }, issues);
  if (values === undefined) return undefined;
  return [...fields].every(([name, { type }]) => isWritten((read.exact as Written)[name], type, reader.catalog)) ? values : undefined;
}

/** The member that holds an answer which has no members of its own. */
export const VALUE = "value";

/** What a tool may be called with as it is. */
export function isMembers({ kind, list }: TypeRef): boolean {
  return kind === "object" && !list;
}

/** The same for a value of a declared type, as the output of a decision is; one without members also as it is. */
export function readValue(text: string, type: TypeRef, reader: ArgumentReader): Value | undefined {
  const written = parsed(text, reader.parse);
  if (written === undefined) return undefined;
  const read = !isMembers(type) && isHolder(written.raw) ? { raw: written.raw[VALUE], exact: (written.exact as Written)[VALUE] } : written;
  const issues: Issue[] = [];
  const value = coerceValue(read.raw, { type: { ...type, required: true }, limits: noLimits }, { catalog: reader.catalog, dialect: "wire", path: "" }, issues);
  return value !== undefined && isWritten(read.exact, type, reader.catalog) ? value : undefined;
}

type Written = { readonly [name: string]: unknown };

function isHolder(raw: unknown): raw is { readonly [VALUE]: unknown } {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw) && Object.keys(raw).length === 1 && VALUE in raw;
}

/** `exact`: with integers as bigints if they were written as such, and as numbers otherwise. */
function parsed(text: string, parse: ParseJson): { readonly raw: unknown; readonly exact: unknown } | undefined {
  try {
    const raw = parse(text);
    const exact: unknown = JSON.parse(text, ((_key: string, value: unknown, { source }: { readonly source?: string }) => (source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value)) as never);
    return { raw, exact };
  } catch {
    return undefined;
  }
}

const INTEGERS: readonly string[] = ["Int", "Long", "Money"];

/** Where an integer is declared, one was written: neither 4e1 nor 1.0. */
function isWritten(exact: unknown, type: TypeRef, catalog: Catalog): boolean {
  if (exact === null || exact === undefined) return true;
  if (Array.isArray(exact)) return exact.every((item: unknown) => isWritten(item, { ...type, list: false }, catalog));
  if (type.kind === "scalar") return !INTEGERS.includes(type.name) || typeof exact !== "number";
  if (type.kind !== "object" && type.kind !== "input") return true;
  const fields = catalog.objects.get(type.name)?.fields;
  return fields === undefined || [...fields].every(([name, field]) => isWritten((exact as Written)[name], field.type, catalog));
}
