// Decision tables: what their cells mean, which row answers, and what is said of gaps and overlaps.
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import type { Value } from "../../base/value.ts";
import { compileSchema } from "../../schema/compile-schema.ts";
import { compileTable, tableAnswer, type DecisionTable } from "./decision-table.ts";
import { tableCover } from "./table-cover.ts";

const { catalog } = compileSchema({ file: "s", text: `enum Tier { GOLD SILVER NONE }
type Answer { fee: Int! reason: String }
type T @table { id: ID! @primaryKey }
type Endpoints { ask(tier: Tier!, total: Int!, score: Float, city: String, at: Date, vip: Boolean!, items: [Int!], price: Money! @currency(code: "EUR") @range(min: 0), stars: Int! @range(min: 1, max: 5), share: Float! @range(min: 0, max: 1)): Answer @http }` });
const endpoint = catalog.endpoints.get("ask")!;

function compiled(text: string, result = endpoint.result): { readonly table: DecisionTable | null; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const table = compileTable(text, { catalog, place: { catalog, rows: new Map(), auth: false, input: endpoint.arguments, absent: {} }, result, report: (message) => { problems.push(message); } });
  return { table, problems };
}
const sound = (text: string): DecisionTable => {
  const { table, problems } = compiled(text);
  expect(problems).toEqual([]);
  return table!;
};
const fee = (table: DecisionTable, ...values: (Value | undefined)[]): unknown => (tableAnswer(table, values) as { fee: number } | undefined)?.fee;

describe("cells", () => {
  test("numbers: bounds, ranges with both ends, alternatives, anything, null", () => {
    const table = sound("input.total,out.fee\n< 0,1\n0..9,2\n10|12,3\n>= 100,4\n!= 50,5\nnull,6\n-,7\n");
    expect([-1, 0, 9, 10, 11, 12, 99, 100, 50, undefined].map((value) => fee(table, value))).toEqual([1, 2, 2, 3, 5, 3, 5, 4, 7, 6]);
  });

  test("text, enums, Boolean and dates; quotes keep signs as they are", () => {
    expect(sound("input.tier,input.vip,out.fee\nGOLD|SILVER,true,1\n!= GOLD,,2\n")).toMatchObject({ rows: [{ line: 2 }, { line: 3 }] });
    const city = sound("input.city,out.fee\n'a|b',1\n'>= x',2\n\"'with, comma'\",3\nBerlin,4\n!= Rome,5\n");
    expect(["a|b", ">= x", "with, comma", "Berlin", "Rome", "Oslo", undefined].map((value) => fee(city, value))).toEqual([1, 2, 3, 4, undefined, 5, undefined]);
    const day = sound("input.at,out.fee\n< 2026-01-01,1\n2026-01-01..2026-12-31,2\n");
    expect(["2025-12-31", "2026-01-01", "2026-12-31", "2027-01-01"].map((value) => fee(day, value))).toEqual([1, 2, 2, undefined]);
  });

  test("a column may be any expression; the answer has all its fields", () => {
    const table = sound("\uFEFFsize(input.items),input.total * 2,out.fee,out.reason\n0,-,1,none\n-,> 10,2,\n");
    expect(tableAnswer(table, [0, 5])).toEqual({ fee: 1, reason: "none" });
    expect(tableAnswer(table, [3, 12])).toEqual({ fee: 2, reason: null });
    expect(tableAnswer(table, [3, 10])).toBeUndefined();
  });
});

test.each([
  ["", "The table is empty."],
  ["input.total\n1\n", "The table has no column out."],
  ["input.total,out.fee\n", "The table has no rows."],
  ["input.totl,out.fee\n1,1\n", "The column input.totl"],
  ["input.total,out.fees\n1,1\n", "The column out.fees is nothing of the answer."],
  ["input.total,out.fee\n1,1,1\n", "Line 2 has 3 cells, the header 2."],
  ["input.total,out.fee\n1.5,1\n", "Line 2, input.total: "],
  ["input.total,out.fee\n1,\n", "Line 2, out.fee: A value is required."],
  ["input.total,out.reason\n1,x\n", "Line 2 gives no fee, which is required."],
  ["input.tier,out.fee\nBRONZE,1\n", "Line 2, input.tier: "],
  ["input.tier,out.fee\n> GOLD,1\n", "Line 2, input.tier: > compares what has no order."],
  ["input.items,out.fee\n1,1\n", "The column input.items is list, which cells cannot test."],
  ['input.total,out.fee\n"1,1\n', "A quoted cell is not closed (line 2)."],
])("%j is refused", (text, problem) => {
  const { table, problems } = compiled(text);
  expect(table).toBeNull();
  expect(problems[0]).toContain(problem);
});

