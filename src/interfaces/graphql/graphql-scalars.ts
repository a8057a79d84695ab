// The scalars of /graphql. What GraphQL does not know itself passes through in wire form: whether a value fits is decided with the
// Operation, by the same code and with the same errors as over REST.
import type { ValueNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import { GraphQLScalarType } from "graphql/type/definition";
import { GraphQLBoolean, GraphQLFloat, GraphQLID, GraphQLInt, GraphQLString } from "graphql/type/scalars";
import type { ScalarName } from "../../schema/catalog.ts";

const descriptions: Readonly<Partial<Record<ScalarName, string>>> = {
  Long: "A 64-bit integer: a decimal string, on input also an integer literal.",
  DateTime: "An RFC 3339 time, such as 2026-01-31T12:00:00Z. Comes in UTC with milliseconds.",
  Date: "A day, such as 2026-01-31.",
  Duration: "An ISO 8601 duration of days, hours, minutes and seconds, such as PT30S.",
  Money: "An integer of minor units within ±(2^53-1).",
  Decimal: "A decimal number of any precision, as a string.",
  JSON: "Any JSON value.",
  Bytes: "Bytes in base64.",
  Blob: "A file.",
  Vector: "A list of numbers.",
};

const own = new Map(Object.entries(descriptions).map(([name, description]) => [name, new GraphQLScalarType<unknown>({
  name, description, serialize: (value) => value, parseValue: (value) => value, parseLiteral: (node, variables) => literalOf(node, variables ?? null),
})]));

const builtIn: ReadonlyMap<string, GraphQLScalarType> = new Map([GraphQLID, GraphQLString, GraphQLInt, GraphQLFloat, GraphQLBoolean].map((type) => [type.name, type]));

export function scalarType(name: string): GraphQLScalarType {
  return (builtIn.get(name) ?? own.get(name))!;
}

type Variables = { readonly [name: string]: unknown };

/** As strict JSON reads it: integers that a double may not hold are bigints, objects have no prototype. */
function literalOf(node: ValueNode, variables: Variables | null): unknown {
  switch (node.kind) {
    case Kind.NULL: return null;
    case Kind.INT: return Number.isSafeInteger(Number(node.value)) ? Number(node.value) : BigInt(node.value);
    case Kind.FLOAT: return Number(node.value);
    case Kind.STRING: case Kind.BOOLEAN: case Kind.ENUM: return node.value;
    case Kind.VARIABLE: return variables?.[node.name.value];
    case Kind.LIST: return node.values.map((value) => literalOf(value, variables));
    case Kind.OBJECT: {
      const object = Object.create(null) as { [name: string]: unknown };
      for (const field of node.fields) object[field.name.value] = literalOf(field.value, variables);
      return object;
    }
  }
}
