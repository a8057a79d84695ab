// Members of effects that take their values from what is @secret: they are written, and those who look at a run or approve of it are not shown them.
import type { Json } from "../../base/value.ts";
import { readsSecret } from "./read-fields.ts";
import type { CompiledDecision } from "./compiled-decision.ts";

/** `operation` as `Table.verb`. */
export function isSecretlySet(decision: CompiledDecision, operation: string, member: string): boolean {
  return [...decision.writes, ...decision.effects].some(({ table, verb, set }) => {
    const expression = `${table.name}.${verb}` === operation ? set.get(member) : undefined;
    return expression !== undefined && readsSecret(expression, decision);
  });
}

/** The same without them. */
export function withoutSecretlySet(members: Json, operation: string, decision: CompiledDecision): Json {
  if (typeof members !== "object" || members === null || Array.isArray(members)) return members;
  return Object.fromEntries(Object.entries(members).filter(([name]) => !isSecretlySet(decision, operation, name)));
}
