// UNKNOWN_NAME, a warning: a role that is used once and is nearly one that is used more often, or public or authenticated.
// Roles are declared nowhere, so a misspelt one would silently allow nobody. `decision:NAME` is, and an error where there is no such decision.
import type { ConstValueNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import { didYouMean, type Diagnostic } from "../../base/diagnostic.ts";
import { diagnose, unknownName, type CompileContext } from "../compile-context.ts";
import { grantsOf } from "../build-table.ts";
import { argumentNode, usesOf, type DirectiveHolder } from "../declarations.ts";
import { replaceNode } from "../schema-edits.ts";
import { decisionFields } from "./decision-sources.ts";

const BUILT_IN: readonly string[] = ["public", "authenticated"];
/** Shorter names are near to each other by chance. */
const LENGTH_MIN = 4;

export function roleSpelling(context: CompileContext): Diagnostic[] {
  const holders: readonly DirectiveHolder[] = [...context.types, ...context.fields];
  const granted = new Set(context.tables.flatMap((table) => grantsOf(table, context)?.roles ?? []).map((role) => role.toLowerCase()));
  const written = holders.flatMap((holder) => usesOf(holder, "allow")).filter((use) => argumentNode(use, "on") === undefined).flatMap((use) => {
    const value = argumentNode(use, "to")?.value;
    return (value === undefined ? [] : value.kind === Kind.LIST ? value.values : [value]).filter(isText);
  });
  const isDecision = ({ value }: { readonly value: string }): boolean => value.startsWith(DECISION);
  const nodes = written.filter((node) => !isDecision(node));
  const counts = new Map<string, number>();
  for (const node of nodes) counts.set(node.value, (counts.get(node.value) ?? 0) + 1);
  return [...unknownDecisions(written.filter(isDecision), context), ...nodes.filter((node) => counts.get(node.value) === 1 && node.value.length >= LENGTH_MIN && !BUILT_IN.includes(node.value) && !granted.has(node.value)).flatMap((node) => {
    const others = [...BUILT_IN, ...[...counts].filter(([role, count]) => count > 1 && role.length >= LENGTH_MIN).map(([role]) => role)];
    const near = didYouMean(node.value, others);
    if (near === null) return [];
    return [diagnose(context, {
      code: "UNKNOWN_NAME", severity: "warning", at: node, message: `The role ${node.value} is used here only; ${near} is nearly the same.`, why: "A misspelt role allows nobody.", fix: `Did you mean ${near}?`,
      edits: [replaceNode(context.source, node, JSON.stringify(near))],
    })];
  })];
}

/** Of a decision that acts under its own name. */
const DECISION = "decision:";

function unknownDecisions(nodes: readonly Extract<ConstValueNode, { kind: Kind.STRING }>[], context: CompileContext): Diagnostic[] {
  const candidates = decisionFields(context).map(({ name }) => `${DECISION}${name}`);
  return nodes.filter(({ value }) => !candidates.includes(value)).map((node) => unknownName(context, { at: node, name: node.value, label: node.value, candidates, place: "@allow(to)" }));
}

function isText(node: ConstValueNode): node is Extract<ConstValueNode, { kind: Kind.STRING }> {
  return node.kind === Kind.STRING;
}
