// One document on its way: validated against the caller's own schema, executed by graphql-js, each root field an Operation; a subscription becomes
// what can be followed. Synchronous where its parts are.
import type { ExecutionResult, GraphQLSchema, OperationDefinitionNode } from "graphql";
import { GraphQLError } from "graphql/error/GraphQLError";
import { execute } from "graphql/execution/execute";
import { getOperationAST } from "graphql/utilities/getOperationAST";
import type { Rights } from "../../access/rights.ts";
import { AmbitError, fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import type { ChannelFrame } from "../../resources/channel-frame.ts";
import type { Exchange } from "../http/exchange.ts";
import { buildGraphqlSchema, transactionDirective, type CallerSchema } from "./build-schema.ts";
import { compileDocument, type CompiledDocument } from "./compile-document.ts";
import { tooLarge } from "./document-size.ts";
import { errorObject, refusalObject, type ErrorContext } from "./graphql-errors.ts";
import type { GraphqlAnswer, GraphqlOperating } from "./graphql-operating.ts";
import type { GraphqlFollowing } from "./graphql-port.ts";
import type { Caller, GraphqlParts } from "./graphql-parts.ts";
import type { GraphqlRequest } from "./graphql-request.ts";
import { introspectionKeys } from "./introspection-keys.ts";
import { answerIntrospection } from "./query-with-introspection.ts";
import { inOneTransaction } from "./mutation-transaction.ts";
import { Root, objectText } from "./root-field.ts";
import { rootUses } from "./root-uses.ts";

export interface Asking {
  readonly caller: Caller;
  readonly schemas: CallerSchema;
  /** Followed queries can be told. */
  readonly follows: boolean;
}

/** Throws METHOD_NOT_ALLOWED, which concerns the request itself; all else is in the answer. */
export function operate(exchange: Exchange, request: GraphqlRequest, asking: Asking): GraphqlOperating | Promise<GraphqlOperating> {
  const { caller, schemas } = asking;
  const context: ErrorContext = { requestId: exchange.requestId, log: caller.parts.log };
  const refused = (error: unknown): GraphqlOperating => {
    if (error instanceof GraphQLError) return answered({ errors: [errorObject(error, context)] });
    // What concerns the request itself, such as its method, is answered as HTTP has it.
    if (!(error instanceof AmbitError) || error.code === "METHOD_NOT_ALLOWED") throw error;
    return answered({ errors: [refusalObject(error, context)] });
  };
  try {
    const { document, errors } = documentOf(request.query, schemas.schema, caller);
    if (errors.length > 0) return answered({ errors: errors.map((error) => errorObject(error, context)) });
    const operation = getOperationAST(document, request.operationName) ?? null;
    requireMethod(exchange, operation);
    if (operation?.operation === "subscription") return following({ document, operation, request, asking, context });
    const isOne = operation !== null && isTransaction(operation);
    if (operation !== null && (isOne || introspectionKeys(document, operation).size > 0)) {
      const { uses, errors: wrong } = rootUses({ document, operation, variables: request.variables, schema: schemas.schema });
      if (wrong.length > 0) return answered({ errors: wrong.map((error) => errorObject(error, context)) });
      return (isOne ? inOneTransaction(uses, { caller, fields: schemas.mutations, context }) : answerIntrospection(uses, asking, context)).then(answered, refused);
    }
    return whenReady(executed({ document, operation, request, asking, context }), answered);
  } catch (error) {
    return refused(error);
  }
}

interface Executing {
  readonly document: CompiledDocument["document"];
  readonly operation: OperationDefinitionNode | null;
  readonly request: GraphqlRequest;
  readonly asking: Asking;
  readonly context: ErrorContext;
}

function answered(answer: GraphqlAnswer): GraphqlOperating {
  return { kind: "answer", answer };
}

function executed({ document, request, asking: { caller, schemas }, context }: Executing): GraphqlAnswer | Promise<GraphqlAnswer> {
  const running = execute({ schema: schemas.executable, document, contextValue: caller, variableValues: request.variables, operationName: request.operationName }) as ExecutionResult | Promise<ExecutionResult>;
  return whenReady(running, ({ data, errors: failed }) => ({
    ...(failed === undefined ? {} : { errors: failed.map((error) => errorObject(error, context)) }),
    ...(data === undefined ? {} : { data }),
  }));
}

/** Texts of one frame, by what makes them differ. */
const texts = new WeakMap<ChannelFrame, Map<string, string>>();

function following({ document, operation, request, asking: { caller, schemas, follows }, context }: Executing & { readonly operation: OperationDefinitionNode }): GraphqlOperating {
  const { parts: { live }, rights } = caller;
  if (live === undefined || !follows) throw fault("NOT_ACCEPTABLE", "A subscription is answered as it goes on.", { where: "Accept", fix: "Accept text/event-stream, or connect to /graphql with a WebSocket (graphql-transport-ws)." });
  const name = JSON.stringify([rights.roleKey, request.query, request.operationName, request.variables], (_key, item: unknown) => (typeof item === "bigint" ? { bigint: String(item) } : item));
  // It is kept as long as it is followed.
  const { graphqlFollowedLength } = caller.parts.limits;
  if (name.length - rights.roleKey.length > graphqlFollowedLength) throw tooLarge(`more than ${graphqlFollowedLength} characters, its variables included`, "Narrow the filter.");
  const { uses, errors } = rootUses({ document, operation, variables: request.variables, schema: schemas.schema });
  if (errors.length > 0) return answered({ errors: errors.map((error) => errorObject(error, context)) });
  const [use] = uses;
  if (use === undefined) throw fault("INVALID_DOCUMENT", "The subscription follows nothing.", { fix: "Select one field." });
  const { selected, info } = use;
  const { subscribe, event } = schemas.subscriptions[selected.name]!.follow(selected.arguments, new Root(caller, info));
  const followed: GraphqlFollowing = {
    follow: (sink, reset) => subscribe(caller.parts, sink, reset),
    text(frame) {
      let known = texts.get(frame);
      if (known === undefined) texts.set(frame, known = new Map());
      let text = known.get(name);
      if (text === undefined) known.set(name, text = objectText([["data", objectText([[selected.key, event(frame)]])]]).text);
      return text;
    },
  };
  return { kind: "live", live: followed };
}

export function schemasOf({ schemas, ...parts }: GraphqlParts, rights: Rights): CallerSchema {
  return schemas.get(rights.roleKey, () => buildGraphqlSchema(parts, rights));
}

function documentOf(text: string, schema: GraphQLSchema, { parts, rights }: Caller): CompiledDocument {
  return parts.documents.get(`${rights.roleKey}\n${text}`, () => compileDocument(text, schema, parts.limits));
}

function isTransaction({ directives = [] }: OperationDefinitionNode): boolean {
  return directives.some(({ name }) => name.value === transactionDirective.name);
}

/** A link must not change anything. */
function requireMethod(exchange: Exchange, operation: OperationDefinitionNode | null): void {
  if (exchange.method === "POST" || operation?.operation !== "mutation") return;
  throw fault("METHOD_NOT_ALLOWED", "A mutation is sent with POST.", { headers: { allow: "POST, OPTIONS" }, fix: "Use POST." });
}
