// Raw input becomes canonical or is refused with path and code: by scalar, by limit, nested, and fuzzed with a seed.
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import type { Value } from "../base/value.ts";
import type { Catalog, TypeRef, ValueLimits } from "./catalog.ts";
import { coerceFields, coerceUndeclared, coerceValue, noLimits, type CoerceContext, type Issue } from "./coerce-value.ts";
import { compileSchema } from "./compile-schema.ts";
import { fromWireValue, toWireValue, wireRecord } from "./wire-value.ts";
import { processorTimer } from "../base/testing/processor-time.ts";

const schema = `
enum Colour { RED GREEN }
type Line { sku: String! @length(min: 2), quantity: Int! @range(min: 1), weight: Long, colour: Colour, tags: [String!]!, inner: Line }
input Order { lines: [Line2!]! @length(min: 1, max: 2), note: String = "none", at: DateTime }
input Line2 { sku: String! @length(max: 5), quantity: Int! = 1 @range(min: 1, max: 9), inner: Order, mail: [String!] @redact(kind: EMAIL) }
type Cart @table { id: ID! @primaryKey, total: Long, lines: [Line!]!, owner: Person @relationship(from: "ownerId"), ownerId: ID }
type Person @table(open: true) { id: ID! @primaryKey, age: Long, carts: [Cart!]! @relationship(to: "ownerId") }
`;
const compiled = compileSchema({ file: "schema.graphql", text: schema });
const catalog: Catalog = compiled.catalog;

const scalar = (name: string, extra: Partial<TypeRef> = {}): TypeRef => ({ kind: "scalar", name, list: false, required: true, itemRequired: true, ...extra });
const context = (extra: Partial<CoerceContext> = {}): CoerceContext => ({ catalog, dialect: "wire", path: "x", ...extra });

function coerce(raw: unknown, type: TypeRef, extra: { limits?: Partial<ValueLimits>; context?: Partial<CoerceContext> } = {}): { value: Value | undefined; issues: string[] } {
  const issues: Issue[] = [];
  const value = coerceValue(raw, { type, limits: { ...noLimits, ...extra.limits } }, context(extra.context), issues);
  for (const issue of issues) expect(issue.message.startsWith(issue.path === "" ? "The value" : issue.path.replace(/\[\d+\]$/, ""))).toBe(true);
  return { value, issues: issues.map((issue) => `${issue.path} ${issue.code}`) };
}

test("the schema of these tests is sound", () => {
  expect(compiled.diagnostics.map(({ message }) => message)).toEqual([]);
});

