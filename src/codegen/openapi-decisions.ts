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
  const negotiating = decisions.filter(({ negotiates }) => negotiates !== null);
  return {
    ...Object.fromEntries(decisions.filter(({ negotiates }) => negotiates === null).map((decision) => [`/${decision.callable.http!.path.join("/")}`, { post: askOperation(decision) }])),
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
    ...(negotiating.length === 0 ? {} : { "/negotiations": does("beginNegotiation", "The first round.", { body: { oneOf: negotiating.map(beginning) }, answer: NEGOTIATED, isNew: true }), ...NEGOTIATIONS }),
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

const TERMS: JsonObject = { description: "As the decision answers." };
const AGREED: JsonObject = { type: "object", required: ["id", "offer", "negotiation", "decision", "state", "dueAt"], properties: { id: text, offer: text, negotiation: text, decision: text, state: { enum: ["ACTIVE", "KEPT", "BREACHED", "REMEDIED", "RELEASED"] }, terms: TERMS, dueAt: text, isLate: { type: "boolean" }, closedAt: textOrNull } };
const OFFERED: JsonObject = { type: "object", required: ["id", "negotiation", "round", "state", "hash", "validUntil"], properties: { id: text, negotiation: text, round: { type: "integer" }, state: { enum: ["OPEN", "ACCEPTED", "COUNTERED", "DECLINED", "EXPIRED"] }, terms: TERMS, hash: text, validUntil: text, commitment: {} } };
const NEGOTIATED: JsonObject = { type: "object", required: ["id", "decision", "state", "round"], properties: { id: text, decision: text, state: { enum: ["OPEN", "AGREED", "DECLINED", "EXPIRED"] }, round: { type: "integer" }, rounds: { type: ["integer", "null"] }, isDeciding: { type: "boolean" }, offer: {} } };

const shows = (operationId: string, summary: string, schema: JsonObject): JsonObject => ({ get: { operationId, summary, parameters: [ID], responses: { 200: { description: summary, content: jsonContent(schema) }, default: problem } } });

function does(operationId: string, summary: string, { body, answer, isNew = false }: { readonly body?: JsonObject; readonly answer: JsonObject; readonly isNew?: boolean }): JsonObject {
  return { post: {
    operationId, summary, parameters: [...(isNew ? [] : [ID]), ...parameterRefs("IdempotencyKey")], ...(body === undefined ? {} : { requestBody: { required: true, content: jsonContent(body) } }),
    responses: { [isNew ? 201 : 200]: { description: "What came of it.", content: jsonContent(answer) }, ...(body === undefined ? {} : { 202: { description: "People are asked.", content: jsonContent(answer) } }), default: problem },
  } };
}

/** It is asked in rounds alone, never at its own path. */
function beginning({ callable: { name, arguments: inputs } }: Decision): JsonObject {
  return { type: "object", required: ["decision", ...(inputs.size === 0 ? [] : ["input"])], properties: { decision: { const: name }, input: fieldsSchema(inputs) }, additionalProperties: false };
}

const NEGOTIATIONS: JsonObject = {
  "/negotiations/{id}": { get: {
    operationId: "getNegotiation", summary: "One that the caller has begun.", parameters: [ID],
    responses: { 200: { description: "The negotiation; as events, how it goes on.", content: { ...jsonContent(NEGOTIATED), "text/event-stream": { schema: text } } }, default: problem },
  } },
  "/negotiations/{id}/counter": does("counterNegotiation", "The next round.", { body: { type: "object", properties: { terms: TERMS, message: textOrNull } }, answer: NEGOTIATED }),
  "/offers/{id}": shows("getOffer", "An offer.", OFFERED),
  "/offers/{id}/accept": does("acceptOffer", "Makes it final.", { body: { type: "object", required: ["hash"], properties: { hash: text } }, answer: OFFERED }),
  "/offers/{id}/decline": does("declineOffer", "Ends it.", { answer: OFFERED }),
  "/commitments": { get: {
    operationId: "listCommitments", summary: "What is owed to the caller, the newest first.", parameters: [{ name: "limit", in: "query", schema: { type: "integer" } }, { name: "after", in: "query", schema: text }],
    responses: { 200: { description: "Commitments; as events, the newest of them as they go on.", content: { ...jsonContent({ type: "array", items: AGREED }), "text/event-stream": { schema: text } } }, default: problem },
  } },
  "/commitments/{id}": { get: {
    operationId: "getCommitment", summary: "A commitment.", parameters: [ID],
    responses: { 200: { description: "The commitment; as events, what comes of it.", content: { ...jsonContent(AGREED), "text/event-stream": { schema: text } } }, default: problem },
  } },
  "/commitments/{id}/release": does("releaseCommitment", "Whom it is owed to does without.", { answer: AGREED }),
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
