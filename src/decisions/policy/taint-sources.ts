// Where text that nobody answers for gets into the prompts of a decision, as far as the schema tells: for `ambit check`. Refuses text that anybody may
// write and that is not marked.
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import type { AllowRule, Catalog, Field, InputField, Table, TypeRef } from "../../schema/catalog.ts";
import { isHidden } from "../context/kept-back.ts";
import { carries, mayHoldUntrusted } from "../context/taint.ts";
import type { CompiledDecision } from "./compiled-decision.ts";
import { placeOfField } from "./read-fields.ts";
import { isComputedOfUntrusted } from "./untrusted-reads.ts";

export interface TaintSummary {
  readonly decision: string;
  readonly untrusted: "always" | "sometimes" | "never";
  /** Ways on which it comes in: `input.reason`, `order.lines.note`, `earlier.note` of a tool. */
  readonly paths: readonly string[];
  /** Tools of which such a run may use none, and `offers`, if it may make none: it ends in the fallback. */
  readonly forbidden: readonly string[];
}

interface Source { readonly path: string; readonly isSure: boolean; readonly isMarked: boolean; /** Of a table, or an argument, in whose values it is. */ readonly field: Pick<InputField, "limits" | "position">; /** Where inside: `.story`. */ readonly within: string }

/** `all`: the decisions of the app, for what is asked of others. */
export function taintSummary(decision: CompiledDecision, all: ReadonlyMap<string, CompiledDecision>): TaintSummary {
  const own = textsOf(decision).filter(({ isMarked }) => isMarked);
  const asked = decision.declaration.mayAsk.filter(({ decision: name }) => {
    const other = all.get(name);
    return other !== undefined && taintSummary(other, all).untrusted !== "never";
  }).map(({ decision: name }) => name);
  const said = decision.declaration.negotiates === null ? [] : ["negotiation.message"];
  const paths = [...new Set([...own.map(({ path }) => path), ...rememberedFrom(decision, all), ...asked, ...said])];
  return { decision: decision.name, untrusted: own.some(({ isSure }) => isSure) ? "always" : paths.length > 0 ? "sometimes" : "never", paths, forbidden: paths.length > 0 ? forbiddenIn(decision) : [] };
}

function forbiddenIn({ calls, writes, declaration: { negotiates } }: CompiledDecision): string[] {
  const tools = [...calls.map(({ declaration, tool }) => ({ name: tool.name, ...declaration })), ...writes.map(({ declaration, name }) => ({ ...declaration, name }))];
  return [...tools.filter(({ taint }) => taint === "FORBID").map(({ name }) => name), ...(negotiates?.taint === "FORBID" ? ["offers"] : [])];
}

/** Facts that somebody may have left for whom nobody answers: their label stays with them. */
function rememberedFrom({ memories, catalog }: CompiledDecision, all: ReadonlyMap<string, CompiledDecision>): string[] {
  const tainted = new Set([...all.values()].filter((other) => textsOf(other).some(({ isMarked }) => isMarked)).flatMap((other) => other.memories.flatMap(({ declaration: { writes } }) => writes)));
  return memories.flatMap(({ declaration: { reads } }) => reads).filter((name) => {
    const fact = catalog.facts.get(name);
    return tainted.has(name) || (fact !== undefined && mayHoldUntrusted(fact.arguments.get("value")!, catalog)) || fact?.allow.some(({ to }) => to.includes("public")) === true;
  }).map((name) => `memory.${name}`);
}

/** UNMARKED_TEXT. */
export function unmarkedTexts(decision: CompiledDecision, book: ExpressionBook): Diagnostic[] {
  const { name, declaration, catalog } = decision;
  if (declaration.kind === "RULE" || declaration.acknowledged.some(({ rule }) => rule === null || rule === "UNMARKED_TEXT")) return [];
  const also = (field: string, table: Table): boolean => isAnybodys(table.fields.get(field)!, table);
  const written = new Map([...catalog.tables.values()].flatMap((table) => [...table.fields.values()].flatMap((field) => {
    const how = isAnybodys(field, table) ? "anybody may write" : isComputedOfUntrusted(field.name, table, { catalog, book, also }) ? "is computed from text that nobody answers for" : null;
    return how === null ? [] : [[placeOfField(field), { place: `${table.name}.${field.name}`, how }] as const];
  })));
  const found = new Map<string, { readonly path: string; readonly how: string }>();
  for (const { path, isMarked, field, within } of textsOf(decision)) {
    const text = isMarked ? undefined : written.get(placeOfField(field));
    const place = text === undefined ? null : `${text.place}${within}`;
    if (place !== null && !found.has(place)) found.set(place, { path, how: text!.how });
  }
  for (const fact of decision.memories.flatMap(({ declaration: { reads } }) => reads)) {
    for (const { path, within } of postedByAnybody(fact, decision)) found.set(`Facts.${fact}${within}`, { path, how: "anybody may write" });
  }
  return [...found].map(([place, { path, how }]) => ({
    code: "UNMARKED_TEXT", severity: "error", position: declaration.callable.position, message: `${name} shows a model ${place} (${path}), which ${how}, and which is not @untrusted.`,
    why: "Whoever writes it could tell the model what to do, and nothing would hold what the model then proposes.", fix: `Add @untrusted to ${place}, leave it out, or add @acknowledge(rule: "UNMARKED_TEXT", reason: "...").`, edits: [],
  }));
}

