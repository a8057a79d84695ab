import { expect, test } from "bun:test";
import { backOffMs } from "./back-off.ts";
import { seededRandom, type Random } from "./random.ts";

const always = (value: number): Random => ({ next: () => value, bytes: (length) => new Uint8Array(length) });

test("FIXED waits the same each time, within the maximum", () => {
  expect([1, 2, 40].map((failures) => backOffMs({ kind: "FIXED", delayMs: 700, maxMs: 10_000 }, failures, always(0.9)))).toEqual([700, 700, 700]);
  expect(backOffMs({ kind: "FIXED", delayMs: 700, maxMs: 100 }, 1, always(0))).toBe(100);
});

test("EXPONENTIAL doubles, and its jitter is a quarter to either side", () => {
  const wait = (failures: number, chance: number): number => backOffMs({ kind: "EXPONENTIAL", delayMs: 1_000, maxMs: 3_600_000 }, failures, always(chance));
  expect([1, 2, 3, 4].map((failures) => wait(failures, 0.5))).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect([wait(3, 0), wait(3, 1)]).toEqual([3_000, 5_000]);
});

test("no number of failures waits longer than the maximum, or for no number at all", () => {
  const random = seededRandom(3);
  for (let failures = 1; failures < 2_000; failures++) {
    const waited = backOffMs({ kind: "EXPONENTIAL", delayMs: 1_000, maxMs: 60_000 }, failures, random);
    expect(waited > 0 && waited <= 60_000).toBe(true);
  }
});
