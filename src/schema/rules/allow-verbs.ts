// ALLOW_VERB: `do` names verbs of its place on types and fields, and is absent on callables.
import type { ConstListValueNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, textsOf, usesOf, type DeclaredField, type DeclaredType, type DirectiveUse } from "../declarations.ts";
import { removeArgument, removeItem, replaceNode } from "../schema-edits.ts";

const TABLE_VERBS: readonly string[] = ["READ", "CREATE", "UPDATE", "DELETE"];
const CHANNEL_VERBS: readonly string[] = ["SUBSCRIBE", "PUBLISH"];
const FIELD_VERBS: readonly string[] = ["READ", "CREATE", "UPDATE"];

interface Holder {
  readonly where: string;
  readonly verbs: readonly string[];
}

export function allowVerbs(context: CompileContext): Diagnostic[] {
  return [
    ...context.types.flatMap((type) => checkAll(usesOf(type, "allow"), holderOfType(type), context)),
    ...context.fields.flatMap((field) => checkAll(usesOf(field, "allow"), holderOfField(field), context)),
  ];
}

function holderOfType(type: DeclaredType): Holder | null {
  if (type.kind === "table") return { where: `the table ${type.name}`, verbs: TABLE_VERBS };
  return type.kind === "channel" ? { where: `the channel ${type.name}`, verbs: CHANNEL_VERBS } : null;
}

/** No verbs: a callable. */
function holderOfField(field: DeclaredField): Holder | null {
  switch (field.kind) {
    case "action":
    case "callable": return { where: `the callable ${describeField(field)}`, verbs: [] };
    case "stored": return { where: `the field ${describeField(field)}`, verbs: FIELD_VERBS };
    case "member": return field.owner.kind === "facts" ? { where: `the fact ${describeField(field)}`, verbs: [] } : null;
    case "computed": return { where: `the computed field ${describeField(field)}`, verbs: ["READ"] };
    case "relation": return { where: `the relation ${describeField(field)}`, verbs: ["READ"] };
    default: return null;
  }
}

function checkAll(uses: readonly DirectiveUse[], holder: Holder | null, context: CompileContext): Diagnostic[] {
  return holder === null ? [] : uses.filter((use) => use.values !== null).flatMap((use) => checkUse(use, holder, context));
}

function checkUse(use: DirectiveUse, { where, verbs }: Holder, context: CompileContext): Diagnostic[] {
  const given = argumentNode(use, "do");
  if (verbs.length === 0) {
    if (given === undefined) return [];
    return [diagnose(context, { code: "ALLOW_VERB", at: given, message: `@allow on ${where} has \`do\`.`, why: "There @allow is about the call, of a fact about who posts it.", fix: "Remove do.", edits: [removeArgument(context.source, use.node, given)] })];
  }
  const named = textsOf(use, "do");
  if (given === undefined || named === undefined || named.length === 0) {
    const only = verbs.length === 1 && given !== undefined ? [replaceNode(context.source, given.value, `[${verbs[0]}]`)] : [];
    return [diagnose(context, { code: "ALLOW_VERB", at: given ?? use.node, message: `@allow on ${where} does not say what it allows.`, why: "An omitted verb must not mean all of them.", fix: `Add do with some of ${verbs.join(", ")}.`, edits: only })];
  }
  const items = given.value.kind === Kind.LIST ? given.value.values : [given.value];
  return items.filter((item) => item.kind === Kind.ENUM && !verbs.includes(item.value)).map((item) => diagnose(context, {
    code: "ALLOW_VERB", at: item, message: `${item.kind === Kind.ENUM ? item.value : ""} does not apply to ${where}.`, why: "A verb without a meaning here would be ignored.", fix: `Use some of ${verbs.join(", ")}.`,
    edits: items.length > 1 ? [removeItem(context.source, given.value as ConstListValueNode, item)] : [],
  }));
}
