// FALLBACK_BOUND: a fallback that is a value of the schema, or a row of a table, and breaks a bound over the answer alone would be refused in every run.
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { Value } from "../../base/value.ts";
import { someIn } from "../../expression/inspect.ts";
import type { Expression } from "../../expression/expression.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import { violations } from "../bounds/judge.ts";
import type { CompiledDecision } from "./compiled-decision.ts";

const NOW = "1970-01-01T00:00:00.000Z";

export function fallbackBounds({ name, declaration, bounds, table }: CompiledDecision, book: ExpressionBook): Diagnostic[] {
  const { fallback } = declaration;
  const judged = bounds.filter(({ declaration: bound, rule }) => bound.else !== "CLAMP" && isOfAnswerAlone(rule));
  const check = (what: string, out: Value): Diagnostic[] => violations({ bounds: judged, variables: { out }, now: NOW, book }, "OUTPUT", "COMMIT").map((bound): Diagnostic => ({
    code: "FALLBACK_BOUND", severity: "error", position: declaration.callable.position, message: `${what} of ${name} breaks its bound ${bound.declaration.name}.`,
    why: "Bounds hold for every answer: where no model decides, each run would be refused.", fix: "Answer what the bound allows, or change the bound.", edits: [],
  }));
  if (fallback?.kind === "value") return check("The fallback", fallback.value);
  return (table?.rows ?? []).flatMap(({ line, output }) => check(`Line ${line} of the fallback`, output));
}

function isOfAnswerAlone(rule: Expression): boolean {
  const inner = new Set<string>(["out"]);
  someIn(rule, (part) => {
    if (part.op === "quantify") inner.add(part.variable);
    return false;
  });
  return !someIn(rule, (part) => part.op === "now" || (part.op === "variable" && !inner.has(part.root)));
}
