// CEL against a catalog: what compiles, to which type, and what is refused, where, with which fix.
import { expect, test } from "bun:test";
import { compileSchema } from "../schema/compile-schema.ts";
import { compileCel } from "./cel-compile.ts";
import type { CelPlace } from "./cel-context.ts";
import type { Expected } from "./cel-convert.ts";
import type { Expression, ExpressionType } from "./expression.ts";

const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text: `
enum Status { PENDING PAID SHIPPED }
enum Size { S M L }
type Address { city: String! zip: String floors: Int }
type Region @table { id: ID! @primaryKey chief: String }
type Customer @table { id: ID! @primaryKey vip: Boolean! name: String regionId: ID region: Region @relationship(from: "regionId") }
type Order @table { id: ID! @primaryKey customerId: ID! customer: Customer! @relationship(from: "customerId") lines: [Line!]! @relationship(to: "orderId") }
type Line @table @allow(to: ["agent", "merchant"], do: [READ]) {
  id: Long! @primaryKey
  orderId: ID @indexed
  order: Order @relationship(from: "orderId")
  status: Status!
  size: Size
  statuses: [Status!]!
  title: String!
  tags: [String!]!
  scores: [Int!]
  price: Money! @currency(code: "EUR")
  rate: Float!
  weight: Decimal
  at: DateTime! @indexed
  due: Date
  wait: Duration
  data: JSON
  photo: Bytes
  address: Address
  stops: [Address!]
  open: Boolean
}
input Wish { sku: String! count: Int }
type Endpoints { order(wishes: [Wish!]!, note: String, first: Wish): Boolean @http }
` });
const line = catalog.tables.get("Line")!;
const place: CelPlace = { catalog, rows: new Map([["record", line], ["old", line]]), auth: true, input: catalog.endpoints.get("order")!.arguments, absent: {} };
const verdict: Expected = { type: { kind: "bool" }, domain: null, what: "A rule" };

function compiled(source: string, expected: Expected = verdict): Expression {
  const { expression, diagnostics: found } = compileCel({ source, position: { file: "schema.graphql", line: 3, column: 10 } }, place, expected);
  if (expression === null) throw new Error(`${source}: ${found.map((one) => one.message).join(" ")}`);
  return expression;
}

test("the schema of these tests is sound", () => {
  expect(diagnostics).toEqual([]);
});

test("what rules may say compiles", () => {
  const sources = [
    "true", "record.open", "!record.open", "record.open == true && (record.price > 5 || record.rate <= 1.5)", "record.title == 'x' || record.title in ['a', 'b', null]",
    "record.order.customer.vip", "record.order.customer.region.chief == 'x'", "record.order == null", "old == null || old.price < record.price", "has(record.order.customer.name)",
    "record.status == 'PAID'", "record.status in ['PAID', 'PENDING']", "'PAID' in record.statuses", "record.statuses.all(s, s != 'PAID')", "record.size == null || record.size != 'S'", "record.status == record.title",
    "'agent' in auth.roles", "auth.roles.exists(r, r == 'merchant')", "'nobody-has-said-so' in auth.roles", "auth.subject == record.orderId", "auth.tenant == 't'", "auth.claims.plan == 'pro' && auth.claims.level > 3", "record.title in auth.claims.titles",
    "input.note == 'x'", "input.wishes.exists(w, w.sku == 'a' && w.count > 2)", "input.first.sku.startsWith('x')", "size(input.wishes) <= 5", "input.wishes[0].count == 1",
    "record.data.a.b == 5", "record.data['x y'][0] == 'z'", "record.data.list.exists(x, x.on == true)", "record.data == null", "record.data.n + 1 > 2", "'a' in record.data.tags",
    "record.address.city == 'B' && record.address['zip'] == null", "record.stops[1].floors > 2", "record.stops.all(s, s.city != '')", "record.address != old.address",
    "size(record.title) < 5 && record.title.size() < 5 && size(record.tags) == 1 && size(record.photo) < 100", "record.title.startsWith('a') || record.title.endsWith('b') || record.title.contains('c') || startsWith(record.title, 'd')",
    "record.title.matches('^[a-z]+$')", "lower(record.title) == record.title.lower()", "upper(trim(record.title)) != ''",
    "abs(record.price) > 1", "round(record.rate) == 2", "min(record.price, 5) == max(record.rate, 1)", "max(record.scores) > 3", "int(record.rate) + int('5') == 1", "double(record.price) / 2.0 > 1.0", "string(record.price) + 'x' == '5x'",
    "record.price * 2 + 1 - record.price / 3 % 2 >= -5", "record.rate * record.price > 1", "-record.price < -9223372036854775808 + 1",
    "record.weight > 1.5", "record.weight > 1", "record.weight == '1.50'", "record.weight * 2 + record.weight > record.price", "-record.weight < 0",
    "record.at > timestamp('2026-01-01T00:00:00Z')", "record.at + duration('1h30m') > now() - duration('PT1H')", "record.at - now() > duration('P1D')", "date(record.at) == date('2026-01-31')", "record.due == date(now())",
    "year(record.at) == 2026 && month(record.due) == 1 && day(record.at) == 31", "record.wait == null ? true : record.open", "record.wait < duration('PT1H') + duration('PT1M')", "timestamp(record.due) < now()",
    "record.tags.exists(t, record.tags.all(u, u == t))", "record.open ? record.price > 1 : record.rate > 1.0", "record.tags == ['a']", "record.tags == []", "record.scores != null && 5 in record.scores",
    "null == null", "record.id == 9223372036854775807", "r'a\\d' == record.title", "(record.open)", "// why\n record.open",
  ];
  for (const source of sources) expect(compiled(source).op).toBeString();
});

