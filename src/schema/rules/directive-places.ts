// DIRECTIVE_PLACE: each directive stands where it has a meaning, and only once unless repeatable. Finer than SDL's locations.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import type { DeclaredField, DeclaredType, DirectiveUse } from "../declarations.ts";
import { removeNode } from "../schema-edits.ts";
import { placesOf, type Place } from "../directive-places.ts";

export function directivePlaces(context: CompileContext): Diagnostic[] {
  return [
    ...context.types.flatMap((type) => checkUses(type.uses, { place: placeOfType(type), where: describeType(type) }, context)),
    ...context.fields.flatMap((field) => checkUses(field.uses, { place: placeOfField(field), where: describeField(field) }, context)),
    ...context.types.flatMap((type) => type.values).flatMap((value) => (value.directives ?? []).filter((node) => context.language.directives.has(node.name.value)).map((node) => diagnose(context, {
      code: "DIRECTIVE_PLACE", at: node, message: `@${node.name.value} does not belong on an enum value.`, why: "It would have no effect here.", fix: "Remove it.", edits: [removeNode(context.source, node)],
    }))),
  ];
}

function checkUses(uses: readonly DirectiveUse[], holder: { place: Place; where: string }, context: CompileContext): Diagnostic[] {
  const seen = new Set<string>();
  return uses.flatMap((use) => {
    if (use.definition === null) return [];
    const allowed = placesOf.get(use.name) ?? [];
    const repeatedUse = seen.has(use.name) && !use.definition.isRepeatable;
    seen.add(use.name);
    if (allowed.includes(holder.place) && !repeatedUse) return [];
    return [diagnose(context, {
      code: "DIRECTIVE_PLACE",
      at: use.node,
      message: repeatedUse ? `@${use.name} stands twice on ${holder.where}.` : `@${use.name} does not belong on ${holder.where}, ${placeNames[holder.place]}.`,
      why: repeatedUse ? "Only one of them could hold." : "It would have no effect here.",
      fix: repeatedUse ? "Keep one of them." : allowed.length === 0 ? "Remove it." : `Remove it; it belongs on ${joinWithOr(allowed.map((place) => placeNames[place]))}.`,
      edits: [removeNode(context.source, use.node)],
    })];
  });
}

function joinWithOr(places: readonly string[]): string {
  return places.length < 2 ? places.join("") : `${places.slice(0, -1).join(", ")} or ${places[places.length - 1]}`;
}

function describeType(type: DeclaredType): string {
  return `the type ${type.name}`;
}

function placeOfType(type: DeclaredType): Place {
  switch (type.kind) {
    case "table": return "table";
    case "channel": return "channel";
    case "nested": return "nested-type";
    default: return "other-type";
  }
}

function placeOfField(field: DeclaredField): Place {
  switch (field.kind) {
    case "stored": return "stored-field";
    case "computed": return "computed-field";
    case "relation": return "relation";
    case "action": return "action";
    case "argument": return "argument";
    case "callable": return field.owner.kind === "endpoints" ? "endpoint" : field.owner.kind === "jobs" ? "job" : field.owner.kind === "decisions" ? "decision" : "tool";
    case "member": return placeOfMember(field.owner);
  }
}

function placeOfMember(owner: DeclaredType): Place {
  switch (owner.kind) {
    case "channel": return "channel-field";
    case "input": return "input-field";
    case "interface": return "interface-field";
    case "facts": return "fact";
    default: return "nested-field";
  }
}

const placeNames: Readonly<Record<Place, string>> = {
  "table": "a table", "channel": "a channel", "nested-type": "a nested object type", "other-type": "no table, channel or object type",
  "stored-field": "a stored field of a table", "computed-field": "a computed field", "relation": "a relation", "action": "an action",
  "endpoint": "an endpoint", "job": "a job", "decision": "a decision", "tool": "a tool", "fact": "a fact",
  "channel-field": "a field of a channel", "input-field": "a field of an input", "interface-field": "a field of an interface", "nested-field": "a field of a nested object", "argument": "an argument",
};
