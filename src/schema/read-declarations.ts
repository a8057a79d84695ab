// Syntax tree to declarations (declarations.ts). Decides what each type and field is; reports nothing, drops nothing but duplicates by name.
import type { ConstDirectiveNode, DefinitionNode, DocumentNode, FieldDefinitionNode, InputValueDefinitionNode, ObjectTypeDefinitionNode, TypeNode } from "graphql";
import { getArgumentValues } from "graphql/execution/values";
import { Kind } from "graphql/language/kinds";
import type { TypeRef } from "./catalog.ts";
import { argumentProblems, type ArgumentContext } from "./argument-problems.ts";
import type { DeclaredField, DeclaredFieldKind, DeclaredType, DeclaredTypeKind, DirectiveUse, TypeTrouble } from "./declarations.ts";
import { isScalarName } from "./scalar-names.ts";

export interface Declarations {
  /** All, in order, those with a name already taken too. */
  readonly types: readonly DeclaredType[];
  /** The first of each name. */
  readonly byName: ReadonlyMap<string, DeclaredType>;
}

/** Object types of these names are surfaces of callables (or facts), never data. */
export const reservedTypeKinds: ReadonlyMap<string, DeclaredTypeKind> = new Map([
  ["Endpoints", "endpoints"], ["Tools", "tools"], ["Jobs", "jobs"], ["Decisions", "decisions"], ["Facts", "facts"],
]);

type TypeDefinition = DeclaredType["node"];
interface Reader extends ArgumentContext {
  readonly kinds: ReadonlyMap<string, DeclaredTypeKind>;
  readonly broken: ReadonlySet<string>;
}

export function readDeclarations(document: DocumentNode, broken: ReadonlySet<string>, context: ArgumentContext): Declarations {
  const definitions = document.definitions.filter(isTypeDefinition);
  const kinds = new Map<string, DeclaredTypeKind>();
  for (const definition of definitions) if (!kinds.has(definition.name.value)) kinds.set(definition.name.value, kindOf(definition));
  const reader: Reader = { ...context, kinds, broken };
  const types = definitions.map((definition) => readType(definition, reader));
  const byName = new Map<string, DeclaredType>();
  for (const type of types) if (!byName.has(type.name)) byName.set(type.name, type);
  return { types, byName };
}

function isTypeDefinition(definition: DefinitionNode): definition is TypeDefinition {
  return definition.kind === Kind.OBJECT_TYPE_DEFINITION || definition.kind === Kind.INTERFACE_TYPE_DEFINITION
    || definition.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION || definition.kind === Kind.ENUM_TYPE_DEFINITION;
}

function kindOf(definition: TypeDefinition): DeclaredTypeKind {
  switch (definition.kind) {
    case Kind.ENUM_TYPE_DEFINITION: return "enum";
    case Kind.INPUT_OBJECT_TYPE_DEFINITION: return "input";
    case Kind.INTERFACE_TYPE_DEFINITION: return "interface";
    case Kind.OBJECT_TYPE_DEFINITION: return kindOfObject(definition);
  }
}

function kindOfObject(definition: ObjectTypeDefinitionNode): DeclaredTypeKind {
  const reserved = reservedTypeKinds.get(definition.name.value);
  if (reserved !== undefined) return reserved;
  if (has(definition, "table")) return "table";
  if (has(definition, "channel")) return "channel";
  return looksLikeTable(definition) ? "table" : "nested";
}

const TABLE_ONLY = ["indexed", "grants", "search", "check", "account", "source"];

// A forgotten @table is one mistake; it must not become one for each directive of the type.
function looksLikeTable(definition: ObjectTypeDefinitionNode): boolean {
  return TABLE_ONLY.some((name) => has(definition, name)) || (definition.fields ?? []).some((field) => has(field, "primaryKey"));
}

function has(node: { readonly directives?: readonly ConstDirectiveNode[] | undefined }, directive: string): boolean {
  return node.directives?.some((use) => use.name.value === directive) === true;
}

