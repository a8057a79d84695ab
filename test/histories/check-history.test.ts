// The checker of histories finds each anomaly in a history made up to have it, and none in a sound one.
import { expect, test } from "bun:test";
import { checkHistory, type Step, type Transaction } from "./check-history.ts";

const append = (key: string, value: number): Step => ({ kind: "append", key, value });
const read = (key: string, ...items: number[]): Step => ({ kind: "read", key, items });
let clock = 0;
const done = (name: string, ...steps: Step[]): Transaction => ({ name, outcome: "ok", steps, beganMs: 0, endedMs: 1_000 + clock++ });
const failed = (name: string, ...steps: Step[]): Transaction => ({ ...done(name, ...steps), outcome: "fail" });
const unknown = (name: string, ...steps: Step[]): Transaction => ({ ...done(name, ...steps), outcome: "unknown" });
const lists = (given: Record<string, number[]>): Map<string, number[]> => new Map(Object.entries(given));

test("a sound history, with own appends, a failure and an unknown outcome", () => {
  expect(checkHistory([
    done("a", append("x", 1), read("x", 1)), done("b", read("x", 1), append("x", 2), append("y", 3)), failed("c", append("x", 9)),
    unknown("d", append("y", 4)), unknown("e", append("y", 5)), done("f", read("y"), read("x")),
  ], lists({ x: [1, 2], y: [3, 5] }))).toEqual([]);
});

const anomalies: readonly (readonly [string, string, readonly Transaction[], Map<string, number[]>])[] = [
  ["a lost append", "lost append", [done("a", append("x", 1))], lists({ x: [] })],
  ["a doubled one", "doubled append", [done("a", append("x", 1))], lists({ x: [1, 1] })],
  ["an aborted one that is there", "which nobody appended", [failed("a", append("x", 1))], lists({ x: [1] })],
  ["half a transaction", "half of a", [unknown("a", append("x", 1), append("y", 2))], lists({ x: [1], y: [] })],
  ["an aborted read", "which became", [failed("a", append("x", 1)), done("b", read("x", 1))], lists({ x: [] })],
  ["an intermediate read", "in the middle", [done("a", append("x", 1), append("x", 2)), done("b", read("x", 1))], lists({ x: [1, 2] })],
  ["an own append unseen", "its own appends", [done("a", append("x", 1), read("x"))], lists({ x: [1] })],
  ["G0", "G0", [done("a", append("x", 1), append("y", 2)), done("b", append("x", 3), append("y", 4))], lists({ x: [1, 3], y: [4, 2] })],
  ["G1c", "G1c", [done("a", append("x", 1), read("y", 2)), done("b", append("y", 2), read("x", 1))], lists({ x: [1], y: [2] })],
  ["G2, write skew", "G2", [done("a", read("x"), append("y", 2)), done("b", read("y"), append("x", 1))], lists({ x: [1], y: [2] })],
  ["a read of the past", "against real time", [{ ...done("a", append("x", 1)), endedMs: 1 }, { ...done("b", read("x")), beganMs: 2 }], lists({ x: [1] })],
];

test.each(anomalies.map(([name]) => name))("%s is found", (name) => {
  const [, problem, transactions, final] = anomalies.find(([one]) => one === name)!;
  expect(checkHistory(transactions, final).join("; ")).toContain(problem);
});
