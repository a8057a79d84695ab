// Text of a URL or of CSV (filter values, ids in paths) to a canonical value. As strict as JSON; null is not a text.
import { isTimeWithLostPlus, lostPlusFix } from "../base/date-time.ts";
import { fault } from "../base/error.ts";
import { defaultLimits } from "../base/limits.ts";
import { isWellFormedText } from "../base/text.ts";
import type { Value } from "../base/value.ts";
import type { Catalog, TypeRef } from "./catalog.ts";
import { coerceValue, noLimits, type Issue } from "./coerce-value.ts";

const INTEGER = /^-?(?:0|[1-9][0-9]*)$/;
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** Throws BAD_FILTER_VALUE. Lists, nested objects, JSON and Vector are written as JSON; a type's nullability does not matter. */
export function coerceText(text: string, type: TypeRef, catalog: Catalog): Value {
  if (isPlainText(type) && text.length <= defaultLimits.textLength && isWellFormedText(text)) return text;
  const raw = rawOf(text, type);
  const issues: Issue[] = [];
  const value = raw === undefined ? undefined : coerceValue(raw, { type: { ...type, required: true }, limits: noLimits }, { catalog, dialect: "wire", path: "" }, issues);
  if (value === undefined) {
    const lostPlus = !type.list && type.name === "DateTime" && isTimeWithLostPlus(text);
    throw fault("BAD_FILTER_VALUE", issues[0]?.message ?? `The value is not of type ${describeType(type)}.`, lostPlus ? { fix: lostPlusFix } : {});
  }
  return value;
}

/** Of such a type any sound text is the value itself. */
function isPlainText({ list, kind, name }: TypeRef): boolean {
  return !list && kind === "scalar" && (name === "ID" || name === "String");
}

/** As in SDL, without nullability. */
export function describeType(type: TypeRef): string {
  return type.list ? `[${type.name}]` : type.name;
}

/** Undefined where the text cannot be of the type. */
function rawOf(text: string, type: TypeRef): unknown {
  if (type.list || type.kind === "object" || type.kind === "input" || type.kind === "table") return parseJson(text);
  if (type.kind === "enum") return text;
  switch (type.name) {
    case "Int":
    case "Money": return INTEGER.test(text) && text.length <= 20 ? BigInt(text) : undefined;
    case "Float": return NUMBER.test(text) ? Number(text) : undefined;
    case "Boolean": return text === "true" ? true : text === "false" ? false : undefined;
    case "JSON":
    case "Vector": return parseJson(text);
    default: return text;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