test("paths and nested values become fields", () => {
  expect(compiled("record.order.customer.vip")).toEqual({ op: "field", type: { kind: "bool" }, row: "record", table: "Line", path: ["order", "customer"], field: "vip", within: [] });
  expect(compiled("record.address.zip == old.data.a[2].b")).toEqual({
    op: "compare", comparison: "eq",
    left: { op: "field", type: { kind: "string" }, row: "record", table: "Line", path: [], field: "address", within: ["zip"] },
    right: { op: "field", type: { kind: "json" }, row: "old", table: "Line", path: [], field: "data", within: ["a", 2, "b"] },
  });
  expect(compiled("record.order == null")).toMatchObject({ op: "is-null", operand: { path: ["order"], field: "id" } });
  expect(compiled("has(record.title)")).toMatchObject({ op: "not", operand: { op: "is-null", operand: { field: "title" } } });
  expect(compiled("a && b && c".replace(/[abc]/g, "record.open"))).toMatchObject({ op: "and", operands: [{}, {}, {}] });
  expect(compiled("record.title.matches('x')")).toEqual({ op: "match", operand: expect.anything(), pattern: "x", fold: false });
});

test("results are fitted to what a field expects", () => {
  const value = (source: string, type: ExpressionType, enumName?: string): Expression => compiled(source, { type, domain: enumName === undefined ? null : { kind: "enum", name: enumName }, what: "Line.x" });
  expect(value("record.price", { kind: "double" })).toMatchObject({ op: "call", function: "double" });
  expect(value("5", { kind: "decimal" })).toMatchObject({ type: { kind: "decimal" } });
  expect(value("'1e2'", { kind: "decimal" })).toMatchObject({ op: "literal", value: "100" });
  expect(value("null", { kind: "string" })).toEqual({ op: "literal", type: { kind: "string" }, value: null });
  expect(value("record.data.x", { kind: "int" })).toMatchObject({ op: "json-as", type: { kind: "int" } });
  expect(value("[]", { kind: "list", item: { kind: "string" } })).toMatchObject({ op: "list", type: { item: { kind: "string" } } });
  expect(value("record.open ? 'PAID' : 'PENDING'", { kind: "string" }, "Status")).toMatchObject({ op: "conditional" });
  expect(value("now()", { kind: "timestamp" })).toMatchObject({ op: "now" });
  expect(() => value("record.rate", { kind: "int" })).toThrow("Line.x must be int, but this is double.");
  expect(() => value("record.open ? 'PAID' : 'PENDNG'", { kind: "string" }, "Status")).toThrow("Status has no value PENDNG.");
});

interface Refusal { readonly source: string; readonly column: number; readonly message: string; readonly fixed?: string }
const refusal = (source: string, column: number, message: string, fixed?: string): Refusal => ({ source, column, message, ...(fixed === undefined ? {} : { fixed }) });

