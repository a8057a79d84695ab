// Random well-typed expressions over the fixture's tables, and random records of them. From a seed alone. Tests only.
import type { Random } from "../../base/random.ts";
import { dateTimeOf } from "../../base/date-time.ts";
import { parseDecimal } from "../../base/decimal.ts";
import { durationOf } from "../../base/duration.ts";
import type { RecordValues, Value } from "../../base/value.ts";
import type { Comparison, Expression, ExpressionType, RuleFunction } from "../../expression/expression.ts";

type Kind = Exclude<ExpressionType["kind"], "list" | "object" | "null">;

const SCALARS: readonly Kind[] = ["bool", "int", "double", "string", "timestamp", "date", "duration", "decimal", "bytes", "json"];
const WORDS = ["", "a", "A", "ab", "Äb", "äB", "straße", "STRASSE", "ſ", "İ", "ı", "\u{1f600}", "a\u{1f600}b", "\uffff", "\u{10ffff}", "z%", "_", "\\", "100%", "12", "-7", " pad ", "2.5e1", "PT1H", "2026-03-01T12:00:00.000Z", "2026-03-01", "the quick fox", "quick", "null", "\u0001x", "Σίσυφος"];
const INTEGERS: readonly (number | bigint)[] = [0, 1, -1, 2, 3, -3, 7, 10, 100, -100, 2_147_483_647, -2_147_483_648, 9_007_199_254_740_991, -9_007_199_254_740_991];
const LONGS: readonly (number | bigint)[] = [...INTEGERS, 9_007_199_254_740_993n, 9_223_372_036_854_775_807n, -9_223_372_036_854_775_808n, 9_223_372_036_854_775_806n];
const DOUBLES = [0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.1, 0.2, 1e-9, 1e300, -1e300, 1.7976931348623157e308, 9_007_199_254_740_992, 9.3e18, 1, 2, 3, 100, 0.49999999999999994];
const DECIMALS = ["0", "0.0", "1", "1.50", "1.5", "-1.5", "0.1", "-0.01", "100", "99.99", "12345678901234567890.123456789", "-12345678901234567890"];
const PATTERNS = ["%", "a%", "%b", "%a%b%", "_", "__", "a_b", "Äb", "äb", "straße%", "%SS%", "\\%", "100\\%", "z\\%%", "\u{1f600}", "%_%", "a\u{1f600}_", "\uffff%", "\u{10ffff}%", "%σ%", ""];
const REGEXES = ["^a", "b$", "[A-Z]+", ".", "^.$", "(?i)STRA", "^\\d+$", "x|y", ""];

/** Names of the fixture's fields of a type, with where they lie. */
const FIELDS: Readonly<Partial<Record<Kind, readonly string[]>>> = {
  bool: ["b", "owner.vip", "place:open", "place:inner.flag", "bb:0"],
  int: ["id", "i", "l", "m", "twice", "ownerAge", "owner.age", "owner.boss.age", "place:floors", "place:people", "place:inner.count", "ll:0", "ii:1", "places:0.people"],
  double: ["f", "place:lat", "owner.half", "ff:0", "ff:1"],
  string: ["s", "t", "color", "ownerId", "owner.name", "owner.boss.name", "place:city", "place:inner.deep", "ss:0", "ss:-1", "places:0.city"],
  timestamp: ["at", "owner.until"],
  date: ["on", "place:since"],
  duration: ["d", "dd:0"],
  decimal: ["x", "y", "owner.credit", "place:price", "xx:0"],
  bytes: ["bytes"],
  json: ["j", "j:a", "j:n", "j:list.0", "j:o.k", "j:strange key", "place:meta", "place:meta.a"],
};
const LISTS: Readonly<Partial<Record<Kind, readonly string[]>>> = { string: ["ss", "place:tags"], int: ["ii", "ll"], double: ["ff"], decimal: ["xx"], duration: ["dd"], bool: ["bb"] };

export interface ExpressionMaker {
  record(id: bigint, owners: readonly RecordValues[]): RecordValues;
  owner(id: number): RecordValues;
  variables(): Readonly<Record<string, Value>>;
  bool(depth: number): Expression;
  any(depth: number): Expression;
}

