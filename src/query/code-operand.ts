// Operands that TypeScript handed in. Coerced to the field's type as input is: a Date for a DateTime, a bigint for a Long.
import { fault, type AmbitError } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import { coerceValue, noLimits, type Issue } from "../schema/coerce-value.ts";
import type { Catalog, TypeRef } from "../schema/catalog.ts";
import { states, type State } from "./operators.ts";
import type { Operand } from "./query-syntax.ts";

/** `where`: the path of names in the query, for errors. */
export function codeOperand(raw: unknown, where: string): Operand {
  return {
    value: (type, catalog) => readValue(raw, type, { catalog, where }),
    items() {
      if (Array.isArray(raw)) return raw.map((item: unknown) => codeOperand(item, where));
      throw badValue("A list is expected here.", where);
    },
    text() {
      if (typeof raw === "string" && raw.isWellFormed() && !raw.includes("\0")) return raw;
      throw badValue("A text is expected here.", where);
    },
    set: (type, catalog) => readValue(raw, type, { catalog, where }),
    state: () => readState(raw, where),
  };
}

function readValue(raw: unknown, type: TypeRef, { catalog, where }: { catalog: Catalog; where: string }): Exclude<Value, null> {
  const issues: Issue[] = [];
  const value = coerceValue(raw, { type: { ...type, required: true, itemRequired: true }, limits: noLimits }, { catalog, dialect: "code", path: "" }, issues);
  if (value === undefined || value === null) throw badValue(issues[0]?.message ?? `The value is not of type ${type.name}.`, where);
  return value;
}

function readState(raw: unknown, where: string): State {
  const state = states.find((one) => one === String(raw));
  if (state === undefined || !["string", "boolean", "object"].includes(typeof raw)) throw badValue(`is takes ${states.join(", ")}.`, where);
  return state;
}

function badValue(message: string, where: string): AmbitError {
  return fault("BAD_FILTER_VALUE", message, { where });
}
