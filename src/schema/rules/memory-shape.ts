// UNKNOWN_NAME, TYPE_SHAPE, ARGUMENT_VALUE: what memory may hold is declared in type Facts, and each decision says which of it.
import { Kind } from "graphql/language/kinds";
import type { ConstValueNode } from "graphql";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, unknownName, type CompileContext } from "../compile-context.ts";
import { argumentNode, innermostName, numberOf, textsOf, usesOf, type DeclaredField, type DirectiveUse } from "../declarations.ts";
import { decisionFields } from "./decision-sources.ts";

/** In expressions `mem.unverified` is what nobody answers for. */
const UNVERIFIED = "unverified";
/** A model's view of memory, in tokens; more than that is no memory but a file. */
const TOKENS_MAX = 100_000;

export function memoryShape(context: CompileContext): Diagnostic[] {
  return [...factFields(context).flatMap((field) => checkFact(field, context)), ...decisionFields(context).flatMap((field) => checkMemories(field, context))];
}

function factFields(context: CompileContext): DeclaredField[] {
  return context.types.filter(({ kind }) => kind === "facts").flatMap(({ fields }) => fields);
}

function checkFact(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const shape = (message: string, why: string, fix: string): Diagnostic[] => [diagnose(context, { code: "TYPE_SHAPE", at: innermostName(field.node.type), message: `${describeField(field)} ${message}`, why, fix })];
  if (field.name === UNVERIFIED) return [diagnose(context, { code: "RESERVED_NAME", at: field.node.name, message: `A fact cannot be called ${field.name}.`, why: "In expressions mem.unverified holds what nobody answers for.", fix: "Choose another name." })];
  if (field.type === null) return [];
  if (field.type.required) return shape("is required.", "A fact is known or not: of most records most facts are not.", "Remove the exclamation mark.");
  if (["Blob", "Vector", "Bytes"].includes(field.type.name)) return shape(`has the type ${field.type.name}.`, "A model reads facts, and expressions compare them.", "Use text, a number, a date, an enum or an object.");
  return [];
}

function checkMemories(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const seen = new Set<string>();
  return usesOf(field, "memory").flatMap((use) => {
    if (use.values === null) return [];
    const report = (message: string, why: string, fix: string): Diagnostic => diagnose(context, { code: "ARGUMENT_VALUE", at: use.node, message, why, fix });
    const found = ["reads", "writes"].flatMap((argument) => checkPredicates(use, argument, context));
    const [reads, writes] = [textsOf(use, "reads") ?? [], textsOf(use, "writes") ?? []];
    if (reads.length + writes.length === 0) found.push(report(`@memory of ${describeField(field)} neither reads nor writes.`, "What has no effect is refused.", "Name predicates of type Facts in reads or writes."));
    const tokens = numberOf(use, "maxTokens") ?? 800;
    if (tokens < 1 || tokens > TOKENS_MAX) found.push(report(`@memory(maxTokens) is ${tokens}.`, "It bounds what a model is shown.", `Use a number between 1 and ${TOKENS_MAX}.`));
    // In expressions a predicate has one value.
    for (const name of reads) {
      if (seen.has(name)) found.push(report(`${describeField(field)} reads ${name} twice.`, "In expressions mem has one value of each name.", "Read it of one record, or declare another predicate."));
      seen.add(name);
    }
    return found;
  });
}

function checkPredicates(use: DirectiveUse, argument: string, context: CompileContext): Diagnostic[] {
  const value: ConstValueNode | undefined = argumentNode(use, argument)?.value;
  const nodes = value === undefined ? [] : value.kind === Kind.LIST ? value.values : [value];
  const known = factFields(context).map(({ name }) => name);
  return nodes.flatMap((node) => (node.kind !== Kind.STRING || known.includes(node.value) ? [] : [unknownName(context, { at: node, name: node.value, label: `the fact ${node.value}`, candidates: known, place: `@memory(${argument})` })]));
}
