// RESERVED_NAME: names that the language, GraphQL or SQLite keep for themselves, and kinds of definitions that an app does not make.
import type { DefinitionNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { isHidden } from "../account-tables.ts";
import { sqlNameOf } from "../build-table.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { reservedTypeKinds } from "../read-declarations.ts";
import { scalarNames } from "../scalar-names.ts";
import { removeNode } from "../schema-edits.ts";
import type { DeclaredField } from "../declarations.ts";

const ROOT_TYPES: readonly string[] = ["Query", "Mutation", "Subscription"];
/** What a table's class in resources.ts already is or has. */
const CLASS_MEMBERS: readonly string[] = ["constructor", "create", "ctx", "remove", "update"];
/** An action is a method: JavaScript waits for whoever has a `then`, and no class takes a static `prototype`. */
const METHOD_NAMES: readonly string[] = ["prototype", "then"];
/** Requests on a record that the runtime answers. */
const RECORD_ROUTES: readonly string[] = ["history", "restore"];

export function reservedNames(context: CompileContext): Diagnostic[] {
  return [
    ...context.document.definitions.flatMap((definition) => refusedKind(definition, context)),
    ...context.types.flatMap((type) => reservedType(type, context)),
    ...context.fields.flatMap((field) => reservedField(field, context)),
    ...context.tables.flatMap((table) => reservedSqlName(table, context)),
  ];
}

function refusedKind(definition: DefinitionNode, context: CompileContext): Diagnostic[] {
  const what = refusedKinds[definition.kind];
  if (what === undefined) return [];
  return [diagnose(context, {
    code: "RESERVED_NAME", at: definition, message: `An app declares no ${what.name}.`, why: what.why, fix: what.fix, edits: [removeNode(context.source, definition)],
  })];
}

interface RefusedKind { readonly name: string; readonly why: string; readonly fix: string }
const extension: RefusedKind = { name: "extension", why: "Each type stands in one place, so that one look shows all of it.", fix: "Move its fields and directives to the type." };
const operation: RefusedKind = { name: "operation", why: "A schema declares, it does not ask.", fix: "Remove it." };
const schemaDefinition: RefusedKind = { name: "schema definition", why: "The root types are derived from tables and callables.", fix: "Remove it." };
const refusedKinds: Readonly<Partial<Record<DefinitionNode["kind"], RefusedKind>>> = {
  [Kind.UNION_TYPE_DEFINITION]: { name: "union", why: "A stored value has one type.", fix: "Use one type with nullable fields, or an enum." },
  [Kind.SCALAR_TYPE_DEFINITION]: { name: "scalar", why: "A value's form must be known to storage and every interface.", fix: `Use one of ${scalarNames.join(", ")}.` },
  [Kind.DIRECTIVE_DEFINITION]: { name: "directive", why: "A directive without a meaning would be ignored.", fix: "Use those of directives.graphql." },
  [Kind.SCHEMA_DEFINITION]: schemaDefinition,
  [Kind.SCHEMA_EXTENSION]: schemaDefinition,
  [Kind.OBJECT_TYPE_EXTENSION]: extension,
  [Kind.INTERFACE_TYPE_EXTENSION]: extension,
  [Kind.INPUT_OBJECT_TYPE_EXTENSION]: extension,
  [Kind.ENUM_TYPE_EXTENSION]: extension,
  [Kind.UNION_TYPE_EXTENSION]: extension,
  [Kind.SCALAR_TYPE_EXTENSION]: extension,
  [Kind.OPERATION_DEFINITION]: operation,
  [Kind.FRAGMENT_DEFINITION]: operation,
};

function reservedType(type: CompileContext["types"][number], context: CompileContext): Diagnostic[] {
  const isSurface = type.node.kind !== Kind.OBJECT_TYPE_DEFINITION && reservedTypeKinds.has(type.name);
  const isTaken = ROOT_TYPES.includes(type.name) || context.language.typeNames.has(type.name) || (scalarNames as readonly string[]).includes(type.name);
  const why = isSurface ? `type ${type.name} declares callables or facts, so nothing else may have that name.`
    : isTaken ? "The name has a meaning of its own in the language." : type.name.startsWith("__") ? "GraphQL keeps names with two underscores for itself." : isHidden(type.name) ? "Names that begin with _ambit_ are those of the runtime's own tables." : null;
  if (why === null) return [];
  return [diagnose(context, { code: "RESERVED_NAME", at: type.node.name, message: `The name ${type.name} is reserved.`, why, fix: "Choose another name." })];
}

function reservedField(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const why = reasonOf(field);
  if (why === null) return [];
  return [diagnose(context, { code: "RESERVED_NAME", at: field.node.name, message: `${describeField(field)}: the name ${field.name} is reserved.`, why, fix: "Choose another name." })];
}

function reasonOf(field: DeclaredField): string | null {
  if (field.name.startsWith("__")) return "GraphQL keeps names with two underscores for itself.";
  if (field.owner.kind !== "table" || field.kind === "argument") return null;
  if (CLASS_MEMBERS.includes(field.name)) return `The class of a table in resources.ts has a member ${field.name}.`;
  if (field.kind === "action" && METHOD_NAMES.includes(field.name)) return "JavaScript gives a method of that name a meaning of its own.";
  return field.kind === "action" && RECORD_ROUTES.includes(field.name) ? `The runtime answers POST /TABLE/ID/${field.name} itself.` : null;
}

function reservedSqlName(table: CompileContext["tables"][number], context: CompileContext): Diagnostic[] {
  const own = isHidden(sqlNameOf(table).toLowerCase());
  if (!own && !sqlNameOf(table).toLowerCase().startsWith("sqlite_")) return [];
  return [diagnose(context, {
    code: "RESERVED_NAME", at: table.node.name, message: `The table's name in SQLite is ${sqlNameOf(table)}.`,
    why: own ? "Names that begin with _ambit_ are those of the runtime's own tables." : "SQLite keeps names that begin with sqlite_ for itself.", fix: "Choose another name, or another @table(name:).",
  })];
}
