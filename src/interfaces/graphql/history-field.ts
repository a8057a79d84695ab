// The root field of a record's former versions, where its table keeps them: what happened to it, newest first.
import { GraphQLList, GraphQLNonNull, GraphQLObjectType } from "graphql/type/definition";
import { GraphQLInt, GraphQLString } from "graphql/type/scalars";
import { fault } from "../../base/error.ts";
import type { Table } from "../../schema/catalog.ts";
import type { Row } from "./answer-shape.ts";
import { scalarType } from "./graphql-scalars.ts";
import { keyArgument } from "./mutation-fields.ts";
import { keyOf, orNull } from "./query-fields.ts";
import { objectText, valueOf, type RootFields, type RootResolver } from "./root-field.ts";
import type { SchemaContext } from "./schema-context.ts";
import { TYPE_NAME } from "./selected-fields.ts";

export function historyField(table: Table, context: SchemaContext): RootFields {
  if (table.historyMs === null) return {};
  return {
    [context.names.table(table.name).history]: {
      type: historyPage(context), description: `What happened to one ${table.name}, newest first.`,
      args: { ...keyArgument(table), limit: { type: GraphQLInt }, after: { type: GraphQLString, description: "next of the page before." } }, resolve: readHistory(table),
    },
  };
}

function historyPage(context: SchemaContext): GraphQLObjectType {
  const [page, entry] = [context.names.shared("HistoryPage"), context.names.shared("HistoryEntry")];
  return context.type(page, () => new GraphQLObjectType({
    name: page, fields: {
      rows: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(context.type(entry, () => new GraphQLObjectType({
        name: entry, fields: {
          position: { type: GraphQLString, description: "For asof." }, time: { type: scalarType("DateTime") }, actor: { type: GraphQLString }, cause: { type: GraphQLString },
          change: { type: GraphQLString, description: "created, updated, deleted or restored; null: not known any more." },
          changes: { type: scalarType("JSON"), description: "Of each field that changed, from what to what." },
        },
      }))))) },
      next: { type: GraphQLString },
    },
  }));
}

function readHistory(table: Table): RootResolver {
  return orNull((given, root) => {
    const { pageRows } = root.caller.parts.limits;
    const limit = (given["limit"] as number | null | undefined) ?? pageRows;
    if (limit < 1 || limit > pageRows) throw fault("MALFORMED_QUERY", `A page has from 1 to ${pageRows} rows.`, { where: "limit", fix: "Ask for fewer and go on with after." });
    const after = (given["after"] as string | null | undefined) ?? null;
    return root.dispatch({ kind: "history", table: table.name, id: keyOf(given[table.primaryKey], table, root.caller), limit, after }, (result) => objectText(root.selected().map((one) => {
      if (one.name !== "rows") return [one.key, one.name === TYPE_NAME ? root.type.name : result.nextCursor];
      const selected = root.below(one);
      const entry = root.caller.parts.names.shared("HistoryEntry");
      return [one.key, (valueOf(result) as readonly Row[]).map((row) => Object.fromEntries(selected.map(({ key, name }) => [key, name === TYPE_NAME ? entry : row[name] ?? null])))];
    })));
  });
}
