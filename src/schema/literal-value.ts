// A literal of the SDL (@default(value), @range, `= value`) to a canonical value of a declared type, read from the tree with exact integers.
import type { ConstValueNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import { didYouMean, type TextEdit } from "../base/diagnostic.ts";
import type { Value } from "../base/value.ts";
import type { Catalog, TypeRef } from "./catalog.ts";
import { coerceValue, type CoerceTarget, type Issue } from "./coerce-value.ts";
import { replaceNode } from "./schema-edits.ts";
import type { SourceText } from "./source-text.ts";

export interface LiteralProblem {
  readonly node: ConstValueNode;
  /** A sentence. */
  readonly message: string;
  readonly edits: readonly TextEdit[];
}

export interface Literal {
  /** Undefined when there are problems. */
  readonly value: Value | undefined;
  readonly problems: readonly LiteralProblem[];
}

interface Reading {
  readonly source: SourceText;
  readonly catalog: Catalog;
  readonly problems: LiteralProblem[];
}

export function literalValue(node: ConstValueNode, target: CoerceTarget, context: { readonly source: SourceText; readonly literals: Catalog }): Literal {
  // No literal stands for a record; the place that asks for one is refused itself.
  if (target.type.kind === "table") return { value: undefined, problems: [] };
  const reading: Reading = { source: context.source, catalog: context.literals, problems: [] };
  const raw = readLiteral(node, target.type, reading);
  if (reading.problems.length > 0) return { value: undefined, problems: reading.problems };
  const issues: Issue[] = [];
  const value = coerceValue(raw, target, { catalog: context.literals, dialect: "wire", path: "" }, issues);
  const edits = issues.length === 1 ? unquoted(node, target.type, context.source) : [];
  return { value, problems: issues.map((issue) => ({ node, message: issue.message, edits })) };
}

function readLiteral(node: ConstValueNode, type: TypeRef | null, reading: Reading): unknown {
  if (node.kind === Kind.NULL) return null;
  if (type?.list === true) {
    const item: TypeRef = { ...type, list: false };
    // As in GraphQL, one item stands for a list of it.
    return node.kind === Kind.LIST ? node.values.map((value) => readLiteral(value, item, reading)) : [readLiteral(node, item, reading)];
  }
  switch (node.kind) {
    case Kind.INT: return type?.name === "Decimal" ? node.value : BigInt(node.value);
    // `1.0` is no integer: as text it is refused as one.
    case Kind.FLOAT: return type !== null && NOT_FLOAT.includes(type.name) ? node.value : Number(node.value);
    case Kind.STRING: return type?.kind === "enum" ? readQuotedEnum(node, type, reading) : node.value;
    case Kind.BOOLEAN: return node.value;
    case Kind.ENUM: return readEnum(node, type, reading);
    case Kind.LIST: return node.values.map((value) => readLiteral(value, null, reading));
    case Kind.OBJECT: {
      const fields = type === null ? undefined : reading.catalog.objects.get(type.name)?.fields;
      const object = Object.create(null) as { [name: string]: unknown };
      for (const field of node.fields) {
        const name = field.name.value;
        if (Object.hasOwn(object, name)) reading.problems.push({ node: field.value, message: `The literal has ${name} twice.`, edits: [] });
        object[name] = readLiteral(field.value, fields?.get(name)?.type ?? null, reading);
      }
      return object;
    }
  }
}

function readEnum(node: ConstValueNode & { readonly value: string }, type: TypeRef | null, reading: Reading): unknown {
  const values = type?.kind === "enum" ? reading.catalog.enums.get(type.name)?.values : undefined;
  if (values === undefined) {
    reading.problems.push({ node, message: `${node.value} is an enum value, but ${type === null ? "here stands JSON" : `the type is ${type.name}`}; text is written in quotes.`, edits: [replaceNode(reading.source, node, JSON.stringify(node.value))] });
    return undefined;
  }
  if (values.includes(node.value)) return node.value;
  const near = didYouMean(node.value, values);
  const hint = near === null ? `The values are ${values.join(", ")}.` : `Did you mean ${near}?`;
  reading.problems.push({ node, message: `${type?.name} has no value ${node.value}. ${hint}`, edits: near === null ? [] : [replaceNode(reading.source, node, near)] });
  return undefined;
}

function readQuotedEnum(node: ConstValueNode & { readonly value: string }, type: TypeRef, reading: Reading): unknown {
  const values = reading.catalog.enums.get(type.name)?.values ?? [];
  const meant = values.includes(node.value) ? node.value : didYouMean(node.value, values);
  reading.problems.push({ node, message: `A value of the enum ${type.name} is written without quotes.`, edits: meant === null ? [] : [replaceNode(reading.source, node, meant)] });
  return undefined;
}

const NOT_FLOAT: readonly string[] = ["Decimal", "Int", "Long", "Money"];
const PLAIN_NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;
const NUMBERS: readonly string[] = ["Int", "Float", "Money"];

// "5" for 5, or 5 for "5": what is meant is plain.
function unquoted(node: ConstValueNode, type: TypeRef, source: SourceText): TextEdit[] {
  if (type.list || type.kind !== "scalar") return [];
  if (node.kind === Kind.STRING && NUMBERS.includes(type.name) && PLAIN_NUMBER.test(node.value)) return [replaceNode(source, node, node.value)];
  if (node.kind === Kind.STRING && type.name === "Boolean" && /^(?:true|false)$/.test(node.value)) return [replaceNode(source, node, node.value)];
  if ((node.kind === Kind.INT || node.kind === Kind.FLOAT || node.kind === Kind.BOOLEAN) && type.name === "String") return [replaceNode(source, node, JSON.stringify(String(node.value)))];
  return [];
}