describe("scalars", () => {
  const taken: readonly [string, unknown, Value][] = [
    ["ID", "a1", "a1"], ["ID", 7, "7"], ["ID", 12345678901234567890n, "12345678901234567890"], ["ID", "", ""],
    ["String", "\u{1F600}", "\u{1F600}"], ["String", "", ""],
    ["Int", 2147483647, 2147483647], ["Int", -2147483648, -2147483648], ["Int", 5.0, 5], ["Int", 7n, 7],
    ["Money", 9007199254740991, 9007199254740991], ["Money", -9007199254740991, -9007199254740991],
    ["Long", "9223372036854775807", 9223372036854775807n], ["Long", "-9223372036854775808", -9223372036854775808n], ["Long", 5, 5n], ["Long", 9223372036854775807n, 9223372036854775807n], ["Long", "-0", 0n],
    ["Float", 1.5, 1.5], ["Float", 3, 3], ["Float", 12345678901234567890n, 12345678901234567000], ["Boolean", true, true], ["Boolean", false, false],
    ["DateTime", "2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00.000Z"], ["DateTime", "2026-01-31t12:00:00.5z", "2026-01-31T12:00:00.500Z"],
    ["Date", "2024-02-29", "2024-02-29"], ["Duration", "PT90M", "PT1H30M"], ["Duration", "P1W", "P7D"],
    ["Decimal", "010.50", "10.50"], ["Decimal", "-0.0", "0.0"], ["Decimal", "1e2", "100"],
    ["Bytes", "aGk=", "aGk="], ["Bytes", "", ""], ["Vector", [1, -0, 2.5], [1, 0, 2.5]],
    ["JSON", { a: [1, "b", null, { c: true }] }, { a: [1, "b", null, { c: true }] }], ["JSON", "text", "text"], ["JSON", 0.1, 0.1], ["JSON", 9007199254740994n, 9007199254740994],
  ];
  test.each(taken)("%s takes %p", (name, raw, value) => {
    expect(coerce(raw, scalar(name))).toEqual({ value, issues: [] });
  });

  test("zero has no sign", () => {
    for (const name of ["Int", "Float", "Money", "JSON"]) expect(Object.is(coerce(-0, scalar(name)).value, 0)).toBe(true);
  });

  const refused: readonly [string, unknown, string][] = [
    ["ID", 1.5, "WRONG_TYPE"], ["ID", true, "WRONG_TYPE"], ["ID", 2 ** 53, "WRONG_TYPE"], ["ID", {}, "WRONG_TYPE"],
    ["String", 5, "WRONG_TYPE"], ["String", ["a"], "WRONG_TYPE"], ["String", "\ud800", "MALFORMED_TEXT"], ["String", "a\u0000b", "MALFORMED_TEXT"], ["String", "a".repeat(1_000_001), "OUT_OF_RANGE"],
    ["Int", "5", "WRONG_TYPE"], ["Int", 1.5, "WRONG_TYPE"], ["Int", 2147483648, "OUT_OF_RANGE"], ["Int", Number.NaN, "WRONG_TYPE"], ["Int", Number.POSITIVE_INFINITY, "WRONG_TYPE"], ["Int", true, "WRONG_TYPE"],
    ["Money", 9007199254740992, "OUT_OF_RANGE"], ["Money", 9007199254740993n, "OUT_OF_RANGE"], ["Money", "5", "WRONG_TYPE"], ["Money", 0.5, "WRONG_TYPE"],
    ["Long", 9007199254740992, "OUT_OF_RANGE"], ["Long", "9223372036854775808", "OUT_OF_RANGE"], ["Long", 9223372036854775808n, "OUT_OF_RANGE"], ["Long", "-9223372036854775809", "OUT_OF_RANGE"], ["Long", "1.0", "WRONG_TYPE"], ["Long", "+1", "WRONG_TYPE"], ["Long", " 1", "WRONG_TYPE"], ["Long", "01", "WRONG_TYPE"], ["Long", "", "WRONG_TYPE"], ["Long", "0x10", "WRONG_TYPE"], ["Long", 1.5, "WRONG_TYPE"], ["Long", "9".repeat(100_000), "OUT_OF_RANGE"],
    ["Float", "1.5", "WRONG_TYPE"], ["Float", Number.NaN, "WRONG_TYPE"], ["Float", Number.POSITIVE_INFINITY, "WRONG_TYPE"], ["Float", 10n ** 400n, "WRONG_TYPE"],
    ["Boolean", 1, "WRONG_TYPE"], ["Boolean", "true", "WRONG_TYPE"], ["Boolean", 0, "WRONG_TYPE"],
    ["DateTime", "2026-01-31", "WRONG_TYPE"], ["DateTime", "2026-01-31T12:00:00", "WRONG_TYPE"], ["DateTime", "2026-02-30T12:00:00Z", "WRONG_TYPE"], ["DateTime", 1700000000000, "WRONG_TYPE"],
    ["Date", "2026-02-29", "WRONG_TYPE"], ["Date", "2026-1-1", "WRONG_TYPE"], ["Duration", "P1M", "WRONG_TYPE"], ["Duration", "P1Y", "WRONG_TYPE"], ["Duration", "PT", "WRONG_TYPE"], ["Duration", "", "WRONG_TYPE"],
    ["Decimal", 1.5, "WRONG_TYPE"], ["Decimal", 15, "WRONG_TYPE"], ["Decimal", "1,5", "WRONG_TYPE"], ["Decimal", "NaN", "WRONG_TYPE"], ["Decimal", "1".repeat(500), "WRONG_TYPE"],
    ["Bytes", "aGk", "WRONG_TYPE"], ["Bytes", "a b=", "WRONG_TYPE"], ["Bytes", "-_==", "WRONG_TYPE"], ["Bytes", 5, "WRONG_TYPE"],
    ["Vector", [], "WRONG_TYPE"], ["Vector", [1, "2"], "WRONG_TYPE"], ["Vector", [1e39], "WRONG_TYPE"], ["Vector", "[1]", "WRONG_TYPE"],
    ["JSON", Number.NaN, "WRONG_TYPE"], ["JSON", { a: "\udfff" }, "MALFORMED_TEXT"], ["JSON", { "a\u0000": 1 }, "MALFORMED_TEXT"], ["JSON", 9007199254740993n, "OUT_OF_RANGE"], ["JSON", { a: new Date(0) }, "WRONG_TYPE"], ["JSON", () => 1, "WRONG_TYPE"],
    ["Blob", "x", "WRONG_TYPE"],
  ];
  test.each(refused)("%s refuses %p", (name, raw, code) => {
    expect(coerce(raw, scalar(name))).toEqual({ value: undefined, issues: [`x ${code}`] });
  });

  test("code also hands in what TypeScript has", () => {
    const code = { context: { dialect: "code" as const } };
    expect(coerce(new Date(0), scalar("DateTime"), code).value).toBe("1970-01-01T00:00:00.000Z");
    expect(coerce(new Date(0), scalar("Date"), code).value).toBe("1970-01-01");
    expect(coerce(new Uint8Array([104, 105]), scalar("Bytes"), code).value).toBe("aGk=");
    expect(coerce(new Float32Array([1, 0.5]), scalar("Vector"), code).value).toEqual([1, 0.5]);
    expect(coerce(5, scalar("Long"), code).value).toBe(5n);
    expect(coerce(5, scalar("Decimal"), code).value).toBe("5");
    expect(coerce(5n, scalar("Decimal"), code).value).toBe("5");
    expect(coerce(new Date(Number.NaN), scalar("DateTime"), code).issues).toEqual(["x WRONG_TYPE"]);
    expect(coerce(new Date(8.64e15), scalar("DateTime"), code).issues).toEqual(["x WRONG_TYPE"]);
    expect(coerce(0.1, scalar("Decimal"), code).issues).toEqual(["x WRONG_TYPE"]);
    expect(coerce("5", scalar("Int"), code).issues).toEqual(["x WRONG_TYPE"]);
    for (const [name, raw] of [["DateTime", new Date(0)], ["Bytes", new Uint8Array(1)], ["Vector", new Float32Array(1)], ["Decimal", 5]] as const) expect(coerce(raw, scalar(name)).issues).toEqual(["x WRONG_TYPE"]);
  });

  test("null and absent are null, unless required", () => {
    for (const raw of [null, undefined]) {
      expect(coerce(raw, scalar("Int", { required: false }))).toEqual({ value: null, issues: [] });
      expect(coerce(raw, scalar("Int"))).toEqual({ value: undefined, issues: ["x REQUIRED"] });
      expect(coerce(raw, scalar("JSON", { required: false }))).toEqual({ value: null, issues: [] });
    }
  });
});

