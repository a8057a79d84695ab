// What waits for people in /graphql: queries, the words that are said of it, and the queue as it goes on. For whoever has a role that some decision asks.
import type { GraphQLFieldConfig, GraphQLObjectType } from "graphql";
import { GraphQLList, GraphQLNonNull, GraphQLObjectType as ObjectTypeOf } from "graphql/type/definition";
import { GraphQLID, GraphQLInt, GraphQLString } from "graphql/type/scalars";
import { fault } from "../../base/error.ts";
import type { ApprovalQuestion } from "../../resources/decision-port.ts";
import { mayApprove } from "../../resources/standing-rights.ts";
import type { RawInput } from "../../tables/write.ts";
import type { Members } from "./filter-conditions.ts";
import type { SharedType } from "./graphql-names.ts";
import { scalarType } from "./graphql-scalars.ts";
import { plainAnswer } from "./plain-shape.ts";
import { valueOf, type Root, type RootField, type RootFields } from "./root-field.ts";
import { rowSubscription } from "./row-events.ts";
import type { SchemaContext } from "./schema-context.ts";
import type { SubscriptionFields } from "./subscription-fields.ts";

export interface StandingFields { readonly queries: RootFields; readonly mutations: RootFields; readonly subscriptions: SubscriptionFields }

export const LIMIT = 20;
export const LIMIT_MAX = 100;
export const ID_ARGUMENT = { id: { type: new GraphQLNonNull(GraphQLID) } };
export const PAGE_ARGUMENTS = { limit: { type: GraphQLInt, description: `${LIMIT} without it, ${LIMIT_MAX} at most.` }, after: { type: GraphQLID, description: "next of the page before." } };
const HASH = { hash: { type: new GraphQLNonNull(GraphQLString), description: "Of what was shown." } };

export function approvalFields(context: SchemaContext): StandingFields {
  const { catalog, names, rights } = context;
  if (!mayApprove(catalog, rights)) return { queries: {}, mutations: {}, subscriptions: {} };
  const row = approvalType(context);
  return {
    queries: {
      [names.standing("approvals")]: { type: new GraphQLNonNull(pageOf("ApprovalPage", row, context)), description: "What waits for your roles, the oldest first.", args: PAGE_ARGUMENTS, resolve: (given, root) => askPage({ do: "list", ...pageAsked(given) }, root) },
      [names.standing("approval")]: { type: row, description: "One that waits, or waited.", args: ID_ARGUMENT, resolve: (given, root) => ask({ do: "find", id: given["id"] as string }, root) },
    },
    mutations: {
      [names.standing("approveProposal")]: word("APPROVE", "Lets through exactly what was shown.", HASH, context),
      [names.standing("rejectProposal")]: word("REJECT", "Nothing of it is done.", { reason: { type: GraphQLString, description: "Told to who has asked." } }, context),
      [names.standing("editProposal")]: word("EDIT", "Proposes something else, inside the bounds, and lets that through.", {
        ...HASH, output: { type: scalarType("JSON") }, effects: { type: scalarType("JSON"), description: "A list of { operation, args }." },
      }, context),
    },
    subscriptions: {
      [names.standing("approvals")]: rowSubscription({
        description: "What waits for your roles: a snapshot, then what comes to wait and ceases to.", args: { limit: { type: GraphQLInt, description: `Of more, the oldest; ${LIMIT_MAX} at most.` } },
        row, names: { event: "ApprovalEvent", change: "ApprovalChange" }, ask: (given) => ({ of: "approvals", limit: pageAsked(given, LIMIT_MAX).limit }),
      }, context),
    },
  };
}

function word(verdict: string, description: string, args: RootField["args"] & object, context: SchemaContext): RootField {
  return {
    type: decidedType(context), description, args: { ...ID_ARGUMENT, ...args },
    resolve: ({ id, ...said }, root) => ask({ do: "decide", id: id as string, input: { verdict, ...said } as RawInput }, root),
  };
}

function ask(asked: ApprovalQuestion, root: Root): unknown {
  return root.dispatch({ kind: "approval", ask: asked }, (result) => plainAnswer(valueOf(result), root));
}

function askPage(asked: ApprovalQuestion, root: Root): unknown {
  return root.dispatch({ kind: "approval", ask: asked }, (result) => plainAnswer({ rows: valueOf(result), next: result.nextCursor }, root));
}

/** Throws VALIDATION_FAILED. */
export function pageAsked({ limit, after }: Members, most = LIMIT): { readonly limit: number; readonly after: string | null } {
  const wanted = (limit ?? most) as number;
  if (wanted < 0) throw fault("VALIDATION_FAILED", "limit is not negative.", { where: "limit" });
  return { limit: Math.min(wanted, LIMIT_MAX), after: (after ?? null) as string | null };
}

export function pageOf(name: SharedType, row: GraphQLObjectType, context: SchemaContext): GraphQLObjectType {
  return sharedType(name, context, () => ({ rows: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(row))) }, next: { type: GraphQLID, description: "For after, where there may be a next page." } }));
}

type Fields = Record<string, GraphQLFieldConfig<unknown, unknown>>;

export function sharedType(name: SharedType, context: SchemaContext, fields: () => Fields): GraphQLObjectType {
  const told = context.names.shared(name);
  return context.type(told, () => new ObjectTypeOf({ name: told, fields }));
}

const text = { type: new GraphQLNonNull(GraphQLString) };
const id = { type: new GraphQLNonNull(GraphQLID) };

function approvalType(context: SchemaContext): GraphQLObjectType {
  const [time, json] = [scalarType("DateTime"), scalarType("JSON")];
  return sharedType("Approval", context, () => ({
    id, run: id, decision: text, state: { ...text, description: "WAITING, APPROVED, EDITED, REJECTED, VOID or EXPIRED." }, by: { type: words(), description: "Roles." },
    openedAt: { type: new GraphQLNonNull(time) }, dueAt: { type: new GraphQLNonNull(time) }, closedAt: { type: time },
    hash: { type: GraphQLString, description: "Of what follows, which is there while it waits." },
    output: { type: json }, effects: { type: json }, remembers: { type: json }, input: { type: json }, contexts: { type: json },
    escalated: { type: new GraphQLList(new GraphQLNonNull(GraphQLString)), description: "Why people are asked, besides what is declared: bound:NAME, taint:TOOL." }, taint: { type: GraphQLString },
  }));
}

function words(): GraphQLNonNull<GraphQLList<GraphQLNonNull<typeof GraphQLString>>> {
  return new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(GraphQLString)));
}

function decidedType(context: SchemaContext): GraphQLObjectType {
  return sharedType("ApprovalDecided", context, () => ({ id, state: text, run: { type: new GraphQLNonNull(sharedType("ApprovalRun", context, () => ({ id, state: text, output: { type: scalarType("JSON") } }))) } }));
}
