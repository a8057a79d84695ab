// One caller's schema of /graphql from the Catalog: what their roles can never read, write or call does not exist in it, so that
// validation, introspection and suggestions cannot tell of it.
import type { GraphQLFieldConfig, GraphQLSchema } from "graphql";
import { GraphQLObjectType, GraphQLScalarType } from "graphql/type/definition";
import { specifiedDirectives } from "graphql/type/directives";
import { GraphQLBoolean } from "graphql/type/scalars";
import { GraphQLSchema as SchemaOf } from "graphql/type/schema";
import type { Rights } from "../../access/rights.ts";
import type { Catalog } from "../../schema/catalog.ts";
import { endpointFields, tableActions } from "./call-fields.ts";
import type { Caller } from "./graphql-parts.ts";
import { historyField } from "./history-field.ts";
import type { GraphqlNames } from "./graphql-names.ts";
import { tableMutations } from "./mutation-fields.ts";
import { tableQueries } from "./query-fields.ts";
import { Root, type RootField, type RootFields } from "./root-field.ts";
import { SchemaContext } from "./schema-context.ts";

export interface CallerSchema {
  /** What is validated and introspected. */
  readonly schema: GraphQLSchema;
  /** What is executed: the same root fields with the same arguments, each of which answers all that is selected below it. */
  readonly executable: GraphQLSchema;
}

/** A query must have some field. */
const NOTHING: RootField = { type: GraphQLBoolean, description: "Nothing here is for this caller: sign in, or ask for a role.", resolve: () => null };

export function buildGraphqlSchema(parts: { readonly catalog: Catalog; readonly names: GraphqlNames }, rights: Rights): CallerSchema {
  const context = new SchemaContext(parts, rights);
  const queries: RootFields = endpointFields(true, context);
  const mutations: RootFields = endpointFields(false, context);
  for (const table of parts.catalog.tables.values()) {
    if (table.exportName === null || !table.exportOver.includes("GRAPHQL")) continue;
    if (context.isReadable(table)) Object.assign(queries, tableQueries(table, context), historyField(table, context));
    Object.assign(mutations, tableMutations(table, context), tableActions(table, context));
  }
  if (Object.keys(queries).length === 0) queries["nothing"] = NOTHING;
  return { schema: schemaOf(queries, mutations, declared), executable: schemaOf(queries, mutations, executed) };
}

type Config = GraphQLFieldConfig<unknown, Caller>;

function schemaOf(queries: RootFields, mutations: RootFields, config: (field: RootField) => Config): GraphQLSchema {
  const root = (name: string, fields: RootFields): GraphQLObjectType => new GraphQLObjectType({ name, fields: Object.fromEntries(Object.entries(fields).map(([field, one]) => [field, config(one)])) });
  return new SchemaOf({ directives: specifiedDirectives, query: root("Query", queries), mutation: Object.keys(mutations).length === 0 ? null : root("Mutation", mutations) });
}

function declared({ type, description = null, args = {} }: RootField): Config {
  return { type, description, args, resolve: () => null };
}

/** Finished values, which graphql-js takes for leaves. */
const READY = new GraphQLScalarType({ name: "Ready", serialize: (value) => value });

function executed({ args = {}, resolve }: RootField): Config {
  return { type: READY, args, resolve: (_source, given: Record<string, unknown>, caller, info) => resolve(given, new Root(caller, info)) };
}
