// FIELD_ACCESS: a field's @allow does not grant what @internal, @readOnly or @fixed take away.
import type { ConstListValueNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, useOf, usesOf, type DeclaredField, type DirectiveUse } from "../declarations.ts";
import { removeItem, removeNode } from "../schema-edits.ts";

export function fieldAccess(context: CompileContext): Diagnostic[] {
  return context.tables.flatMap((table) => table.fields).filter((field) => field.kind === "stored" || field.kind === "computed").flatMap((field) => usesOf(field, "allow").flatMap((use) => checkUse(field, use, context)));
}

function checkUse(field: DeclaredField, use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const place = describeField(field);
  if (useOf(field, "internal") !== undefined) {
    return [diagnose(context, { code: "FIELD_ACCESS", at: use.node, message: `${place} is @internal and has @allow.`, why: "Only code sees an internal field.", fix: "Remove one of them.", edits: [removeNode(context.source, use.node)] })];
  }
  if (useOf(field, "readOnly") !== undefined) return refusedVerbs(use, { verbs: ["CREATE", "UPDATE"], message: `${place} is @readOnly, so nobody may`, why: "Only code sets it." }, context);
  if (useOf(field, "fixed") !== undefined) return refusedVerbs(use, { verbs: ["UPDATE"], message: `${place} is @fixed, so nobody may`, why: "It is set once, when the record is created." }, context);
  return [];
}

function refusedVerbs(use: DirectiveUse, refusal: { verbs: readonly string[]; message: string; why: string }, context: CompileContext): Diagnostic[] {
  const list = argumentNode(use, "do")?.value;
  if (list === undefined || use.values === null) return [];
  const items = list.kind === Kind.LIST ? list.values : [list];
  const refused = items.filter((item) => item.kind === Kind.ENUM && refusal.verbs.includes(item.value));
  // With no verb left the rule itself is what nobody could use.
  if (refused.length === items.length) return refused.slice(0, 1).map((item) => diagnose(context, { code: "FIELD_ACCESS", at: item, message: `${refusal.message} ${items.map((each) => (each.kind === Kind.ENUM ? each.value : "")).join(" or ")} it.`, why: refusal.why, fix: "Remove the @allow.", edits: [removeNode(context.source, use.node)] }));
  return refused.map((item) => diagnose(context, {
    code: "FIELD_ACCESS", at: item, message: `${refusal.message} ${item.kind === Kind.ENUM ? item.value : ""} it.`, why: refusal.why, fix: "Remove the verb.", edits: [removeItem(context.source, list as ConstListValueNode, item)],
  }));
}
