// Arguments of lists: filter, order, page and rankings as input types. Operators are those of REST, by the type of the field.
import type { GraphQLFieldConfigArgumentMap, GraphQLInputFieldConfig, GraphQLInputType } from "graphql";
import { GraphQLEnumType, GraphQLInputObjectType, GraphQLList, GraphQLNonNull } from "graphql/type/definition";
import { GraphQLFloat, GraphQLInt, GraphQLString } from "graphql/type/scalars";
import { fittingOperators, isOrderable } from "../../query/operator-types.ts";
import { operandKind, type Operator } from "../../query/operators.ts";
import type { Table, TypeRef } from "../../schema/catalog.ts";
import { isJson } from "./filter-conditions.ts";
import { nestedInput } from "./input-types.ts";
import type { SchemaContext } from "./schema-context.ts";

type Inputs = Record<string, GraphQLInputFieldConfig>;

/** Of a list inside a record. */
export function listArguments(table: Table, context: SchemaContext): GraphQLFieldConfigArgumentMap {
  return { filter: { type: tableFilter(table, context) }, ...orderArgument(table, context), limit: { type: GraphQLInt }, offset: { type: GraphQLInt } };
}

/** Groups are ordered by what they are grouped by. */
export function aggregateArguments(table: Table, context: SchemaContext): GraphQLFieldConfigArgumentMap {
  return listArguments(table, context);
}

/** Of a list that is asked for by its own root field. */
export function rootArguments(table: Table, context: SchemaContext): GraphQLFieldConfigArgumentMap {
  return { ...listArguments(table, context), after: { type: GraphQLString, description: "next of the page before, with the same order." }, ...rankingArguments(table, context), ...momentArgument(table) };
}

/** Where former versions are kept. */
export function momentArgument(table: Table): GraphQLFieldConfigArgumentMap {
  return table.historyMs === null ? {} : { asof: { type: GraphQLString, description: "A time, or a position of a history: the rows as they were then." } };
}

export function rankingArguments(table: Table, context: SchemaContext): GraphQLFieldConfigArgumentMap {
  const visible = new Set(context.valueFields(table).map(({ name }) => name));
  const has = (kind: string): boolean => table.indexes.some((index) => index.kind === kind && index.fields.every((field) => visible.has(field)));
  return {
    ...(table.search.length > 0 || has("TEXT") ? { search: { type: GraphQLString, description: "Words; best matches first unless order says otherwise." } } : {}),
    ...(has("GEO") ? { near: { type: nearInput(context), description: "Within the distance, nearest first unless order says otherwise." } } : {}),
    ...(has("VECTOR") ? { similar: { type: similarInput(context), description: "Nearest first unless order says otherwise." } } : {}),
  };
}

function orderArgument(table: Table, context: SchemaContext): GraphQLFieldConfigArgumentMap {
  const type = orderInput(table, context);
  return type === null ? {} : { order: { type: new GraphQLList(new GraphQLNonNull(type)), description: "The first counts most." } };
}

/** Null where there is nothing to order by. */
function orderInput(table: Table, context: SchemaContext): GraphQLInputType | null {
  const own = (of: Table): Inputs => Object.fromEntries(context.valueFields(of).filter(({ type }) => isOrderable(type)).map(({ name }) => [name, { type: direction(context) }]));
  if (Object.keys(own(table)).length === 0) return null;
  const name = context.names.tableType(table.name, "Order");
  return context.type(name, () => new GraphQLInputObjectType({
    name, isOneOf: true,
    fields: () => {
      const fields = own(table);
      for (const relation of context.relations(table)) {
        const other = context.related(relation);
        if (relation.relation.kind !== "one" || Object.keys(own(other)).length === 0) continue;
        const related = context.names.tableType(other.name, "RelatedOrder");
        fields[relation.name] = { type: context.type(related, () => new GraphQLInputObjectType({ name: related, isOneOf: true, fields: () => own(other) })) };
      }
      return fields;
    },
  }));
}

function direction(context: SchemaContext): GraphQLEnumType {
  const name = context.names.shared("Direction");
  return context.type(name, () => new GraphQLEnumType({
    name, description: "Without more: nulls last when ascending, first when descending.",
    values: Object.fromEntries(["ASC", "DESC", "ASC_NULLS_FIRST", "ASC_NULLS_LAST", "DESC_NULLS_FIRST", "DESC_NULLS_LAST"].map((value) => [value, {}])),
  }));
}

