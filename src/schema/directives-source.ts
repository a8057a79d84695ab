// The published /directives.graphql, parsed: the definitions by which every directive use is checked. The one place that reads it.
// Built from the parts of graphql-js that it needs: the whole package would double the time to the first answer.
import type { DirectiveDefinitionNode, DirectiveLocation, GraphQLInputType, TypeNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import { parse } from "graphql/language/parser";
import { GraphQLEnumType, GraphQLList, GraphQLNonNull, GraphQLScalarType } from "graphql/type/definition";
import { GraphQLDirective } from "graphql/type/directives";
import { specifiedScalarTypes } from "graphql/type/scalars";
import { valueFromAST } from "graphql/utilities/valueFromAST";
import { assert } from "../base/assert.ts";
import "./graphql-text.ts";
import directivesText from "../../directives.graphql" with { type: "text" };

export interface DirectiveLanguage {
  /** Ours only: GraphQL's own (@deprecated, @skip ...) have no meaning here. */
  readonly directives: ReadonlyMap<string, GraphQLDirective>;
  /** Every type name that the file declares; apps must not. */
  readonly typeNames: ReadonlySet<string>;
}

/** The text as published. */
export function directivesSource(): string {
  return directivesText;
}

let language: DirectiveLanguage | undefined;

/** Parsed at the first call, then kept: it never changes. */
export function directiveLanguage(): DirectiveLanguage {
  language ??= readLanguage();
  return language;
}

type NamedInput = GraphQLScalarType | GraphQLEnumType;

function readLanguage(): DirectiveLanguage {
  const { definitions } = parse(directivesText, { noLocation: true });
  const types = new Map<string, NamedInput>(specifiedScalarTypes.map((scalar) => [scalar.name, scalar]));
  const typeNames = new Set<string>();
  for (const definition of definitions) {
    if (definition.kind === Kind.DIRECTIVE_DEFINITION || !("name" in definition) || definition.name === undefined) continue;
    const name = definition.name.value;
    typeNames.add(name);
    if (definition.kind === Kind.SCALAR_TYPE_DEFINITION) types.set(name, new GraphQLScalarType({ name }));
    if (definition.kind === Kind.ENUM_TYPE_DEFINITION) types.set(name, new GraphQLEnumType({ name, values: Object.fromEntries((definition.values ?? []).map((value) => [value.name.value, {}])) }));
  }
  const directives = new Map(definitions.filter((definition) => definition.kind === Kind.DIRECTIVE_DEFINITION).map((definition) => [definition.name.value, readDirective(definition, types)]));
  return { directives, typeNames };
}

function readDirective(node: DirectiveDefinitionNode, types: ReadonlyMap<string, NamedInput>): GraphQLDirective {
  const args = Object.fromEntries((node.arguments ?? []).map((argument) => {
    const type = inputType(argument.type, types);
    return [argument.name.value, { type, defaultValue: argument.defaultValue === undefined ? undefined : valueFromAST(argument.defaultValue, type) }];
  }));
  return new GraphQLDirective({ name: node.name.value, isRepeatable: node.repeatable, locations: node.locations.map((location) => location.value as DirectiveLocation), args });
}

function inputType(node: TypeNode, types: ReadonlyMap<string, NamedInput>): GraphQLInputType {
  if (node.kind === Kind.LIST_TYPE) return new GraphQLList(inputType(node.type, types));
  const named = node.kind === Kind.NON_NULL_TYPE ? node.type : node;
  if (named.kind === Kind.LIST_TYPE) return new GraphQLNonNull(new GraphQLList(inputType(named.type, types)));
  const type = types.get(named.name.value);
  assert(type !== undefined, `directives.graphql declares ${named.name.value}`);
  return node.kind === Kind.NON_NULL_TYPE ? new GraphQLNonNull(type) : type;
}
