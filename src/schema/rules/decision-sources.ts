// FALLBACK_SOURCE, CONTEXT_SOURCE, POLICY_SOURCE, BOUND_SHAPE: each part of a decision has the one source that it needs, and no other.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, isSet, textOf, useOf, usesOf, type DeclaredField, type DirectiveUse } from "../declarations.ts";
import { insertFieldDirective, removeArgument } from "../schema-edits.ts";

export function decisionSources(context: CompileContext): Diagnostic[] {
  return decisionFields(context).flatMap((field) => [
    ...checkDecision(field, context), ...checkFallback(field, context), ...checkPolicy(field, context),
    ...usesOf(field, "context").flatMap((use) => checkContext(use, context)), ...usesOf(field, "bound").flatMap((use) => checkBound(use, field, context)), ...usesOf(field, "budget").flatMap((use) => checkBudget(use, field, context)),
  ]);
}

/** Fields of `type Decisions`. */
export function decisionFields(context: CompileContext): DeclaredField[] {
  return context.types.filter(({ kind }) => kind === "decisions").flatMap(({ fields }) => fields);
}

function checkDecision(field: DeclaredField, context: CompileContext): Diagnostic[] {
  if (useOf(field, "decision") !== undefined || field.node.kind !== "FieldDefinition") return [];
  return [diagnose(context, {
    code: "FIELD_KIND", at: field.node.name, message: `${describeField(field)} does not say @decision.`, why: "What is decided, and how, is declared there.", fix: "Add @decision.",
    edits: [insertFieldDirective(context.source, field.node, "@decision")],
  })];
}

function checkFallback(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const uses = usesOf(field, "fallback");
  const [use] = uses;
  const why = "A decision answers also where no model does, and then in one known way.";
  if (use === undefined) return [diagnose(context, { code: "FALLBACK_SOURCE", at: field.node.name, message: `${describeField(field)} has no @fallback.`, why, fix: "Add @fallback(value: ...), (call: ...), (table: ...) or (own: true)." })];
  if (use.values === null) return [];
  const given = ["call", "table", "value"].filter((name) => argumentNode(use, name) !== undefined).length + (isSet(use, "own") ? 1 : 0);
  const own = isSet(use, "own") ? field.arguments.find(({ name }) => name === "own") : undefined;
  if (own !== undefined) return [diagnose(context, { code: "DUPLICATE_NAME", at: own.node, message: `${describeField(field)} has an argument own, by which its callers send their own answer.`, why: "One name would stand for two things.", fix: "Rename the argument." })];
  if (given === 1) return [];
  return [diagnose(context, { code: "FALLBACK_SOURCE", at: use.node, message: `@fallback of ${describeField(field)} has ${given === 0 ? "no" : "more than one"} source.`, why, fix: "Give exactly one of call, table, value and own: true." })];
}

function checkPolicy(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const use = useOf(field, "decision");
  if (use === undefined || use.values === null) return [];
  const file = argumentNode(use, "policyFile");
  const hasText = (field.node.description?.value ?? "").trim() !== "";
  const isRule = use.values["kind"] === "RULE";
  const report = (message: string, fix: string, edits: Diagnostic["edits"] = []): Diagnostic[] => [diagnose(context, { code: "POLICY_SOURCE", at: file ?? field.node.name, message, why: "The policy is the body of the decision: there is one, and a model carries it out.", fix, edits })];
  if (isRule && file !== undefined) return report(`${describeField(field)} is a RULE and names a policy.`, "Remove policyFile: no model reads it.", [removeArgument(context.source, use.node, file)]);
  if (isRule && hasText) return [diagnose(context, { code: "POLICY_SOURCE", at: field.node.description!, message: `${describeField(field)} is a RULE and has a policy.`, why: "No model reads it: the fallback is the body of the rule.", fix: "Remove the docstring, or say what the rule does in a comment: # ..." })];
  if (isRule) return [];
  if (hasText && file !== undefined) return report(`${describeField(field)} has a policy in its docstring and another in a file.`, "Keep one of them.", [removeArgument(context.source, use.node, file)]);
  return hasText || file !== undefined ? [] : report(`${describeField(field)} has no policy.`, 'Write it above the field, between """ and """, or name a policyFile.');
}

