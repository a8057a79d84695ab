// A sample of a table's rows, spread over its row keys, as SQL: how many of them a plan would have.
import { quoted, rowKeyColumn } from "./column.ts";
import { column, fromTable, type RowAlias } from "./plan-scope.ts";
import { givenMark } from "./plan-statement.ts";

export const samplePlaces = 50;
const PLACE_ROWS = 20;

/** Two numbers: rows at these places, and those for which the terms hold. Given: the first row key, and the step between places. */
export function sampleSql(row: RowAlias, terms: readonly string[]): string {
  const key = rowKeyColumn(row.table);
  const places = `WITH RECURSIVE place(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM place WHERE number < ${samplePlaces - 1}) SELECT number FROM place`;
  const nearby = `SELECT near.${quoted(key)} FROM ${quoted(row.table.sqlName)} near WHERE near.${quoted(key)} >= ${givenMark(0)} + CAST(sampled.number * ${givenMark(1)} AS INTEGER) ORDER BY near.${quoted(key)} LIMIT ${PLACE_ROWS}`;
  const matches = terms.length === 0 ? "count(*)" : `count(CASE WHEN ${terms.join(" AND ")} THEN 1 END)`;
  return `SELECT count(*), ${matches} FROM (${places}) sampled CROSS JOIN ${fromTable(row)} ON ${column(row.alias, key)} IN (${nearby})`;
}