describe("limits", () => {
  const limit = (raw: unknown, type: TypeRef, limits: Partial<ValueLimits>): string[] => coerce(raw, type, { limits }).issues;

  test("length counts code points, items and bytes", () => {
    expect(limit("\u{1F600}\u{1F600}", scalar("String"), { length: { min: null, max: 2 } })).toEqual([]);
    expect(limit("\u{1F600}\u{1F600}", scalar("String"), { length: { min: 3, max: null } })).toEqual(["x TOO_SHORT"]);
    expect(limit("abc", scalar("String"), { length: { min: null, max: 2 } })).toEqual(["x TOO_LONG"]);
    expect(limit(["abc"], scalar("String", { list: true }), { length: { min: null, max: 1 } })).toEqual([]);
    expect(limit(["a", "b"], scalar("String", { list: true }), { length: { min: null, max: 1 } })).toEqual(["x TOO_LONG"]);
    expect(limit("aGk=", scalar("Bytes"), { length: { min: 2, max: 2 } })).toEqual([]);
    expect(limit("aGlv", scalar("Bytes"), { length: { min: null, max: 2 } })).toEqual(["x TOO_LONG"]);
  });

  test("range compares by value", () => {
    const cases: readonly [string, Value, unknown, unknown][] = [
      ["Int", 3, 2, 3], ["Float", 0.5, 0.25, 0.5], ["Money", 100, 99, 100], ["Decimal", "1.5", "1.49", "1.50"], ["Duration", "PT1H", "PT59M", "PT60M"],
      ["Long", 9007199254740993n, "9007199254740992", "9007199254740993"], ["DateTime", "2026-01-01T00:00:00.000Z", "2025-12-31T23:59:59.999Z", "2026-01-01T01:00:00+01:00"], ["Date", "2026-01-01", "2025-12-31", "2026-01-01"], ["Decimal", "-2", "-10", "-1.9"],
    ];
    for (const [name, min, below, at] of cases) {
      expect(limit(below, scalar(name), { range: { min, max: null } })).toEqual(["x TOO_SMALL"]);
      expect(limit(at, scalar(name), { range: { min, max: null } })).toEqual([]);
      expect(limit(below, scalar(name), { range: { min: null, max: min } })).toEqual([]);
    }
    expect(limit(4, scalar("Int"), { range: { min: null, max: 3 } })).toEqual(["x TOO_LARGE"]);
  });

  test("range and pattern hold for each item, nulls keep them", () => {
    expect(limit([1, 9, null], scalar("Int", { list: true, itemRequired: false }), { range: { min: 2, max: 8 } })).toEqual(["x[0] TOO_SMALL", "x[1] TOO_LARGE"]);
    expect(limit(["ab", "b"], scalar("String", { list: true }), { pattern: "^a" })).toEqual(["x[1] PATTERN"]);
    expect(limit("xay", scalar("String"), { pattern: "a" })).toEqual([]);
  });

  test("a pattern that would explode elsewhere does not", () => {
    const tookMs = processorTimer();
    expect(limit(`${"a".repeat(5_000)}!`, scalar("String"), { pattern: "^(a+)+$" })).toEqual(["x PATTERN"]);
    expect(tookMs()).toBeLessThan(30_000);
  });

  test("issues never say the value", () => {
    const issues: Issue[] = [];
    coerceValue("s3cret-s3cret", { type: scalar("String"), limits: { ...noLimits, length: { min: null, max: 3 }, pattern: "^[0-9]+$" } }, context(), issues);
    expect(issues).toHaveLength(2);
    expect(JSON.stringify(issues)).not.toContain("s3cret");
  });
});

