// The paths of one table: its list and its records, as far as the caller's roles reach.
import type { Field, Table } from "../schema/catalog.ts";
import { exampleValue } from "./example-value.ts";
import { valueSchema, type JsonObject } from "./json-schema.ts";
import { jsonContent, parameterRefs, problem } from "./openapi-components.ts";
import { historyPaths } from "./openapi-history.ts";
import type { Reach } from "./openapi.ts";
import { settableFields, visibleFields } from "./record-schema.ts";

const READ_HEADERS: JsonObject = { ETag: { schema: { type: "string" } } };
const LIST_HEADERS: JsonObject = {
  ...READ_HEADERS,
  "Content-Range": { description: "First and last row, and the total where it was counted.", schema: { type: "string" }, example: "0-19/200" },
  "Ambit-Next-Cursor": { description: "For after=, where there is a next page.", schema: { type: "string" } },
  Link: { description: "rel=next, where there is a next page.", schema: { type: "string" } },
};

export function tablePaths(table: Table, reach: Reach): JsonObject {
  const may = (verb: "READ" | "CREATE" | "UPDATE" | "DELETE"): boolean => reach.rights.permission(table.name, verb) !== false;
  const list: JsonObject = {};
  const record: JsonObject = {};
  if (may("READ")) {
    list["get"] = listOperation(table, reach);
    record["get"] = operation(table, "get", "One record.", {
      parameters: parameterRefs("select", ...asOf(table), "IfNoneMatch"), responses: { 200: { description: "The record.", headers: READ_HEADERS, content: { ...jsonContent(ref(table)), ...events(table) } }, 304: { description: "It is still the one in If-None-Match." } },
    });
  }
  if (may("CREATE")) list["post"] = createOperation(table, reach);
  if (may("CREATE") || may("UPDATE")) record["put"] = replaceOperation(table, reach);
  if (may("UPDATE")) {
    list["patch"] = bulkOperation(table, "change", reach, body(`${table.exportName!}Update`, exampleOf(table, "UPDATE", reach)));
    record["patch"] = operation(table, "change", "Sets the fields given.", {
      parameters: parameterRefs("select", "Prefer", "IfMatch", "IdempotencyKey"), requestBody: patchBody(table, reach), responses: written(reach.rights.permission(table.name, "READ") === false ? null : ref(table)),
    });
  }
  if (may("DELETE")) {
    list["delete"] = bulkOperation(table, "delete", reach, null);
    record["delete"] = operation(table, "delete", "Deletes the record.", { parameters: parameterRefs("select", "Prefer", "IfMatch", "IdempotencyKey"), responses: written(null) });
  }
  const paths: JsonObject = {};
  if (Object.keys(list).length > 0) paths[`/${table.exportName!}`] = list;
  if (Object.keys(record).length > 0) paths[`/${table.exportName!}/{id}`] = { parameters: [keyParameter(table)], ...record };
  return { ...paths, ...historyPaths(table, reach, keyParameter(table)) };
}

/** Of a table that is told as events alone. */
export function streamPaths(table: Table, reach: Reach): JsonObject {
  const name = table.exportName!;
  const responses: JsonObject = { 200: { description: "Goes on.", content: events(table) } };
  return {
    [`/${name}`]: { get: operation(table, "list", "Records that fit a filter, as they are and as they change.", { parameters: parameterRefs("select", "order", "limit", "and", "or", ...filterFields(table, reach).map((field) => parameterName(table, field))), responses }) },
    [`/${name}/{id}`]: { parameters: [keyParameter(table)], get: operation(table, "get", "One record, as it is and as it changes.", { parameters: parameterRefs("select"), responses }) },
  };
}

/** The same, told on as it changes. */
function events(table: Table): JsonObject {
  if (!table.exportOver.includes("SSE")) return {};
  return { "text/event-stream": { schema: { type: "string", description: "Events snapshot, enter, update, leave, reset, gap; goes on after the position in Last-Event-ID." } } };
}

function asOf(table: Table): string[] {
  return table.historyMs === null ? [] : ["asof"];
}

/** A filter for each field of the list, `Product.price`. */
export function tableParameters(table: Table, reach: Reach): JsonObject {
  const parameters: JsonObject = {};
  if (reach.rights.permission(table.name, "READ") === false) return parameters;
  for (const field of filterFields(table, reach)) {
    const example = exampleValue({ type: { ...field.type, list: false }, limits: field.limits }, reach.catalog);
    const isPlain = typeof example === "string" || typeof example === "number" || typeof example === "boolean";
    parameters[parameterName(table, field)] = {
      name: field.name, in: "query", description: "[not.]operator.value, such as eq.1, gte.1, in.(1,2), is.null; a bare value means equality.", schema: { type: "string" },
      example: isPlain ? `eq.${String(example)}` : "not.is.null",
    };
  }
  return parameters;
}

function filterFields(table: Table, reach: Reach): Field[] {
  return visibleFields(table, reach).filter((field) => field.relation === null);
}

function parameterName(table: Table, field: Field): string {
  return `${table.exportName!}.${field.name}`;
}

