// The path of memory: what is known of a record, and facts that are posted about it.
import type { JsonObject } from "./json-schema.ts";
import { fieldsSchema } from "./json-schema.ts";
import { jsonContent, parameterRefs, problem } from "./openapi-components.ts";
import type { Reach } from "./openapi.ts";

const TIME: JsonObject = { type: "string", format: "date-time" };
const TIME_OR_NULL: JsonObject = { type: ["string", "null"], format: "date-time" };
const text: JsonObject = { type: "string" };
const ORIGIN: JsonObject = { label: { enum: ["UNTRUSTED", null] }, run: { type: ["string", "null"] }, by: { type: ["string", "null"] } };
const FACT: JsonObject = {
  type: "object", required: ["predicate", "value", "validFrom", "validTo", "knownFrom", "knownTo", "episode", "label", "run", "by"],
  properties: { predicate: text, value: {}, validFrom: TIME, validTo: TIME_OR_NULL, knownFrom: TIME, knownTo: TIME_OR_NULL, episode: { type: ["string", "null"] }, ...ORIGIN },
};
const EPISODE: JsonObject = { type: "object", required: ["id", "time", "what", "label", "run", "by"], properties: { id: text, time: TIME, what: {}, ...ORIGIN } };
const KNOWN: JsonObject = { type: "object", required: ["about", "asOf", "facts", "episodes"], properties: { about: text, asOf: TIME, facts: { type: "array", items: FACT }, episodes: { type: "array", items: EPISODE } } };
const REMEMBERED: JsonObject = { type: "object", required: ["about", "remembered"], properties: { about: text, remembered: { type: "array", items: text } } };

/** Predicates that this caller may post; who looks has READ of the record and a role of `inspect`. */
export function memoryPath({ catalog, rights }: Reach): JsonObject {
  const posted = [...catalog.facts.values()].filter((fact) => rights.mayCall(fact) !== false);
  if (catalog.facts.size === 0) return {};
  const path = ["table", "id"].map((name) => ({ name, in: "path", required: true, schema: text }));
  const time = (name: string): JsonObject => ({ name, in: "query", schema: TIME });
  return { "/memory/{table}/{id}": {
    get: { operationId: "recall", summary: "What is known of a record.", parameters: [...path, time("asOf")], responses: { 200: { description: "Facts and episodes.", content: jsonContent(KNOWN) }, default: problem } },
    ...(posted.length === 0 ? {} : { post: {
      operationId: "remember", summary: "Posts facts about a record.", parameters: [...path, time("validFrom"), time("validTo"), { name: "untrusted", in: "query", schema: { type: "boolean" } }, ...parameterRefs("IdempotencyKey")],
      requestBody: { required: true, content: jsonContent(fieldsSchema(new Map(posted.map((fact) => [fact.name, { ...fact.arguments.get("value")!, name: fact.name }])))) },
      responses: { 201: { description: "It is known.", content: jsonContent(REMEMBERED) }, default: problem },
    } }),
  } };
}
