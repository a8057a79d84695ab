// Which operators, orders and aggregates make sense on which types. A table of facts; nothing is built here.
import type { TypeRef } from "../schema/catalog.ts";
import type { Operator } from "./operators.ts";
import type { AggregateFunction } from "./plan.ts";

export type TypeClass = "text" | "number" | "time" | "boolean" | "bytes" | "json" | "list" | "object" | "opaque";

export function typeClass(type: TypeRef): TypeClass {
  if (type.list) return "list";
  if (type.kind === "enum") return "text";
  if (type.kind !== "scalar") return "object";
  switch (type.name) {
    case "ID": case "String": return "text";
    case "Int": case "Long": case "Float": case "Money": case "Decimal": return "number";
    case "DateTime": case "Date": case "Duration": return "time";
    case "Boolean": return "boolean";
    case "Bytes": return "bytes";
    case "JSON": return "json";
    default: return "opaque";
  }
}

const equality = ["eq", "neq", "isdistinct", "is"] as const;
const ordering = ["gt", "gte", "lt", "lte"] as const;

const operatorsOf: Readonly<Record<TypeClass, readonly Operator[]>> = {
  text: [...equality, "in", ...ordering, "like", "ilike", "match", "imatch", "fts", "plfts", "phfts", "wfts"],
  number: [...equality, "in", ...ordering],
  time: [...equality, "in", ...ordering],
  boolean: [...equality, "in"],
  bytes: [...equality, "in"],
  json: [...equality, "in", ...ordering, "cs", "cd", "ov"],
  list: [...equality, "cs", "cd", "ov"],
  object: equality,
  opaque: ["is"],
};

export function fittingOperators(type: TypeRef): readonly Operator[] {
  return operatorsOf[typeClass(type)];
}

/** Rows can be ordered by it. */
export function isOrderable(type: TypeRef): boolean {
  return ["text", "number", "time", "boolean", "json"].includes(typeClass(type));
}

/** JSON takes part only after a cast to int or float. */
export function canAggregate(name: AggregateFunction, type: TypeRef): boolean {
  const kind = typeClass(type);
  if (name === "count") return true;
  if (name === "sum" || name === "avg") return kind === "number";
  return kind === "number" || kind === "time" || kind === "text";
}
