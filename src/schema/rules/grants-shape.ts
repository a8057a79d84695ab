// GRANT_SHAPE: @grants names a required key for the subject, a required enum for the role, a required foreign key for the record; unique together.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { declaredIndexes } from "../build-indexes.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, isSet, textOf, useOf, type DeclaredField, type DeclaredType, type DirectiveUse } from "../declarations.ts";
import { isForeignKey } from "../resolve-relation.ts";
import { keyScalars } from "../scalar-names.ts";
import { insertTypeDirective, replaceNode } from "../schema-edits.ts";
import { print } from "graphql/language/printer";

const why = "Access is decided by these three fields of each row.";

export function grantsShape(context: CompileContext): Diagnostic[] {
  return context.tables.flatMap((table) => {
    const use = useOf(table, "grants");
    return use === undefined || use.values === null ? [] : [...checkFields(table, use, context), ...checkUnique(table, use, context), ...checkRoles(table, use, context)];
  });
}

function checkFields(table: DeclaredType, use: DirectiveUse, context: CompileContext): Diagnostic[] {
  return (["subject", "role", "on"] as const).flatMap((argument) => {
    const field = fieldNamed(table, textOf(use, argument) ?? "");
    const at = argumentNode(use, argument)?.value ?? use.node;
    if (field === undefined || field.type === null) return [];
    const problem = problemOf(argument, field);
    if (problem !== null) return [diagnose(context, { code: "GRANT_SHAPE", at, message: `@grants(${argument}): ${table.name}.${field.name} ${problem.message}`, why, fix: problem.fix })];
    if (field.type.required) return [];
    return [diagnose(context, { code: "GRANT_SHAPE", at, message: `@grants(${argument}): ${table.name}.${field.name} is nullable.`, why, fix: "Make it required.", edits: [replaceNode(context.source, field.node.type, `${print(field.node.type)}!`)] })];
  });
}

function problemOf(argument: "subject" | "role" | "on", field: DeclaredField): { message: string; fix: string } | null {
  const { type } = field;
  if (type === null) return null;
  if (argument === "role") return type.kind === "enum" && !type.list ? null : { message: "is no enum.", fix: "Give it an enum of the roles." };
  const isKey = field.kind === "stored" && type.kind === "scalar" && keyScalars.has(type.name) && !type.list;
  if (!isKey) return { message: "is no key.", fix: `Name a stored field of type ${argument === "subject" ? "ID or String" : "ID, String, Int or Long"}.` };
  // auth.subject is text: a number would never equal it, and the row would give its role to nobody.
  if (argument === "subject" && type.name !== "ID" && type.name !== "String") return { message: `is ${type.name}, but a subject is text.`, fix: "Make it of type ID or String." };
  if (argument === "on" && !isForeignKey(field)) return { message: "is no foreign key.", fix: `Add a relation with @relationship(from: "${field.name}").` };
  return null;
}

function checkUnique(table: DeclaredType, use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const [subject, role, on] = [textOf(use, "subject"), textOf(use, "role"), textOf(use, "on")];
  if (subject === undefined || role === undefined || on === undefined || table.node.kind !== "ObjectTypeDefinition") return [];
  const isUnique = declaredIndexes(table).some(({ use: index, fields }) => isSet(index, "unique")
    && fields.includes(subject) && fields.includes(on) && fields.every((name) => name === subject || name === on || name === role));
  if (isUnique || [subject, role, on].some((name) => fieldNamed(table, name) === undefined)) return [];
  const index = `@indexed(fields: ["${subject}", "${on}"], unique: true)`;
  return [diagnose(context, { code: "GRANT_SHAPE", at: use.node, message: `${table.name} may hold two rows for one subject and record.`, why: "Taking a role away must not leave a second row that still gives it.", fix: `Add ${index}.`, edits: [insertTypeDirective(context.source, table.node, index)] })];
}

function checkRoles(table: DeclaredType, use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const type = fieldNamed(table, textOf(use, "role") ?? "")?.type;
  const roles = type?.kind === "enum" ? context.byName.get(type.name)?.values.map((value) => value.name.value) ?? [] : [];
  const clash = roles.find((role, index) => roles.slice(0, index).some((other) => other.toLowerCase() === role.toLowerCase() && other !== role));
  const reserved = roles.find((role) => ["public", "authenticated"].includes(role.toLowerCase()));
  const message = clash !== undefined ? `Two roles are ${clash.toLowerCase()} in lower case.` : reserved !== undefined ? `${reserved.toLowerCase()} is not a role of one record.` : null;
  return message === null ? [] : [diagnose(context, { code: "GRANT_SHAPE", at: argumentNode(use, "role")?.value ?? use.node, message, why: "Role names are the enum's values in lower case.", fix: "Rename the enum's value." })];
}
