// The SQL functions of plans, alone.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { defaultLimits } from "../base/limits.ts";
import { seededRandom } from "../base/random.ts";
import { beginRun, endRun, registerPlanFunctions } from "./plan-functions.ts";

function database(): Database {
  const opened = new Database(":memory:");
  registerPlanFunctions(opened);
  opened.run("CREATE TABLE t(k, v)");
  return opened;
}

function one(opened: Database, sql: string): unknown {
  return (opened.query(sql).values() as unknown[][])[0]![0];
}

function refusal(read: () => unknown): string {
  try {
    return String(read());
  } catch (error) {
    return error instanceof AmbitError ? error.code : String(error);
  }
}

test("the deadline stops a statement at a row, and only guarded ones, and only while it runs", () => {
  const opened = database();
  for (let row = 0; row < 1_000; row++) opened.run("INSERT INTO t VALUES (?, ?)", [row, row]);
  beginRun({ ...defaultLimits, queryMs: 60_000 });
  expect(one(opened, "SELECT count(*) FROM t WHERE ambit_deadline()")).toBe(1_000);
  beginRun({ ...defaultLimits, queryMs: -1 });
  expect(refusal(() => one(opened, "SELECT count(*) FROM t WHERE ambit_deadline()"))).toBe("QUERY_TIMEOUT");
  expect(one(opened, "SELECT count(*) FROM t")).toBe(1_000);
  endRun();
  expect(one(opened, "SELECT ambit_deadline()")).toBe(1);
});

test("rows of lists are counted anew for each run", () => {
  const opened = database();
  for (let row = 0; row < 10; row++) opened.run("INSERT INTO t VALUES (?, ?)", [row, row]);
  for (let run = 0; run < 3; run++) {
    beginRun({ ...defaultLimits, answerRows: 10 });
    expect(one(opened, "SELECT count(*) FROM t WHERE ambit_embedded()")).toBe(10);
  }
  beginRun({ ...defaultLimits, answerRows: 9 });
  expect(refusal(() => one(opened, "SELECT count(*) FROM t WHERE ambit_embedded()"))).toBe("TOO_MANY_ROWS");
});

test("sums of Long from halves are exact for any values", () => {
  const opened = database();
  const random = seededRandom(11);
  for (let round = 0; round < 200; round++) {
    opened.run("DELETE FROM t");
    let sum = 0n;
    for (let row = 0; row < 6; row++) {
      const value = BigInt.asIntN(64, BigInt(`0x${[...random.bytes(8)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`)) / (round % 2 === 0 ? 1n : 16n);
      sum += value;
      opened.run("INSERT INTO t VALUES (1, ?)", [value]);
    }
    const expected = BigInt.asIntN(64, sum) === sum ? sum.toString() : "AGGREGATE_OVERFLOW";
    expect(refusal(() => one(opened, "SELECT ambit_long_sum(sum(v >> 32), sum(v & 4294967295)) FROM t"))).toBe(expected);
  }
  opened.run("DELETE FROM t");
  expect(one(opened, "SELECT ambit_long_sum(sum(v >> 32), sum(v & 4294967295)) FROM t")).toBeNull();
});

test("sums within a bound", () => {
  const opened = database();
  expect(one(opened, "SELECT ambit_sum_within(5, 5)")).toBe(1);
  expect(one(opened, "SELECT ambit_sum_within(NULL, 5)")).toBe(1);
  expect(refusal(() => one(opened, "SELECT ambit_sum_within(-6, 5)"))).toBe("AGGREGATE_OVERFLOW");
  expect(refusal(() => one(opened, "SELECT ambit_sum_within(9e999, 1.7976931348623157e308)"))).toBe("AGGREGATE_OVERFLOW");
});

test("sums of Decimal", () => {
  const opened = database();
  expect(one(opened, "SELECT ambit_decimal_sum(v) FROM t")).toBeNull();
  for (const value of ["0.1", "0.2", null, "-10.30"]) opened.run("INSERT INTO t VALUES (1, ?)", [value]);
  expect(one(opened, "SELECT ambit_decimal_sum(v) FROM t")).toBe("-10.00");
});

test("least and greatest by key, the first text of equal ones", () => {
  const opened = database();
  expect(one(opened, "SELECT ambit_least(k, v) FROM t")).toBeNull();
  for (const [key, value] of [[5, "e"], [null, "n"], [2, "b2"], [9, "z"], [2, "b1"], [9, "a"]] as const) opened.run("INSERT INTO t VALUES (?, ?)", [key, value]);
  expect(one(opened, "SELECT ambit_least(k, v) FROM t")).toBe("b1");
  expect(one(opened, "SELECT ambit_greatest(k, v) FROM t")).toBe("a");
  expect(opened.query("SELECT ambit_least(k, v), ambit_greatest(k, v) FROM t GROUP BY k IS NULL, k > 4 ORDER BY 1").values()).toEqual([[null, null], ["b1", "b1"], ["e", "a"]]);
  opened.run("DELETE FROM t");
  for (const key of ["\uffee", "\u{1f600}", "a"]) opened.run("INSERT INTO t VALUES (?1, ?1)", [key]);
  expect(one(opened, "SELECT ambit_greatest(k, v) FROM t")).toBe("\u{1f600}");
});