describe("nested", () => {
  const order: TypeRef = { kind: "input", name: "Order", list: false, required: true, itemRequired: false };
  const atRoot = { context: { path: "" } };

  test("paths, defaults, all issues at once", () => {
    expect(coerce({ lines: [{ sku: "abc" }] }, order, atRoot)).toEqual({ value: { lines: [{ sku: "abc", quantity: 1, inner: null, mail: null }], note: "none", at: null }, issues: [] });
    expect(coerce({ lines: [{ sku: "a", quantity: 0 }, { sku: 5 }, { quantity: "1" }], nte: "x", at: "never" }, order, atRoot).issues).toEqual([
      "nte UNKNOWN_FIELD", "lines[0].quantity TOO_SMALL", "lines[1].sku WRONG_TYPE", "lines[2].sku REQUIRED", "lines[2].quantity WRONG_TYPE", "at WRONG_TYPE",
    ]);
    expect(coerce({ lines: [] }, order, atRoot).issues).toEqual(["lines TOO_SHORT"]);
    expect(coerce({ lines: [null] }, order, atRoot).issues).toEqual(["lines[0] REQUIRED"]);
    expect(coerce({ lines: { sku: "a" } }, order, atRoot).issues).toEqual(["lines WRONG_TYPE"]);
    expect(coerce({ lines: [{ sku: "a", mail: ["a@example.com and more"] }] }, order, atRoot).value).toMatchObject({ lines: [{ mail: ["[email] and more"] }] });
  });

  test("did you mean", () => {
    const issues: Issue[] = [];
    coerceValue({ lines: [{ sku: "a", quantitty: 1 }] }, { type: order, limits: noLimits }, context({ path: "" }), issues);
    expect(issues[0]).toEqual({ path: "lines[0].quantitty", code: "UNKNOWN_FIELD", message: "lines[0].quantitty is not a field; did you mean quantity?" });
    issues.length = 0;
    coerceValue("GREN", { type: { ...scalar("Colour"), kind: "enum" }, limits: noLimits }, context(), issues);
    expect(issues[0]?.message).toBe("x must be one of RED, GREEN; did you mean GREEN?");
  });

  test("what is no plain object is refused", () => {
    for (const raw of [[], new Date(0), new Map(), 5, "x", true, new (class Thing { readonly lines = []; })()]) expect(coerce(raw, order, atRoot).issues).toEqual([" WRONG_TYPE"]);
  });

  test("depth is bounded", () => {
    let raw: unknown = { lines: [{ sku: "a" }] };
    for (let depth = 0; depth < 200; depth++) raw = { lines: [{ sku: "a", inner: raw }] };
    expect(coerce(raw, order, atRoot).issues.map((issue) => issue.split(" ")[1])).toEqual(["TOO_DEEP"]);
    let json: unknown = 1;
    for (let depth = 0; depth < 100_000; depth++) json = [json];
    expect(coerce(json, scalar("JSON")).issues).toEqual(["x TOO_DEEP"]);
    let fits: unknown = 1;
    for (let depth = 0; depth < 60; depth++) fits = { a: fits };
    expect(coerce(fits, scalar("JSON")).issues).toEqual([]);
    const shallow = { context: { limits: { jsonDepth: 3, textLength: 2 } } };
    expect(coerce([[[[1]]]], scalar("JSON"), shallow).issues).toEqual(["x TOO_DEEP"]);
    expect(coerce("abc", scalar("String"), shallow).issues).toEqual(["x OUT_OF_RANGE"]);
  });

  test("__proto__ never pollutes and is never kept", () => {
    const hostile = JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}') as object;
    expect(coerce(hostile, scalar("JSON")).issues).toEqual(["x UNSAFE_KEY"]);
    expect(coerce({ a: [hostile] }, scalar("JSON")).issues).toEqual(["x UNSAFE_KEY"]);
    expect(coerce({ ...hostile, lines: [{ sku: "a" }] }, order, atRoot).issues.toSorted()).toEqual(["__proto__ UNKNOWN_FIELD", "constructor UNKNOWN_FIELD"]);
    expect(coerce(JSON.parse('{"lines": [{"sku": "a", "__proto__": {"quantity": 5}}]}'), order, atRoot).issues).toEqual(["lines[0].__proto__ UNKNOWN_FIELD"]);
    const issues: Issue[] = [];
    expect(coerceUndeclared("__proto__", 1, context({ path: "__proto__" }), issues)).toBeUndefined();
    expect(issues.map(({ code }) => code)).toEqual(["UNSAFE_KEY"]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    const kept = coerce({ constructor: 1, toString: 2 }, scalar("JSON")).value as object;
    expect(Object.getPrototypeOf(kept)).toBeNull();
  });

  test("inherited properties are not input", () => {
    const inherited = Object.create({ lines: [{ sku: "a" }] }) as object;
    expect(coerce(inherited, order, atRoot).issues).not.toEqual([]);
    expect(coerce(Object.create(null), order, atRoot).issues).toEqual(["lines REQUIRED"]);
  });

  test("arguments of a callable", () => {
    const issues: Issue[] = [];
    const fields = catalog.objects.get("Line2")?.fields;
    if (fields === undefined) throw new Error("Line2 is declared");
    expect(coerceFields({ sku: "abc", quantity: 3 }, fields, context({ path: "" }), issues)).toEqual({ sku: "abc", quantity: 3, inner: null, mail: null });
    expect(coerceFields({ sku: "abcdef" }, fields, context({ path: "" }), issues)).toBeUndefined();
    expect(issues.map(({ path, code }) => `${path} ${code}`)).toEqual(["sku TOO_LONG"]);
  });
});

