import { describe, expect, test } from "bun:test";
import { addressGroup } from "./address-group.ts";
import { seededRandom } from "./random.ts";
import { RateMeter, type RateQuestion } from "./rate-meter.ts";

const MAX = 1_000;
const ask = (who: string, count = 5, cost = 1, limit = "l"): RateQuestion => ({ limit, who, rate: { count, windowMs: 60_000 }, cost });

describe("a rate", () => {
  test("so many at once, then one by one as time goes by", () => {
    const meter = new RateMeter(1);
    const take = (nowMs: number): boolean => meter.take([ask("a")], nowMs, MAX)!.isWithin;
    expect([0, 0, 0, 0, 0, 0].map(take)).toEqual([true, true, true, true, true, false]);
    expect([11_999, 12_000, 12_000, 24_000].map(take)).toEqual([false, true, false, true]);
    expect(Array.from({ length: 6 }, () => take(1_000_000))).toEqual([true, true, true, true, true, false]);
  });

  test("a clock that is set back makes nobody wait longer than the window", () => {
    const meter = new RateMeter(1);
    for (let turn = 0; turn < 5; turn++) meter.take([ask("a")], 3_600_000, MAX);
    expect(meter.look(ask("a"), 0, MAX)).toMatchObject({ isWithin: false, remaining: 0, waitMs: 12_000, resetMs: 60_000 });
    meter.spend(ask("b", 5, 3), 3_600_000, MAX);
    expect(meter.take([ask("b")], 3_540_000, MAX)).toMatchObject({ isWithin: false, waitMs: 12_000 });
    expect(meter.take([ask("b")], 3_552_000, MAX)!.isWithin).toBe(false);
    expect(meter.take([ask("b")], 3_600_000, MAX)!.isWithin).toBe(true);
  });

  test("says what is left, how long to wait, and when all is there again", () => {
    const meter = new RateMeter(1);
    expect(meter.take([ask("a")], 0, MAX)).toMatchObject({ isWithin: true, remaining: 4, waitMs: 0, resetMs: 12_000 });
    expect(meter.take([ask("a", 5, 4)], 0, MAX)).toMatchObject({ isWithin: true, remaining: 0, resetMs: 60_000 });
    expect(meter.take([ask("a", 5, 2)], 0, MAX)).toMatchObject({ isWithin: false, remaining: 0, waitMs: 24_000, resetMs: 60_000 });
    expect(meter.take([ask("b", 5, 6)], 0, MAX)).toMatchObject({ isWithin: false, remaining: 5, waitMs: Infinity });
  });

  test("of several counters none is spent unless all are", () => {
    const meter = new RateMeter(1);
    meter.take([ask("a", 1)], 0, MAX);
    for (let index = 0; index < 10; index++) expect(meter.take([ask("b", 2), ask("a", 1)], 0, MAX)).toMatchObject({ isWithin: false, question: { who: "a" } });
    expect(meter.take([ask("b", 2)], 0, MAX)).toMatchObject({ isWithin: true, remaining: 1 });
  });

  test("fits rates that do not divide their window", () => {
    const meter = new RateMeter(1);
    expect(Array.from({ length: 8 }, () => meter.take([ask("a", 7)], 123, MAX)!.isWithin)).toEqual([true, true, true, true, true, true, true, false]);
  });

  test("in any window no more than the rate, and what was saved before", () => {
    const random = seededRandom(20_261_121);
    const meter = new RateMeter(1);
    const taken: number[] = [];
    let nowMs = 0;
    for (let index = 0; index < 3_000; index++) {
      nowMs += Math.floor(random.next() * 3_000);
      if (meter.take([ask("a")], nowMs, MAX)!.isWithin) taken.push(nowMs);
    }
    for (const from of taken) expect(taken.filter((at) => at >= from && at < from + 60_000).length).toBeLessThanOrEqual(10);
    expect(taken.length).toBeGreaterThanOrEqual(Math.floor(nowMs / 12_000) - 1);
  });
});

describe("bounded", () => {
  test("who invents names does not make the own counter be forgotten, and shares one with others beyond", () => {
    const meter = new RateMeter(7);
    for (let index = 0; index < 5; index++) meter.take([ask("attacker")], 0, MAX);
    let passed = 0;
    for (let index = 0; index < 50_000; index++) if (meter.take([ask(`name ${index}`)], 1, MAX)!.isWithin) passed++;
    expect(meter.take([ask("attacker")], 2, MAX)!.isWithin).toBe(false);
    expect(meter.size).toBeLessThanOrEqual(MAX + 1_024);
    expect(passed).toBeLessThanOrEqual(MAX + 1_024 * 5);
  });

  test("who has all of it again makes room", () => {
    const meter = new RateMeter(7);
    for (let index = 0; index < MAX; index++) meter.take([ask(`name ${index}`)], 0, MAX);
    for (let index = 0; index < 100; index++) expect(meter.take([ask(`new ${index}`, 1)], 20_000, MAX)!.isWithin).toBe(true);
    expect(meter.size).toBeLessThanOrEqual(MAX);
  });
});

test("addresses that one customer has together are one", () => {
  const groups = ["10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "2001:DB8:0:0:ffff::2", "2001:db8:0:1::1", "::1", "fe80::1%eth0", "", "odd"].map(addressGroup);
  expect(groups).toEqual(["10.0.0.1", "10.0.0.1", "2001:db8:0:0::/64", "2001:db8:0:0::/64", "2001:db8:0:1::/64", "0:0:0:0::/64", "fe80:0:0:0::/64", "", "odd"]);
});
