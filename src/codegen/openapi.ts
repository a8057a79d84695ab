// The OpenAPI 3.1 document of what one caller can reach over REST: exactly that, as their roles have it.
import { administratorIdentity } from "../access/identities.ts";
import type { Identity } from "../access/identity.ts";
import type { Access, Rights } from "../access/rights.ts";
import type { Limits } from "../base/limits.ts";
import type { Callable, Catalog, Table, TypeRef } from "../schema/catalog.ts";
import type { Decision } from "../schema/decision.ts";
import { FILE_TYPE } from "../schema/file-type.ts";
import { enumSchema, objectSchema, typesReached, type JsonObject } from "./json-schema.ts";
import { batchPath } from "./openapi-batch.ts";
import { filePaths, fileSchema } from "./openapi-files.ts";
import { decisionPaths } from "./openapi-decisions.ts";
import { memoryPath } from "./openapi-memory.ts";
import { callablePaths } from "./openapi-callables.ts";
import { fixedParameters, problem, problemSchema, responses } from "./openapi-components.ts";
import { channelPaths, channelSchemas, reachedChannels, type ReachedChannel } from "./openapi-channels.ts";
import { streamPaths, tableParameters, tablePaths } from "./openapi-tables.ts";
import { recordSchemas, settableFields, streamSchema, visibleFields } from "./record-schema.ts";

export interface OpenApiOptions {
  readonly catalog: Catalog;
  readonly access: Access;
  readonly limits: Pick<Limits, "pageRows" | "bulkRows" | "batchOperations">;
  /** Everyone gets the administrator's document. */
  readonly development: boolean;
}

const ROLE_SETS_MAX = 100;

/** The document of one app: JSON text for each caller, kept for each set of roles. */
export function openApiFor(options: OpenApiOptions): (identity: Identity) => string {
  const known = new Map<string, string>();
  return (identity) => {
    const rights = options.access.rights(options.development ? administratorIdentity : identity);
    let text = known.get(rights.roleKey);
    if (text === undefined) {
      text = JSON.stringify(openapiDocument(options, rights));
      if (known.size >= ROLE_SETS_MAX) known.clear();
      known.set(rights.roleKey, text);
    }
    return text;
  };
}

/** What one caller can reach. */
export interface Reach {
  readonly catalog: Catalog;
  readonly limits: OpenApiOptions["limits"];
  readonly rights: Rights;
  readonly tables: readonly Table[];
  /** Tables that are told as events alone. */
  readonly streams: readonly Table[];
  readonly channels: readonly ReachedChannel[];
  readonly endpoints: readonly Callable[];
  readonly decisions: readonly Decision[];
}

export function openapiDocument({ catalog, limits }: OpenApiOptions, rights: Rights): JsonObject {
  const reach = reachOf(catalog, limits, rights);
  const paths: JsonObject = {};
  for (const table of reach.tables) Object.assign(paths, tablePaths(table, reach));
  for (const table of reach.streams) Object.assign(paths, streamPaths(table, reach));
  for (const channel of reach.channels) Object.assign(paths, channelPaths(channel, reach));
  Object.assign(paths, filePaths(reach), decisionPaths(reach), memoryPath(reach));
  for (const [path, operations] of Object.entries(callablePaths(reach))) paths[path] = { ...(paths[path] as JsonObject | undefined), ...(operations as JsonObject) };
  Object.assign(paths, batchPath(limits.batchOperations), systemPaths());
  const schemas = schemasOf(reach);
  return {
    openapi: "3.1.0",
    info: { title: "Ambit", version: catalog.hash.slice(0, 12), description: "HEAD answers wherever GET does, OPTIONS wherever anything does. Every error is the object Problem, as application/problem+json." },
    servers: [{ url: "/" }],
    security: [{}, { bearer: [] }],
    tags: [...reach.tables, ...reach.streams, ...reach.channels.map(({ channel }) => channel)].map(({ exportName, description }) => ({ name: exportName!, ...(description === null ? {} : { description }) })),
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
      parameters: { ...fixedParameters(limits), ...Object.assign({}, ...[...reach.tables, ...reach.streams].map((table) => tableParameters(table, reach))) as JsonObject },
      responses: responses(),
      schemas,
    },
  };
}