function listOperation(table: Table, reach: Reach): JsonObject {
  const has = (kind: string): boolean => table.indexes.some((index) => index.kind === kind);
  const special = [...(table.search.length > 0 || has("TEXT") ? ["search"] : []), ...(has("GEO") ? ["near"] : []), ...(has("VECTOR") ? ["similar"] : [])];
  return {
    operationId: `list${table.exportName!}`, tags: [table.exportName!], summary: "Records that fit a filter.",
    parameters: parameterRefs("select", "order", "limit", "offset", "after", "and", "or", ...asOf(table), ...special, "Prefer", "Range", ...filterFields(table, reach).map((field) => parameterName(table, field))),
    responses: {
      200: { description: "The rows.", headers: LIST_HEADERS, content: { ...jsonContent({ type: "array", items: ref(table) }), "text/csv": { schema: { type: "string" } }, "application/x-ndjson": { schema: { type: "string" } }, ...events(table) } },
      206: { description: "Some of the rows, where they were counted.", headers: LIST_HEADERS, content: jsonContent({ type: "array", items: ref(table) }) },
      default: problem,
    },
  };
}

function createOperation(table: Table, reach: Reach): JsonObject {
  const one: JsonObject = { $ref: `#/components/schemas/${table.exportName!}Create` };
  const example = exampleOf(table, "CREATE", reach);
  const readable = reach.rights.permission(table.name, "READ") !== false;
  return {
    operationId: `create${table.exportName!}`, tags: [table.exportName!], summary: "Creates one record, or several together.",
    parameters: parameterRefs("select", "columns", "on_conflict", "Prefer", "IdempotencyKey"),
    requestBody: { required: true, content: { ...jsonContent({ anyOf: [one, { type: "array", items: one, maxItems: reach.limits.bulkRows }] }, example), "text/csv": { schema: { type: "string" } }, "application/x-ndjson": { schema: { type: "string" } } } },
    responses: {
      200: { description: "Nothing was created: all were there already (upsert)." },
      201: { description: "Created.", headers: { Location: { schema: { type: "string" } } }, ...(readable ? { content: jsonContent({ type: "array", items: ref(table) }) } : {}) },
      default: problem,
    },
  };
}

function replaceOperation(table: Table, reach: Reach): JsonObject {
  const name = table.exportName!;
  const schema = reach.rights.permission(table.name, "CREATE") === false ? `${name}Update` : `${name}Create`;
  const readable = reach.rights.permission(table.name, "READ") !== false;
  return operation(table, "replace", "Replaces the record, or creates it.", {
    parameters: parameterRefs("select", "Prefer", "IfMatch", "IfNoneMatch", "IdempotencyKey"), requestBody: body(schema, exampleOf(table, "CREATE", reach)),
    responses: { 201: { description: "Created." }, ...written(readable ? ref(table) : null) },
  });
}

function bulkOperation(table: Table, verb: "change" | "delete", reach: Reach, requestBody: JsonObject | null): JsonObject {
  const readable = reach.rights.permission(table.name, "READ") !== false;
  return {
    operationId: `${verb}Many${table.exportName!}`, tags: [table.exportName!], summary: `${verb === "change" ? "Changes" : "Deletes"} all records that a filter names.`,
    parameters: parameterRefs("select", "order", "limit", "and", "or", "Prefer", "IdempotencyKey", ...(readable ? filterFields(table, reach).map((field) => parameterName(table, field)) : [])),
    ...(requestBody === null ? {} : { requestBody }),
    responses: { ...written(readable ? { type: "array", items: ref(table) } : null), default: problem },
  };
}

function operation(table: Table, verb: string, summary: string, more: { parameters: JsonObject[]; requestBody?: JsonObject; responses: JsonObject }): JsonObject {
  return { operationId: `${verb}${table.exportName!}`, tags: [table.exportName!], summary, ...more, responses: { ...more.responses, default: problem } };
}

function written(schema: JsonObject | null): JsonObject {
  return { ...(schema === null ? {} : { 200: { description: "With Prefer: return=representation.", content: jsonContent(schema) } }), 204: { description: "Done." } };
}

function patchBody(table: Table, reach: Reach): JsonObject {
  const schema: JsonObject = { $ref: `#/components/schemas/${table.exportName!}Update` };
  const example = exampleOf(table, "UPDATE", reach);
  return { required: true, content: { ...jsonContent(schema, example), "application/merge-patch+json": { schema } } };
}

function body(schema: string, example: JsonObject | undefined): JsonObject {
  return { required: true, content: jsonContent({ $ref: `#/components/schemas/${schema}` }, example) };
}

function ref(table: Table): JsonObject {
  return { $ref: `#/components/schemas/${table.exportName!}` };
}

function keyParameter(table: Table): JsonObject {
  return { name: "id", in: "path", required: true, description: `The ${table.primaryKey}.`, schema: valueSchema({ ...table.fields.get(table.primaryKey)!, type: { ...table.fields.get(table.primaryKey)!.type, required: true } }, "out") };
}

/** Undefined where no valid one can be made up. */
function exampleOf(table: Table, verb: "CREATE" | "UPDATE", reach: Reach): JsonObject | undefined {
  const example: JsonObject = {};
  for (const field of settableFields(table, verb, reach)) {
    const isNeeded = verb === "CREATE" && field.type.required && field.fill === null && field.name !== table.primaryKey;
    const value = exampleValue(field, reach.catalog);
    if (value === undefined && isNeeded) return undefined;
    if (value !== undefined && (isNeeded || (verb === "UPDATE" && Object.keys(example).length === 0))) example[field.name] = value;
  }
  return example;
}
