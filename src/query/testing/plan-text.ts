// Plans and expressions as short text, so that tests say what they expect in one line. For tests only.
import type { Expression } from "../../expression/expression.ts";
import type { OrderTerm, Plan, SelectItem } from "../plan.ts";

export function expressionText(expression: Expression): string {
  switch (expression.op) {
    case "literal": return literalText(expression.value);
    case "field": return [expression.row === "record" ? "" : expression.row, ...expression.path, expression.field].filter((part) => part !== "").join(".") + expression.within.map((step) => `/${step}`).join("");
    case "not": return `not(${expressionText(expression.operand)})`;
    case "and": case "or": return `(${expression.operands.map(expressionText).join(` ${expression.op} `)})`;
    case "compare": return `${expressionText(expression.left)} ${expression.comparison} ${expressionText(expression.right)}`;
    case "distinct": return `${expressionText(expression.left)} distinct ${expressionText(expression.right)}`;
    case "is-null": return `${expressionText(expression.operand)} is null`;
    case "in": return `${expressionText(expression.item)} in ${expressionText(expression.list)}`;
    case "exists": return `exists(${expression.table} ${expression.row}: ${expressionText(expression.where)})`;
    case "like": case "match": return `${expressionText(expression.operand)} ${expression.fold ? "i" : ""}${expression.op} ${expression.pattern}`;
    case "contains": case "contained": case "overlaps": return `${expressionText(expression.left)} ${expression.op} ${expressionText(expression.right)}`;
    case "json-path": return `${expressionText(expression.operand)}${expression.path.map((step, index) => (expression.asText && index === expression.path.length - 1 ? "->>" : "->") + step).join("")}`;
    case "call": return `${expression.function}(${expression.arguments.map(expressionText).join(", ")})`;
    case "text-search": return `${expression.syntax}(${expression.fields.join("+")}: ${expression.words})`;
    case "near": return `near(${expression.fields.join("+")}: ${expression.latitude},${expression.longitude},${expression.metres})`;
    default: return `?${expression.op}`;
  }
}

function literalText(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === "bigint" ? `${inner}n` : inner));
}

export function selectText(items: readonly SelectItem[]): string {
  return items.map(itemText).join(", ");
}

function itemText(item: SelectItem): string {
  switch (item.kind) {
    case "open": return "open";
    case "value": return `${named(item.alias, expressionText(item.value))}${item.cast === null ? "" : `::${item.cast}`}`;
    case "aggregate": return `${item.alias === item.function ? "" : `${item.alias}:`}${item.function}(${item.value === null ? "" : expressionText(item.value)})${item.cast === null ? "" : `::${item.cast}`}`;
    case "embed": return `${item.spread ? "..." : ""}${named(item.alias, item.relation)}${item.inner ? "!" : ""}{${planText(item.plan)}}`;
  }
}

function named(alias: string, text: string): string {
  return alias === text ? text : `${alias}:${text}`;
}

function orderText(term: OrderTerm): string {
  const value = term.item === undefined ? expressionText(term.value) : `[${term.item}]`;
  return `${value} ${term.descending ? "desc" : "asc"} ${term.nulls}`;
}

/** `fields where ... order ... limit ...`; what is as usual is left out (an embedded list's bound, the page's). */
export function planText(plan: Plan): string {
  const parts = [selectText(plan.select)];
  if (plan.filter !== null) parts.push(`where ${expressionText(plan.filter)}`);
  if (plan.order.length > 0) parts.push(`order ${plan.order.map(orderText).join(", ")}`);
  if (plan.limit !== null && plan.limit !== 10_000) parts.push(`limit ${plan.limit}`);
  if (plan.offset > 0) parts.push(`offset ${plan.offset}`);
  if (plan.grouped) parts.push("grouped");
  if (plan.after !== null) parts.push(`after ${JSON.stringify(plan.after)}`);
  return parts.filter((part) => part !== "").join(" ");
}
