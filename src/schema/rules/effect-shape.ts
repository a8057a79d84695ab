// CEL_TYPE, ARGUMENT_VALUE: what an effect is called with is there, comes from one side alone, and is an expression where the runtime fills it in.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { effectTarget } from "../build-decision.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, textOf, textsOf, useOf, usesOf, type DeclaredField, type DirectiveUse } from "../declarations.ts";
import type { Located } from "../source-text.ts";
import { decisionFields } from "./decision-sources.ts";

export function effectShape(context: CompileContext): Diagnostic[] {
  return decisionFields(context).flatMap((field) => ["mayWrite", "effect"].flatMap((directive) => usesOf(field, directive).filter(({ values }) => values !== null).flatMap((use) => [...checkSet(use, context), ...checkNeeds(use, field, context)])));
}

function checkSet(use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const set = argumentNode(use, "set")?.value;
  if (set === undefined || set.kind === "NullValue") return [];
  const noMap = (at: Located, message: string): Diagnostic => diagnose(context, { code: "CEL_TYPE", at, message, why: "The runtime fills these fields in from the accepted output.", fix: 'Write { field: "CEL" }; a text is "\'text\'".' });
  if (set.kind !== "ObjectValue") return [noMap(set, `@${use.name}(set) is no map of fields.`)];
  const supplied = textsOf(use, "fields") ?? [];
  return set.fields.flatMap(({ name, value }) => [
    ...(value.kind === "StringValue" ? [] : [noMap(value, `@${use.name}(set): ${name.value} is no expression.`)]),
    ...(supplied.includes(name.value) ? [diagnose(context, { code: "ARGUMENT_VALUE", at: name, message: `${name.value} is in fields and in set of one @${use.name}.`, why: "A field comes from the model or from the runtime: what the model said there would be lost.", fix: "Keep it in one of them." })] : []),
  ]);
}

function checkNeeds(use: DirectiveUse, field: DeclaredField, context: CompileContext): Diagnostic[] {
  const operation = textOf(use, "operation") ?? "";
  const set = argumentNode(use, "set")?.value;
  const given = [...(textsOf(use, "fields") ?? []), ...(set?.kind === "ObjectValue" ? set.fields.map(({ name }) => name.value) : [])];
  return neededBy(operation, context).filter((name) => !given.includes(name)).map((name) => diagnose(context, {
    code: "ARGUMENT_VALUE", at: use.node, message: `@${use.name} of ${describeField(field)} says nothing of ${name}, which ${operation} needs.`, why: "Every answer would fall back when its effects are applied.",
    fix: `Name ${name} in set${use.name === "mayWrite" ? ", or in fields where the model supplies it" : ""}.`,
  }));
}

/** Of what the schema alone tells: code of the app may fill the rest. */
function neededBy(operation: string, context: CompileContext): readonly string[] {
  const target = effectTarget(operation);
  const table = context.byName.get(target?.table ?? "");
  if (target === null || table?.kind !== "table") return [];
  switch (target.verb) {
    case "create": return [];
    case "update": case "delete": return ["id"];
    case "increment": return ["id", "field", "by"];
    default: {
      const action = fieldNamed(table, target.verb);
      if (action?.kind !== "action") return [];
      const required = action.arguments.filter(({ type, node }) => type?.required === true && node.kind === "InputValueDefinition" && node.defaultValue === undefined).map(({ name }) => name);
      return [...(useOf(action, "action")?.values?.["on"] === "TABLE" ? [] : ["id"]), ...required];
    }
  }
}