/** What nobody in particular posts is labelled so in any case. */
function postedByAnybody(name: string, decision: CompiledDecision): Source[] {
  const fact = decision.catalog.facts.get(name);
  const value = fact?.arguments.get("value");
  if (value === undefined || value.limits.untrusted || !fact!.allow.some(({ to }) => to.includes("authenticated"))) return [];
  return texts(new Map([[name, { ...value, name }]]), { path: "memory", isSure: false }, { decision, seen: new Set() }).filter(({ isMarked }) => !isMarked);
}

/** Every text that may come into a prompt, on the way that it takes. */
function textsOf(decision: CompiledDecision): Source[] {
  const { declaration: { callable }, contexts, reads, calls, catalog } = decision;
  const walking: Walking = { decision, seen: new Set() };
  return [
    ...texts(callable.arguments, { path: "input", isSure: true }, walking),
    ...contexts.flatMap(({ declaration: { name, required }, source }) => (source.kind === "query" ? texts(source.shape.row.fields, { path: name, isSure: source.query.id !== null && required }, walking) : [])),
    ...reads.flatMap(({ name, shape }) => texts(shape.row.fields, { path: name, isSure: false }, walking)),
    ...calls.flatMap(({ tool }) => texts(fieldsOf(tool.result, catalog), { path: tool.name, isSure: false }, walking)),
  ];
}

interface Walking { readonly decision: CompiledDecision; /** Types on the way. */ readonly seen: ReadonlySet<string> }
interface Way { readonly path: string; /** Wherever the decision runs, something is there. */ readonly isSure: boolean; /** Of a value inside another. */ readonly inside?: Pick<Source, "field" | "within"> }

function texts(fields: ReadonlyMap<string, InputField>, { path, isSure, inside }: Way, { decision, seen }: Walking): Source[] {
  return [...fields.values()].flatMap((field): Source[] => {
    if (isHidden(decision, field)) return [];
    const { name, type, limits } = field;
    const way = { path: `${path}.${name}`, isSure: isSure && type.required && !type.list };
    const at = inside === undefined ? { field, within: "" } : { ...inside, within: `${inside.within}.${name}` };
    if (carries(type)) return [{ ...way, isMarked: limits.untrusted, ...at }];
    if (seen.has(type.name)) return [];
    // Rows inside a row have fields of their own.
    return texts(fieldsOf(type, decision.catalog), type.name.startsWith("@") ? way : { ...way, inside: at }, { decision, seen: new Set([...seen, type.name]) });
  });
}

const NONE: ReadonlyMap<string, InputField> = new Map();

function fieldsOf({ kind, name }: TypeRef, { objects }: Catalog): ReadonlyMap<string, InputField> {
  return kind === "object" || kind === "input" ? objects.get(name)?.fields ?? NONE : NONE;
}

/** Who needs no role for it. */
const ANYBODY: readonly string[] = ["public", "authenticated"];

/** Text of a record that somebody without any role may bring. What code of the app writes for them nobody knows. */
function isAnybodys({ kind, type, readOnly, internal, fill, allow }: Field, table: Table): boolean {
  if (kind !== "stored" || !(carries(type) || type.kind === "object") || readOnly || internal || (fill !== null && !fill.kind.startsWith("default"))) return false;
  const verbs = (["CREATE", "UPDATE"] as const).filter((verb) => permits(table.allow, verb));
  return verbs.some((verb) => allow.length === 0 || permits(allow, verb));
}

function permits(rules: readonly AllowRule[], verb: "CREATE" | "UPDATE"): boolean {
  return rules.some(({ to, do: verbs }) => verbs.includes(verb) && to.some((role) => ANYBODY.includes(role)));
}
