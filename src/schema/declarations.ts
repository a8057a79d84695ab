// What the app declares, read from the syntax tree but not judged: types, fields, arguments and the directives used on them.
// Rules look at these; build-catalog.ts makes the Catalog of them. Frozen after `readDeclarations`.
import type {
  ConstArgumentNode, ConstDirectiveNode, EnumValueDefinitionNode, FieldDefinitionNode, GraphQLDirective, InputValueDefinitionNode, NameNode, NamedTypeNode,
  EnumTypeDefinitionNode, InputObjectTypeDefinitionNode, InterfaceTypeDefinitionNode, ObjectTypeDefinitionNode, TypeNode,
} from "graphql";
import { Kind } from "graphql/language/kinds";
import type { TypeRef } from "./catalog.ts";

/** endpoints tools jobs decisions facts: the object types of these names. nested: any other object type. */
export type DeclaredTypeKind = "table" | "channel" | "nested" | "endpoints" | "tools" | "jobs" | "decisions" | "facts" | "interface" | "input" | "enum";

/** member: a field of anything but a table or a type of callables. */
export type DeclaredFieldKind = "stored" | "computed" | "relation" | "action" | "callable" | "member" | "argument";

export interface DirectiveUse {
  readonly name: string;
  readonly node: ConstDirectiveNode;
  /** Null: there is no such directive. */
  readonly definition: GraphQLDirective | null;
  /** With defaults; null when an argument is wrong or missing. JSON arguments are read from the node instead. */
  readonly values: Readonly<Record<string, unknown>> | null;
}

export interface DeclaredType {
  readonly kind: DeclaredTypeKind;
  readonly name: string;
  readonly node: ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode | InputObjectTypeDefinitionNode | EnumTypeDefinitionNode;
  readonly uses: readonly DirectiveUse[];
  readonly fields: readonly DeclaredField[];
  readonly interfaces: readonly NamedTypeNode[];
  /** Of an enum. */
  readonly values: readonly EnumValueDefinitionNode[];
  /** Treated as a table for its directives or @primaryKey, although it does not say @table. */
  readonly assumedTable: boolean;
}

/** Why a field's type is none. */
export type TypeTrouble = "unknown" | "broken" | "nested-list" | "not-a-value";

export interface DeclaredField {
  readonly kind: DeclaredFieldKind;
  readonly name: string;
  readonly node: FieldDefinitionNode | InputValueDefinitionNode;
  readonly owner: DeclaredType;
  /** Of an argument: the callable; else null. */
  readonly callable: DeclaredField | null;
  readonly uses: readonly DirectiveUse[];
  readonly arguments: readonly DeclaredField[];
  /** Null with a reason in `trouble`. */
  readonly type: TypeRef | null;
  readonly trouble: TypeTrouble | null;
}

/** Whatever directives can stand on. */
export interface DirectiveHolder {
  readonly name: string;
  readonly node: { readonly name: NameNode };
  readonly uses: readonly DirectiveUse[];
}

export function useOf(holder: DirectiveHolder, directive: string): DirectiveUse | undefined {
  return holder.uses.find((use) => use.name === directive);
}

export function usesOf(holder: DirectiveHolder, directive: string): readonly DirectiveUse[] {
  return holder.uses.filter((use) => use.name === directive);
}

export function argumentNode(use: DirectiveUse, argument: string): ConstArgumentNode | undefined {
  return use.node.arguments?.find((node) => node.name.value === argument);
}

/** A text argument's value; undefined when it is absent, null or wrong. */
export function textOf(use: DirectiveUse | undefined, argument: string): string | undefined {
  const value = use?.values?.[argument];
  return typeof value === "string" ? value : undefined;
}

/** The same, also where another argument of the directive is wrong. */
export function writtenText(use: DirectiveUse | undefined, argument: string): string | undefined {
  if (use === undefined || use.values !== null) return textOf(use, argument);
  const value = argumentNode(use, argument)?.value;
  return value?.kind === Kind.STRING ? value.value : undefined;
}

/** A list-of-text argument's values; undefined when it is absent, null or wrong. */
export function textsOf(use: DirectiveUse | undefined, argument: string): readonly string[] | undefined {
  const value = use?.values?.[argument];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : undefined;
}

export function numberOf(use: DirectiveUse | undefined, argument: string): number | undefined {
  const value = use?.values?.[argument];
  return typeof value === "number" ? value : undefined;
}

export function isSet(use: DirectiveUse | undefined, argument: string): boolean {
  return use?.values?.[argument] === true;
}

export function fieldNamed(type: DeclaredType, name: string): DeclaredField | undefined {
  return type.fields.find((field) => field.name === name);
}

/** The name inside all brackets and exclamation marks. */
export function innermostName(type: TypeNode): NameNode {
  return type.kind === "NamedType" ? type.name : innermostName(type.type);
}
