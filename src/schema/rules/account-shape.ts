// ACCOUNT_SHAPE: one signs in with a unique field, and nobody gives themselves roles.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { declaredIndexes } from "../build-indexes.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, isSet, textOf, useOf, usesOf, type DeclaredType } from "../declarations.ts";
import { insertFieldDirective } from "../schema-edits.ts";

export function accountShape(context: CompileContext): Diagnostic[] {
  return context.tables.flatMap((table) => [...checkBy(table, context), ...checkRoles(table, context)]);
}

function checkBy(table: DeclaredType, context: CompileContext): Diagnostic[] {
  const use = useOf(table, "account");
  const by = textOf(use, "by");
  if (use === undefined || by === undefined) return [];
  const at = argumentNode(use, "by")?.value ?? use.node;
  const field = fieldNamed(table, by);
  const why = "One name must lead to one person.";
  if (field === undefined) {
    if (argumentNode(use, "by") !== undefined) return [];
    return [diagnose(context, { code: "ACCOUNT_SHAPE", at, message: `${table.name} has no field ${by}, with which one would sign in.`, why, fix: `Add ${by}: String! @indexed(unique: true, fold: true), or name another field with by.` })];
  }
  if (field.type !== null && (field.type.name !== "String" || field.type.list)) return [diagnose(context, { code: "ACCOUNT_SHAPE", at, message: `${table.name}.${by} is no text.`, why: "One signs in with an e-mail address.", fix: "Make it String!." })];
  const isUnique = useOf(field, "primaryKey") !== undefined || declaredIndexes(table).some((index) => isSet(index.use, "unique") && index.fields.length === 1 && index.fields[0] === by);
  if (isUnique) return [];
  return [diagnose(context, { code: "ACCOUNT_SHAPE", at, message: `${table.name}.${by} is not unique.`, why, fix: "Add @indexed(unique: true).", edits: [insertFieldDirective(context.source, field.node, "@indexed(unique: true)")] })];
}

function checkRoles(table: DeclaredType, context: CompileContext): Diagnostic[] {
  const roles = useOf(table, "account") === undefined ? undefined : fieldNamed(table, "roles");
  if (roles !== undefined && roles.type !== null && (roles.type.name !== "String" || !roles.type.list)) return [diagnose(context, { code: "ACCOUNT_SHAPE", at: roles.node.name, message: `${table.name}.roles is no list of texts.`, why: "Its field roles holds the roles of the person.", fix: "Make it [String!], or rename it." })];
  if (roles === undefined || useOf(roles, "readOnly") !== undefined || useOf(roles, "internal") !== undefined || usesOf(roles, "allow").length > 0) return [];
  return [diagnose(context, { code: "ACCOUNT_SHAPE", at: roles.node.name, message: `Whoever may write a ${table.name} could give themselves roles.`, why: "Its field roles holds the roles of the person.", fix: "Add @readOnly, or an @allow of its own.", edits: [insertFieldDirective(context.source, roles.node, "@readOnly")] })];
}
