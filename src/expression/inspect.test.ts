// Questions about expressions, and their rows renamed.
import { expect, test } from "bun:test";
import { compileSchema } from "../schema/compile-schema.ts";
import { compileCatalogExpressions } from "./compile-catalog.ts";
import type { Expression } from "./expression.ts";
import { bindRow, fieldsRead, isClosed, isLocal, isOfRowAlone, partsOf, usesNow, withParts } from "./inspect.ts";

const { catalog } = compileSchema({ file: "s", text: `
type Owner @table { id: ID! @primaryKey vip: Boolean }
type Item @table
  @allow(to: ["a"], do: [READ], where: "record.price > 1 && record.tags.exists(t, t == auth.subject) || record.owner.vip")
  @allow(to: ["b"], do: [READ], where: "auth.claims.list.exists(x, x == auth.subject) && auth.tenant == 'a'")
  @allow(to: ["c"], do: [READ], where: "record.at > now()")
  @allow(to: ["d"], do: [READ], where: "record.isVip")
  @allow(to: ["e"], do: [READ], where: "record.price in [1, record.cost, 3] ? min(record.price, 2) > 1 : -record.price < 2 && size(record.name) == 1")
{ id: ID! @primaryKey price: Int! cost: Int! name: String! tags: [String!]! at: DateTime! @indexed ownerId: ID owner: Owner @relationship(from: "ownerId") isVip: Boolean @computed(rule: "record.owner.vip") }` });
const { book, diagnostics } = compileCatalogExpressions(catalog);
const rules = catalog.tables.get("Item")!.allow.map((rule) => book.of(rule.where!)) as [Expression, Expression, Expression, Expression, Expression];
const exists: Expression = { op: "exists", table: "Owner", row: "owner", where: { op: "compare", comparison: "eq", left: field("Owner", "owner", "id"), right: field("Item", "record", "ownerId") } };

function field(table: string, row: string, name: string): Expression {
  return { op: "field", type: { kind: "string" }, row, table, path: [], field: name, within: [] };
}

test("local, closed, timed", () => {
  expect(diagnostics).toEqual([]);
  expect(rules.map((rule) => isLocal(rule))).toEqual([false, true, true, true, true]);
  expect(rules.map((rule) => isLocal(rule, book))).toEqual([false, true, true, false, true]);
  expect(isLocal(exists)).toBe(false);
  expect(rules.map(isClosed)).toEqual([false, true, false, false, false]);
  expect(isClosed(exists)).toBe(false);
  expect(rules.map(usesNow)).toEqual([false, false, true, false, false]);
});

test("of the row alone: no caller, no time, no other record, neither in what it computes", () => {
  expect(rules.map((rule) => isOfRowAlone(rule, book))).toEqual([false, false, false, false, true]);
  expect(isOfRowAlone(exists, book)).toBe(false);
});

test("fields read", () => {
  expect(fieldsRead(rules[0]).map((read) => [...read.path, read.field].join("."))).toEqual(["price", "tags", "owner.vip"]);
  expect(fieldsRead(exists)).toEqual([{ row: "owner", table: "Owner", path: [], field: "id" }, { row: "record", table: "Item", path: [], field: "ownerId" }]);
});

test("rows are renamed, those bound inside are not", () => {
  const renamed = bindRow(exists, "record", "other");
  expect(fieldsRead(renamed).map((read) => read.row)).toEqual(["owner", "other"]);
  expect(bindRow(exists, "owner", "x")).toBe(exists);
  expect(bindRow(rules[1], "record", "x")).toBe(rules[1]);
  expect(fieldsRead(bindRow(rules[4], "record", "r1")).every((read) => read.row === "r1")).toBe(true);
});

test("taking apart and putting together is the identity", () => {
  const visit = (expression: Expression): void => {
    expect(withParts(expression, partsOf(expression))).toEqual(expression);
    partsOf(expression).forEach(visit);
  };
  [...rules, exists].forEach(visit);
});
