// Questions about an expression, and the renaming of its rows. Pure; answers about fields count computed ones as written.
import type { Expression, RowName } from "./expression.ts";
import type { ExpressionBook } from "./expression-book.ts";

/** The expressions directly inside. */
export function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.op) {
    case "not": case "is-null": case "negate": case "like": case "match": case "json-path": case "json-as": return [expression.operand];
    case "and": case "or": return expression.operands;
    case "compare": case "distinct": case "arithmetic": case "contains": case "contained": case "overlaps": return [expression.left, expression.right];
    case "in": return [expression.item, expression.list];
    case "conditional": return [expression.condition, expression.then, expression.otherwise];
    case "call": return expression.arguments;
    case "list": return expression.items;
    case "quantify": return [expression.list, expression.body];
    case "exists": return [expression.where];
    default: return [];
  }
}

/** True if `test` holds for the expression or any part of it. */
export function someIn(expression: Expression, test: (part: Expression) => boolean): boolean {
  return test(expression) || partsOf(expression).some((part) => someIn(part, test));
}

/** The same expression with other parts, in the order of `partsOf`. */
export function withParts(expression: Expression, parts: readonly Expression[]): Expression {
  const [first, second, third] = parts as readonly [Expression, Expression, Expression];
  switch (expression.op) {
    case "not": case "is-null": case "negate": case "like": case "match": case "json-path": case "json-as": return { ...expression, operand: first };
    case "and": case "or": return { ...expression, operands: parts };
    case "compare": case "distinct": case "arithmetic": case "contains": case "contained": case "overlaps": return { ...expression, left: first, right: second };
    case "in": return { ...expression, item: first, list: second };
    // oxlint-disable-next-line unicorn/no-thenable -- an expression is never awaited
    case "conditional": return { ...expression, condition: first, then: second, otherwise: third };
    case "call": return { ...expression, arguments: parts };
    case "list": return { ...expression, items: parts };
    case "quantify": return { ...expression, list: first, body: second };
    case "exists": return { ...expression, where: first };
    default: return expression;
  }
}

/** Reads nothing but the rows at hand: no relation, no other record. With a book computed fields are looked into. */
export function isLocal(expression: Expression, book: ExpressionBook | null = null): boolean {
  return !someIn(expression, (part) => {
    if (part.op === "exists") return true;
    if (part.op !== "field") return false;
    if (part.path.length > 0) return true;
    const computed = book?.computed(part.table, part.field) ?? null;
    return computed !== null && !isLocal(computed, book);
  });
}

/** Reads no record at all: it can be evaluated once for a request. Variables of quantifiers inside it do not count. */
export function isClosed(expression: Expression): boolean {
  return !someIn(expression, (part) => part.op === "field" || part.op === "exists" || part.op === "text-search" || part.op === "near");
}

export function usesNow(expression: Expression): boolean {
  return someIn(expression, (part) => part.op === "now");
}

/** One verdict for each version of the row: no other record, no time, no caller has a part in it. Computed fields are looked into. */
export function isOfRowAlone(expression: Expression, book: ExpressionBook): boolean {
  return !someIn(expression, (part) => {
    if (part.op === "exists" || part.op === "now" || part.op === "variable") return true;
    if (part.op !== "field") return false;
    if (part.path.length > 0) return true;
    const computed = book.computed(part.table, part.field);
    return computed !== null && !isOfRowAlone(computed, book);
  });
}

export interface FieldRead {
  readonly row: RowName;
  /** Of the row. */
  readonly table: string;
  readonly path: readonly string[];
  readonly field: string;
}

/** Every field read, once; also those that text-search and near look at, and those inside `exists`. */
export function fieldsRead(expression: Expression): readonly FieldRead[] {
  const found = new Map<string, FieldRead>();
  const add = (row: RowName, table: string, path: readonly string[], field: string): void => {
    found.set([row, table, ...path, field].join(" "), { row, table, path, field });
  };
  const visit = (part: Expression): void => {
    if (part.op === "field") add(part.row, part.table, part.path, part.field);
    if (part.op === "text-search" || part.op === "near") for (const field of part.fields) add(part.row, part.table, [], field);
    partsOf(part).forEach(visit);
  };
  visit(expression);
  return [...found.values()];
}

/** Stored fields of row `record`, of `table`, that decide the expression's value; behind a relation only its key. Computed fields are looked into. */
export function ownFields(expression: Expression, table: string, book: ExpressionBook): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { row, path: [relation], field } of fieldsRead(expression)) {
    if (row !== "record") continue;
    const name = relation === undefined ? field : book.catalog.tables.get(table)?.fields.get(relation)?.relation?.from ?? field;
    for (const own of ownFieldsOf(table, name, book)) found.add(own);
  }
  return found;
}

/** The same of one field: itself, or what it is computed from. */
export function ownFieldsOf(table: string, field: string, book: ExpressionBook): ReadonlySet<string> {
  const computed = book.computed(table, field);
  return computed === null ? new Set([field]) : ownFields(computed, table, book);
}

/** The same expression about another row. Rows that an `exists` inside binds by the same name stay. */
export function bindRow(expression: Expression, from: RowName, to: RowName): Expression {
  if (expression.op === "exists" && expression.row === from) return expression;
  const renamed = "row" in expression && expression.op !== "exists" && expression.row === from ? { ...expression, row: to } : expression;
  const parts = partsOf(renamed);
  const bound = parts.map((part) => bindRow(part, from, to));
  return bound.every((part, index) => part === parts[index]) ? renamed : withParts(renamed, bound);
}
