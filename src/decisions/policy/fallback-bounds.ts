// FALLBACK_BOUND: a fallback that is a value of the schema and breaks a bound over the answer alone would be refused in every run.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { someIn } from "../../expression/inspect.ts";
import type { Expression } from "../../expression/expression.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import { violations } from "../bounds/judge.ts";
import type { CompiledDecision } from "./compiled-decision.ts";

const NOW = "1970-01-01T00:00:00.000Z";

export function fallbackBounds({ name, declaration, bounds }: CompiledDecision, book: ExpressionBook): Diagnostic[] {
  const { fallback } = declaration;
  if (fallback?.kind !== "value") return [];
  const judged = bounds.filter(({ declaration: bound, rule }) => bound.else !== "CLAMP" && isOfAnswerAlone(rule));
  return violations({ bounds: judged, variables: { out: fallback.value }, now: NOW, book }, "OUTPUT", "COMMIT").map((bound): Diagnostic => ({
    code: "FALLBACK_BOUND", severity: "error", position: declaration.callable.position, message: `The fallback of ${name} breaks its bound ${bound.declaration.name}.`,
    why: "Bounds hold for every answer: where no model decides, each run would be refused.", fix: "Answer what the bound allows, or change the bound.", edits: [],
  }));
}

function isOfAnswerAlone(rule: Expression): boolean {
  const inner = new Set<string>(["out"]);
  someIn(rule, (part) => {
    if (part.op === "quantify") inner.add(part.variable);
    return false;
  });
  return !someIn(rule, (part) => part.op === "now" || (part.op === "variable" && !inner.has(part.root)));
}
