// FALLBACK_BOUND, FALLBACK_ANSWER, as warnings: a fallback is asked about inputs that are made up, twice about each. What it answers against a bound is
// told with the case; at run time the bound decides anyway. The same seed each time, so that a check says the same again.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { seededRandom } from "../../base/random.ts";
import type { Json, RecordValues, Value } from "../../base/value.ts";
import type { Expression } from "../../expression/expression.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import { partsOf, someIn } from "../../expression/inspect.ts";
import type { AppFunction } from "../../resources/app-code.ts";
import { coerceFields, noLimits } from "../../schema/coerce-value.ts";
import { inputsOf } from "../../schema/page-arguments.ts";
import { fromWireValue, toWireValue } from "../../schema/wire-value.ts";
import { valueOf, violations, type Variables } from "../bounds/judge.ts";
import { gatherFrom, type Gathered } from "../context/gather.ts";
import { memValues } from "../memory/recall.ts";
import { fallbackAnswer } from "../run/fallback.ts";
import type { CompiledBound, CompiledContext, CompiledDecision } from "./compiled-decision.ts";
import { runValue } from "./decision-values.ts";
import { madeUp, madeUpFields, type MadeUp } from "./made-up-values.ts";

const TRIES = 200;
const SEED = 1;
const NOW = "2026-01-01T00:00:00.000Z";
const SHOWN_MAX = 60;
/** Nothing of these is made up. */
const UNKNOWN: readonly string[] = ["auth", "effects", "negotiation", "after", "total"];

export interface TryParts { readonly fallbacks: ReadonlyMap<string, AppFunction>; readonly book: ExpressionBook }

export function tryFallback(decision: CompiledDecision, parts: TryParts): Diagnostic[] {
  const { declaration, declaration: { fallback, callable }, bounds, name } = decision;
  if (fallback === null || fallback.kind === "own") return [];
  const random = seededRandom(SEED);
  const found = new Map<string, Diagnostic>();
  const warn = (code: "FALLBACK_BOUND" | "FALLBACK_ANSWER", message: string, fix: string): Diagnostic => ({ code, severity: "warning", position: callable.position, message, why: "Where no model decides such a run is refused, or answered by chance.", fix, edits: [] });
  const judged = bounds.filter(({ declaration: { at, soft, else: otherwise }, rule }) => !soft && otherwise !== "CLAMP" && (at === "OUTPUT" || at === "COMMIT") && !UNKNOWN.some((root) => names(rule, root)));
  for (let count = 0; count < TRIES; count++) {
    const tried = madeUpCase(decision, { catalog: decision.catalog, random, nowMs: Date.parse(NOW), isSent: false }, parts.book);
    if (tried === null) continue;
    const { gathered: { variables } } = tried;
    const [first, second] = [answerTo(tried, decision, parts), answerTo(tried, decision, parts)];
    if (first === undefined || second === undefined) {
      if (!found.has("none")) found.set("none", warn("FALLBACK_ANSWER", `The fallback of ${name} gives no answer of its type where ${shownInput(tried)}.`, "Answer every input: it must not throw, wait or change what it is given."));
      continue;
    }
    if (first.text !== second.text && !found.has("other")) found.set("other", warn("FALLBACK_ANSWER", `The fallback of ${name} answers ${cut(first.text)}, and then ${cut(second.text)}, where ${shownInput(tried)}.`, "Take nothing but the input and the contexts: no time, no chance, no memory of its own."));
    const outcome: Variables = { ...variables, out: first.output, run: runValue(false), mem: memValues(decision, []) };
    for (const bound of violations({ bounds: judged, variables: outcome, now: NOW, book: parts.book }, "OUTPUT", "COMMIT")) {
      const key = `bound ${bound.declaration.name}`;
      if (!found.has(key)) found.set(key, warn("FALLBACK_BOUND", `The fallback of ${name} breaks its bound ${bound.declaration.name} where ${shownCase(bound, outcome, parts.book)}.`, "Answer what the bound allows, declare what cannot be (@range, @check at the fields), or change the bound."));
    }
  }
  return [...found.values()].filter(({ code }) => !declaration.acknowledged.some(({ rule }) => rule === null || rule === code));
}

