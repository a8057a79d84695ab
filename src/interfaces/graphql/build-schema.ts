// One caller's schema of /graphql from the Catalog: what their roles can never read, write or call does not exist in it, so that
// validation, introspection and suggestions cannot tell of it.
import type { GraphQLFieldConfig, GraphQLSchema } from "graphql";
import { GraphQLObjectType, GraphQLScalarType } from "graphql/type/definition";
import { DirectiveLocation } from "graphql/language/directiveLocation";
import { GraphQLDirective, specifiedDirectives } from "graphql/type/directives";
import { GraphQLBoolean } from "graphql/type/scalars";
import { GraphQLSchema as SchemaOf } from "graphql/type/schema";
import type { Rights } from "../../access/rights.ts";
import type { Catalog } from "../../schema/catalog.ts";
import { approvalFields } from "./approval-fields.ts";
import { endpointFields, tableActions } from "./call-fields.ts";
import { channelPublishing, channelSubscription } from "./channel-fields.ts";
import { decisionFields } from "./decide-fields.ts";
import type { Caller } from "./graphql-parts.ts";
import { historyField } from "./history-field.ts";
import type { GraphqlNames } from "./graphql-names.ts";
import { negotiationFields } from "./negotiation-fields.ts";
import { tableMutations } from "./mutation-fields.ts";
import { tableQueries } from "./query-fields.ts";
import { Root, type RootField, type RootFields } from "./root-field.ts";
import { SchemaContext } from "./schema-context.ts";
import { tableSubscriptions, type SubscriptionFields } from "./subscription-fields.ts";

export interface CallerSchema {
  /** What is validated and introspected. */
  readonly schema: GraphQLSchema;
  /** What is executed: the same root fields with the same arguments, each of which answers all that is selected below it. */
  readonly executable: GraphQLSchema;
  readonly queries: RootFields;
  /** Those that one transaction may have, by name. */
  readonly mutations: RootFields;
  /** What may be followed, by name. */
  readonly subscriptions: SubscriptionFields;
}

/** A query must have some field. */
const NOTHING: RootField = { type: GraphQLBoolean, description: "Nothing here is for this caller: sign in, or ask for a role.", resolve: () => null };

export function buildGraphqlSchema(parts: { readonly catalog: Catalog; readonly names: GraphqlNames }, rights: Rights): CallerSchema {
  const context = new SchemaContext(parts, rights);
  const queries: RootFields = endpointFields(true, context);
  const mutations: RootFields = { ...endpointFields(false, context), ...decisionFields(context) };
  const subscriptions: SubscriptionFields = {};
  for (const table of parts.catalog.tables.values()) {
    if (table.exportName === null || !table.exportOver.includes("GRAPHQL")) continue;
    if (context.isReadable(table)) {
      Object.assign(queries, tableQueries(table, context), historyField(table, context));
      Object.assign(subscriptions, tableSubscriptions(table, context));
    }
    Object.assign(mutations, tableMutations(table, context), tableActions(table, context));
  }
  for (const channel of parts.catalog.channels.values()) {
    if (channel.exportName === null || !channel.exportOver.includes("GRAPHQL")) continue;
    Object.assign(subscriptions, channelSubscription(channel, context));
    Object.assign(mutations, channelPublishing(channel, context));
  }
  for (const { queries: asked, mutations: said, subscriptions: followed } of [approvalFields(context), negotiationFields(context)]) {
    Object.assign(queries, asked);
    Object.assign(mutations, said);
    Object.assign(subscriptions, followed);
  }
  if (Object.keys(queries).length === 0) queries["nothing"] = NOTHING;
  return { schema: schemaOf({ queries, mutations, subscriptions }, declared), executable: schemaOf({ queries, mutations, subscriptions: {} }, executed), queries, mutations, subscriptions };
}

type Config = GraphQLFieldConfig<unknown, Caller>;
type Declared = Pick<RootField, "type" | "description" | "args">;
interface Roots { readonly queries: RootFields; readonly mutations: RootFields; readonly subscriptions: SubscriptionFields }

/** All fields of a mutation that has it are one transaction. */
export const transactionDirective = new GraphQLDirective({ name: "transaction", description: "All fields of the mutation are carried out, or none.", locations: [DirectiveLocation.MUTATION] });

function schemaOf({ queries, mutations, subscriptions }: Roots, config: (field: RootField) => Config): GraphQLSchema {
  const root = (name: string, fields: Readonly<Record<string, Config>>): GraphQLObjectType | null => (Object.keys(fields).length === 0 ? null : new GraphQLObjectType({ name, fields }));
  const configs = (fields: RootFields): Record<string, Config> => Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, config(one)]));
  return new SchemaOf({
    directives: [...specifiedDirectives, transactionDirective], query: root("Query", configs(queries)), mutation: root("Mutation", configs(mutations)),
    subscription: root("Subscription", Object.fromEntries(Object.entries(subscriptions).map(([name, one]) => [name, declared(one)]))),
  });
}

function declared({ type, description = null, args = {} }: Declared): Config {
  return { type, description, args, resolve: () => null };
}

/** Finished values, which graphql-js takes for leaves. */
const READY = new GraphQLScalarType({ name: "Ready", serialize: (value) => value });

function executed({ args = {}, resolve }: RootField): Config {
  return { type: READY, args, resolve: (_source, given: Record<string, unknown>, caller, info) => resolve(given, new Root(caller, info)) };
}