/** A callable that no rule could permit does not exist for the caller; nor does a table of which they can do nothing. */
function reachOf(catalog: Catalog, limits: Reach["limits"], rights: Rights): Reach {
  const tables = [...catalog.tables.values()].filter((table) => table.exportName !== null && table.exportOver.includes("REST") && isReachable(table, rights));
  const endpoints = [...catalog.endpoints.values()].filter((endpoint) => endpoint.http !== null && rights.mayCall(endpoint) !== false);
  const streams = [...catalog.tables.values()].filter((table) => table.exportOver.includes("SSE") && !table.exportOver.includes("REST") && rights.permission(table.name, "READ") !== false);
  const decisions = [...catalog.decisions.values()].filter(({ callable }) => callable.http !== null && rights.mayCall(callable) !== false);
  return { catalog, limits, rights, tables, streams, endpoints, decisions, channels: reachedChannels({ catalog, rights }) };
}

function isReachable(table: Table, rights: Rights): boolean {
  return (["READ", "CREATE", "UPDATE", "DELETE"] as const).some((verb) => rights.permission(table.name, verb) !== false)
    || [...table.actions.values()].some((action) => rights.mayCall(action) !== false);
}

function schemasOf(reach: Reach): JsonObject {
  const { catalog } = reach;
  const schemas: JsonObject = { Problem: problemSchema() };
  const start: TypeRef[] = [];
  for (const table of reach.tables) {
    Object.assign(schemas, recordSchemas(table, reach));
    for (const field of [...visibleFields(table, reach), ...settableFields(table, "CREATE", reach), ...settableFields(table, "UPDATE", reach)]) start.push(field.type);
  }
  for (const table of reach.streams) {
    Object.assign(schemas, streamSchema(table, reach));
    for (const field of visibleFields(table, reach)) start.push(field.type);
  }
  for (const reached of reach.channels) {
    Object.assign(schemas, channelSchemas(reached));
    for (const field of reached.channel.fields.values()) start.push(field.type);
  }
  for (const callable of [...calledIn(reach), ...reach.decisions.map((decision) => decision.callable)]) start.push(callable.result, ...[...callable.arguments.values()].map((argument) => argument.type));
  for (const name of typesReached(start, catalog)) {
    const type = catalog.enums.get(name);
    const object = catalog.objects.get(name);
    if (type !== undefined) schemas[name] = enumSchema(type);
    else if (object !== undefined) schemas[name] = name === FILE_TYPE ? fileSchema() : objectSchema(object);
  }
  return schemas;
}

export function calledIn({ tables, endpoints, rights }: Reach): Callable[] {
  return [...endpoints, ...tables.flatMap((table) => [...table.actions.values()].filter((action) => rights.mayCall(action) !== false))];
}

function systemPaths(): JsonObject {
  const json = { "application/json": { schema: { type: "object" } } };
  const get = (operationId: string, summary: string): JsonObject => ({ get: { operationId, summary, security: [], responses: { 200: { description: "Yes.", content: json } } } });
  const ready = get("ready", "Whether requests may be sent here.");
  (ready["get"] as JsonObject)["responses"] = { 200: { description: "Yes.", content: json }, 503: { description: "No, or not any more.", content: json } };
  const ticket: JsonObject = { post: {
    operationId: "ticket", summary: "A ticket that stands for the caller once, as ticket= of an event stream.", security: [{ bearer: [] }],
    responses: { 200: { description: "The ticket, and for how many seconds it counts.", content: { "application/json": { schema: { type: "object", required: ["ticket", "expiresIn"], properties: { ticket: { type: "string" }, expiresIn: { type: "integer" } } } } } }, default: problem },
  } };
  return { "/auth/ticket": ticket, "/health": get("health", "Whether the process answers."), "/ready": ready, "/openapi.json": get("openapi", "This document.") };
}
