// Lists to SQL: membership, quantifiers and containment, over json_each or functions of ours.
import { alignOperands, readAs } from "../expression/align-operands.ts";
import type { Expression, ExpressionType } from "../expression/expression.ts";
import { itemsMax } from "../expression/expression-book.ts";
import { typeOf } from "../expression/field-type.ts";
import { alignMembership, quantifiedList } from "../expression/list-program.ts";
import { quoted } from "./column.ts";
import { keyOfSql, keySql } from "./compare-sql.ts";
import { itemSql } from "./json-sql.ts";
import type { SqlScope } from "./sql-scope.ts";

type Of<Op extends Expression["op"]> = Extract<Expression, { op: Op }>;

/** Up to here a list of literals is written out. */
const WRITTEN_OUT_MAX = 8;

export function inSql(expression: Of<"in">, scope: SqlScope): string {
  const aligned = alignMembership(expression);
  if (aligned === null) return "NULL";
  const { item, list, type } = aligned;
  const key = keySql(item, scope);
  const written = writtenOut(list, type);
  if (written !== null) return inWritten(key, written.map((one) => keySql(readAs(one, type), scope)));
  const alias = quoted(scope.nextAlias());
  const source = `coalesce(${scope.compile(list, scope)}, '[null]')`;
  const value = keyOfSql(itemSql(source, alias, type), type);
  // A null item in an empty list is unknown here, not false as in SQL: the blob equals nothing and keeps the list from being empty.
  return `(${key} IN (SELECT ${value} FROM json_each(${source}) AS ${alias} UNION ALL SELECT x'00'))`;
}

function writtenOut(list: Expression, type: ExpressionType): readonly Expression[] | null {
  if (list.op === "list") return list.items;
  if (list.op !== "literal" || !Array.isArray(list.value) || list.value.length > WRITTEN_OUT_MAX) return null;
  const itemType = list.type.kind === "list" ? list.type.item : type;
  return list.value.map((value) => ({ op: "literal", type: itemType, value }));
}

function inWritten(key: string, keys: readonly string[]): string {
  if (keys.length === 0) return `nullif(${key} IS NULL, 1)`;
  // A subquery alone would be taken for the list itself.
  return keys.length === 1 ? `(${key} = ${keys[0]})` : `(${key} IN (${keys.join(", ")}))`;
}

/** A list whose items depend on the row. */
export function listSql(expression: Of<"list">, scope: SqlScope): string {
  const items = expression.items.map((item) => {
    const sql = scope.compile(item, scope);
    const { kind } = typeOf(item);
    if (kind === "bool") return `json(CASE ${sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)`;
    // Digits, since JavaScript would round a number.
    if (kind === "int") return `CAST(${sql} AS TEXT)`;
    return kind === "json" || kind === "list" || kind === "object" ? `json(${sql})` : sql;
  });
  return `json_array(${items.join(", ")})`;
}

export function quantifySql(expression: Of<"quantify">, scope: SqlScope): string {
  const list = quantifiedList(expression);
  const type = typeOf(list);
  const itemType: ExpressionType = type.kind === "list" ? type.item : { kind: "json" };
  const json = scope.compile(list, scope);
  const alias = quoted(scope.nextAlias());
  const items = new Map([...scope.items, [expression.variable, { sql: itemSql(json, alias, itemType), type: itemType }]]);
  const body = scope.compile(expression.body, { ...scope, items, depth: scope.depth + 1 });
  const decisive = expression.quantifier === "exists" ? "max(v) = 1 THEN 1" : "min(v) = 0 THEN 0";
  const otherwise = expression.quantifier === "exists" ? 0 : 1;
  const verdict = `(SELECT CASE WHEN ${decisive} WHEN count(v) < count(*) THEN NULL ELSE ${otherwise} END FROM (SELECT ${body} AS v FROM json_each(${json}) AS ${alias}))`;
  return `(CASE WHEN json_array_length(${json}) <= ${itemsMax(scope.book, scope.depth)} THEN ${verdict} END)`;
}

export function containmentSql(expression: Of<"contains" | "contained" | "overlaps">, scope: SqlScope): string {
  const { type } = alignOperands(expression.left, expression.right);
  const [left, right] = [expression.left, expression.right].map((one) => scope.compile(type.kind === "list" ? readAs(one, type) : one, scope)) as [string, string];
  const [whole, part] = expression.op === "contained" ? [right, left] : [left, right];
  const verb = expression.op === "overlaps" ? "overlaps" : "contains";
  return type.kind === "list" ? `ambit_list_${verb}(${whole}, ${part}, '${type.item.kind}')` : `ambit_json_${verb}(${whole}, ${part})`;
}