const refusals: readonly Refusal[] = [
  refusal("record.titel == 'x'", 8, "The field Line.titel does not exist.", "record.title == 'x'"),
  refusal("record.order.customr.vip", 14, "The field Order.customr does not exist.", "record.order.customer.vip"),
  refusal("record.address.ctiy == 'x'", 16, "The field Address.ctiy does not exist.", "record.address.city == 'x'"),
  refusal("recrod.open", 1, "The name recrod does not exist.", "record.open"),
  refusal("open", 1, "open is not a name here.", "record.open"),
  refusal("auth.subjct == 'x'", 6, "The member auth.subjct does not exist.", "auth.subject == 'x'"),
  refusal("input.nte == 'x'", 7, "The argument nte does not exist.", "input.note == 'x'"),
  refusal("record.status == 'PENDNG'", 18, "Status has no value PENDNG.", "record.status == 'PENDING'"),
  refusal("'pad' == record.status", 1, "Status has no value pad.", "'PAID' == record.status"),
  refusal("record.status in ['PAID', 'SHIPED']", 27, "Status has no value SHIPED.", "record.status in ['PAID', 'SHIPPED']"),
  refusal("'PAD' in record.statuses", 1, "Status has no value PAD.", "'PAID' in record.statuses"),
  refusal("record.statuses.exists(s, s == 'PAD')", 32, "Status has no value PAD.", "record.statuses.exists(s, s == 'PAID')"),
  refusal("record.status == 'X'", 18, "Status has no value X."),
  refusal("record.status == record.size", 1, "record.status and record.size are of different enums."),
  refusal("record.status < 'PAID'", 1, "Values of an enum have no order."),
  refusal("'agnt' in auth.roles", 1, "No rule grants anything to a role agnt.", "'agent' in auth.roles"),
  refusal("record.title.startWith('x')", 14, "The function startWith does not exist.", "record.title.startsWith('x')"),
  refusal("getFullYear(record.at) == 1", 1, "Rules have no function getFullYear."),
  refusal("record.price.abs() > 1", 14, "abs is a function, not a method."),
  refusal("record.tags.map(t, t) == []", 13, "Rules have no function map."),
  refusal("record.tags.contains('x')", 1, "contains does not take a value of type list of string."),
  refusal("size(record.title, 1) == 1", 1, "size takes 1 value, here it has 2."),
  refusal("round(record.title) == 1", 7, "round does not take a value of type string."),
  refusal("record.title.matches('(')", 22, "The pattern is not valid: error parsing regexp: missing closing ): `(`."),
  refusal("record.title.matches(record.title)", 22, "The pattern of matches is not a literal."),
  refusal("record.at > '2026-01-01T00:00:00Z'", 13, "'2026-01-01T00:00:00Z' is a string, not a timestamp.", "record.at > timestamp('2026-01-01T00:00:00Z')"),
  refusal("record.wait == 'PT1H'", 16, "'PT1H' is a string, not a duration.", "record.wait == duration('PT1H')"),
  refusal("record.orderId == 5", 19, "5 is a number, record.orderId a string.", "record.orderId == '5'"),
  refusal("record.due == date('2026-13-01')", 20, "'2026-13-01' is not a date."),
  refusal("record.at > timestamp('noon')", 23, "'noon' is not a timestamp."),
  refusal("record.wait > duration('1 hour')", 24, "'1 hour' is not a duration."),
  refusal("record.weight > 'heavy'", 17, "'heavy' is not a decimal number."),
  refusal("record.weight > record.rate", 1, "record.weight (decimal) and record.rate (double) cannot be compared."),
  refusal("record.title == 5.5", 1, "record.title (string) and 5.5 (double) cannot be compared."),
  refusal("record.tags == record.scores", 1, "record.tags (list of string) and record.scores (list of int) cannot be compared."),
  refusal("record.tags < record.tags", 1, "A list of string has no order."),
  refusal("record.open > true", 1, "A bool has no order."),
  refusal("record.price < null", 1, "Nothing is less or greater than null."),
  refusal("record.title + record.price == 'x'", 1, "string + int has no meaning."),
  refusal("record.weight / 2 == 1", 1, "decimal / int has no meaning."),
  refusal("record.due + duration('P1D') == record.due", 1, "date + duration has no meaning."),
  refusal("record.at + record.at == null", 1, "timestamp + timestamp has no meaning."),
  refusal("-record.title == 'x'", 1, "record.title is string and has no negative."),
  refusal("record.title", 1, "A rule must be bool, but this is string."),
  refusal("auth.claims.vip", 1, "A rule must be bool, but this is json."),
  refusal("record.price && true", 1, "record.price is int, not bool."),
  refusal("!record.data", 2, "record.data is json, not bool."),
  refusal("record.price ? true : false", 1, "record.price is int, not bool."),
  refusal("(record.open ? 1 : 'a') == 1", 20, "The branches are int and string."),
  refusal("record.title in 'abc'", 17, "'abc' is string, not a list."),
  refusal("5 in record.tags", 1, "5 is a number, record.tags a string.", "'5' in record.tags"),
  refusal("record.title in [1]", 18, "1 is a number, record.title a string.", "record.title in ['1']"),
  refusal("[1, 'a'] == null", 5, "A list of int cannot hold string."),
  refusal("record.order.lines.exists(l, true)", 14, "Order.lines is a relation to many records."),
  refusal("record.order.customer.region.chief.x == 1", 36, "record.order.customer.region.chief is of type string and has no member x."),
  refusal("record", 1, "record is a record, not a value."),
  refusal("record.order == record.order", 1, "record.order is a record, not a value."),
  refusal("auth", 1, "auth is not a value."),
  refusal("has(record)", 1, "has asks whether a field is there."),
  refusal("exists(record.tags, t, true)", 1, "exists is not written so."),
  refusal("record.tags.exists(record, true)", 20, "The name record is taken."),
  refusal("record.tags.exists(t, record.tags.all(t, true))", 39, "The name t is taken."),
  refusal("record.tags.all(a, record.tags.all(b, record.tags.all(c, true)))", 39, "all stands inside more than one other."),
  refusal("record.title.exists(c, true)", 1, "record.title is string, not a list."),
  refusal("record.tags[record.price] == 'a'", 13, "An index here is a number of a list's item from 0, or a name in quotes."),
  refusal("record.tags[-1] == 'a'", 13, "An index here is a number of a list's item from 0, or a name in quotes."),
  refusal("now(1) > record.at", 1, "now takes no values."),
  refusal("{'a': 1} == null", 1, "Rules have no maps."),
  refusal("5u == 5", 1, "Unsigned numbers and bytes have no place in rules."),
  refusal("record.id == 9223372036854775808", 14, "The number does not fit 64 bits."),
  refusal("1e999 > 1.0", 1, "Invalid number: Infinity."),
  refusal("'\\u0000' == record.title", 1, "The text contains what no stored text can."),
  refusal("record.open &&", 15, "The expression ends too early."),
  refusal("record.price = 5", 14, "Rules have no operator =.", "record.price == 5"),
  refusal("record.price === 5", 14, "Rules have no operator ===.", "record.price == 5"),
  refusal("record.price !== 5", 14, "Rules have no operator !==.", "record.price != 5"),
  refusal("record.price <> 5", 14, "Rules have no operator <>.", "record.price != 5"),
  refusal("record.price => 5", 14, "Rules have no operator =>.", "record.price >= 5"),
  refusal("record.open & true", 13, "Rules have no operator &.", "record.open && true"),
  refusal("record.open | true", 13, "Rules have no operator |.", "record.open || true"),
  refusal("record.open AND true", 13, "Rules have no operator and.", "record.open && true"),
  refusal("record.open or true", 13, "Rules have no operator or.", "record.open || true"),
  refusal("not record.open", 1, "Rules have no operator not.", "!record.open"),
  refusal("record.title is null", 14, "Rules have no operator is null.", "record.title == null"),
  refusal("record.title is  not null", 14, "Rules have no operator is not null.", "record.title != null"),
  refusal("record.title not in ['a']", 14, "Rules have no operator not in."),
  refusal("record.title like 'a'", 14, "Rules have no operator like."),
  refusal("record.price between 1", 14, "Rules have no operator between."),
  refusal("record.title ?? 'a'", 14, "Rules have no operator ??."),
  refusal("record.order?.customer", 13, "Rules have no operator ?.."),
  refusal("record.open)", 12, "Unexpected character: ')'."),
  refusal("", 1, "The expression is empty."),
  refusal("(".repeat(300), 1, ""),
];

test("what rules may not say is refused at its place, with the fix", () => {
  for (const { source, column, message, fixed } of refusals) {
    const { expression, diagnostics: found } = compileCel({ source, position: { file: "schema.graphql", line: 1, column: 1 } }, place, verdict);
    expect(expression).toBeNull();
    const [first] = found;
    if (message === "") { expect(found).toHaveLength(1); continue; }
    expect({ source, column: first?.position.column, message: first?.message }).toEqual({ source, column, message });
    expect(first!.code).toBe("CEL_TYPE");
    expect(first!.fix).toMatch(/[.?]$/);
    if (fixed === undefined) continue;
    let text = source;
    for (const edit of [...first!.edits].reverse()) text = text.slice(0, edit.start.column - 1) + edit.text + text.slice(edit.end.column - 1);
    expect(text).toBe(fixed);
    expect(compiled(text).op).toBeString();
  }
});

test("every problem of an expression is reported at once", () => {
  const { diagnostics: found } = compileCel({ source: "record.nope == 1 && record.titel == 'x' || fo(1)", position: { file: "s", line: 1, column: 1 } }, place, verdict);
  expect(found.map((one) => one.position.column)).toEqual([8, 28, 44]);
});
