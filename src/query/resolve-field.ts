// From a field's name and path to a typed expression over a row. Names that the caller may not use do not exist here.
import { didYouMean } from "../base/diagnostic.ts";
import { fault, type AmbitError } from "../base/error.ts";
import type { Expression, RowName } from "../expression/expression.ts";
import { typeOf, typeOfField } from "../expression/field-type.ts";
import type { Field, Table, TypeRef } from "../schema/catalog.ts";
import { fieldText } from "./field-syntax.ts";
import type { FieldSyntax } from "./query-syntax.ts";
import { isRelation, unknownField, visibleField, type Resolution } from "./resolution.ts";

export interface ResolvedField {
  readonly field: Field;
  readonly expression: Expression;
  /** What it yields; nullable. */
  readonly type: TypeRef;
  /** As written, for messages and cursors. */
  readonly label: string;
}

/** Where the field stands: on `row`, or on the record that to-one relations lead to from it. */
export interface FieldPlace {
  readonly row: RowName;
  /** Of the row. */
  readonly rowTable: Table;
  readonly path: readonly string[];
  /** That has the field. */
  readonly table: Table;
}

export const textType: TypeRef = { kind: "scalar", name: "String", list: false, required: false, itemRequired: false };

export function placeOf(table: Table, row: RowName = "record"): FieldPlace {
  return { row, rowTable: table, path: [], table };
}

/** A value, not a relation. Throws UNKNOWN_FIELD or MALFORMED_QUERY. */
export function resolveField(syntax: FieldSyntax, place: FieldPlace, resolution: Resolution, where: string): ResolvedField {
  const field = visibleField(syntax.name, place.table, resolution.scope);
  if (field === null) throw unknownField(syntax.name, place.table, resolution.scope, where);
  if (isRelation(field)) {
    throw fault("MALFORMED_QUERY", `${field.name} is a relation, not a value.`, { where, fix: `Embed it: select=*,${field.name}(*), and filter its fields as ${field.name}.FIELD=eq.VALUE.` });
  }
  if (syntax.path.length > resolution.limits.jsonDepth) throw fault("MALFORMED_QUERY", `A path has at most ${resolution.limits.jsonDepth} steps.`, { where });
  const label = fieldText(syntax);
  const { type, steps } = followTypes(syntax, resolution, where, optional(field.type));
  const typed: Expression = {
    op: "field", type: typeOfField(type, resolution.catalog), row: place.row, table: place.rowTable.name, path: place.path, field: field.name, within: syntax.path.slice(0, steps),
  };
  const rest = syntax.path.slice(steps);
  const resultType = syntax.asText ? textType : type;
  if (rest.length === 0) return { field, label, type: resultType, expression: syntax.asText ? textOf(typed) : typed };
  const expression: Expression = { op: "json-path", type: typeOfField(resultType, resolution.catalog), operand: typed, path: rest, asText: syntax.asText };
  return { field, label, type: resultType, expression };
}

function textOf(expression: Expression): Expression {
  return typeOf(expression).kind === "string" ? expression : { op: "call", type: { kind: "string" }, function: "string", arguments: [expression] };
}

/** Follows the path as far as types are declared: up to its end, or to JSON, inside which the rest lies. */
function followTypes(syntax: FieldSyntax, resolution: Resolution, where: string, start: TypeRef): { type: TypeRef; steps: number } {
  let type = start;
  for (const [index, step] of syntax.path.entries()) {
    if (isDynamic(type)) return { type, steps: index };
    const walked = fieldText({ name: syntax.name, path: syntax.path.slice(0, index), asText: false });
    if (type.list) {
      if (typeof step === "string") throw noPart(`${walked} is a list; its items are called ${walked}->0, ${walked}->1, ...`, where);
      type = { ...type, list: false };
    } else if (type.kind === "object") type = partOf(type, String(step), walked, { resolution, where });
    else throw noPart(`${walked} has no parts.`, where);
  }
  return { type, steps: syntax.path.length };
}

function partOf(type: TypeRef, name: string, walked: string, { resolution, where }: { resolution: Resolution; where: string }): TypeRef {
  const fields = resolution.catalog.objects.get(type.name)?.fields;
  const part = fields?.get(name);
  if (part !== undefined) return optional(part.type);
  const near = didYouMean(name, fields?.keys() ?? []);
  throw fault("UNKNOWN_FIELD", `${walked} has no field ${name}.${near === null ? "" : ` Did you mean ${near}?`}`, { where });
}

function noPart(message: string, where: string): AmbitError {
  return fault("MALFORMED_QUERY", message, { where, fix: "Use -> only into JSON, lists and nested objects." });
}

function isDynamic(type: TypeRef): boolean {
  return !type.list && type.kind === "scalar" && type.name === "JSON";
}

function optional(type: TypeRef): TypeRef {
  return type.required ? { ...type, required: false } : type;
}