function readType(node: TypeDefinition, reader: Reader): DeclaredType {
  const fields: DeclaredField[] = [];
  const kind = kindOf(node);
  const type: DeclaredType = {
    kind,
    name: node.name.value,
    node,
    uses: readUses(node.directives, reader),
    fields,
    interfaces: "interfaces" in node ? node.interfaces ?? [] : [],
    values: node.kind === Kind.ENUM_TYPE_DEFINITION ? node.values ?? [] : [],
    assumedTable: kind === "table" && !has(node, "table"),
  };
  if ("fields" in node) for (const field of node.fields ?? []) fields.push(readField(field, type, reader));
  return type;
}

function readField(node: FieldDefinitionNode | InputValueDefinitionNode, owner: DeclaredType, reader: Reader): DeclaredField {
  const inner: DeclaredField[] = [];
  const { type, trouble } = readTypeRef(node.type, reader);
  const uses = readUses(node.directives, reader);
  const kind = kindOfField(node, owner, { type, uses });
  const field: DeclaredField = { kind, name: node.name.value, node, owner, callable: null, uses, arguments: inner, type, trouble };
  if (node.kind === Kind.FIELD_DEFINITION) {
    for (const argument of node.arguments ?? []) {
      inner.push({
        kind: "argument", name: argument.name.value, node: argument, owner, callable: field,
        uses: readUses(argument.directives, reader), arguments: [], ...readTypeRef(argument.type, reader),
      });
    }
  }
  return field;
}

const CALLABLE_TYPES: readonly DeclaredTypeKind[] = ["endpoints", "tools", "jobs", "decisions"];

function kindOfField(node: FieldDefinitionNode | InputValueDefinitionNode, owner: DeclaredType, read: { type: TypeRef | null; uses: readonly DirectiveUse[] }): DeclaredFieldKind {
  if (CALLABLE_TYPES.includes(owner.kind)) return "callable";
  if (owner.kind !== "table") return "member";
  if (has(node, "action") || (node.kind === Kind.FIELD_DEFINITION && (node.arguments?.length ?? 0) > 0)) return "action";
  if (read.type?.kind === "table") return "relation";
  const computed = read.uses.find((use) => use.name === "computed");
  return computed !== undefined && computed.values?.["stored"] !== true ? "computed" : "stored";
}

function readTypeRef(node: TypeNode, reader: Reader): { type: TypeRef | null; trouble: TypeTrouble | null } {
  const required = node.kind === Kind.NON_NULL_TYPE;
  const outer = required ? node.type : node;
  const list = outer.kind === Kind.LIST_TYPE;
  const item = list ? outer.type : outer;
  const itemRequired = list && item.kind === Kind.NON_NULL_TYPE;
  const bare = item.kind === Kind.NON_NULL_TYPE ? item.type : item;
  if (bare.kind === Kind.LIST_TYPE) return { type: null, trouble: "nested-list" };
  const name = bare.name.value;
  const kind = valueKind(name, reader);
  if (kind === "unknown" || kind === "broken" || kind === "not-a-value") return { type: null, trouble: kind };
  return { type: { kind, name, list, required, itemRequired }, trouble: null };
}

function valueKind(name: string, reader: Reader): TypeRef["kind"] | "unknown" | "broken" | "not-a-value" {
  if (isScalarName(name)) return "scalar";
  const kind = reader.kinds.get(name);
  if (kind === undefined) return reader.broken.has(name) ? "broken" : "unknown";
  if (kind === "nested") return "object";
  return kind === "table" || kind === "input" || kind === "enum" ? kind : "not-a-value";
}

function readUses(nodes: readonly ConstDirectiveNode[] | undefined, context: ArgumentContext): DirectiveUse[] {
  return (nodes ?? []).map((node) => {
    const name = node.name.value;
    const definition = context.language.directives.get(name) ?? null;
    const sound = definition !== null && argumentProblems(node, definition, context).length === 0;
    return { name, node, definition, values: sound ? getArgumentValues(definition, node) : null };
  });
}