describe("records and the wire", () => {
  const cart: TypeRef = { kind: "table", name: "Cart", list: false, required: true, itemRequired: false };
  const raw = { id: "c", total: 5n, lines: [{ sku: "ab", quantity: 1, weight: 9007199254740993n, tags: [] }], owner: { id: "p", age: 3n, nickname: "x" } };

  test("a record as a callable answers it", () => {
    const { value, issues } = coerce(raw, cart, { context: { dialect: "code" } });
    expect(issues).toEqual([]);
    expect(toWireValue(value, cart, catalog)).toEqual({
      id: "c", total: "5", lines: [{ sku: "ab", quantity: 1, weight: "9007199254740993", colour: null, tags: [], inner: null }], owner: { id: "p", age: "3", nickname: "x" },
    });
    expect(fromWireValue(toWireValue(value, cart, catalog), cart, catalog)).toEqual(value!);
    expect(coerce({ id: "c", totl: 5 }, cart).issues).toEqual(["x.totl UNKNOWN_FIELD"]);
    expect(coerce({ id: null }, cart).issues).toEqual(["x.id REQUIRED"]);
  });

  test("wireRecord leaves relations out and undeclared fields of open tables in", () => {
    const [cartTable, person] = [catalog.tables.get("Cart"), catalog.tables.get("Person")];
    if (cartTable === undefined || person === undefined) throw new Error("both are declared");
    expect(wireRecord({ id: "c", total: null, owner: { id: "p" } }, cartTable, catalog)).toEqual({ id: "c", total: null });
    expect(wireRecord({ id: "p", age: 1n, extra: { a: 1 } }, person, catalog)).toEqual({ id: "p", age: "1", extra: { a: 1 } });
  });
});

