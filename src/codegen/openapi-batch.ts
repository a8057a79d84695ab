// The path of POST /batch in the OpenAPI document.
import type { JsonObject } from "./json-schema.ts";
import { jsonContent, parameterRefs, problem } from "./openapi-components.ts";

const REFERENCE = "Where a text of the path, or the value of a comparison in its query, is {ID/POINTER}, it stands for what ID answered there.";

export function batchPath(operationsMax: number): JsonObject {
  return {
    "/batch": {
      post: {
        operationId: "batch", summary: "Several operations in one transaction: all or none.",
        description: "They are carried out in order, each on what those before it left. Constraints hold in the end. The first that fails is answered as the problem of the whole; its where begins with operations[INDEX].",
        parameters: parameterRefs("IdempotencyKey"),
        requestBody: { required: true, content: jsonContent(input(operationsMax), { operations: [] }) },
        responses: { 200: { description: "The answers, in the order of the operations.", content: jsonContent(output()) }, default: problem },
      },
    },
  };
}

function input(operationsMax: number): JsonObject {
  const operation: JsonObject = {
    type: "object", additionalProperties: false, required: ["method", "path"],
    properties: {
      id: { type: "string", pattern: "^[A-Za-z_][A-Za-z0-9_-]{0,63}$", description: "A name by which later operations refer to the answer." },
      method: { enum: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] },
      path: { type: "string", description: `Path and query. ${REFERENCE}` },
      headers: { type: "object", additionalProperties: { type: "string" }, description: "Accept, Content-Type, If-Match, If-None-Match, Prefer, Range, Range-Unit." },
      body: { description: 'JSON. {"$ref": "ID/POINTER"} stands for what ID answered there; a member that is called $ref is written $$ref.' },
    },
  };
  return { type: "object", additionalProperties: false, required: ["operations"], properties: { operations: { type: "array", maxItems: operationsMax, items: operation } } };
}

function output(): JsonObject {
  const result: JsonObject = {
    type: "object", required: ["status", "headers", "body"],
    properties: { id: { type: "string" }, status: { type: "integer" }, headers: { type: "object", additionalProperties: { type: "string" } }, body: { description: "JSON; a text where it is another format, null where there is none." } },
  };
  return { type: "object", required: ["results"], properties: { results: { type: "array", items: result } } };
}
