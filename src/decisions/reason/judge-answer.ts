// What becomes of a model's answer before the commit: read strictly, held to the bounds of the output. A pure function of recorded values, so
// that a replay comes to the same verdict.
import type { Json, Value } from "../../base/value.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import { violations } from "../bounds/judge.ts";
import type { Gathered } from "../context/gather.ts";
import { memValues } from "../memory/recall.ts";
import { runValue } from "../policy/decision-values.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
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
  readonly isUntrusted: boolean;
  readonly book: ExpressionBook;
  readonly parse: ParseJson;
}

export function judgeAnswer(text: string, { decision, gathered, isUntrusted, book, parse }: AnswerJudging): JudgedAnswer {
  const output: Value | undefined = readValue(text, decision.declaration.callable.result, { parse, catalog: decision.catalog });
  if (output === undefined) return { repair: refused("MALFORMED_ANSWER", "The answer is not of the declared type."), otherwise: "output_invalid", broken: [] };
  const variables = { ...gathered.variables, out: output, effects: [], run: runValue(isUntrusted), mem: memValues(decision, gathered.memory) };
  const broken = violations({ bounds: decision.bounds, variables, now: String(gathered.variables["now"]), book }, "OUTPUT").filter(({ declaration }) => declaration.else !== "CLAMP" && declaration.else !== "ESCALATE");
  const [first] = broken;
  if (first === undefined) return { output };
  const names = broken.map(({ declaration }) => declaration.name);
  const refusing = broken.filter(({ declaration }) => declaration.else === "REFUSE");
  if (refusing.length > 0) return { refusedBy: refusing.map(({ declaration }) => declaration.name), broken: names };
  const reason: FallbackReason = `bound:${first.declaration.name}`;
  return first.declaration.else === "REPAIR" ? { repair: refused("BOUND", first.declaration.tell), otherwise: reason, broken: names } : { reason, broken: names };
}
