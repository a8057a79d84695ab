// What becomes of a model's answer before the commit: read strictly, held to the bounds of the output. A pure function of recorded values, so
// that a replay comes to the same verdict.
import type { Json, Value } from "../../base/value.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import { violations } from "../bounds/judge.ts";
import type { Gathered } from "../context/gather.ts";
import { memValues } from "../memory/recall.ts";
import { runValue } from "../policy/decision-values.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { plannedEffects } from "../effects/planned-effects.ts";
import type { StagedEffect } from "../run/commit-run.ts";
import type { FallbackReason } from "../run/ending.ts";
import { refused } from "./act.ts";
import { readValue, type ParseJson } from "./read-arguments.ts";

/** It may be proposed; the model is told what to repair, or this is why it falls back; these bounds refuse. `broken`: all bounds that decided. */
export type JudgedAnswer =
  | { readonly output: Value }
  | { readonly repair: Json; readonly otherwise: FallbackReason; readonly broken: readonly string[] }
  | { readonly reason: FallbackReason; readonly broken: readonly string[] }
  | { readonly refusedBy: readonly string[]; readonly broken: readonly string[] };

export interface AnswerJudging {
  readonly decision: CompiledDecision;
  readonly gathered: Gathered;
  /** What the model wants to have done besides. */
  readonly staged: readonly StagedEffect[];
  readonly isUntrusted: boolean;
  readonly book: ExpressionBook;
  readonly parse: ParseJson;
}

export function judgeAnswer(text: string, { decision, gathered, staged, isUntrusted, book, parse }: AnswerJudging): JudgedAnswer {
  const output: Value | undefined = readValue(text, decision.declaration.callable.result, { parse, catalog: decision.catalog });
  if (output === undefined) return { repair: refused("MALFORMED_ANSWER", "The answer is not of the declared type."), otherwise: "output_invalid", broken: [] };
  const judging = { variables: { ...gathered.variables, out: output, run: runValue(isUntrusted), mem: memValues(decision, gathered.memory) }, now: String(gathered.variables["now"]), book };
  // Where they cannot be worked out, no bound over them holds.
  const effects = decision.bounds.some(({ readsEffects }) => readsEffects) ? plannedEffects(decision, staged, judging) : null;
  const variables = effects === null ? judging.variables : { ...judging.variables, effects: effects as unknown as Value };
  const broken = violations({ ...judging, bounds: decision.bounds, variables }, "OUTPUT").filter(({ declaration }) => declaration.else !== "CLAMP" && declaration.else !== "ESCALATE");
  const [first] = broken;
  if (first === undefined) return { output };
  const names = broken.map(({ declaration }) => declaration.name);
  const refusing = broken.filter(({ declaration }) => declaration.else === "REFUSE");
  if (refusing.length > 0) return { refusedBy: refusing.map(({ declaration }) => declaration.name), broken: names };
  const reason: FallbackReason = `bound:${first.declaration.name}`;
  return first.declaration.else === "REPAIR" ? { repair: refused("BOUND", first.declaration.tell), otherwise: reason, broken: names } : { reason, broken: names };
}
