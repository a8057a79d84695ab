// Fields to SQL: columns, to-one paths as correlated subqueries, places inside nested values, computed fields in place.
import { assert } from "../base/assert.ts";
import type { Expression, ExpressionType } from "../expression/expression.ts";
import type { Relation, Table } from "../schema/catalog.ts";
import { EXPIRES_COLUMN, expires, fieldOf, keyColumn, keyCompanion, quoted } from "./column.ts";
import { bindText, tableNamed, type SqlContext, type SqlRowSource, type SqlScope } from "./sql-scope.ts";

type FieldExpression = Extract<Expression, { op: "field" }>;

const NOW: Expression = { op: "now", type: { kind: "timestamp" } };

export function fieldSql(expression: FieldExpression, scope: SqlScope): string {
  return along(expression, scope, (source) => ownValue(expression, source, scope));
}

/** The column that orders as the field does, where it has one of its own; else null. */
export function companionSql(expression: FieldExpression, scope: SqlScope): string | null {
  if (expression.within.length > 0) return null;
  const field = fieldOf(tableNamed(scope, endTable(expression, scope)), expression.field);
  if (field.kind !== "stored" || keyCompanion(field.type) === null) return null;
  return along(expression, scope, ({ alias }) => column(alias, keyColumn(field.name)));
}

export function column(alias: string, name: string): string {
  return `${quoted(alias)}.${quoted(name)}`;
}

/** True where the row has not expired; null if rows of the table never do. */
export function aliveSql(table: Table, alias: string, context: SqlContext): string | null {
  if (!expires(table)) return null;
  // As one expression, so that SQLite does not answer it by the index of expiry times.
  return `ifnull(${column(alias, EXPIRES_COLUMN)} > ${context.bind({ kind: "closed", expression: NOW })}, 1)`;
}

export function relationOf(scope: SqlContext, table: string, name: string): Relation {
  const relation = fieldOf(tableNamed(scope, table), name).relation;
  assert(relation !== null && relation.kind === "one", `a to-one relation: ${table}.${name}`);
  return relation;
}

function endTable(expression: FieldExpression, scope: SqlScope): string {
  return expression.path.reduce((table, step) => relationOf(scope, table, step).table, expression.table);
}

/** `value` of the record that the path leads to, NULL where it breaks: the records on the way are found by their keys. */
function along(expression: FieldExpression, scope: SqlScope, value: (source: SqlRowSource) => string): string {
  const start = scope.rows[expression.row];
  assert(start !== undefined, `a row named ${expression.row}`);
  if (expression.path.length === 0) return value(start);
  const tables: string[] = [];
  const conditions: string[] = [];
  let source = start;
  for (const step of expression.path) {
    const relation = relationOf(scope, source.table, step);
    const target = tableNamed(scope, relation.table);
    const alias = scope.nextAlias();
    tables.push(`${quoted(target.sqlName)} AS ${quoted(alias)}`);
    conditions.push(`${column(alias, relation.to)} = ${column(source.alias, relation.from)}`);
    const alive = aliveSql(target, alias, scope);
    if (alive !== null) conditions.push(alive);
    source = { alias, table: relation.table };
  }
  return `(SELECT ${value(source)} FROM ${tables.join(" CROSS JOIN ")} WHERE ${conditions.join(" AND ")})`;
}

function ownValue(expression: FieldExpression, source: SqlRowSource, scope: SqlScope): string {
  const table = tableNamed(scope, source.table);
  const computed = scope.book.computed(table.name, expression.field);
  const whole = computed === null
    ? column(source.alias, fieldOf(table, expression.field).name)
    : scope.compile(computed, { ...scope, rows: { record: source }, items: new Map() });
  return expression.within.length === 0 ? whole : insideSql(whole, expression.within, expression.type, scope);
}

/** A value inside JSON text of a nested object or list, in the form of its type. */
export function insideSql(json: string, path: readonly (string | number)[], type: ExpressionType, scope: SqlScope): string {
  if (type.kind === "json" || !path.every(isPlainStep)) return readTyped(`ambit_json_get(${json}, ${bindText(scope, JSON.stringify(path))})`, type);
  return storedForm(`json_extract(${json}, '${jsonPath(path)}')`, type);
}

/** JSON values of our own making to the form of their type: a Long stands as digits, a double may stand as an integer. */
export function storedForm(sql: string, type: ExpressionType): string {
  if (type.kind === "int") return `CAST(${sql} AS INTEGER)`;
  return type.kind === "double" ? `CAST(${sql} AS REAL)` : sql;
}

function readTyped(json: string, type: ExpressionType): string {
  if (type.kind === "json" || type.kind === "list" || type.kind === "object") return json;
  return storedForm(`json_extract(${json}, '$')`, type);
}

function isPlainStep(step: string | number): boolean {
  return typeof step === "number" || /^[A-Za-z_]\w*$/.test(step);
}

function jsonPath(path: readonly (string | number)[]): string {
  return `$${path.map((step) => (typeof step === "string" ? `.${step}` : step < 0 ? `[#${step}]` : `[${step}]`)).join("")}`;
}
