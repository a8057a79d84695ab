// One caller's schema of /graphql from the Catalog: what their roles can never read, write or call does not exist in it, so that
// validation, introspection and suggestions cannot tell of it.
import type { GraphQLFieldConfig, GraphQLSchema } from "graphql";
import { GraphQLObjectType } from "graphql/type/definition";
import { specifiedDirectives } from "graphql/type/directives";
import { GraphQLBoolean } from "graphql/type/scalars";
import { GraphQLSchema as SchemaOf } from "graphql/type/schema";
import type { Rights } from "../../access/rights.ts";
import type { Catalog } from "../../schema/catalog.ts";
import { endpointFields, tableActions } from "./call-fields.ts";
import type { Caller } from "./graphql-parts.ts";
import type { GraphqlNames } from "./graphql-names.ts";
import { tableMutations } from "./mutation-fields.ts";
import { tableQueries, type RootFields } from "./query-fields.ts";
import { SchemaContext } from "./schema-context.ts";

/** A query must have some field. */
const NOTHING: GraphQLFieldConfig<unknown, Caller> = { type: GraphQLBoolean, description: "Nothing here is for this caller: sign in, or ask for a role.", resolve: () => null };

export function buildGraphqlSchema(parts: { readonly catalog: Catalog; readonly names: GraphqlNames }, rights: Rights): GraphQLSchema {
  const context = new SchemaContext(parts, rights);
  const queries: RootFields = endpointFields(true, context);
  const mutations: RootFields = endpointFields(false, context);
  for (const table of parts.catalog.tables.values()) {
    if (table.exportName === null || !table.exportOver.includes("GRAPHQL")) continue;
    if (context.isReadable(table)) Object.assign(queries, tableQueries(table, context));
    Object.assign(mutations, tableMutations(table, context), tableActions(table, context));
  }
  return new SchemaOf({
    directives: specifiedDirectives,
    query: new GraphQLObjectType({ name: "Query", fields: Object.keys(queries).length === 0 ? { nothing: NOTHING } : queries }),
    mutation: Object.keys(mutations).length === 0 ? null : new GraphQLObjectType({ name: "Mutation", fields: mutations }),
  });
}
