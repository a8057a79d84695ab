// The paths of a table's former versions in the OpenAPI document: the history of a record, and its restore from the trash.
import type { Table } from "../schema/catalog.ts";
import type { JsonObject } from "./json-schema.ts";
import { jsonContent, parameterRefs, problem } from "./openapi-components.ts";
import type { Reach } from "./openapi.ts";

/** `key`: the parameter `id`. */
export function historyPaths(table: Table, { rights }: Reach, key: JsonObject): JsonObject {
  const name = table.exportName!;
  const paths: JsonObject = {};
  const add = (path: string, method: string, operation: JsonObject): void => {
    paths[`/${name}/{id}/${path}`] = { parameters: [key], [method]: { operationId: `${path}${name}`, tags: [name], ...operation } };
  };
  const mayRead = rights.permission(table.name, "READ") !== false;
  if (table.historyMs !== null && mayRead) {
    add("history", "get", {
      summary: "What happened to the record, newest first.", parameters: parameterRefs("limit", "after", "IfNoneMatch"),
      responses: { 200: { description: "Each version that the caller may see.", content: jsonContent({ type: "array", items: happening() }) }, default: problem },
    });
  }
  if (table.trashMs !== null && rights.permission(table.name, "DELETE") !== false) {
    const record = mayRead ? { 200: { description: "The record.", content: jsonContent({ $ref: `#/components/schemas/${name}` }) } } : {};
    add("restore", "post", {
      summary: "Brings a deleted record back, with what its deletion took along.", parameters: parameterRefs("select", "Prefer", "IdempotencyKey"),
      responses: { ...record, 204: { description: "Done." }, default: problem },
    });
  }
  return paths;
}

function happening(): JsonObject {
  const change: JsonObject = { type: "object", properties: { from: { description: "Absent where it was hidden." }, to: {} }, required: ["to"] };
  return {
    type: "object", required: ["position", "time", "actor", "cause", "change", "changes"],
    properties: {
      position: { type: "string", description: "For asof=." }, time: { type: ["string", "null"], format: "date-time" },
      actor: { type: ["string", "null"], description: "Told to themselves and to the administrator." },
      cause: { enum: ["write", "cascade", "expiry", "migration", null] },
      change: { enum: ["created", "updated", "deleted", "restored", null], description: "Null: not known any more." },
      changes: { type: "object", additionalProperties: change, description: "Stored fields that differ, by name." },
    },
  };
}
