// The types of what comes out: records, nested objects, aggregates, pages. They only say what there is: root fields answer with all that is
// selected below them (answer-shape.ts).
import type { GraphQLFieldConfig, GraphQLOutputType } from "graphql";
import { GraphQLList, GraphQLNonNull, GraphQLObjectType, type GraphQLNullableType } from "graphql/type/definition";
import { GraphQLFloat, GraphQLInt, GraphQLString } from "graphql/type/scalars";
import { canAggregate, typeClass } from "../../query/operator-types.ts";
import type { Field, Table, TypeRef } from "../../schema/catalog.ts";
import { aggregateArguments, listArguments } from "./list-arguments.ts";
import { scalarType } from "./graphql-scalars.ts";
import { wrapped, type SchemaContext } from "./schema-context.ts";

type FieldConfig = GraphQLFieldConfig<unknown, unknown>;

/** A record of the table. */
export function recordType(table: Table, context: SchemaContext): GraphQLObjectType {
  return context.type(table.name, () => new GraphQLObjectType({
    name: table.name, description: table.description,
    fields: () => ({ ...valueFields(table, context), ...relationFields(table, context) }),
  }));
}

function valueFields(table: Table, context: SchemaContext): Record<string, FieldConfig> {
  return Object.fromEntries(context.valueFields(table).map((field) => [field.name, {
    type: valueType(field.type, context, isSurelyThere(field, table, context)), description: field.description,
  }]));
}

/** What is computed may come to nothing, and what a rule hides on some records is null there. */
function isSurelyThere(field: Field, table: Table, context: SchemaContext): boolean {
  return field.type.required && field.kind === "stored" && context.isAlwaysReadable(table, field);
}

function relationFields(table: Table, context: SchemaContext): Record<string, FieldConfig> {
  const { aggregates } = context.names.table(table.name);
  const fields: Record<string, FieldConfig> = {};
  for (const field of context.relations(table)) {
    const other = context.related(field);
    const record = recordType(other, context);
    // The record may be out of the caller's sight.
    if (field.relation.kind === "one") fields[field.name] = { type: record, description: field.description };
    else {
      const list = new GraphQLList(new GraphQLNonNull(record));
      const always = context.isAlwaysReadable(table, field);
      fields[field.name] = { type: always ? new GraphQLNonNull(list) : list, description: field.description, args: listArguments(other, context) };
      const groups = new GraphQLList(new GraphQLNonNull(aggregateType(other, context)));
      fields[aggregates.get(field.name)!] = {
        type: always ? new GraphQLNonNull(groups) : groups, description: `Groups of ${field.name}: one for each combination in by, or one in all.`, args: aggregateArguments(other, context),
      };
    }
  }
  return fields;
}

/** Of a field of a record, or of what a callable answers. */
export function valueType(type: TypeRef, context: SchemaContext, required: boolean = type.required): GraphQLOutputType {
  const inner = type.kind === "object" ? nestedType(type.name, context) : type.kind === "table" ? recordType(context.catalog.tables.get(type.name)!, context) : context.leafType(type);
  return wrapped(inner as GraphQLNullableType, type, required) as GraphQLOutputType;
}

function nestedType(name: string, context: SchemaContext): GraphQLObjectType {
  return context.type(name, () => {
    const { description, fields } = context.catalog.objects.get(name)!;
    return new GraphQLObjectType({
      name, description,
      fields: () => Object.fromEntries([...fields.values()].map((field) => [field.name, {
        type: valueType(field.type, context), description: field.description,
      }])),
    });
  });
}

/** One page of a list. */
export function pageType(table: Table, context: SchemaContext): GraphQLObjectType {
  return context.type(context.names.tableType(table.name, "Page"), () => new GraphQLObjectType({
    name: context.names.tableType(table.name, "Page"),
    fields: () => ({
      rows: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(recordType(table, context)))) },
      next: { type: GraphQLString, description: "For after, where there is a next page." },
      total: { type: GraphQLInt, description: "How many records fit the filter; counted only where it is asked for." },
    }),
  }));
}

/** One group: what it has in common, and what is worked out over it. */
export function aggregateType(table: Table, context: SchemaContext): GraphQLObjectType {
  const { names } = context;
  return context.type(names.tableType(table.name, "Aggregate"), () => new GraphQLObjectType({
    name: names.tableType(table.name, "Aggregate"),
    fields: () => {
      const fields = context.valueFields(table);
      const of = (name: "sum" | "avg" | "min" | "max"): Field[] => fields.filter((field) => !field.type.list && typeClass(field.type) !== "json" && canAggregate(name, field.type));
      const own = (field: Field): GraphQLOutputType => valueType(field.type, context, false);
      return {
        count: { type: new GraphQLNonNull(GraphQLInt) },
        ...groupPart("by", "Group", { fields: fields.filter(({ type }) => typeClass(type) !== "opaque"), type: own, description: "What the records of a group have in common: without it there is one group." }, table, context),
        ...groupPart("sum", "Sum", { fields: of("sum"), type: sumType }, table, context),
        ...groupPart("avg", "Average", { fields: of("avg"), type: () => GraphQLFloat }, table, context),
        ...groupPart("min", "Least", { fields: of("min"), type: own }, table, context),
        ...groupPart("max", "Greatest", { fields: of("max"), type: own }, table, context),
      };
    },
  }));
}

/** Beyond 32 bits: a Float holds what the sum of Int can be. */
function sumType({ type }: Field): GraphQLOutputType {
  return type.name === "Int" ? GraphQLFloat : scalarType(type.name);
}

interface GroupPart { readonly fields: readonly Field[]; type(field: Field): GraphQLOutputType; readonly description?: string }

function groupPart(name: string, suffix: "Group" | "Sum" | "Average" | "Least" | "Greatest", part: GroupPart, table: Table, context: SchemaContext): Record<string, FieldConfig> {
  if (part.fields.length === 0) return {};
  const typeName = context.names.tableType(table.name, suffix);
  const type = context.type(typeName, () => new GraphQLObjectType({
    name: typeName,
    fields: Object.fromEntries(part.fields.map((field) => [field.name, {
      type: part.type(field), description: field.description,
    }])),
  }));
  return { [name]: { type: new GraphQLNonNull(type), ...(part.description === undefined ? {} : { description: part.description }) } };
}