describe("fuzz", () => {
  const seed = Number(process.env["SEED"] ?? 20260131);

  test(`any JSON is coerced or refused, never thrown at, and what is taken is stable (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const types: TypeRef[] = [
      ...["ID", "String", "Int", "Long", "Float", "Boolean", "DateTime", "Date", "Duration", "Money", "Decimal", "JSON", "Bytes", "Vector"].flatMap((name) => [scalar(name), scalar(name, { list: name !== "Vector", required: false, itemRequired: false })]),
      { kind: "input", name: "Order", list: false, required: true, itemRequired: false }, { kind: "object", name: "Line", list: true, required: false, itemRequired: true }, { kind: "enum", name: "Colour", list: false, required: true, itemRequired: false },
    ];
    for (let round = 0; round < 4_000; round++) {
      const type = types[Math.floor(random.next() * types.length)]!;
      const input = anything(random.next, 3);
      const issues: Issue[] = [];
      const value = coerceValue(input, { type, limits: noLimits }, context({ path: "" }), issues);
      expect(value === undefined).toBe(issues.length > 0);
      if (value === undefined) continue;
      const wire = JSON.parse(JSON.stringify(toWireValue(value, type, catalog)));
      const again = coerceValue(wire, { type, limits: noLimits }, context({ path: "" }), issues);
      expect({ round, type, again }).toEqual({ round, type, again: value });
      expect(fromWireValue(wire, type, catalog)).toEqual(value);
    }
  });
});

const atoms: readonly unknown[] = [
  null, undefined, true, false, 0, -0, 1, -1, 1.5, 1e300, 2 ** 31, 2 ** 53, Number.NaN, 10n, 2n ** 63n, "", "a", "RED", "5", "9223372036854775807", "1.50", "2026-01-31", "2026-01-31T12:00:00Z", "PT1H", "aGk=", "\ud800", "\u0000", "\u{1F600}",
];
const keys: readonly string[] = ["lines", "sku", "quantity", "note", "at", "inner", "tags", "weight", "colour", "__proto__", "constructor", "mail", "x"];

function anything(next: () => number, depth: number): unknown {
  const pick = <Item>(list: readonly Item[]): Item => list[Math.floor(next() * list.length)]!;
  const kind = depth === 0 ? 0 : next();
  if (kind < 0.4) return pick(atoms);
  if (kind < 0.6) return Array.from({ length: Math.floor(next() * 3) }, () => anything(next, depth - 1));
  const object: { [key: string]: unknown } = {};
  for (let count = Math.floor(next() * 5); count > 0; count--) Object.defineProperty(object, pick(keys), { value: anything(next, depth - 1), enumerable: true, configurable: true, writable: true });
  if (next() < 0.5) return { sku: "ab", quantity: 1, tags: [], ...object };
  return next() < 0.5 ? { lines: [{ sku: "a" }], ...object } : object;
}
