// The tree against a list of intervals: the same are found, whatever comes and goes; and finding one looks at few.
import { expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import type { Value } from "../base/value.ts";
import { comparerOf } from "../expression/compare-values.ts";
import type { ExpressionType } from "../expression/expression.ts";
import { IntervalTree, type Interval } from "./interval-tree.ts";

const random = seededRandom(7);
const below = (count: number): number => Math.floor(random.next() * count);

const values: Readonly<Partial<Record<ExpressionType["kind"], () => Value>>> = {
  int: () => (below(4) === 0 ? BigInt(below(40)) * 1_000_000_000_000_000_000n : below(40) * (below(2) === 0 ? 1 : -1)),
  double: () => below(400) / 10 - 20,
  string: () => ["a", "B", "é", "\u{1F600}", "\uE000", "ab", ""][below(7)]! + ["", "x", "\u{1F600}"][below(3)]!,
  decimal: () => `${below(30)}.${below(100)}`,
  timestamp: () => new Date(below(1_000) * 1_000).toISOString(),
  duration: () => `PT${below(300)}S`,
  bool: () => below(2) === 0,
};

for (const [kind, make] of Object.entries(values)) {
  test(`finds what a list finds: ${kind}`, () => {
    const compare = comparerOf({ kind } as ExpressionType);
    const tree = new IntervalTree<string>(compare);
    const list = new Map<string, Interval>();
    const some: () => Interval = () => ({ low: below(4) === 0 ? null : make(), high: below(4) === 0 ? null : make() });
    const same = (left: Value, right: Value): boolean => (left === null || right === null ? left === right : compare(left, right) === 0);
    for (let step = 0; step < 400; step++) {
      const known = [...list].find(([, interval], index) => index === step % 17 || interval === null);
      if (below(3) === 0 && known !== undefined) {
        tree.delete(known[1]);
        list.delete(known[0]);
      } else {
        const interval = some();
        for (const [name, other] of list) if (same(other.low, interval.low) && same(other.high, interval.high)) list.delete(name);
        tree.set(interval, `n${step}`);
        list.set(`n${step}`, interval);
        expect(tree.get(interval)).toBe(`n${step}`);
      }
      const value = make();
      const found: string[] = [];
      tree.visit(value, (item) => found.push(item));
      const expected = [...list].filter(([, { low, high }]) => (low === null || compare(low, value) <= 0) && (high === null || compare(high, value) >= 0)).map(([name]) => name);
      expect(found.toSorted()).toEqual(expected.toSorted());
    }
    for (const interval of list.values()) tree.delete(interval);
    expect(tree.isEmpty).toBe(true);
    tree.delete({ low: null, high: null });
  }, 120_000);
}

test("a value in few of many intervals is held against few, in whatever order they came", () => {
  for (const place of [(number: number) => number, (number: number) => 20_000 - number, (number: number) => (number * 7_919) % 20_000]) {
    let compared = 0;
    const tree = new IntervalTree<number>((left, right) => {
      compared++;
      return (left as number) - (right as number);
    });
    for (let number = 0; number < 20_000; number++) tree.set({ low: place(number) * 10, high: place(number) * 10 + 15 }, number);
    compared = 0;
    let found = 0;
    tree.visit(100_003, () => found++);
    expect(found).toBe(2);
    expect(compared).toBeLessThan(150);
    // All that end before, or begin after.
    compared = 0;
    tree.visit(-1, () => found++);
    tree.visit(300_000, () => found++);
    expect([found, compared < 60]).toEqual([2, true]);
  }
});
