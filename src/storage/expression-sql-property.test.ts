// For random expressions over random records, SQL and memory give the same value. AMBIT_TEST_SIZE=long tries many more.
import { expect, test } from "bun:test";
import { compareText } from "../base/text.ts";
import { seededRandom } from "../base/random.ts";
import type { SqlValue, Value } from "../base/value.ts";
import { compileCel } from "../expression/cel-compile.ts";
import type { CelPlace } from "../expression/cel-context.ts";
import { compareValues } from "../expression/compare-values.ts";
import type { Expression, ExpressionType } from "../expression/expression.ts";
import { typeOf } from "../expression/field-type.ts";
import { jsonText } from "../expression/json-value.ts";
import { expressionFixture, fixtureCatalog, fixtureProblems, type ExpressionFixture } from "./testing/expression-fixture.ts";
import { celMaker } from "./testing/random-cel.ts";
import { expressionMaker } from "./testing/random-expression.ts";
import { toSqlValue } from "./sql-value.ts";

const ROUNDS = (process.env["AMBIT_TEST_SIZE"] === "long" ? 25 : 1) * 2_000;
const PER_FIXTURE = 50;
const SEED = Number(process.env["AMBIT_TEST_SEED"] ?? 20_261_121);

test("the fixture's schema is sound", () => {
  expect(fixtureProblems).toEqual([]);
});

test(`${ROUNDS} random expressions have one verdict, seed ${SEED}`, () => {
  let [defined, total] = [0, 0];
  for (let round = 0; round < ROUNDS; round += PER_FIXTURE) {
    const maker = expressionMaker(seededRandom(SEED + round));
    const owners = [0, 1, 2, 3].map(maker.owner);
    const items = Array.from({ length: 8 }, (_, index) => maker.record(BigInt(index), owners));
    const fixture = expressionFixture(items, owners, maker.variables());
    for (let step = 0; step < PER_FIXTURE; step++) {
      const expression = step % 3 === 2 ? maker.any(3) : maker.bool(3);
      const values = compare(fixture, expression, `seed ${SEED}, round ${round}, step ${step}`);
      defined += values.filter((value) => value !== null).length;
      total += values.length;
    }
    fixture.database.close();
  }
  // Else the test would test little.
  expect(defined / total).toBeGreaterThan(0.4);
}, 300_000);

test(`what compiles of ${ROUNDS * 10} random CEL texts has one verdict, seed ${SEED}`, () => {
  const maker = expressionMaker(seededRandom(SEED));
  const owners = [0, 1, 2, 3].map(maker.owner);
  const variables = { ...maker.variables(), auth: { subject: "o1", roles: ["a", null], claims: { x: [1, "a"] } } };
  const fixture = expressionFixture(Array.from({ length: 5 }, (_, index) => maker.record(BigInt(index), owners)), owners, variables);
  const make = celMaker(seededRandom(SEED));
  const item = fixtureCatalog.tables.get("Item")!;
  const place: CelPlace = { catalog: fixtureCatalog, rows: new Map([["record", item]]), auth: true, input: null, absent: {} };
  let compiled = 0;
  for (let step = 0; step < ROUNDS * 10; step++) {
    const source = make(1 + (step % 3));
    const { expression } = compileCel({ source, position: { file: "s", line: 1, column: 1 } }, place, { type: { kind: "bool" }, domain: null, what: "A rule" });
    if (expression === null) continue;
    compiled++;
    compare(fixture, expression, `seed ${SEED}, step ${step}, ${source}`);
  }
  fixture.database.close();
  expect(compiled).toBeGreaterThan(ROUNDS / 10);
}, 300_000);

test("the order key orders as values compare", () => {
  const kinds = { bool: "b", int: "l", double: "f", string: "s", timestamp: "at", date: "on", duration: "d", decimal: "x", json: "j" } as const;
  const maker = expressionMaker(seededRandom(SEED));
  const owners = [maker.owner(0)];
  const fixture = expressionFixture(Array.from({ length: 60 }, (_, index) => maker.record(BigInt(index), owners)), owners, maker.variables());
  for (const [kind, field] of [...Object.entries(kinds), ["decimal", "y"], ["list", "ss"], ["list", "ll"], ["list", "dd"]] as [keyof typeof kinds | "list", string][]) {
    const item = ({ ss: "string", ll: "int", dd: "duration" } as const)[field as "ss"];
    const type: ExpressionType = kind === "list" ? { kind, item: { kind: item } } : { kind };
    const expression: Expression = { op: "field", type, row: "record", table: "Item", path: [], field, within: [] };
    const keys = fixture.bySql(expression, true).values;
    const values = fixture.inMemory(expression);
    for (const [left, a] of values.entries()) {
      for (const [right, b] of values.entries()) {
        if (a === null || b === null) continue;
        const found = Math.sign(compareKeys(keys[left]!, keys[right]!, kind === "int"));
        if (found !== Math.sign(compareValues(a, b, type))) throw new Error(`${field}: ${jsonText(a)} and ${jsonText(b)}`);
      }
    }
  }
});

function compareKeys(left: SqlValue, right: SqlValue, integers: boolean): number {
  if (integers) return Number(BigInt(left as string) - BigInt(right as string));
  return typeof left === "string" ? compareText(left, right as string) : Number(left) - Number(right);
}

function compare(fixture: ExpressionFixture, expression: Expression, where: string): readonly Value[] {
  const memory = fixture.inMemory(expression);
  let sql: ReturnType<ExpressionFixture["bySql"]>;
  try {
    sql = fixture.bySql(expression);
  } catch (error) {
    throw new Error(`${where}: ${describe(expression)}`, { cause: error });
  }
  const wanted = memory.map((value) => comparable(toSqlValue(value, typeOf(expression)), expression));
  const found = sql.values.map((value) => comparable(value, expression));
  for (const [index, value] of wanted.entries()) {
    if (Object.is(value, found[index])) continue;
    throw new Error(`${where}, record ${index}: memory ${String(value)}, SQL ${String(found[index])}\n${describe(expression)}\n${sql.sql}\n${jsonText(fixture.items[index]!)}`);
  }
  return memory;
}

function comparable(value: SqlValue, expression: Expression): SqlValue {
  const { kind } = typeOf(expression);
  if (value === null) return null;
  if (kind === "int") return value.toString();
  if (kind === "double") return Number(value) + 0;
  return kind === "json" || kind === "list" || kind === "object" ? JSON.stringify(JSON.parse(value as string)) : value;
}

function describe(expression: Expression): string {
  return jsonText(expression as unknown as Value);
}
