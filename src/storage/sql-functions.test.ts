// Our SQL functions: NULL in, NULL out, and never an error, whatever they are given.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { registerSqlFunctions } from "./sql-functions.ts";
import { processorTimer } from "../base/testing/processor-time.ts";

function connection(): Database {
  const database = new Database(":memory:");
  registerSqlFunctions(database);
  return database;
}

test("null in, null out", () => {
  using database = connection();
  const functions = database.query<{ name: string; narg: number }, []>("SELECT DISTINCT name, narg FROM pragma_function_list WHERE name LIKE 'ambit\\_%' ESCAPE '\\'").all();
  expect(functions.length).toBeGreaterThan(30);
  for (const { name, narg } of functions) {
    if (narg < 0) continue;
    const nulls = Array.from({ length: narg }, () => "NULL").join(", ");
    expect([name, database.query(`SELECT ${name}(${nulls})`).values()[0]![0]]).toEqual([name, null]);
  }
});

test("conversions and exact integers", () => {
  using database = connection();
  const results: [string, string | number | null][] = [
    ["ambit_int(9223372036854775807 + 1)", null], ["CAST(ambit_int(9223372036854775806 + 1) AS TEXT)", "9223372036854775807"], ["ambit_abs(-9223372036854775807 - 1)", null], ["ambit_abs(-5)", 5], ["ambit_abs(-1e300)", 1e300], ["ambit_int_of('12x', 'string')", null], ["ambit_int_of(9.3e18, 'double')", null], ["ambit_int_of('\"7\"', 'json')", 7],
    ["ambit_fold('STRAẞE')", "strasse"], ["ambit_like('ÄB', 'äb', 1)", 1], ["ambit_like('ÄB', 'äb', 0)", 0], ["ambit_match('abc', 'b+', 0)", 1], ["ambit_match('abc', '(', 0)", null], ["ambit_decimal('0.1', '+', '0.2')", "0.3"], ["ambit_duration_text(5400000)", "PT1H30M"], ["ambit_duration_text(9e15 + 1e15)", null], ["ambit_time_move('9999-12-31T23:59:59.999Z', 1)", null],
    ["ambit_json_get('{\"a\":{\"b\":[1,null]}}', '[\"a\",\"b\"]')", "[1,null]"], ["ambit_json_get('{\"a\":null}', '[\"a\"]')", null], ["ambit_json_text('{\"a\":\"x\"}', '[\"a\"]')", "x"], ["ambit_json_as('\"5\"', 'int')", null], ["ambit_json_as('[1,2]', 'list:int')", "[1,2]"], ["ambit_list_extreme('[\"9007199254740993\",\"1\"]', 1, 'int')", 1], ["ambit_decimal_extreme(1, '1.50', '1.5', '2')", "1.50"], ["ambit_decimal_extreme(-1, '1.50', NULL)", null],
  ];
  for (const [sql, expected] of results) expect([sql, database.query(`SELECT ${sql}`).values()[0]![0] as string]).toEqual([sql, expected as string]);
});

test("patterns do not explode", () => {
  using database = connection();
  const tookMs = processorTimer();
  database.query("SELECT ambit_match(?1, '^(a+)+$', 0)").get(`${"a".repeat(1_000_000)}!`);
  expect(tookMs()).toBeLessThan(30_000);
});
