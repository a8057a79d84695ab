// How an expression's SQL value becomes part of a JSON answer: which wire form it has, and the SQL that gives it.
import type { Expression } from "../expression/expression.ts";
import { typeOf } from "../expression/field-type.ts";
import type { Catalog, Field, Table, TypeRef } from "../schema/catalog.ts";
import { isJsonColumn } from "./column.ts";

/**
 * plain: text, int and double are JSON by themselves. text: the same, but SQLite may take it for JSON, because a function
 * of JSON made it. boolean: 0 and 1. long: a decimal string. json: JSON text.
 */
export type WireForm = "plain" | "text" | "boolean" | "long" | "json";

/** SQL that json_object, json_array and json_quote put into JSON as it belongs there. */
export function jsonReady(sql: string, form: WireForm): string {
  switch (form) {
    case "plain": return sql;
    case "text": return `(${sql} || '')`;
    case "boolean": return `CASE ${sql} WHEN 0 THEN json('false') WHEN 1 THEN json('true') END`;
    case "long": return `CAST(${sql} AS TEXT)`;
    case "json": return `json(${sql})`;
  }
}

/** `table` is that of row `record`. */
export function wireFormOf(expression: Expression, table: Table, catalog: Catalog): WireForm {
  const type = typeOf(expression);
  switch (type.kind) {
    case "bool": return "boolean";
    case "list": case "object": case "json": return "json";
    case "int": return isLong(declaredType(expression, table, catalog)) ? "long" : "plain";
    case "double": return "plain";
    default: return "text";
  }
}

export function fieldForm(type: TypeRef): WireForm {
  if (isJsonColumn(type)) return "json";
  if (type.kind !== "scalar") return "plain";
  return type.name === "Boolean" ? "boolean" : type.name === "Long" ? "long" : "plain";
}

/** The stored field of the row itself that the expression is, or null. Its column is used as it is. */
export function ownField(value: Expression, table: Table): Field | null {
  if (value.op !== "field" || value.path.length > 0 || value.within.length > 0) return null;
  const field = table.fields.get(value.field);
  return field?.kind === "stored" ? field : null;
}

/** True where SQLite orders and groups by something else than the value itself. */
export function hasOrderKey(expression: Expression): boolean {
  return ["decimal", "duration", "json", "list", "object"].includes(typeOf(expression).kind);
}

/** The type that the schema declares for a field, through relations and nested objects, or for a mask around one. */
export function declaredType(expression: Expression, table: Table, catalog: Catalog): TypeRef | null {
  if (expression.op === "conditional") return declaredType(expression.then, table, catalog) ?? declaredType(expression.otherwise, table, catalog);
  if (expression.op !== "field") return null;
  let current: Table | undefined = table;
  for (const step of expression.path) current = catalog.tables.get(current?.fields.get(step)?.relation?.table ?? "");
  let type = current?.fields.get(expression.field)?.type ?? null;
  for (const step of expression.within) type = type === null ? null : insideType(type, step, catalog);
  return type;
}

function insideType(type: TypeRef, step: string | number, catalog: Catalog): TypeRef | null {
  if (typeof step === "number") return type.list ? { ...type, list: false, required: type.itemRequired } : null;
  if (type.list || type.kind !== "object") return null;
  return catalog.objects.get(type.name)?.fields.get(step)?.type ?? null;
}

export function isLong(type: TypeRef | null): boolean {
  return type !== null && !type.list && type.kind === "scalar" && type.name === "Long";
}
