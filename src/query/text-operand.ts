// Operands that came as text, from a URL. Each is coerced to the field's type, so a value is only ever a value.
import { AmbitError, fault } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import { coerceText } from "../schema/coerce-text.ts";
import type { Catalog, TypeRef } from "../schema/catalog.ts";
import { readArray } from "./list-syntax.ts";
import { states, type State } from "./operators.ts";
import type { Operand } from "./query-syntax.ts";
import { TextScanner } from "./text-scanner.ts";

type Present = Exclude<Value, null>;

/** `where`: the parameter's name, for errors. */
export function textOperand(operand: string | readonly string[], where: string): Operand {
  const text = (): string => {
    if (typeof operand === "string") return operand;
    throw fault("MALFORMED_QUERY", "One value is expected here, not a list.", { where });
  };
  return {
    value: (type, catalog) => readValue(text(), type, { catalog, where }),
    items: () => (typeof operand === "string" ? readArray(new TextScanner(operand, where)) : operand).map((item) => textOperand(item, where)),
    text,
    set: (type, catalog) => readSet(text(), type, { catalog, where }),
    state: () => readState(text(), where),
  };
}

interface Place { readonly catalog: Catalog; readonly where: string }

function readValue(text: string, type: TypeRef, { catalog, where }: Place): Present {
  const isText = type.kind === "enum" || type.name === "String" || type.name === "ID";
  if (!isText && text.trim().toLowerCase() === "null") throw fault("BAD_FILTER_VALUE", "null is no value that something could equal.", { where, fix: `Write ${where}=is.null.` });
  try {
    // PostgreSQL takes spaces around anything but text, as in `in.(1, 2)`.
    const value = coerceText(isText ? text : text.trim(), type, catalog);
    if (value !== null) return value;
  } catch (error) {
    if (!(error instanceof AmbitError) || error.code !== "BAD_FILTER_VALUE") throw error;
    throw fault("BAD_FILTER_VALUE", error.message, { ...error.extras, where });
  }
  throw fault("BAD_FILTER_VALUE", "The value is missing.", { where });
}

/** A list as `{a,b}` or as JSON `["a","b"]`; JSON as it is. */
function readSet(text: string, type: TypeRef, place: Place): Present {
  if (!type.list || text.trimStart().startsWith("[")) return readValue(text, type, place);
  const item: TypeRef = { ...type, list: false };
  return readArray(new TextScanner(text, place.where)).map((element) => readValue(element, item, place));
}

function readState(text: string, where: string): State {
  const state = states.find((one) => one === text.toLowerCase());
  if (state !== undefined) return state;
  throw fault("BAD_FILTER_VALUE", `is takes ${states.join(", ")}.`, { where, fix: "Compare with a value by eq." });
}
