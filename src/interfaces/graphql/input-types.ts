// The types of what is sent in: records to create and to change, arguments of callables. Values are checked with the Operation.
import { FILE_TYPE, fileReference } from "../../schema/file-type.ts";
import type { GraphQLFieldConfigArgumentMap, GraphQLInputFieldConfig, GraphQLInputType } from "graphql";
import { GraphQLEnumType, GraphQLInputObjectType, type GraphQLNullableType } from "graphql/type/definition";
import type { Channel, Field, InputField, Table, TypeRef } from "../../schema/catalog.ts";
import { isSettable, wrapped, type SchemaContext } from "./schema-context.ts";

/** Null where the caller may send no field. */
export function recordInput(table: Table, verb: "CREATE" | "UPDATE", context: SchemaContext): GraphQLInputObjectType | null {
  const fields = context.settableFields(table, verb);
  if (fields.length === 0) return null;
  const name = context.names.tableType(table.name, verb === "CREATE" ? "Input" : "Patch");
  return context.type(name, () => new GraphQLInputObjectType({
    name, description: table.description,
    fields: () => Object.fromEntries(fields.map((field) => [field.name, fieldInput(field, verb === "CREATE" && isNeeded(field, table), context)])),
  }));
}

/** A message of a channel; its key says the topic. */
export function messageInput(channel: Channel, context: SchemaContext): GraphQLInputObjectType {
  const { input } = context.names.channel(channel.name);
  return context.type(input, () => new GraphQLInputObjectType({
    name: input, description: channel.description,
    fields: () => Object.fromEntries([...channel.fields.values()].filter((field) => isSettable(field)).map((field) => [field.name, fieldInput(field, field.type.required && field.fill === null, context)])),
  }));
}

/** An omitted key is generated. */
function isNeeded(field: Field, table: Table): boolean {
  return field.type.required && field.fill === null && field.name !== table.primaryKey;
}

function fieldInput({ type, description }: Field, required: boolean, context: SchemaContext): GraphQLInputFieldConfig {
  return { type: inputOf(type, context, required), description };
}

/** Of a callable. What has a default need not be sent. */
export function callArguments(inputs: ReadonlyMap<string, InputField>, context: SchemaContext): GraphQLFieldConfigArgumentMap {
  return Object.fromEntries([...inputs.values()].map(({ name, description, type, defaultValue }) => [name, { description, type: inputOf(type, context, type.required && defaultValue === undefined) }]));
}

function inputOf(type: TypeRef, context: SchemaContext, required: boolean): GraphQLInputType {
  const inner = type.kind === "object" ? nestedInput(type.name, context) : type.kind === "input" ? inputType(type.name, type.name, context) : context.leafType(type);
  return wrapped(inner as GraphQLNullableType, type, required) as GraphQLInputType;
}

/** A nested object as it is sent. */
export function nestedInput(name: string, context: SchemaContext): GraphQLInputObjectType {
  return inputType(name, context.names.input(name), context);
}

function inputType(of: string, name: string, context: SchemaContext): GraphQLInputObjectType {
  return context.type(name, () => {
    const { description, fields } = of === FILE_TYPE ? fileReference : context.catalog.objects.get(of)!;
    return new GraphQLInputObjectType({ name, description, fields: () => callArguments(fields, context) as Record<string, GraphQLInputFieldConfig> });
  });
}

/** What an upsert finds a record by: the fields of the primary key, or of a unique index. */
export function uniqueFields(table: Table, context: SchemaContext): GraphQLEnumType {
  const name = context.names.tableType(table.name, "Unique");
  return context.type(name, () => {
    const visible = new Set(context.valueFields(table).map((field) => field.name));
    const keys = [[table.primaryKey], ...table.indexes.filter((index) => index.unique).map((index) => index.fields)].filter((fields) => fields.every((field) => visible.has(field)));
    return new GraphQLEnumType({ name, values: Object.fromEntries(keys.map((fields) => [fields.join("_"), { value: fields }])) });
  });
}
