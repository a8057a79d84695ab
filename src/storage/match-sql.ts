// Text patterns, full text and distances to SQL. A literal beginning of a LIKE becomes a range that an index can serve.
import { ftsQuery } from "../base/text-query.ts";
import { readAs } from "../expression/align-operands.ts";
import type { Expression } from "../expression/expression.ts";
import { boxAround } from "../expression/geo.ts";
import { likePattern } from "../expression/like-pattern.ts";
import type { Table } from "../schema/catalog.ts";
import { assert } from "../base/assert.ts";
import { fieldOf, foldColumn, foldFields, geoTable, quoted, rowKeyColumn, textColumn, textTable } from "./column.ts";
import { column } from "./field-sql.ts";
import { bindText, tableNamed, type SqlScope } from "./sql-scope.ts";

type Of<Op extends Expression["op"]> = Extract<Expression, { op: Op }>;

export function likeSql({ operand, pattern, fold }: Of<"like">, scope: SqlScope): string {
  const text = scope.compile(readAs(operand, { kind: "string" }), scope);
  const { prefix, shape } = likePattern(pattern, fold);
  const folded = fold ? foldedColumn(operand, scope) : text;
  const test = `ambit_like(${text}, ${bindText(scope, pattern)}, ${fold ? 1 : 0})`;
  if (folded === null) return test;
  if (shape === "exact") return `(${folded} = ${bindText(scope, prefix)})`;
  const range = prefix === "" ? null : rangeSql(folded, prefix, scope);
  if (range === null) return test;
  return shape === "prefix" ? `(${range})` : `(${range} AND ${test})`;
}

/** Exactly the texts that begin with `prefix`, by the order of code points; null if they reach to the end of that order. */
export function rangeSql(text: string, prefix: string, scope: SqlScope): string | null {
  const end = nextAfter(prefix);
  return end === null ? null : `${text} >= ${bindText(scope, prefix)} AND ${text} < ${bindText(scope, end)}`;
}

/** The least text that is greater than all texts with this beginning. */
function nextAfter(prefix: string): string | null {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  while (points.length > 0) {
    const last = points.pop()!;
    if (last < 0x10ffff) return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return null;
}

/** The companion that holds a field case-folded, if an index needs one. */
function foldedColumn(operand: Expression, scope: SqlScope): string | null {
  if (operand.op !== "field" || operand.path.length > 0 || operand.within.length > 0) return null;
  const row = scope.rows[operand.row];
  if (row === undefined || !foldFields(tableNamed(scope, row.table)).has(operand.field)) return null;
  return column(row.alias, foldColumn(operand.field));
}

export function matchSql({ operand, pattern, fold }: Of<"match">, scope: SqlScope): string {
  const text = scope.compile(readAs(operand, { kind: "string" }), scope);
  return `ambit_match(${text}, ${bindText(scope, pattern)}, ${fold ? 1 : 0})`;
}

export function textSearchSql({ row, fields, syntax, words }: Of<"text-search">, scope: SqlScope): string {
  const { alias, table } = rowOf(row, scope);
  const index = quoted(textTable(table));
  const columns = fields.map((field) => quoted(textColumn(field))).join(" ");
  const query = bindText(scope, `{${columns}} : (${ftsQuery(syntax, words)})`);
  return `(${column(alias, rowKeyColumn(table))} IN (SELECT rowid FROM ${index} WHERE ${index} MATCH ${query}))`;
}

export interface PlaceOf {
  readonly row: string;
  /** One object field with lat and lon, or latitude and longitude. */
  readonly fields: readonly string[];
  readonly latitude: number;
  readonly longitude: number;
}

/** The R-Tree finds what may be near; the exact distance decides. */
export function nearSql(expression: Of<"near">, scope: SqlScope): string {
  const { alias, table } = rowOf(expression.row, scope);
  const exact = `ifnull(${distanceOf(expression, scope)} <= ${real(expression.metres, scope)}, 0)`;
  const index = table.indexes.find((one) => one.kind === "GEO" && one.fields.join(" ") === expression.fields.join(" "));
  if (index === undefined) return exact;
  const box = boxAround(expression.latitude, expression.longitude, expression.metres);
  const pieces = box.longitudes.map(({ min, max }) => `SELECT "row" FROM ${quoted(geoTable(table, index))} WHERE "minLat" <= ${real(box.maxLatitude, scope)} AND "maxLat" >= ${real(box.minLatitude, scope)} AND "minLon" <= ${real(max, scope)} AND "maxLon" >= ${real(min, scope)}`);
  return `(${column(alias, rowKeyColumn(table))} IN (${pieces.join(" UNION ALL ")}) AND ${exact})`;
}

export function distanceOf({ row, fields, latitude, longitude }: PlaceOf, scope: SqlScope): string {
  const { alias, table } = rowOf(row, scope);
  const columns = fields.map((field) => column(alias, fieldOf(table, field).name)) as [string, string?];
  const [lat, lon] = columns[1] === undefined ? [`json_extract(${columns[0]}, '$.lat')`, `json_extract(${columns[0]}, '$.lon')`] : columns;
  return `ambit_distance(${lat}, ${lon}, ${real(latitude, scope)}, ${real(longitude, scope)})`;
}

function real(value: number, scope: SqlScope): string {
  return `CAST(${scope.bind({ kind: "value", value })} AS REAL)`;
}

function rowOf(name: string, scope: SqlScope): { alias: string; table: Table } {
  const row = scope.rows[name];
  assert(row !== undefined, `a row named ${name}`);
  return { alias: row.alias, table: tableNamed(scope, row.table) };
}
