// The answer to __schema and __type as JSON text, written from the schema without graphql-js's executor, which took a third of a second for
// 200 tables. A type that is met again with the same selection is written once.
import type { GraphQLOutputType, GraphQLResolveInfo, GraphQLSchema } from "graphql";
import { getNullableType, isListType, isNamedType, isObjectType } from "graphql/type/definition";
import { SchemaMetaFieldDef, TypeMetaFieldDef } from "graphql/type/introspection";
import { JsonText } from "../../resources/operation.ts";
import { selectedFields, TYPE_NAME, type DocumentPart, type Selected } from "./selected-fields.ts";

type Writer = (value: unknown) => string;

/** `selected`: a root field __schema or __type. */
export function introspectionText(selected: Selected, part: DocumentPart, schema: GraphQLSchema): JsonText {
  const info = { schema } as GraphQLResolveInfo;
  const { resolve, type } = selected.name === SchemaMetaFieldDef.name ? SchemaMetaFieldDef : TypeMetaFieldDef;
  return new JsonText(writerOf(type, selected, { part, info })(resolve!(undefined, selected.arguments, undefined, info)));
}

interface Writing { readonly part: DocumentPart; /** All that resolvers of introspection look at is the schema. */ readonly info: GraphQLResolveInfo }

function writerOf(type: GraphQLOutputType, selected: Selected, writing: Writing): Writer {
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    const item = writerOf(nullable.ofType as GraphQLOutputType, selected, writing);
    return (value) => {
      if (isNothing(value)) return "null";
      let text = "";
      for (const one of value as Iterable<unknown>) text += text === "" ? item(one) : `,${item(one)}`;
      return `[${text}]`;
    };
  }
  if (!isObjectType(nullable)) return (value) => (isNothing(value) ? "null" : value === true ? "true" : value === false ? "false" : JSON.stringify(value));
  const write = objectWriter(selected, writing);
  const known = new Map<unknown, string>();
  return (value) => {
    if (isNothing(value)) return "null";
    if (!isNamedType(value)) return write(value);
    let text = known.get(value);
    if (text === undefined) known.set(value, text = write(value));
    return text;
  };
}

function objectWriter({ nodes, type }: Selected, writing: Writing): Writer {
  const fields = type.getFields();
  const members = selectedFields(nodes, type, writing.part).map((one, index): Writer => {
    const name = `${index === 0 ? "" : ","}${JSON.stringify(one.key)}:`;
    if (one.name === TYPE_NAME) return () => `${name}${JSON.stringify(type.name)}`;
    const { resolve, type: fieldType } = fields[one.name]!;
    const write = writerOf(fieldType, one, writing);
    return (value) => name + write(resolve!(value, one.arguments, undefined, writing.info));
  });
  return (value) => {
    let text = "{";
    for (const member of members) text += member(value);
    return `${text}}`;
  };
}

function isNothing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}
