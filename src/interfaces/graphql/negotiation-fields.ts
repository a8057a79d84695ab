// Negotiations in /graphql: begun by the mutation of a decision that negotiates (decide-fields.ts), countered, accepted, followed; and what was agreed. Terms are
// JSON, as over REST. For whoever may ask such a decision.
import type { GraphQLObjectType } from "graphql";
import { GraphQLNonNull } from "graphql/type/definition";
import { GraphQLBoolean, GraphQLID, GraphQLInt, GraphQLString } from "graphql/type/scalars";
import type { NegotiationQuestion } from "../../resources/decision-port.ts";
import { mayNegotiate } from "../../resources/standing-rights.ts";
import { ID_ARGUMENT, LIMIT_MAX, PAGE_ARGUMENTS, pageAsked, pageOf, sharedType, type StandingFields } from "./approval-fields.ts";
import { scalarType } from "./graphql-scalars.ts";
import { plainAnswer } from "./plain-shape.ts";
import { valueOf, type Root, type RootResolver } from "./root-field.ts";
import { rowSubscription } from "./row-events.ts";
import type { SchemaContext } from "./schema-context.ts";

const COMMITMENT_EVENTS = { event: "CommitmentEvent", change: "CommitmentChange" } as const;

export function negotiationFields(context: SchemaContext): StandingFields {
  const { catalog, names, rights } = context;
  if (!mayNegotiate(catalog, rights)) return { queries: {}, mutations: {}, subscriptions: {} };
  const [negotiation, offer, commitment] = [negotiationType(context), offerType(context), commitmentType(context)];
  const one = (asked: "find" | "offer" | "commitment" | "decline" | "release"): RootResolver => (given, root) => negotiate({ do: asked, id: given["id"] as string }, root);
  return {
    queries: {
      [names.standing("negotiation")]: { type: negotiation, description: "One that you have begun.", args: ID_ARGUMENT, resolve: one("find") },
      [names.standing("offer")]: { type: offer, args: ID_ARGUMENT, resolve: one("offer") },
      [names.standing("commitment")]: { type: commitment, args: ID_ARGUMENT, resolve: one("commitment") },
      [names.standing("commitments")]: {
        type: new GraphQLNonNull(pageOf("CommitmentPage", commitment, context)), description: "What is owed to you, the newest first.", args: PAGE_ARGUMENTS,
        resolve: (given, root) => root.dispatch({ kind: "negotiation", ask: { do: "commitments", ...pageAsked(given) } }, (result) => plainAnswer({ rows: valueOf(result), next: result.nextCursor }, root)),
      },
    },
    mutations: {
      [names.standing("counterNegotiation")]: {
        type: negotiation, description: "The next round.", args: { ...ID_ARGUMENT, terms: { type: scalarType("JSON"), description: "Some of them, as you want them." }, message: { type: GraphQLString } },
        resolve: ({ id, terms, message }, root) => negotiate({ do: "counter", id: id as string, terms, message }, root),
      },
      [names.standing("acceptOffer")]: {
        type: offer, description: "Makes it final.", args: { ...ID_ARGUMENT, hash: { type: new GraphQLNonNull(GraphQLString), description: "Of the offer that was shown." } },
        resolve: ({ id, hash }, root) => negotiate({ do: "accept", id: id as string, hash: hash as string }, root),
      },
      [names.standing("declineOffer")]: { type: offer, args: ID_ARGUMENT, resolve: one("decline") },
      [names.standing("releaseCommitment")]: { type: commitment, description: "You do without what is owed to you.", args: ID_ARGUMENT, resolve: one("release") },
    },
    subscriptions: {
      [names.standing("negotiation")]: rowSubscription({
        description: "One that you have begun, and how it goes on.", args: ID_ARGUMENT, row: negotiation, names: { event: "NegotiationEvent", change: "NegotiationChange" },
        ask: (given) => ({ of: "negotiation", id: given["id"] as string }),
      }, context),
      [names.standing("commitment")]: rowSubscription({
        description: "One, and what comes of it.", args: ID_ARGUMENT, row: commitment, names: COMMITMENT_EVENTS, ask: (given) => ({ of: "commitment", id: given["id"] as string }),
      }, context),
      [names.standing("commitments")]: rowSubscription({
        description: "What is owed to you: a snapshot, then what comes to be and what comes of it.", args: { limit: { type: GraphQLInt, description: `Of more, the newest; ${LIMIT_MAX} at most.` } },
        row: commitment, names: COMMITMENT_EVENTS, ask: (given) => ({ of: "commitments", limit: pageAsked(given, LIMIT_MAX).limit }),
      }, context),
    },
  };
}

export function negotiate(ask: NegotiationQuestion, root: Root): unknown {
  return root.dispatch({ kind: "negotiation", ask }, (result) => plainAnswer(valueOf(result), root));
}

const text = { type: new GraphQLNonNull(GraphQLString) };
const id = { type: new GraphQLNonNull(GraphQLID) };
const number = { type: new GraphQLNonNull(GraphQLInt) };
const yesOrNo = { type: new GraphQLNonNull(GraphQLBoolean) };

export function negotiationType(context: SchemaContext): GraphQLObjectType {
  return sharedType("Negotiation", context, () => ({
    id, decision: text, state: { ...text, description: "OPEN, AGREED, DECLINED or EXPIRED." }, round: number, rounds: { type: GraphQLInt }, isDeciding: { ...yesOrNo, description: "A round is under way." },
    offer: { type: offerType(context), description: "The last one." },
    run: { type: sharedType("NegotiationRun", context, () => ({ id, state: text })), description: "Of the round that was just asked for." },
  }));
}

function offerType(context: SchemaContext): GraphQLObjectType {
  return sharedType("Offer", context, () => ({
    id, negotiation: id, round: number, state: { ...text, description: "OPEN, ACCEPTED, COUNTERED, DECLINED or EXPIRED." }, terms: { type: new GraphQLNonNull(scalarType("JSON")) }, hash: text,
    validUntil: { type: new GraphQLNonNull(scalarType("DateTime")) }, commitment: { type: commitmentType(context), description: "Of acceptOffer: what it led to." },
  }));
}

function commitmentType(context: SchemaContext): GraphQLObjectType {
  return sharedType("Commitment", context, () => ({
    id, offer: id, negotiation: id, decision: text, state: { ...text, description: "ACTIVE, KEPT, BREACHED, REMEDIED or RELEASED." }, terms: { type: new GraphQLNonNull(scalarType("JSON")) },
    dueAt: { type: new GraphQLNonNull(scalarType("DateTime")) }, isLate: yesOrNo, closedAt: { type: scalarType("DateTime") },
  }));
}
