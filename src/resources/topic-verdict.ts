// What can be said of a SUBSCRIBE rule before there is a message: by the caller and, where it is known, the topic's key.
import type { RecordValues, Value } from "../base/value.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { Environment, Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { someIn } from "../expression/inspect.ts";
import type { Permission } from "../tables/authority.ts";

export interface TopicQuestion {
  readonly auth: Value;
  /** The field that the topic names, and its value; null: of every topic. */
  readonly key: { readonly field: string; readonly value: Value } | null;
  readonly now: string;
  readonly book: ExpressionBook;
}

/** `never`: of no message of the topic. `some`: each message tells. */
export type TopicVerdict = "always" | "never" | "some";

/** Three-valued, as the rule itself, with a fourth for what only a message can tell. */
type Part = boolean | null | "open";

export function topicVerdict(permission: Permission, question: TopicQuestion): TopicVerdict {
  if (typeof permission === "boolean") return permission ? "always" : "never";
  const part = partOf(permission, question);
  return part === "open" ? "some" : part === true ? "always" : "never";
}

/** Whether the rule holds on this very message. */
export function environmentOf(auth: Value, record: RecordValues, now: string): Environment {
  return { rows: { record }, variables: { auth }, now, source: null };
}

function partOf(expression: Expression, question: TopicQuestion): Part {
  switch (expression.op) {
    case "and": return joined(expression.operands, false, question);
    case "or": return joined(expression.operands, true, question);
    case "not": {
      const part = partOf(expression.operand, question);
      return typeof part === "boolean" ? !part : part;
    }
    default: return leafOf(expression, question);
  }
}

/** `decisive`: the value of one operand that settles the whole. */
function joined(operands: readonly Expression[], decisive: boolean, question: TopicQuestion): Part {
  const parts = operands.map((operand) => partOf(operand, question));
  if (parts.includes(decisive)) return decisive;
  if (parts.includes("open")) return "open";
  return parts.includes(null) ? null : !decisive;
}

function leafOf(expression: Expression, { auth, key, now, book }: TopicQuestion): Part {
  const needsMessage = someIn(expression, (part) => part.op === "exists" || part.op === "now" || (part.op === "field" && (key === null || part.field !== key.field)));
  if (needsMessage) return "open";
  const value = evaluate(expression, environmentOf(auth, key === null ? {} : { [key.field]: key.value }, now), book);
  return typeof value === "boolean" ? value : null;
}