function checkContext(use: DirectiveUse, context: CompileContext): Diagnostic[] {
  if (use.values === null) return [];
  const [query, from, extract] = ["query", "from", "extract"].map((name) => argumentNode(use, name));
  const why = "A context is an answer of the app's data, or what a quarantined call reads out of text.";
  const report = (message: string, fix: string): Diagnostic[] => [diagnose(context, { code: "CONTEXT_SOURCE", at: use.node, message: `The context ${textOf(use, "name")} ${message}`, why, fix })];
  if (query !== undefined && from !== undefined) return report("has both query and from.", "Make two contexts of it.");
  if (query === undefined && from === undefined) return report("has no source.", "Give query, or from with extract.");
  if (from !== undefined && extract === undefined) return report("reads text without saying what for.", "Add extract: the type of what is read out of it.");
  return from === undefined && extract !== undefined ? report("extracts from a query.", "Name the text by from.") : [];
}

function checkBound(use: DirectiveUse, field: DeclaredField, context: CompileContext): Diagnostic[] {
  if (use.values === null) return [];
  const { else: otherwise, at } = use.values;
  const [to, of, per] = ["to", "of", "per"].map((name) => argumentNode(use, name));
  const report = (message: string, fix: string, edits: Diagnostic["edits"] = []): Diagnostic[] => [diagnose(context, { code: "BOUND_SHAPE", at: use.node, message: `The bound ${textOf(use, "name")} ${message}`, why: "What has no effect there is refused.", fix, edits })];
  if (otherwise === "CLAMP" && to === undefined) return report("clamps to nothing.", "Add to: the fields of the output as they then are.");
  if (otherwise !== "CLAMP" && to !== undefined) return report("has to, and does not clamp.", "Add else: CLAMP, or remove to.", [removeArgument(context.source, use.node, to)]);
  if (at === "TOTAL" && (of === undefined || per === undefined)) return report("is about a total without saying of what.", "Give of and per.");
  if (otherwise === "CLAMP" && (at === "INPUT" || at === "CALL")) return report(`clamps at ${at}, where there is no answer yet.`, "Choose another else, or a later at.");
  const scope = at === "TOTAL" ? use.values["per"] : undefined;
  if (scope === "NEGOTIATION" && useOf(field, "negotiates") === undefined) return report("sums up for each negotiation, and the decision makes no offers.", "Add @negotiates, or choose another per.");
  if (scope === "SUBJECT_DAY" && !hasSubject(field)) return report("sums up for each subject, and the decision has none.", "Add @decision(subject: ...), or choose another per.");
  const stray = at === "TOTAL" ? undefined : of ?? per;
  return stray === undefined ? [] : report(`has ${stray.name.value}, and is not at TOTAL.`, "Add at: TOTAL, or remove it.", [removeArgument(context.source, use.node, stray)]);
}

function checkBudget(use: DirectiveUse, field: DeclaredField, context: CompileContext): Diagnostic[] {
  const per = argumentNode(use, "per");
  if (use.values?.["per"] !== "SUBJECT_DAY" || per === undefined || hasSubject(field)) return [];
  return [diagnose(context, { code: "ARGUMENT_VALUE", at: per.value, message: `@budget(per: SUBJECT_DAY) of ${describeField(field)} is for each subject, and the decision has none.`, why: "Nothing would be counted for anybody.", fix: "Add @decision(subject: ...), or choose another per." })];
}

function hasSubject(field: DeclaredField): boolean {
  const use = useOf(field, "decision");
  return use !== undefined && argumentNode(use, "subject") !== undefined;
}
