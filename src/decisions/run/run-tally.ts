// Counts of runs that have ended, for /metrics: by decision, outcome and reason, with their time, steps, tokens and costs. In memory, for the life
// of the process.
import type { Histogram, Metric } from "../../base/metric.ts";

/** How a run has ended. */
export interface RunEnd {
  readonly decision: string;
  readonly state: string;
  /** With the name of a bound or budget: these are declared, so there are so many. */
  readonly reason: string | null;
  readonly durationMs: number;
  readonly steps: number;
  readonly tokens: { readonly input: number; readonly output: number };
  readonly costMicros: number;
}

interface OfDecision {
  readonly buckets: number[];
  sumS: number;
  count: number;
  steps: number;
  input: number;
  output: number;
  readonly micros: Map<string, number>;
}

/** Upper bounds in seconds. */
const BOUNDS_S: readonly number[] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** More than any schema declares: reloads may bring ever new names. */
const SERIES_MAX = 10_000;
const OTHER = "other";

export class RunTally {
  /** By decision, outcome and reason. */
  readonly #ends = new Map<string, { readonly labels: { readonly decision: string; readonly outcome: string; readonly reason: string }; value: number }>();
  readonly #decisions = new Map<string, OfDecision>();

  /** `currency` null: what it cost is not known. */
  ended({ decision, state, reason, durationMs, steps, tokens, costMicros }: RunEnd, currency: string | null): void {
    this.#count(decision, state, reason ?? "");
    const of = this.#of(decision);
    const seconds = Math.max(0, durationMs) / 1_000;
    const bucket = BOUNDS_S.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) of.buckets[bucket]!++;
    of.sumS += seconds;
    of.count++;
    of.steps += steps;
    of.input += tokens.input;
    of.output += tokens.output;
    if (currency !== null) of.micros.set(currency, (of.micros.get(currency) ?? 0) + costMicros);
  }

  metrics(): readonly Metric[] {
    const all = [...this.#decisions];
    const counted = (name: string, help: string, pick: (of: OfDecision) => number): Metric => ({ kind: "counter", name, help, series: all.map(([decision, of]) => ({ labels: { decision }, value: pick(of) })) });
    return [
      { kind: "counter", name: "decisions_total", help: "Runs that have ended.", series: [...this.#ends.values()] },
      { kind: "histogram", name: "decision_duration_seconds", help: "Time from a run's admission to its end.", series: all.map(([decision, of]) => ({ labels: { decision }, histogram: histogramOf(of) })) },
      counted("decision_steps_total", "Requests to models.", ({ steps }) => steps),
      {
        kind: "counter", name: "decision_tokens_total", help: "Tokens as providers report them.",
        series: all.flatMap(([decision, { input, output }]) => [{ labels: { decision, direction: "input" }, value: input }, { labels: { decision, direction: "output" }, value: output }]),
      },
      { kind: "counter", name: "decision_cost_total", help: "What runs were charged with.", series: all.flatMap(([decision, { micros }]) => [...micros].map(([currency, value]) => ({ labels: { decision, currency }, value: value / 1_000_000 }))) },
    ];
  }

  #count(decision: string, outcome: string, reason: string): void {
    const key = JSON.stringify([decision, outcome, reason]);
    const known = this.#ends.get(key) ?? (this.#ends.size < SERIES_MAX ? undefined : this.#ends.get(OTHER));
    if (known !== undefined) known.value++;
    else if (this.#ends.size < SERIES_MAX - 1) this.#ends.set(key, { labels: { decision, outcome, reason }, value: 1 });
    else this.#ends.set(OTHER, { labels: { decision: OTHER, outcome: OTHER, reason: OTHER }, value: 1 });
  }

  #of(decision: string): OfDecision {
    const known = this.#decisions.get(decision);
    if (known !== undefined) return known;
    if (this.#decisions.size >= SERIES_MAX && decision !== OTHER) return this.#of(OTHER);
    const made: OfDecision = { buckets: BOUNDS_S.map(() => 0), sumS: 0, count: 0, steps: 0, input: 0, output: 0, micros: new Map() };
    this.#decisions.set(decision, made);
    return made;
  }
}

function histogramOf({ buckets, sumS, count }: OfDecision): Histogram {
  return { bounds: BOUNDS_S, buckets, sum: sumS, count };
}
