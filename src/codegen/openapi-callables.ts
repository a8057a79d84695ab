// The paths of actions and endpoints that the caller may call.
import type { Callable, InputField, Table, Webhook } from "../schema/catalog.ts";
import { isFileArgument } from "../schema/file-type.ts";
import { inputsOf } from "../schema/page-arguments.ts";
import { exampleValue } from "./example-value.ts";
import { fieldsSchema, valueSchema, withDescription, type JsonObject } from "./json-schema.ts";
import { jsonContent, parameterRefs, problem } from "./openapi-components.ts";
import type { Reach } from "./openapi.ts";

const PAGE_HEADERS: JsonObject = { "Ambit-Next-Cursor": { description: "For after, where there is a next page.", schema: { type: "string" } } };

/** By path, then by method. */
export function callablePaths(reach: Reach): JsonObject {
  const paths: JsonObject = {};
  const add = (path: string, method: string, operation: JsonObject): void => {
    paths[path] = { ...(paths[path] as JsonObject | undefined), [method]: operation };
  };
  for (const table of reach.tables) {
    for (const action of table.actions.values()) {
      if (reach.rights.mayCall(action) === false) continue;
      const path = `/${table.exportName!}${action.on === "RECORD" ? "/{id}" : ""}/${action.name}`;
      add(path, "post", actionOperation(table, action, reach));
    }
  }
  for (const endpoint of reach.endpoints) {
    const { method, path } = endpoint.http!;
    add(`/${path.join("/")}`, method.toLowerCase(), endpointOperation(endpoint, reach));
    if (endpoint.webhook !== undefined) continue;
    add(`/rpc/${endpoint.name}`, "post", { ...callOperation(endpoint, reach), operationId: `rpc${capitalized(endpoint.name)}`, requestBody: argumentsBody(inputsOf(endpoint), reach), parameters: parameterRefs("IdempotencyKey") });
  }
  return paths;
}

function actionOperation(table: Table, action: Callable, reach: Reach): JsonObject {
  const id: JsonObject = { name: "id", in: "path", required: true, schema: { type: "string" } };
  return {
    ...callOperation(action, reach), operationId: `${action.name}${table.exportName!}`, tags: [table.exportName!],
    parameters: [...(action.on === "RECORD" ? [id] : []), ...parameterRefs("IdempotencyKey")],
    ...(inputsOf(action).size === 0 ? {} : { requestBody: argumentsBody(inputsOf(action), reach) }),
  };
}

function endpointOperation(endpoint: Callable, reach: Reach): JsonObject {
  const { method, path } = endpoint.http!;
  const inPath = new Set(path.filter((part) => part.startsWith("{")).map((part) => part.slice(1, -1)));
  const rest = new Map([...inputsOf(endpoint)].filter(([name]) => !inPath.has(name)));
  const inQuery = method === "GET" || method === "DELETE";
  const parameters = [
    ...[...inPath].map((name) => parameter(endpoint.arguments.get(name)!, "path", reach)),
    ...(inQuery ? [...rest.values()].map((argument) => parameter(argument, "query", reach)) : []),
    ...(endpoint.webhook === undefined ? (method === "GET" ? [] : parameterRefs("IdempotencyKey")) : signatureHeaders(endpoint.webhook)),
  ];
  return {
    ...callOperation(endpoint, reach), operationId: endpoint.name, parameters,
    ...(inQuery || rest.size === 0 ? {} : { requestBody: argumentsBody(rest, reach) }),
  };
}

const SIGNED_BY: Readonly<Record<Webhook["scheme"], readonly string[]>> = {
  STANDARD: ["webhook-id", "webhook-timestamp", "webhook-signature"], STRIPE: ["Stripe-Signature"], GITHUB: ["X-Hub-Signature-256"],
};

function signatureHeaders({ scheme }: Webhook): JsonObject[] {
  return SIGNED_BY[scheme].map((name) => ({ name, in: "header", required: true, schema: { type: "string" }, description: "Of the signature over the raw body." }));
}

function parameter(argument: InputField, place: "path" | "query", reach: Reach): JsonObject {
  const example = exampleValue(argument, reach.catalog);
  return {
    name: argument.name, in: place, required: place === "path" || (argument.type.required && argument.defaultValue === undefined),
    ...(argument.description === null ? {} : { description: argument.description }),
    schema: valueSchema(argument, "in"), ...(example === undefined ? {} : { example }),
  };
}

function argumentsBody(fields: ReadonlyMap<string, InputField>, reach: Reach): JsonObject {
  if ([...fields.values()].some(isFileArgument)) return { required: true, content: { "multipart/form-data": { schema: fieldsSchema(fields) } } };
  const needed = [...fields.values()].filter((field) => field.type.required && field.defaultValue === undefined);
  const example: JsonObject = {};
  for (const field of needed) {
    const value = exampleValue(field, reach.catalog);
    if (value === undefined) return { required: true, content: jsonContent(fieldsSchema(fields)) };
    example[field.name] = value;
  }
  return { required: needed.length > 0, content: jsonContent(fieldsSchema(fields), example) };
}

function callOperation(callable: Callable, reach: Reach): JsonObject {
  return {
    ...(callable.description === null ? {} : { summary: callable.description.split("\n")[0]!, description: callable.description }),
    responses: { 200: { description: callable.webhook === undefined ? "What it answers." : "What it answers; {\"ignored\": \"duplicate\"} or {\"ignored\": \"older\"} where it had no effect.", ...(callable.page ? { headers: PAGE_HEADERS } : {}), content: jsonContent(callable.webhook === undefined ? resultSchema(callable, reach) : { anyOf: [resultSchema(callable, reach), IGNORED] }) }, default: problem },
  };
}

const IGNORED: JsonObject = { type: "object", properties: { ignored: { enum: ["duplicate", "older"] } }, required: ["ignored"] };

/** A table that the caller cannot see is any object. */
function resultSchema(callable: Callable, reach: Reach): JsonObject {
  const { result } = callable;
  if (result.kind !== "table") return withDescription(valueSchema({ type: result, limits: unlimited }, "out"), null);
  const table = reach.catalog.tables.get(result.name);
  const known = table !== undefined && reach.tables.includes(table) && reach.rights.permission(table.name, "READ") !== false;
  const one: JsonObject = known ? { $ref: `#/components/schemas/${table.exportName!}` } : { type: "object" };
  const bare: JsonObject = result.list ? { type: "array", items: one } : one;
  return result.required ? bare : { anyOf: [bare, { type: "null" }] };
}

const unlimited = { length: null, range: null, pattern: null, currency: null, redact: [], sensitive: false, secret: false, untrusted: false } as const;

function capitalized(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
