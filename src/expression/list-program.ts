// Membership, quantifiers and containment of lists and JSON in memory.
import type { Value } from "../base/value.ts";
import { alignOperands, commonType, readAs } from "./align-operands.ts";
import type { Expression, ExpressionType } from "./expression.ts";
import { itemsMax } from "./expression-book.ts";
import { typeOf } from "./field-type.ts";
import { jsonContains, jsonOverlaps } from "./json-value.ts";
import { itemKey, keysOf, listContains, listOverlaps, type ItemKey } from "./list-value.ts";
import { NULL_PROGRAM, type Program, type ProgramScope } from "./program.ts";

type Of<Op extends Expression["op"]> = Extract<Expression, { op: Op }>;

/** Item, list and the type of both, so that a json side is read as the other's type. */
export function alignMembership(expression: Of<"in">): { item: Expression; list: Expression; type: ExpressionType } | null {
  const listType = typeOf(expression.list);
  const listItem: ExpressionType = listType.kind === "list" ? listType.item : { kind: "json" };
  const type = commonType(typeOf(expression.item), listItem);
  if (type === null) return null;
  const convert = type.kind === "decimal" && listItem.kind === "int";
  if (convert && expression.list.op !== "list") return null;
  const list = convert && expression.list.op === "list" ? { ...expression.list, items: expression.list.items.map((one) => readAs(one, type)) } : expression.list;
  return { item: readAs(expression.item, type), list: readListAs(list, listItem, type), type };
}

function readListAs(list: Expression, from: ExpressionType, to: ExpressionType): Expression {
  if (from.kind !== "json" || (to.kind === "json" && typeOf(list).kind === "list")) return list;
  return { op: "json-as", type: { kind: "list", item: to }, operand: list };
}

/** Unknown if the item or the list is null, or the item is not there and the list holds a null. */
export function inProgram(expression: Of<"in">, scope: ProgramScope): Program {
  const aligned = alignMembership(expression);
  if (aligned === null) return NULL_PROGRAM;
  const item = scope.compile(aligned.item, scope);
  const { kind } = aligned.type;
  const constant = constantItems(aligned.list);
  if (constant !== null) return inConstant(item, constant, kind);
  const list = scope.compile(aligned.list, scope);
  return (frame) => {
    const wanted = item(frame);
    const values = list(frame);
    if (wanted === null || !Array.isArray(values)) return null;
    return isAmong(itemKey(wanted, kind), values as readonly Value[], kind);
  };
}

function constantItems(list: Expression): readonly Value[] | null {
  if (list.op === "literal") return Array.isArray(list.value) ? (list.value as readonly Value[]) : null;
  if (list.op !== "list" || list.items.some((item) => item.op !== "literal")) return null;
  return list.items.map((item) => (item as Of<"literal">).value);
}

function inConstant(item: Program, values: readonly Value[], kind: ExpressionType["kind"]): Program {
  const keys = keysOf(values, kind);
  const otherwise = values.includes(null) ? null : false;
  return (frame) => {
    const wanted = item(frame);
    if (wanted === null) return null;
    return keys.has(itemKey(wanted, kind)) ? true : otherwise;
  };
}

function isAmong(wanted: ItemKey, values: readonly Value[], kind: ExpressionType["kind"]): boolean | null {
  let verdict: boolean | null = false;
  for (const value of values) {
    if (value === null) verdict = null;
    else if (itemKey(value, kind) === wanted) return true;
  }
  return verdict;
}

export function quantifyProgram(expression: Of<"quantify">, scope: ProgramScope): Program {
  const list = scope.compile(quantifiedList(expression), scope);
  const { depth } = scope;
  const body = scope.compile(expression.body, { ...scope, items: new Map([...scope.items, [expression.variable, depth]]), depth: depth + 1 });
  const decisive = expression.quantifier === "exists";
  const itemLimit = itemsMax(scope.book, depth);
  return (frame) => {
    const values = list(frame);
    if (!Array.isArray(values) || values.length > itemLimit) return null;
    let verdict: boolean | null = !decisive;
    for (const value of values as readonly Value[]) {
      frame.items[depth] = value;
      const one = body(frame);
      if (one === decisive) return decisive;
      if (one === null) verdict = null;
    }
    return verdict;
  };
}

/** A json list is read as a list of json. */
export function quantifiedList(expression: Of<"quantify">): Expression {
  return readAs(expression.list, { kind: "list", item: { kind: "json" } });
}

export function containmentProgram(expression: Of<"contains" | "contained" | "overlaps">, scope: ProgramScope): Program {
  const { type } = alignOperands(expression.left, expression.right);
  const [left, right] = [expression.left, expression.right].map((one) => scope.compile(type.kind === "list" ? readAs(one, type) : one, scope)) as [Program, Program];
  const verdict = type.kind === "list" ? listVerdict(expression.op, type.item.kind) : jsonVerdict(expression.op);
  return (frame) => {
    const [a, b] = [left(frame), right(frame)];
    return a === null || b === null ? null : verdict(a, b);
  };
}

type Verdict = (left: Value, right: Value) => boolean;

function listVerdict(op: "contains" | "contained" | "overlaps", kind: ExpressionType["kind"]): Verdict {
  const items = (value: Value): readonly Value[] => value as readonly Value[];
  switch (op) {
    case "contains": return (left, right) => listContains(items(left), items(right), kind);
    case "contained": return (left, right) => listContains(items(right), items(left), kind);
    case "overlaps": return (left, right) => listOverlaps(items(left), items(right), kind);
  }
}

function jsonVerdict(op: "contains" | "contained" | "overlaps"): Verdict {
  switch (op) {
    case "contains": return jsonContains;
    case "contained": return (left, right) => jsonContains(right, left);
    case "overlaps": return jsonOverlaps;
  }
}
