import { expect, test } from "bun:test";
import type { Value } from "../base/value.ts";
import type { Catalog, TypeRef } from "../schema/catalog.ts";
import { copyField, postgresText, textLiteral } from "./postgres-text.ts";
import { appOf, tableOf } from "./testing/storage-fixture.ts";

const app = appOf(`
  type Inner { long: Long text: String }
  enum Color { RED }
  type All @table {
    id: ID! @primaryKey text: String texts: [String] int: Int long: Long longs: [Long] float: Float yes: Boolean yeses: [Boolean] at: DateTime ats: [DateTime] on: Date span: Duration
    exact: Decimal bytes: Bytes byteses: [Bytes] json: JSON jsons: [JSON] inner: Inner inners: [Inner!] color: Color vector: Vector
  }`);
const catalog: Catalog = app.catalog;
const typeOf = (field: string): TypeRef => tableOf(app, "All").fields.get(field)!.type;

test("values are texts of PostgreSQL's own types", () => {
  const texts: [string, Value, string][] = [
    ["text", "it's", "it's"], ["int", -1, "-1"], ["long", 9223372036854775807n, "9223372036854775807"], ["float", 1e21, "1e+21"], ["yes", true, "true"],
    ["at", "2026-01-31T12:00:00.001Z", "2026-01-31T12:00:00.001Z"], ["at", "0000-02-29T00:00:00.000Z", "0001-02-29T00:00:00.000Z BC"], ["on", "0000-12-31", "0001-12-31 BC"],
    ["span", "P1DT2H3M4.5S", "P1DT2H3M4.5S"], ["span", "-P1DT2H3M4.5S", "P-1DT-2H-3M-4.5S"], ["span", "PT0S", "PT0S"],
    ["exact", "1.50", "1.50"], ["bytes", "/+8=", "\\xffef"], ["bytes", "", "\\x"], ["color", "RED", "RED"], ["vector", [0.5, -1], '{"0.5","-1"}'],
    ["json", { a: [null, "x"] }, '{"a":[null,"x"]}'], ["json", "text", '"text"'], ["inner", { long: 5n, text: null }, '{"long":"5","text":null}'],
    ["texts", ["a,b", null, "\"\\", ""], '{"a,b",NULL,"\\"\\\\",""}'], ["texts", [], "{}"], ["longs", [1n, null], '{"1",NULL}'], ["yeses", [true, false], '{"true","false"}'],
    ["ats", ["0000-01-01T00:00:00.000Z"], '{"0001-01-01T00:00:00.000Z BC"}'], ["byteses", ["AA=="], '{"\\\\x00"}'], ["jsons", [{ a: 1 }, null], '[{"a":1},null]'],
    ["inners", [{ long: null, text: "t" }], '[{"long":null,"text":"t"}]'],
  ];
  for (const [field, value, text] of texts) expect([field, postgresText(value, typeOf(field), catalog)]).toEqual([field, text]);
});

test("a line of COPY is one line: what would end it or its parts is escaped, null is apart from every text", () => {
  const type = typeOf("text");
  expect(copyField(null, type, catalog)).toBe("\\N");
  expect(copyField("\\N", type, catalog)).toBe("\\\\N");
  expect(copyField("\\.", type, catalog)).toBe("\\\\.");
  expect(copyField("a\tb\nc\rd\\e", type, catalog)).toBe("a\\tb\\nc\\rd\\\\e");
  expect(copyField("", type, catalog)).toBe("");
});

test("a literal ends where its text ends", () => {
  expect(textLiteral("it's '' \\' end")).toBe("'it''s '''' \\'' end'");
});
