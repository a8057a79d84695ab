// JSON values and variables of quantifiers to SQL. Paths, conversions and text are functions of ours over JSON text.
import { assert } from "../base/assert.ts";
import type { Expression, ExpressionType } from "../expression/expression.ts";
import { typeOf } from "../expression/field-type.ts";
import { insideSql, storedForm } from "./field-sql.ts";
import { bindText, type SqlScope } from "./sql-scope.ts";

type Of<Op extends Expression["op"]> = Extract<Expression, { op: Op }>;

export function jsonPathSql({ operand, path, asText }: Of<"json-path">, scope: SqlScope): string {
  const json = scope.compile(operand, scope);
  return `${asText ? "ambit_json_text" : "ambit_json_get"}(${json}, ${bindText(scope, JSON.stringify(path))})`;
}

export function jsonAsSql({ operand, type }: Of<"json-as">, scope: SqlScope): string {
  const json = scope.compile(operand, scope);
  if (type.kind === "json" || typeOf(operand).kind !== "json") return json;
  return storedForm(`ambit_json_as(${json}, '${typeName(type)}')`, type);
}

function typeName(type: ExpressionType): string {
  return type.kind === "list" ? `list:${type.item.kind}` : type.kind;
}

/** Only those of quantifiers get here: all others are bound whole. */
export function variableSql({ root, path, type }: Of<"variable">, scope: SqlScope): string {
  const item = scope.items.get(root);
  assert(item !== undefined, `a variable of a quantifier: ${root}`);
  return path.length === 0 ? item.sql : insideSql(item.sql, path, type, scope);
}

/** The item of a row of json_each over `list`. JSON items are taken as JSON text, so that "5" and 5 differ. */
export function itemSql(list: string, alias: string, type: ExpressionType): string {
  if (type.kind === "json") return `nullif(${list} -> ${alias}.key, 'null')`;
  return storedForm(`${alias}.value`, type);
}
