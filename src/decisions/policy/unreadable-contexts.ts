// A decision that begins by itself reads what its input names with the rights of `decision:NAME`: without any it would never decide, and nobody would be told.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { someIn } from "../../expression/inspect.ts";
import type { CompiledDecision } from "./compiled-decision.ts";

export function unreadableContexts({ name, declaration, contexts }: CompiledDecision): Diagnostic[] {
  if (declaration.triggers.length + declaration.schedules.length === 0) return [];
  const whom = new Set([`decision:${name}`, "public", "authenticated"]);
  return contexts.flatMap(({ declaration: context, source }): Diagnostic[] => {
    if (source.kind !== "query" || source.query.id === null || !context.required) return [];
    const { id, table } = source.query;
    const isNamed = id.kind === "value" && someIn(id.expression, (part) => part.op === "variable" && part.root === "input");
    const isReadable = table.allow.some(({ to, do: verbs }) => verbs.includes("READ") && to.some((role) => whom.has(role)));
    return !isNamed || isReadable ? [] : [{
      code: "DECISION_QUERY", severity: "warning", position: declaration.callable.position, message: `${name} begins by itself, but may not read the ${table.name} that its input names (${context.name}).`,
      why: `What begins by @on or @every acts as decision:${name}; of a record that it may not read nothing is decided.`, fix: `Add @allow(to: ["decision:${name}"], do: [READ]) to ${table.name}.`, edits: [],
    }];
  });
}
