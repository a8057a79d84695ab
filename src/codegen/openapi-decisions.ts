// The paths of decisions that the caller may ask, and of their runs.
import type { Decision } from "../schema/decision.ts";
import { noLimits } from "../schema/coerce-value.ts";
import { fieldsSchema, valueSchema, type JsonObject } from "./json-schema.ts";
import { jsonContent, parameterRefs, problem } from "./openapi-components.ts";
import type { Reach } from "./openapi.ts";

const text: JsonObject = { type: "string" };
const textOrNull: JsonObject = { type: ["string", "null"] };

const HEADERS: JsonObject = {
  "Ambit-Run": { description: "The run, of /runs.", schema: text },
  "Ambit-Source": { description: "Who gave the answer.", schema: { enum: ["model", "rule", "fallback", "human"] } },
  "Ambit-Reason": { description: "Why it fell back.", schema: text },
  "Ambit-Taint": { description: "UNTRUSTED: text that nobody answers for was read.", schema: text },
};

/** For who does not wait. */
const LATER: JsonObject[] = [
  { name: "Prefer", in: "header", description: "respond-async: answered once the run has begun.", schema: text },
  { name: "Ambit-Callback", in: "header", description: "With respond-async: the address that is told the end, signed.", schema: { type: "string", format: "uri" } },
];

export function decisionPaths({ decisions }: Reach): JsonObject {
  if (decisions.length === 0) return {};
  return {
    ...Object.fromEntries(decisions.map((decision) => [`/${decision.callable.http!.path.join("/")}`, { post: askOperation(decision) }])),
    "/decide": { get: { operationId: "listDecisions", summary: "What may be asked.", responses: { 200: { description: "Decisions.", content: jsonContent({ type: "array", items: LISTED }) }, default: problem } } },
    "/runs/{id}": { get: {
      operationId: "getRun", summary: "A run, for its starter and for inspectors.", parameters: [{ name: "id", in: "path", required: true, schema: text }],
      responses: {
        200: { description: "The run; or, as events, progress until done.", content: { ...jsonContent({ type: "object" }), "text/event-stream": { schema: text } } },
        204: { description: "Last-Event-ID: done. Nothing more comes." }, default: problem,
      },
    }, delete: {
      operationId: "cancelRun", summary: "Ends a run and those that it has asked.", parameters: [{ name: "id", in: "path", required: true, schema: text }],
      responses: { 200: { description: "What came of each.", content: jsonContent({ type: "object" }) }, default: problem },
    } },
    "/runs/{id}/trace": { get: {
      operationId: "traceRun", summary: "All that happened in a run, for inspectors.", parameters: [{ name: "id", in: "path", required: true, schema: text }],
      responses: { 200: { description: "The trace.", content: jsonContent({ type: "object" }) }, default: problem },
    } },
    ...(decisions.some(({ approvals }) => approvals.length > 0) ? APPROVALS : {}),
  };
}

const ID: JsonObject = { name: "id", in: "path", required: true, schema: text };
const SHOWN: JsonObject = { type: "object", required: ["id", "run", "decision", "state", "by"], properties: { id: text, run: text, decision: text, state: { enum: ["WAITING", "APPROVED", "EDITED", "REJECTED", "VOID", "EXPIRED"] }, by: { type: "array", items: text }, hash: text } };
const VERDICT: JsonObject = { type: "object", required: ["verdict"], properties: { verdict: { enum: ["APPROVE", "REJECT", "EDIT"] }, hash: text, reason: textOrNull, output: {}, effects: { type: "array", items: { type: "object", required: ["operation", "args"], properties: { operation: text, args: { type: "object" } } } } } };
const APPROVALS: JsonObject = {
  "/approvals": { get: {
    operationId: "listApprovals", summary: "What waits for the caller's roles.", parameters: [{ name: "limit", in: "query", schema: { type: "integer" } }, { name: "after", in: "query", description: "The id of the last one that is known.", schema: text }],
    responses: { 200: { description: "In the order in which they were opened; as events, what comes to wait and ceases to.", content: { ...jsonContent({ type: "array", items: SHOWN }), "text/event-stream": { schema: text } } }, default: problem },
  } },
  "/approvals/{id}": {
    get: { operationId: "getApproval", summary: "One that waits, or waited.", parameters: [ID], responses: { 200: { description: "The approval.", content: jsonContent(SHOWN) }, default: problem } },
    post: { operationId: "decideApproval", summary: "Approves, rejects or edits what waits.", parameters: [ID, ...parameterRefs("IdempotencyKey")], requestBody: { required: true, content: jsonContent(VERDICT) }, responses: { 200: { description: "What came of it.", content: jsonContent({ type: "object" }) }, default: problem } },
  },
};

const LISTED: JsonObject = { type: "object", required: ["name", "description", "mode", "kind"], properties: { name: text, description: textOrNull, mode: { enum: ["OFF", "SHADOW", "ENFORCE"] }, kind: { enum: ["REASON", "JUDGE", "RULE"] } } };

function askOperation({ callable, fallback }: Decision): JsonObject {
  const { arguments: inputs, name, result, description, position } = callable;
  const own = { name: "own", description: "What you would answer yourself.", position, type: { ...result, required: true }, defaultValue: undefined, limits: noLimits };
  const fields = fallback?.kind === "own" ? new Map([...inputs, ["own", own]]) : inputs;
  return {
    operationId: `decide${name.charAt(0).toUpperCase()}${name.slice(1)}`, ...(description === null ? {} : { summary: description.split("\n")[0]!, description }),
    parameters: [...parameterRefs("IdempotencyKey"), ...LATER], requestBody: { required: fields.size > 0, content: jsonContent(fieldsSchema(fields)) },
    responses: { 200: { description: "What was decided.", headers: HEADERS, content: jsonContent(valueSchema({ type: result, limits: noLimits }, "out")) }, 202: { description: "It goes on, by Prefer: respond-async, or waits for people.", headers: { Location: { description: "The run.", schema: text } }, content: jsonContent({ type: "object" }) }, default: problem },
  };
}
