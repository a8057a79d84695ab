// A table's records as JSON Schemas: as they are read, created and changed by one caller.
import type { Field, Table } from "../schema/catalog.ts";
import { valueSchema, withDescription, type JsonObject } from "./json-schema.ts";
import type { Reach } from "./openapi.ts";

/** Fields that the caller may name, relations to what they cannot read left out. */
export function visibleFields(table: Table, { catalog, rights }: Pick<Reach, "catalog" | "rights">): Field[] {
  return [...rights.scope.fields(table).values()].filter((field) => {
    if (field.relation === null) return true;
    const other = catalog.tables.get(field.relation.table);
    return other !== undefined && rights.scope.readable(other);
  });
}

/** Fields that the caller may send: what the runtime or code fills is not among them. */
export function settableFields(table: Table, verb: "CREATE" | "UPDATE", { rights }: Pick<Reach, "rights">): Field[] {
  const authority = rights.authority?.table(table.name);
  return [...table.fields.values()].filter((field) => {
    if (field.kind !== "stored" || field.internal || field.readOnly || (isFilled(field) && !isOpenTenant(field, verb, rights))) return false;
    if (verb === "UPDATE" && (field.fixed || field.name === table.primaryKey)) return false;
    if (authority === undefined) return true;
    const own = authority.field(field.name);
    return (verb === "CREATE" ? own.create : own.update) !== false;
  });
}

/** Who is not confined to a tenant says whose the new record is. */
function isOpenTenant(field: Field, verb: "CREATE" | "UPDATE", { confinement }: Reach["rights"]): boolean {
  return field.fill?.kind === "tenant" && verb === "CREATE" && confinement === null;
}

/** Filled by the runtime whatever is sent; defaults are not. */
export function isFilled(field: Field): boolean {
  return field.fill !== null && field.fill.kind !== "default-value" && field.fill.kind !== "default-rule";
}

/** `T`, and where the caller may write, `TCreate` and `TUpdate`. */
export function recordSchemas(table: Table, reach: Reach): JsonObject {
  const name = table.exportName!;
  const schemas: JsonObject = {};
  if (reach.rights.permission(table.name, "READ") !== false) schemas[name] = readSchema(table, reach);
  if (reach.rights.permission(table.name, "CREATE") !== false) schemas[`${name}Create`] = writeSchema(table, "CREATE", reach);
  if (reach.rights.permission(table.name, "UPDATE") !== false) schemas[`${name}Update`] = writeSchema(table, "UPDATE", reach);
  return schemas;
}

/** Of a table that is told as events alone. */
export function streamSchema(table: Table, reach: Reach): JsonObject {
  return { [table.exportName!]: readSchema(table, reach) };
}

/** Nothing is required: `select` chooses, and rules may hide a field on some records. */
function readSchema(table: Table, reach: Reach): JsonObject {
  const properties: JsonObject = {};
  for (const field of visibleFields(table, reach)) {
    properties[field.name] = field.relation === null ? withDescription(valueSchema(field, "out"), field.description) : relationSchema(field, reach);
  }
  return { type: "object", ...(table.description === null ? {} : { description: table.description }), properties, additionalProperties: true };
}

function relationSchema(field: Field, { catalog, tables, streams }: Reach): JsonObject {
  const other = catalog.tables.get(field.relation!.table)!;
  const one: JsonObject = tables.includes(other) || streams.includes(other) ? { $ref: `#/components/schemas/${other.exportName!}` } : { type: "object" };
  const shape: JsonObject = field.relation!.kind === "one" ? { anyOf: [one, { type: "null" }] } : { type: "array", items: one };
  return { ...shape, description: `${field.description === null ? "" : `${field.description} `}Present where select embeds it.` };
}

function writeSchema(table: Table, verb: "CREATE" | "UPDATE", reach: Reach): JsonObject {
  const properties: JsonObject = {};
  const required: string[] = [];
  for (const field of settableFields(table, verb, reach)) {
    const fill = field.fill?.kind === "default-value" && isPlain(field.fill.value) ? { default: field.fill.value } : {};
    properties[field.name] = withDescription(valueSchema(field, "in"), field.description, fill);
    if (verb === "CREATE" && field.type.required && field.fill === null && field.name !== table.primaryKey) required.push(field.name);
  }
  return { type: "object", properties, ...(required.length === 0 ? {} : { required }), additionalProperties: table.open };
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
