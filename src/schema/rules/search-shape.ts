// SEARCH_SHAPE, UNKNOWN_NAME: @search names text, its own or through relations, and a weight for each or for none.
import { Kind } from "graphql/language/kinds";
import { didYouMean, type Diagnostic } from "../../base/diagnostic.ts";
import { diagnose, unknownName, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, textsOf, useOf, type DeclaredField, type DeclaredType, type DirectiveUse } from "../declarations.ts";
import { followRelations } from "../resolve-path.ts";
import { removeArgument } from "../schema-edits.ts";
import type { Located } from "../source-text.ts";

const PATH_MAX = 3;

/** Beyond it the other fields would not count at all. */
const WEIGHT_MAX = 1_000;

export function searchShape(context: CompileContext): Diagnostic[] {
  return context.tables.flatMap((table) => {
    const use = useOf(table, "search");
    if (use === undefined || use.values === null) return [];
    const node = argumentNode(use, "fields")?.value;
    const items = node === undefined ? [] : node.kind === Kind.LIST ? node.values : [node];
    return [...checkWeights(use, context), ...items.flatMap((item) => (item.kind === Kind.STRING ? checkPath(table, item, context) : []))];
  });
}

function checkWeights(use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const fields = textsOf(use, "fields") ?? [];
  const given = argumentNode(use, "weights");
  const weights = use.values?.["weights"];
  const problem = (message: string, fix: string): Diagnostic[] => [diagnose(context, { code: "SEARCH_SHAPE", at: given?.value ?? use.node, message, why: "The weights say how much a hit in each field counts.", fix, edits: given === undefined ? [] : [removeArgument(context.source, use.node, given)] })];
  if (fields.length === 0) return problem("@search names no fields.", "Name text fields.");
  if (!Array.isArray(weights)) return [];
  if (weights.length !== fields.length) return problem(`@search has ${fields.length} fields and ${weights.length} weights.`, "Give one weight for each field, or none.");
  return weights.every((weight) => typeof weight === "number" && weight > 0 && weight <= WEIGHT_MAX) ? [] : problem(`A weight of @search is not above zero and at most ${WEIGHT_MAX}.`, "Use small numbers above zero.");
}

function checkPath(table: DeclaredType, item: Located & { readonly value: string }, context: CompileContext): Diagnostic[] {
  const steps = item.value.split(".");
  const last = steps.pop() ?? "";
  const refuse = (message: string, fix: string): Diagnostic[] => [diagnose(context, { code: "SEARCH_SHAPE", at: item, message, why: "A search looks for words in text.", fix })];
  if (steps.length > PATH_MAX) return refuse(`The path ${item.value} has ${steps.length} relations.`, `Use at most ${PATH_MAX}.`);
  const end = followRelations(table, steps, context.byName);
  if (end.kind === "stopped") {
    if (end.field === null) return unknownStep({ item, step: end.step, candidates: end.table.fields.filter((field) => field.kind === "relation") }, context);
    return end.field.type === null || end.field.kind === "relation" ? [] : refuse(`${end.table.name}.${end.step} is no relation.`, "A path goes through relations, joined by dots.");
  }
  const field = fieldNamed(end.table, last);
  if (field === undefined) return unknownStep({ item, step: last, candidates: end.table.fields.filter(isText) }, context);
  return field.type === null || isText(field) ? [] : refuse(`${end.table.name}.${last} is no stored text.`, "Name fields of type String.");
}

function unknownStep(unknown: { item: Located & { readonly value: string }; step: string; candidates: readonly DeclaredField[] }, context: CompileContext): Diagnostic[] {
  const { item, step, candidates } = unknown;
  const near = didYouMean(step, candidates.map((field) => field.name));
  const paths = near === null ? candidates.map((field) => field.name) : [item.value.split(".").map((part) => (part === step ? near : part)).join(".")];
  return [unknownName(context, { at: item, name: item.value, label: `the path ${item.value}`, candidates: paths, place: "@search" })];
}

function isText(field: DeclaredField): boolean {
  return field.kind === "stored" && field.type !== null && field.type.name === "String" && !field.type.list;
}
