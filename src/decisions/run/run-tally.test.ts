// Series of runs that have ended: summed up by decision, outcome and reason, and not more of them than are bearable, whatever names come.
import { expect, test } from "bun:test";
import { RunTally, type RunEnd } from "./run-tally.ts";

const end = (over: Partial<RunEnd> = {}): RunEnd => ({ decision: "refund", state: "DECIDED", reason: null, durationMs: 20, steps: 2, tokens: { input: 10, output: 1 }, costMicros: 5, ...over });

function seriesOf(tally: RunTally, name: string): Record<string, number> {
  const metric = tally.metrics().find((one) => one.name === name)!;
  return Object.fromEntries(metric.kind === "histogram" ? [] : metric.series.map(({ labels, value }) => [Object.values(labels).join(" "), value]));
}

test("sums by decision, outcome and reason; costs by currency, where one is known", () => {
  const tally = new RunTally();
  tally.ended(end(), "EUR");
  tally.ended(end(), "USD");
  tally.ended(end({ state: "FELL_BACK", reason: "bound:cap" }), null);
  expect(seriesOf(tally, "decisions_total")).toEqual({ "refund DECIDED ": 2, "refund FELL_BACK bound:cap": 1 });
  expect(seriesOf(tally, "decision_cost_total")).toEqual({ "refund EUR": 0.000005, "refund USD": 0.000005 });
  expect(seriesOf(tally, "decision_tokens_total")).toEqual({ "refund input": 30, "refund output": 3 });
  expect(seriesOf(tally, "decision_steps_total")).toEqual({ refund: 6 });
});

test("a run is in the bucket of its time; one beyond all is counted, and a clock that went back is no time", () => {
  const tally = new RunTally();
  for (const durationMs of [1, 2, 300_000, 300_001, -5]) tally.ended(end({ durationMs }), null);
  const metric = tally.metrics().find(({ kind }) => kind === "histogram")!;
  const { histogram } = metric.kind === "histogram" ? metric.series[0]! : { histogram: null };
  expect([histogram!.buckets[0], histogram!.buckets[1], histogram!.buckets.at(-1), histogram!.count]).toEqual([2, 1, 1, 5]);
  expect(histogram!.sum).toBeCloseTo(600.004);
});

test("ten thousand series are the most: what is beyond is counted as other", () => {
  const tally = new RunTally();
  for (let number = 0; number < 10_500; number++) tally.ended(end({ decision: `d${number}` }), null);
  const counted = seriesOf(tally, "decisions_total");
  expect(Object.keys(counted)).toHaveLength(10_000);
  expect(counted["other other other"]).toBe(501);
  expect(Object.values(counted).reduce((sum, value) => sum + value, 0)).toBe(10_500);
  expect(seriesOf(tally, "decision_steps_total")["other"]).toBe(1_000);
  tally.ended(end({ decision: "d0" }), null);
  expect(seriesOf(tally, "decisions_total")["d0 DECIDED "]).toBe(2);
});
