// The answer that a decision gives where no model does: a value of the schema, the caller's own, or a pure function of the app. Synchronous, over
// frozen values; what it throws, promises or answers in another shape is no answer.
import type { RecordValues, Value } from "../../base/value.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import { coerceValue, noLimits, type Issue } from "../../schema/coerce-value.ts";
import type { AppFunction } from "../../resources/app-code.ts";
import { ownCopy } from "../../resources/own-copy.ts";
import type { Clock } from "../../base/clock.ts";
import type { Gathered } from "../context/gather.ts";
import { memValues } from "../memory/recall.ts";
import { valueOf } from "../bounds/judge.ts";
import { tableAnswer } from "../policy/decision-table.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import type { FallbackAnswer } from "./commit-run.ts";

export interface FallbackParts {
  readonly fallbacks: ReadonlyMap<string, AppFunction>;
  /** Null: it was in time, or is only tried; how long it takes here does not count. */
  readonly clock: Clock | null;
  readonly book: ExpressionBook;
}

const TIME_MS = 50;

export function fallbackAnswer(decision: CompiledDecision, given: { readonly input: RecordValues; readonly own: Value | undefined; readonly gathered: Gathered }, parts: FallbackParts): FallbackAnswer {
  const { fallback } = decision.declaration;
  switch (fallback?.kind) {
    case "value": return { output: fallback.value, source: "fallback" };
    case "own": return { output: given.own, source: "fallback" };
    case "table": return { output: ofTable(decision, given.gathered, parts), source: "fallback" };
    case "call": return { output: called(decision, fallback.name, given, parts), source: "fallback" };
    default: return { output: undefined, source: "fallback" };
  }
}

function ofTable({ table }: CompiledDecision, { variables }: Gathered, { book }: FallbackParts): Value | undefined {
  if (table === null) return undefined;
  return tableAnswer(table, table.columns.map(({ expression }) => valueOf(expression, { variables, now: String(variables["now"]), book })));
}

function called(decision: CompiledDecision, name: string, { input, gathered }: { readonly input: RecordValues; readonly gathered: Gathered }, { fallbacks, clock }: FallbackParts): Value | undefined {
  const body = fallbacks.get(name);
  if (body === undefined) return undefined;
  const contexts = Object.fromEntries(decision.contexts.map(({ declaration }) => [declaration.name, gathered.variables[declaration.name] ?? null]));
  const beganMs = clock?.now() ?? 0;
  let answer: unknown;
  try {
    answer = body.call(undefined, frozen(ownCopy(input)), frozen({ ...ownCopy(contexts as RecordValues), now: gathered.variables["now"] ?? null, ...(decision.memories.length === 0 ? {} : { mem: ownCopy(memValues(decision, gathered.memory) as RecordValues) }) }));
  } catch {
    return undefined;
  }
  if (clock !== null && clock.now() - beganMs > TIME_MS) return undefined;
  if (answer instanceof Promise) {
    answer.catch(() => {});
    return undefined;
  }
  const issues: Issue[] = [];
  return coerceValue(answer, { type: decision.declaration.callable.result, limits: noLimits }, { catalog: decision.catalog, dialect: "code", path: "" }, issues);
}

function frozen<Part>(part: Part): Part {
  if (typeof part !== "object" || part === null || Object.isFrozen(part)) return part;
  Object.freeze(part);
  for (const value of Object.values(part)) frozen(value);
  return part;
}