interface Tried { readonly input: RecordValues; readonly gathered: Gathered; readonly wire: Json }

/** Null: such a question is refused before anybody answers. */
function madeUpCase(decision: CompiledDecision, made: MadeUp, book: ExpressionBook): Tried | null {
  const { declaration: { callable }, catalog, contexts } = decision;
  const wire = madeUpFields(callable.arguments, { ...made, isSent: true });
  const input = coerceFields(wire, inputsOf(callable), { catalog, dialect: "wire", path: "" }, []);
  if (input === undefined) return null;
  const extracted = Object.fromEntries(contexts.flatMap(({ declaration: { name }, source }) => (source.kind === "extract" ? [[name, extractedValue(source.type, made, catalog)]] : [])));
  const gathered = gatherFrom({ decision, input }, { auth: null, now: NOW, extracted, rowsOf: (context, variables) => rowsOf(context, variables, made, book), memoryOf: () => [] });
  if (gathered.missing !== null || gathered.overflow !== null) return null;
  const isDenied = violations({ bounds: decision.bounds, variables: gathered.variables, now: NOW, book }, "INPUT").length > 0;
  return isDenied ? null : { input, gathered, wire };
}

function extractedValue(name: string, made: MadeUp, catalog: CompiledDecision["catalog"]): Value {
  const type = { kind: "object", name, list: false, required: false, itemRequired: false } as const;
  const json = madeUp({ type, limits: noLimits }, made);
  return json === null ? null : fromWireValue(json, type, catalog);
}

/** A record has the id that the query names. */
function rowsOf({ declaration: { required, maxRows }, source }: CompiledContext, variables: Gathered["variables"], made: MadeUp, book: ExpressionBook): Gathered["rows"][string] {
  if (source.kind !== "query") return [];
  const { shape: { row }, query: { id, table } } = source;
  if (id === null) return Array.from({ length: Math.min(maxRows, Math.floor(made.random.next() * 4)) }, () => madeUpFields(row.fields, made));
  if (!required && made.random.next() < 0.25) return [];
  const key = id.kind === "value" ? valueOf(id.expression, { variables, now: NOW, book }) : undefined;
  const one = madeUpFields(row.fields, made);
  const field = row.fields.get(table.primaryKey);
  if (field !== undefined && key !== undefined && key !== null) one[table.primaryKey] = toWireValue(key, field.type, made.catalog as CompiledDecision["catalog"]);
  return [one];
}

/** Undefined: none, or none of its type. */
function answerTo({ input, gathered }: Tried, decision: CompiledDecision, { fallbacks, book }: TryParts): { readonly output: Value; readonly text: string } | undefined {
  // How long it takes is the machine's business.
  const { output } = fallbackAnswer(decision, { input, own: undefined, gathered }, { fallbacks, book, clock: null });
  const { callable: { result } } = decision.declaration;
  return output === undefined ? undefined : { output, text: JSON.stringify(toWireValue(output, { ...result, required: false }, decision.catalog)) };
}

function names(rule: Expression, root: string): boolean {
  return someIn(rule, (part) => part.op === "variable" && part.root === root);
}

/** What the bound names, each once. */
function shownCase({ rule }: CompiledBound, variables: Variables, book: ExpressionBook): string {
  const shown = new Map<string, string>();
  const visit = (part: Expression): void => {
    if (part.op !== "variable") return partsOf(part).forEach(visit);
    const value = part.root in variables ? valueOf(part, { variables, now: NOW, book }) : undefined;
    if (value !== undefined) shown.set([part.root, ...part.path].join("."), cut(JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? String(item) : item))));
  };
  visit(rule);
  return [...shown].map(([name, value]) => `${name} is ${value}`).join(", ");
}

function shownInput({ wire }: Tried): string {
  return `the input is ${cut(JSON.stringify(wire))}`;
}

function cut(text: string): string {
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}...`;
}