/** Members that are given must all hold. */
export function tableFilter(table: Table, context: SchemaContext): GraphQLInputObjectType {
  const name = context.names.tableType(table.name, "Filter");
  return context.type(name, (): GraphQLInputObjectType => new GraphQLInputObjectType({
    name,
    fields: () => {
      const { and, or, not } = context.names.table(table.name);
      const self = tableFilter(table, context);
      const fields: Inputs = Object.fromEntries(context.valueFields(table).map((field) => [field.name, { type: valueFilter(field.type, context) }]));
      for (const field of context.relations(table)) {
        const description = field.relation.kind === "one" ? "The record that it leads to fits; null: there is none." : "Some record that it leads to fits; null: there is none.";
        fields[field.name] = { type: tableFilter(context.related(field), context), description };
      }
      const list = new GraphQLList(new GraphQLNonNull(self));
      return { ...fields, [and]: { type: list }, [or]: { type: list }, [not]: { type: self } };
    },
  }));
}

function valueFilter(type: TypeRef, context: SchemaContext): GraphQLInputObjectType {
  const name = context.names.filter(type.name, type.list);
  return context.type(name, (): GraphQLInputObjectType => new GraphQLInputObjectType({
    name,
    fields: () => {
      const fields: Inputs = {};
      for (const operator of fittingOperators(type)) Object.assign(fields, operatorFields(operator, type, context));
      fields["not"] = { type: valueFilter(type, context) };
      if (isJson(type)) fields["at"] = { type: pathFilter(type, context), description: "What lies inside." };
      // Names of a nested object's fields come before operators.
      const members = type.kind === "object" && !type.list ? context.catalog.objects.get(type.name)!.fields : new Map<string, never>();
      for (const member of members.values()) fields[member.name] = { type: valueFilter(member.type, context) };
      return fields;
    },
  }));
}

function pathFilter(type: TypeRef, context: SchemaContext): GraphQLInputType {
  const name = context.names.shared("JSONPath");
  const text: TypeRef = { ...type, name: "String" };
  return context.type(name, () => new GraphQLInputObjectType({
    name, fields: () => ({
      path: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(GraphQLString))), description: "Keys; digits are an index." },
      value: { type: valueFilter(type, context), description: "It as JSON." }, text: { type: valueFilter(text, context), description: "It as text." },
    }),
  }));
}

function operatorFields(operator: Operator, type: TypeRef, context: SchemaContext): Inputs {
  const item = type.kind === "object" ? nestedInput(type.name, context) : context.leafType(type) as GraphQLInputType;
  const texts = new GraphQLList(new GraphQLNonNull(GraphQLString));
  const items = new GraphQLList(new GraphQLNonNull(item));
  switch (operandKind(operator)) {
    case "compare": return { [operator]: { type: type.list ? items : item, ...(nullWords[operator] === undefined ? {} : { description: nullWords[operator] }) } };
    case "list": return { [operator]: { type: items } };
    case "pattern": return { [operator]: { type: GraphQLString }, [`${operator}Any`]: { type: texts }, [`${operator}All`]: { type: texts } };
    case "words": return { [operator]: { type: GraphQLString } };
    case "state": return { [operator]: { type: state(context) } };
    case "set": return { [operator]: { type: type.list ? items : item } };
  }
}

const nullWords: Readonly<Partial<Record<Operator, string>>> = { eq: "null: there is no value.", neq: "null: there is a value." };

function state(context: SchemaContext): GraphQLEnumType {
  const name = context.names.shared("State");
  return context.type(name, () => new GraphQLEnumType({ name, values: Object.fromEntries(["NULL", "NOT_NULL", "TRUE", "FALSE", "UNKNOWN"].map((value) => [value, {}])) }));
}

function nearInput(context: SchemaContext): GraphQLInputType {
  const name = context.names.shared("Near");
  const number = { type: new GraphQLNonNull(GraphQLFloat) };
  return context.type(name, () => new GraphQLInputObjectType({ name, fields: { latitude: number, longitude: number, metres: number, field: { type: GraphQLString, description: "Where there are several." } } }));
}

function similarInput(context: SchemaContext): GraphQLInputType {
  const name = context.names.shared("Similar");
  return context.type(name, () => new GraphQLInputObjectType({
    name, fields: { vector: { type: new GraphQLList(new GraphQLNonNull(GraphQLFloat)) }, text: { type: GraphQLString, description: "In place of the vector, where a model fills the field." }, field: { type: GraphQLString, description: "Where there are several." } },
  }));
}
