// SECRET_LEAK: ways on which what is @secret would come before a model after all, or be told by the answers to its tries.
import type { Diagnostic, SourcePosition } from "../../base/diagnostic.ts";
import { someIn } from "../../expression/inspect.ts";
import type { Expression } from "../../expression/expression.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import type { Catalog, TypeRef } from "../../schema/catalog.ts";
import type { CompiledDecision } from "./compiled-decision.ts";
import { readsSecret } from "./read-fields.ts";

/** How often a model may repair what a bound over a secret refused. */
export const SECRET_REPAIRS_MAX = 1;

export function secretLeaks(decision: CompiledDecision, book: ExpressionBook): Diagnostic[] {
  const { name, declaration, catalog } = decision;
  const leak = (message: string, fix: string): Diagnostic => leakAt(declaration.callable.position, message, fix);
  const isOpenly = (expression: Expression | null): boolean => expression !== null && readsSecret(expression, decision);
  return [
    ...decision.contexts.flatMap(({ declaration: context, source }) => (source.kind === "extract" && isOpenly(source.from) ? [leak(`The context ${context.name} of ${name} reads a secret.`, "Extract from what is not secret.")] : [])),
    ...decision.contexts.flatMap(({ declaration: context, source }) => (source.kind === "extract" && hasSecret({ name: source.type }, catalog, new Set()) ? [leak(`What the context ${context.name} of ${name} reads out of text has secret fields.`, "A model reads it: remove @secret there.")] : [])),
    ...decision.reads.flatMap((read) => ([read.query.id, ...read.query.holes].some((hole) => hole?.kind === "value" && isOpenly(hole.expression)) ? [leak(`What ${read.name} of ${name} finds depends on a secret.`, "Compare with what is not secret.")] : [])),
    ...decision.memories.flatMap(({ about }) => (isOpenly(about) ? [leak(`Whom the memory of ${name} is about depends on a secret.`, "Name the record by what is not secret.")] : [])),
    ...decision.calls.flatMap(({ tool }) => (hasSecret(tool.result, catalog, new Set()) ? [leak(`The tool ${tool.name} of ${name} answers a type with secret fields.`, "Answer a type of its own.")] : [])),
    ...declaration.mayAsk.flatMap(({ decision: asked }) => (hasSecret(catalog.decisions.get(asked)!.callable.result, catalog, new Set()) ? [leak(`The decision ${asked}, which ${name} asks, answers a type with secret fields.`, "Answer a type of its own.")] : [])),
    ...decision.bounds.flatMap(({ declaration: bound, rule, of }) => {
      const isSafe = bound.soft || bound.else === "FALLBACK" || bound.else === "REFUSE" || declaration.repairs <= SECRET_REPAIRS_MAX;
      return !isSafe && (isOpenly(rule) || isOpenly(of)) ? [leak(`The bound ${bound.name} of ${name} is over a secret, and a model may try ${declaration.repairs + 1} times.`, "Use else: FALLBACK or REFUSE, or repairs: 1.")] : [];
    }),
    ...computedLeaks(catalog, book),
  ];
}

function leakAt(position: SourcePosition, message: string, fix: string): Diagnostic {
  return { code: "SECRET_LEAK", severity: "error", position, message, why: "What is @secret never enters a request to a model, and is not guessed by trying.", fix, edits: [] };
}

function hasSecret({ name }: Pick<TypeRef, "name">, catalog: Catalog, seen: Set<string>): boolean {
  if (seen.has(name)) return false;
  seen.add(name);
  const fields = catalog.objects.get(name)?.fields ?? catalog.tables.get(name)?.fields;
  return fields !== undefined && [...fields.values()].some(({ limits, type }) => limits.secret || hasSecret(type, catalog, seen));
}

/** @computed over a secret that is not secret itself. */
function computedLeaks(catalog: Catalog, book: ExpressionBook): Diagnostic[] {
  return [...catalog.tables.values()].flatMap((table) => [...table.fields.values()].flatMap((field) => {
    const expression = field.kind === "computed" && !field.limits.secret ? book.computed(table.name, field.name) : null;
    if (expression === null || !someIn(expression, (part) => part.op === "field" && fieldIsSecret(part, catalog))) return [];
    return [leakAt(field.position, `${table.name}.${field.name} is computed from a secret and is not secret.`, "Add @secret to it.")];
  }));
}

function fieldIsSecret({ table, path, field }: Extract<Expression, { op: "field" }>, catalog: Catalog): boolean {
  let at = catalog.tables.get(table);
  for (const step of path) at = catalog.tables.get(at?.fields.get(step)?.type.name ?? "");
  return at?.fields.get(field)?.limits.secret === true;
}
