// What one row must satisfy by itself for a condition to hold: the part that memory can judge by the row's own fields, whatever
// the time and other records. Wider than the condition, never narrower.
import type { Expression, ExpressionType, RowName } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { sameType, typeOf } from "../expression/field-type.ts";
import { bindRow, isClosed, someIn, usesNow } from "../expression/inspect.ts";
import type { Table } from "../schema/catalog.ts";
import { conjunction } from "./related-exists.ts";

/** A row that a condition is about. */
export interface JudgedRow { readonly row: RowName; readonly table: Table }

const TRUE: Expression = { op: "literal", type: { kind: "bool" }, value: true };

/** Over row `record`; null: every row. */
export function rowPredicate(condition: Expression | null, judged: JudgedRow, book: ExpressionBook): Expression | null {
  if (condition === null) return null;
  const implied = impliedBy(condition, false, { ...judged, book });
  return implied === null || judged.row === "record" ? implied : bindRow(implied, judged.row, "record");
}

interface Judging extends JudgedRow { readonly book: ExpressionBook }

/** True wherever the condition (`negated`: its negation) is; null for always. Unknown stays unknown through `not`, so that it goes inwards. */
function impliedBy(condition: Expression, negated: boolean, judging: Judging): Expression | null {
  if (isOfRow(condition, judging.row, judging.book)) return negated ? { op: "not", operand: condition } : condition;
  switch (condition.op) {
    case "not": return impliedBy(condition.operand, !negated, judging);
    case "and": case "or": {
      const operands = condition.operands.map((operand) => impliedBy(operand, negated, judging));
      if ((condition.op === "and") !== negated) return conjunction(operands);
      const present = operands.filter((operand) => operand !== null);
      return present.length < operands.length ? null : { op: "or", operands: present };
    }
    case "conditional": {
      const [then, otherwise] = [impliedBy(condition.then, negated, judging), impliedBy(condition.otherwise, negated, judging)];
      if (isOfRow(condition.condition, judging.row, judging.book)) {
        // oxlint-disable-next-line unicorn/no-thenable -- an expression is never awaited
        return then === null && otherwise === null ? null : { ...condition, then: then ?? TRUE, otherwise: otherwise ?? TRUE };
      }
      return then === null || otherwise === null ? null : { op: "or", operands: [then, otherwise] };
    }
    default: return null;
  }
}

/** Reads the row's own fields and the caller's variables alone: no other record, no time. Computed fields are looked into. */
export function isOfRow(expression: Expression, row: RowName, book: ExpressionBook): boolean {
  return !someIn(expression, (part) => {
    if (part.op === "exists" || part.op === "now") return true;
    if (part.op === "text-search" || part.op === "near") return part.row !== row;
    if (part.op !== "field") return false;
    if (part.row !== row || part.path.length > 0) return true;
    const computed = book.computed(part.table, part.field);
    return computed !== null && !isOfRow(computed, "record", book);
  });
}

/** A field that must have one of some values, which the request tells. */
export interface KeySource {
  readonly field: string;
  readonly type: ExpressionType;
  /** Closed. */
  readonly value: Expression;
  /** It is a list of them. */
  readonly list: boolean;
}

/** Of the operands that all must hold. */
export function keySources(condition: Expression | null, { row, table }: JudgedRow): KeySource[] {
  if (condition === null) return [];
  if (condition.op === "and") return condition.operands.flatMap((operand) => keySources(operand, { row, table }));
  switch (condition.op) {
    case "compare": return condition.comparison === "eq" ? [...keySource(condition.left, condition.right, { row, table }), ...keySource(condition.right, condition.left, { row, table })] : [];
    case "in": {
      const type = typeOf(condition.list);
      if (type.kind !== "list" || !isGiven(condition.list)) return [];
      return keyField(condition.item, type.item, { row, table }).map(({ field, type: own }) => ({ field, type: own, value: condition.list, list: true }));
    }
    case "not": {
      const { operand } = condition;
      return operand.op === "distinct" && operand.right.op === "literal" && operand.right.value !== null ? keySource(operand.left, operand.right, { row, table }) : [];
    }
    default: return [];
  }
}

function keySource(operand: Expression, value: Expression, judged: JudgedRow): KeySource[] {
  return isGiven(value) ? keyField(operand, typeOf(value), judged).map((key) => ({ ...key, value, list: false })) : [];
}

/** Known with the run. */
export function isGiven(value: Expression): boolean {
  return isClosed(value) && !usesNow(value);
}

/** A stored field of the row whose plain values compare with those of `type` by their texts. A mask around it is null or the field. */
export function keyField(operand: Expression, type: ExpressionType, judged: JudgedRow): { field: string; type: ExpressionType }[] {
  if (operand.op === "conditional") {
    const { then, otherwise } = operand;
    return otherwise.op === "literal" && otherwise.value === null ? keyField(then, type, judged) : [];
  }
  if (operand.op !== "field" || operand.row !== judged.row || operand.path.length > 0 || operand.within.length > 0) return [];
  const field = judged.table.fields.get(operand.field);
  const own = operand.type;
  const isPlain = field?.kind === "stored" && !["list", "json", "object", "null"].includes(own.kind);
  return isPlain && (sameType(own, type) || (isNumber(own) && isNumber(type))) ? [{ field: operand.field, type: own }] : [];
}

function isNumber({ kind }: ExpressionType): boolean {
  return kind === "int" || kind === "double";
}