describe("cover", () => {
  test.each([
    ["input.tier,out.fee\nGOLD,1\nSILVER|NONE,2\n", []],
    ["input.tier,out.fee\nGOLD,1\n!= GOLD,2\n", []],
    ["input.total,out.fee\n<= 10,1\n>= 11,2\n", []],
    ["input.score,out.fee\n<= 10,1\n>= 11,2\n", ["No row answers where input.score between 10 and 11."]],
    ["input.total,out.fee\n< 10,1\n> 10,2\n", ["No row answers where input.total = 10."]],
    ["input.city,out.fee\nBerlin,1\nRome,2\n", ["No row answers where input.city = anything else."]],
    ["input.vip,input.tier,out.fee\ntrue,-,1\nfalse,GOLD,2\n", ["No row answers where input.vip = false, input.tier = SILVER.", "No row answers where input.vip = false, input.tier = NONE."]],
    ["input.total,out.fee\n-,1\n> 5,2\n", ["Line 3 is never reached: line 2 answers first."]],
    ["input.total,out.fee\n> 5,1\n-,2\n", []],
    ["input.total,out.fee\n<= 10,1\n>= 5,2\n", ["Lines 2 and 3 overlap and answer differently: the first one counts."]],
    ["input.total,out.fee\n<= 10,1\n>= 5,1\n", []],
    ["input.total,out.fee\n1..5,1\n6..9,2\n-,3\n", []],
    // What is outside of a declared range is no gap.
    ["input.price,out.fee\n0..999,1\n>= 1000,2\n", []],
    ["input.price,out.fee\n1..999,1\n>= 1000,2\n", ["No row answers where input.price < 1."]],
    ["input.price,out.fee\n< 0,1\n>= 0,2\n", ["Line 2 is never reached: input.price is never so."]],
    ["input.stars,out.fee\n1..2,1\n3..5,2\n", []],
    ["input.stars,out.fee\n1|2,1\n4|5,2\n", ["No row answers where input.stars between 2 and 4."]],
    ["input.stars,out.fee\n0..4,1\n", ["No row answers where input.stars > 4."]],
    ["input.stars,out.fee\n0..9,1\n", []],
    ["input.share,out.fee\n0..0.5,1\n0.5..1,1\n", []],
    ["input.share,out.fee\n<= 0.5,1\n", ["No row answers where input.share > 0.5."]],
  ])("%j", (text, told) => { expect(tableCover(sound(text))).toEqual(told); });

  test("it is right about random tables within a range (seed 12)", () => {
    const random = seededRandom(12);
    const pick = (count: number): number => Math.floor(random.next() * count);
    const stars = ["< 3", "<= 3", "3", "> 3", ">= 4", "4..6", "!= 5", "1|7", "0..2", "<= 1", ">= 5", "2|4", "0"];
    for (let round = 0; round < 400; round++) {
      const rows = Array.from({ length: 1 + pick(4) }, (_, index) => `${stars[pick(stars.length)]},${index}`);
      const table = sound(`input.stars,out.fee\n${rows.join("\n")}\n`);
      const open = [1, 2, 3, 4, 5].some((star) => tableAnswer(table, [star]) === undefined);
      expect({ rows, gap: tableCover(table).some((text) => text.startsWith("No row")) }).toEqual({ rows, gap: open });
    }
  });

  test("it is right about random tables: a gap if and only if some value has no answer (seed 11)", () => {
    const random = seededRandom(11);
    const pick = (count: number): number => Math.floor(random.next() * count);
    const totals = ["-", "< 3", "<= 3", "3", "> 3", ">= 4", "4..6", "!= 5", "1|7"];
    const tiers = ["-", "GOLD", "!= GOLD", "SILVER|NONE", "NONE"];
    for (let round = 0; round < 400; round++) {
      const rows = Array.from({ length: 1 + pick(6) }, (_, index) => `${totals[pick(totals.length)]},${tiers[pick(tiers.length)]},${index}`);
      const table = sound(`input.total,input.tier,out.fee\n${rows.join("\n")}\n`);
      const open = Array.from({ length: 12 }, (_, total) => total - 1).some((total) => ["GOLD", "SILVER", "NONE"].some((tier) => tableAnswer(table, [total, tier]) === undefined));
      expect({ rows, gap: tableCover(table).some((text) => text.startsWith("No row")) }).toEqual({ rows, gap: open });
    }
  });
});
