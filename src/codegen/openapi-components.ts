// The parts of the OpenAPI document that every app has: the error object, parameters of the query grammar, headers, responses.
import type { JsonObject } from "./json-schema.ts";
import type { Reach } from "./openapi.ts";

const PROBLEM = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };

export function problemSchema(): JsonObject {
  return {
    type: "object",
    description: "RFC 9457, with a stable code.",
    properties: {
      type: { type: "string", format: "uri-reference" }, title: { type: "string" }, status: { type: "integer" }, code: { type: "string" }, message: { type: "string" },
      details: { description: "Facts for a machine, by code." }, hint: { type: ["string", "null"] },
      where: { type: ["string", "null"], description: "A field's path or a parameter's name." }, fix: { type: ["string", "null"] },
      retry: { type: "boolean", description: "The same request may succeed later." }, requestId: { type: "string" },
    },
    required: ["type", "title", "status", "code", "message", "retry", "requestId"],
    examples: [{ type: "/docs/errors/NOT_FOUND", title: "Not found", status: 404, code: "NOT_FOUND", message: "There is no Product with this id.", details: null, hint: null, where: null, fix: "Check the path and the id.", retry: false, requestId: "5f3a91c2b7de-1" }],
  };
}

export function responses(): JsonObject {
  return { Problem: { description: "A refusal or a fault.", content: PROBLEM } };
}

/** References by name: `parameterRefs("select", "order")`. */
export function parameterRefs(...names: readonly string[]): JsonObject[] {
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

export function fixedParameters({ pageRows }: Reach["limits"]): JsonObject {
  const query = (name: string, description: string, schema: JsonObject, example: string | number): JsonObject => ({ name, in: "query", description, schema, example });
  const header = (name: string, description: string, example: string): JsonObject => ({ name, in: "header", description, schema: { type: "string" }, example });
  const text: JsonObject = { type: "string" };
  const count: JsonObject = { type: "integer", minimum: 0 };
  return {
    select: query("select", "Fields and embedded relations of the answer: fields, alias:field, relation(fields), relation!inner(fields), ...relation(fields), count(), field.sum().", text, "*"),
    order: query("order", "Fields to sort by, each with .asc or .desc and .nullsfirst or .nullslast.", text, "id.desc"),
    limit: query("limit", "Rows at most.", { ...count, maximum: pageRows }, 20),
    offset: query("offset", "Rows to skip.", count, 0),
    after: query("after", "The cursor of Ambit-Next-Cursor: goes on after the last row of the page before.", text, "WyJhIl0"),
    and: query("and", "Conditions that must all hold.", text, "(id.gt.1,id.lt.9)"),
    or: query("or", "Conditions of which one must hold.", text, "(id.eq.1,id.eq.9)"),
    asof: query("asof", "A time or a position: the rows as they were then.", text, "2026-01-31T12:00:00Z"),
    search: query("search", "Words to find, best first.", text, "blue shoes"),
    near: query("near", "[field:]latitude,longitude,metres; nearest first.", text, "52.52,13.40,1000"),
    similar: query("similar", "[field:] and a vector, or a text where a model fills the field; nearest first.", text, "[0.1,0.2]"),
    columns: query("columns", "Fields of the body that count.", text, "id"),
    on_conflict: query("on_conflict", "Unique fields by which an existing record is found.", text, "id"),
    Prefer: header("Prefer", "return=minimal|representation|headers-only, count=exact|planned|estimated, resolution=merge-duplicates|ignore-duplicates, missing=default, handling=strict, max-affected=N, scan=refuse.", "return=representation"),
    Range: header("Range", "Rows of a list, from 0, with Range-Unit: items.", "0-19"),
    IfMatch: header("If-Match", "Only if the record's ETag is one of these.", '"v42"'),
    IfNoneMatch: header("If-None-Match", "Only if the ETag is none of these; * for a write: only if there is no record yet.", '"v42"'),
    IdempotencyKey: header("Idempotency-Key", "The same key and body get the same answer, once.", "7f9d2f0e-3c0b-4b27-9d4c-0d6f4c1a2b3e"),
  };
}

export const problem: JsonObject = { $ref: "#/components/responses/Problem" };

export function jsonContent(schema: JsonObject, example?: JsonObject[string]): JsonObject {
  return { "application/json": { schema, ...(example === undefined ? {} : { example }) } };
}
