// The expression type of a schema type, of an expression, and how types are called in messages.
import { unreachable } from "../base/assert.ts";
import type { Catalog, TypeRef } from "../schema/catalog.ts";
import type { Expression, ExpressionType } from "./expression.ts";

const BOOL: ExpressionType = { kind: "bool" };

/** Of a field, argument or result. A relation has no value of its own: null. */
export function typeOfField(type: TypeRef, catalog: Catalog): ExpressionType {
  const item = itemTypeOf(type, catalog);
  return type.list ? { kind: "list", item } : item;
}

function itemTypeOf(type: TypeRef, catalog: Catalog): ExpressionType {
  switch (type.kind) {
    case "enum":
    case "scalar": return plainType(type);
    case "table": return { kind: "null" };
    case "object":
    case "input": return { kind: "object", name: catalog.objects.get(type.name)?.name ?? type.name };
    default: return unreachable(type.kind);
  }
}

/** Of a scalar or enum; of a list of them, its items. */
export function plainType({ kind, name }: Pick<TypeRef, "kind" | "name">): ExpressionType {
  if (kind === "enum") return { kind: "string" };
  switch (name) {
    case "Int": case "Long": case "Money": return { kind: "int" };
    case "Float": return { kind: "double" };
    case "Boolean": return BOOL;
    case "DateTime": return { kind: "timestamp" };
    case "Date": return { kind: "date" };
    case "Duration": return { kind: "duration" };
    case "Decimal": return { kind: "decimal" };
    case "JSON": return { kind: "json" };
    case "Bytes": case "Blob": return { kind: "bytes" };
    case "Vector": return { kind: "list", item: { kind: "double" } };
    default: return { kind: "string" };
  }
}

/** What an expression yields, besides null. */
export function typeOf(expression: Expression): ExpressionType {
  return "type" in expression ? expression.type : BOOL;
}

export function sameType(left: ExpressionType, right: ExpressionType): boolean {
  if (left.kind === "list") return right.kind === "list" && sameType(left.item, right.item);
  if (left.kind === "object") return right.kind === "object" && left.name === right.name;
  return left.kind === right.kind;
}

/** As a message says it: `list of string`, `Address`. */
export function describeType(type: ExpressionType): string {
  if (type.kind === "list") return `list of ${describeType(type.item)}`;
  return type.kind === "object" ? type.name : type.kind;
}