export function expressionMaker(random: Random): ExpressionMaker {
  const below = (count: number): number => Math.floor(random.next() * count);
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)]!;
  const chance = (share: number): boolean => random.next() < share;
  const maybe = (make: () => Value, share = 0.2): Value => (chance(share) ? null : make());
  const many = (make: () => Value, nulls = 0.15): Value => Array.from({ length: chance(0.1) ? 18 : below(5) }, () => maybe(make, nulls));

  function value(kind: Kind): Value {
    switch (kind) {
      case "bool": return chance(0.5);
      case "int": return pick(INTEGERS);
      case "double": return pick(DOUBLES);
      case "string": return pick(WORDS);
      case "timestamp": return dateTimeOf(Date.UTC(2026, 2, 1, 12) + (below(9) - 4) * 3_600_000);
      case "date": return dateTimeOf(Date.UTC(2026, 1, 26 + below(5))).slice(0, 10);
      case "duration": return durationOf((below(9) - 4) * 1_800_000 + below(2));
      case "decimal": return parseDecimal(pick(DECIMALS));
      case "bytes": return pick(["", "AA==", "AAA=", "AAAA", "/+8="]);
      case "json": return json(2);
    }
  }

  function json(depth: number): Value {
    switch (below(depth === 0 ? 4 : 6)) {
      case 0: return pick(["a", "b", "1", "12", "2026-03-01", "PT1H", ""]);
      case 1: return pick([0, 1, 2.5, -1, 1e300, 12, 9_007_199_254_740_991]);
      case 2: return chance(0.5);
      case 3: return null;
      case 4: return Array.from({ length: below(4) }, () => json(depth - 1));
      default: return Object.fromEntries([["a", json(depth - 1)], ["n", json(0)], ["list", [json(0), json(0)]], ["o", { k: json(0) }], ["strange key", json(0)]].filter(() => chance(0.6)));
    }
  }

  function address(): Value {
    const long = (): Value => BigInt(pick(LONGS));
    const full = {
      city: maybe(() => value("string")), lat: maybe(() => below(180) - 90), lon: maybe(() => below(360) - 180), floors: maybe(() => pick([1, 2, 30])), people: maybe(long), since: maybe(() => value("date")),
      price: maybe(() => value("decimal")), tags: maybe(() => many(() => value("string"))), meta: maybe(() => json(2)),
      inner: maybe(() => ({ deep: maybe(() => value("string")), count: maybe(long), flag: maybe(() => chance(0.5)) })), open: maybe(() => chance(0.5)),
    };
    return full;
  }

  function field(name: string, type: ExpressionType, row = "record", table = "Item"): Expression {
    const [whole, places] = name.split(":") as [string, string?];
    const steps = whole.split(".");
    const within = places === undefined ? [] : places.split(".").map((step) => (/^-?\d+$/.test(step) ? Number(step) : step));
    return { op: "field", type, row, table, path: steps.slice(0, -1), field: steps.at(-1)!, within };
  }

  const literal = (kind: Kind): Expression => ({ op: "literal", type: { kind }, value: chance(0.05) ? null : value(kind) });
  const call = (kind: Kind, name: RuleFunction, ...operands: Expression[]): Expression => ({ op: "call", type: { kind }, function: name, arguments: operands });
  const arithmetic = (kind: Kind, operator: "+" | "-" | "*" | "/" | "%", left: Expression, right: Expression): Expression => ({ op: "arithmetic", type: { kind }, operator, left, right });

  function leaf(kind: Kind): Expression {
    if (chance(0.25)) return literal(kind);
    if (chance(0.1)) return variable(kind);
    return field(pick(FIELDS[kind]!), { kind });
  }

  function variable(kind: Kind): Expression {
    return { op: "variable", type: { kind }, root: "input", path: [kind] };
  }

  /** A value of a kind. */
  function make(kind: Kind, depth: number): Expression {
    if (kind === "bool") return bool(depth);
    if (depth <= 0 || chance(0.3)) return leaf(kind);
    const next = (wanted: Kind): Expression => make(wanted, depth - 1);
    if (chance(0.12)) {
      // oxlint-disable-next-line unicorn/no-thenable -- an expression is never awaited
      return { op: "conditional", type: { kind }, condition: bool(depth - 1), then: next(kind), otherwise: next(kind) };
    }
    switch (kind) {
      case "int": return integer(depth, next);
      case "double": return double(next);
      case "string": return text(next);
      case "timestamp": return pick([() => arithmetic("timestamp", pick(["+", "-"]), next("timestamp"), next("duration")), () => arithmetic("timestamp", "+", next("duration"), next("timestamp")), () => call("timestamp", "timestamp", next(pick(["date", "string", "timestamp", "json"]))), (): Expression => ({ op: "now", type: { kind } })])();
      case "date": return call("date", "date", next(pick(["date", "timestamp", "string"])));
      case "duration": return pick([() => arithmetic("duration", "-", next("timestamp"), next("timestamp")), () => arithmetic("duration", pick(["+", "-"]), next("duration"), next("duration")), () => call("duration", "duration", next("string")), () => call("duration", pick(["min", "max"]), next("duration"), next("duration")), () => call("duration", "abs", next("duration")), (): Expression => ({ op: "negate", type: { kind }, operand: next("duration") })])();
      case "decimal": return pick([() => arithmetic("decimal", pick(["+", "-", "*"]), next("decimal"), next("decimal")), () => arithmetic("decimal", pick(["+", "-", "*"]), next("int"), next("decimal")), () => call("decimal", pick(["min", "max"]), next("decimal"), next("decimal"), next("decimal")), () => call("decimal", "abs", next("decimal")), (): Expression => ({ op: "negate", type: { kind }, operand: next("decimal") })])();
      case "json": return { op: "json-path", type: { kind }, operand: next("json"), path: pick([["a"], ["list", 0], ["list", -1], ["o", "k"], ["strange key"], [0]]), asText: false };
      default: return leaf(kind);
    }
  }

  function integer(depth: number, next: (kind: Kind) => Expression): Expression {
    return pick<() => Expression>([
      () => arithmetic("int", pick(["+", "-", "*", "/", "%"]), next("int"), next("int")),
      () => ({ op: "negate", type: { kind: "int" }, operand: next("int") }),
      () => call("int", "abs", next("int")),
      () => call("int", "round", next(pick(["double", "int", "json"]))),
      () => call("int", "int", next(pick(["double", "string", "decimal", "timestamp", "json", "bool", "int"]))),
      () => call("int", "size", chance(0.4) ? list(pick(["string", "int"]), depth - 1) : next(pick(["string", "json", "bytes"]))),
      () => call("int", pick(["year", "month", "day"]), next(pick(["date", "timestamp"]))),
      () => (chance(0.3) ? call("int", pick(["min", "max"]), list("int", depth - 1)) : call("int", pick(["min", "max"]), next("int"), next("int"))),
      () => ({ op: "json-as", type: { kind: "int" }, operand: next("json") }),
    ])();
  }

  function double(next: (kind: Kind) => Expression): Expression {
    return pick<() => Expression>([
      () => arithmetic("double", pick(["+", "-", "*", "/"]), next("double"), next("double")),
      () => arithmetic("double", pick(["+", "-", "*", "/"]), next("int"), next("double")),
      () => ({ op: "negate", type: { kind: "double" }, operand: next("double") }),
      () => call("double", "abs", next(pick(["double", "json"]))),
      () => call("double", "double", next(pick(["int", "string", "decimal", "json", "double"]))),
      () => call("double", pick(["min", "max"]), next("double"), next(pick(["int", "double"]))),
      () => ({ op: "json-as", type: { kind: "double" }, operand: next("json") }),
    ])();
  }

  function text(next: (kind: Kind) => Expression): Expression {
    return pick<() => Expression>([
      () => arithmetic("string", "+", next("string"), next("string")),
      () => call("string", pick(["lower", "upper", "trim"]), next(pick(["string", "json"]))),
      () => call("string", "string", next(pick(["int", "double", "bool", "timestamp", "date", "duration", "decimal", "json", "string"]))),
      () => ({ op: "json-path", type: { kind: "string" }, operand: next("json"), path: pick([["a"], ["list"], ["n"], []]), asText: true }),
      () => call("string", pick(["min", "max"]), next("string"), next("string")),
    ])();
  }

  function list(kind: Kind, depth: number): Expression {
    const type: ExpressionType = { kind: "list", item: { kind } };
    if (chance(0.2) && depth > 0) return { op: "list", type, items: Array.from({ length: below(4) }, () => make(kind, depth - 1)) };
    if (chance(0.15)) return { op: "variable", type, root: "input", path: [`${kind}s`] };
    const names = LISTS[kind];
    if (names === undefined || chance(0.3)) return { op: "literal", type, value: many(() => value(kind), 0.1) };
    return field(pick(names), type);
  }

  function comparisonPair(depth: number): readonly [Expression, Expression, boolean] {
    const next = (kind: Kind): Expression => make(kind, depth - 1);
    if (chance(0.15)) return pick<() => readonly [Expression, Expression, boolean]>([
      () => [next("int"), next("double"), true], () => [next("double"), next("int"), true], () => [next("int"), next("decimal"), true], () => [next("decimal"), next("int"), true],
    ])();
    if (chance(0.15)) {
      const kind = pick(SCALARS.filter((one) => one !== "json" && one !== "bytes" && one !== "bool"));
      return chance(0.5) ? [next("json"), next(kind), true] : [next(kind), next("json"), true];
    }
    if (chance(0.1)) {
      const kind = pick(Object.keys(LISTS) as Kind[]);
      return [list(kind, depth - 1), list(kind, depth - 1), true];
    }
    if (chance(0.05)) return [field("place", { kind: "object", name: "Address" }), field(pick(["place", "places:0"]), { kind: "object", name: "Address" }), true];
    const kind = pick(SCALARS);
    return [next(kind), next(kind), kind !== "bytes"];
  }

  function bool(depth: number): Expression {
    if (depth <= 0) return leaf("bool");
    const next = (): Expression => bool(depth - 1);
    return pick<() => Expression>([
      () => ({ op: "not", operand: next() }),
      () => ({ op: "and", operands: Array.from({ length: below(3) + 1 }, next) }),
      () => ({ op: "or", operands: Array.from({ length: below(3) + 1 }, next) }),
      () => comparison(depth), () => comparison(depth), () => comparison(depth), () => comparison(depth),
      () => ({ op: "is-null", operand: make(pick(SCALARS), depth - 1) }),
      () => {
        const [left, right] = comparisonPair(depth);
        return { op: "distinct", left, right };
      },
      () => membership(depth), () => membership(depth),
      () => quantifier(depth, []), () => quantifier(depth, []),
      () => ({ op: "like", operand: make(chance(0.1) ? "json" : "string", chance(0.5) ? 0 : depth - 1), pattern: pick(PATTERNS), fold: chance(0.5) }),
      () => ({ op: "match", operand: make("string", depth - 1), pattern: pick(REGEXES), fold: chance(0.5) }),
      () => call("bool", pick(["startsWith", "endsWith", "contains"]), make(chance(0.1) ? "json" : "string", depth - 1), make("string", depth - 1)),
      () => containment(depth),
      () => exists(depth),
      () => ({ op: "text-search", row: "record", table: "Item", fields: pick([["t"], ["u"], ["t", "u"]]), syntax: pick(["plain", "phrase", "web"]), words: pick(["quick", "the fox", "straße", "a", "", "äb"]) }),
      () => ({ op: "near", row: "record", table: "Item", fields: pick([["place"], ["lat", "lon"]]), latitude: below(181) - 90, longitude: below(361) - 180, metres: pick([0, 1000, 1_000_000, 5_000_000, 21_000_000]) }),
      // oxlint-disable-next-line unicorn/no-thenable -- an expression is never awaited
      () => ({ op: "conditional", type: { kind: "bool" }, condition: next(), then: next(), otherwise: next() }),
    ])();
  }

  function comparison(depth: number): Expression {
    const [left, right, ordered] = comparisonPair(depth);
    const all: readonly Comparison[] = ordered ? ["eq", "ne", "lt", "le", "gt", "ge"] : ["eq", "ne"];
    return { op: "compare", comparison: pick(all), left, right };
  }

  function membership(depth: number): Expression {
    if (chance(0.15)) return { op: "in", item: make(pick(["string", "int", "json"]), depth - 1), list: make("json", depth - 1) };
    const kind = pick(Object.keys(LISTS) as Kind[]);
    const item = chance(0.1) ? "json" : kind === "double" && chance(0.3) ? "int" : kind;
    return { op: "in", item: make(item, depth - 1), list: list(kind, depth - 1) };
  }

  function containment(depth: number): Expression {
    const op = pick(["contains", "contained", "overlaps"] as const);
    if (chance(0.4)) return { op, left: make("json", depth - 1), right: make("json", depth - 1) };
    const kind = pick(Object.keys(LISTS) as Kind[]);
    return { op, left: list(kind, depth - 1), right: list(kind, depth - 1) };
  }

  function quantifier(depth: number, around: readonly Expression[]): Expression {
    const variableName = `v${around.length}`;
    const [over, item] = quantified(depth);
    const items = [...around, ...item(variableName)];
    const body = (): Expression => {
      const one = pick(items);
      const { kind } = (one as { type: ExpressionType }).type as { kind: Kind };
      if (chance(0.2)) return { op: "is-null", operand: one };
      if (around.length < 1 && chance(0.3)) return quantifier(depth - 1, items);
      return { op: "compare", comparison: pick(["eq", "ne"]), left: one, right: chance(0.3) && items.some((other) => (other as { type: ExpressionType }).type.kind === kind) ? pick(items.filter((other) => (other as { type: ExpressionType }).type.kind === kind)) : make(kind, Math.max(0, depth - 2)) };
    };
    return { op: "quantify", quantifier: pick(["exists", "all"]), list: over, variable: variableName, body: chance(0.3) ? { op: pick(["and", "or"]), operands: [body(), body()] } : body() };
  }

  /** What is gone through, and what can be said of an item. */
  function quantified(depth: number): readonly [Expression, (name: string) => Expression[]] {
    const of = (name: string, kind: Kind, ...path: string[]): Expression => ({ op: "variable", type: { kind }, root: name, path });
    if (chance(0.25)) return [make("json", depth - 1), (name) => [of(name, "json"), of(name, "json", "a")]];
    if (chance(0.3)) return [field("places", { kind: "list", item: { kind: "object", name: "Address" } }), (name) => [of(name, "string", "city"), of(name, "int", "people"), of(name, "decimal", "price"), of(name, "bool", "inner", "flag"), of(name, "json", "meta", "a")]];
    const kind = pick(Object.keys(LISTS) as Kind[]);
    return [list(kind, depth - 1), (name) => [of(name, kind)]];
  }

  function exists(depth: number): Expression {
    const own = (name: string, kind: Kind): Expression => field(name, { kind }, "other", "Owner");
    const join: Expression = { op: "compare", comparison: pick(["eq", "ne"]), left: own("id", "string"), right: field("ownerId", { kind: "string" }) };
    const more: Expression = { op: "compare", comparison: pick(["lt", "ge"]), left: own(pick(["age", "boss.age"]), "int"), right: make("int", depth - 2) };
    return { op: "exists", table: "Owner", row: "other", where: pick<Expression>([join, { op: "and", operands: [join, more] }, { op: "or", operands: [more, join] }]) };
  }

  return {
    bool, any: (depth) => make(pick(SCALARS), depth),
    variables: () => ({ input: Object.fromEntries(SCALARS.flatMap((kind) => [[kind, maybe(() => value(kind))], [`${kind}s`, maybe(() => many(() => value(kind)))]])), auth: { subject: "u1" } }),
    owner: (id) => ({
      id: `o${id}`, name: maybe(() => value("string")), age: maybe(() => pick([1, 2, 3, 40])), credit: maybe(() => value("decimal")), vip: maybe(() => chance(0.5)),
      until: maybe(() => value("timestamp"), 0.6), bossId: maybe(() => `o${below(4)}`),
    }),
    record: (id, owners) => ({
      id, i: maybe(() => pick([0, 1, -1, 2, 7, 2_147_483_647, -2_147_483_648])), l: maybe(() => BigInt(pick(LONGS))), m: maybe(() => value("int")), f: maybe(() => value("double")), b: maybe(() => chance(0.5)),
      s: maybe(() => value("string")), t: maybe(() => value("string")), u: maybe(() => value("string")), color: maybe(() => pick(["RED", "GREEN", "BLUE"])), at: maybe(() => value("timestamp")), on: maybe(() => value("date")), d: maybe(() => value("duration")),
      x: maybe(() => value("decimal")), y: maybe(() => value("decimal")), j: maybe(() => json(3)), bytes: maybe(() => value("bytes")), place: maybe(address), lat: maybe(() => below(181) - 90), lon: maybe(() => below(361) - 180),
      ss: maybe(() => many(() => value("string"))), ii: maybe(() => many(() => pick([0, 1, 2, 7]))), ll: maybe(() => many(() => BigInt(pick(LONGS)))), ff: maybe(() => many(() => value("double"))), xx: maybe(() => many(() => value("decimal"))), dd: maybe(() => many(() => value("duration"))),
      bb: maybe(() => many(() => chance(0.5))), places: maybe(() => many(address)), ownerId: maybe(() => pick(owners)["id"]!),
    }),
  };
}
