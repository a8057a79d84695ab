// What a backtest says: counts, shares, and the runs that differ, bounded and without what is secret. The same results give the same report, in
// whatever order they came; what was measured with a clock stands apart, in `measured`.
import type { Json } from "../../base/value.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { shownTyped } from "../policy/shown-value.ts";
import type { Verdict } from "./past-commit.ts";
import type { LeftOut } from "./past-run.ts";

/** Of one run. */
export interface Backtested {
  /** 0: the newest. */
  readonly index: number;
  readonly run: string;
  readonly admittedMs: number;
  readonly isOtherVersion: boolean;
  /** What it came to: as recorded, or by today's bounds. `outcome` as shown: DECIDED, DECIDED_BY_HUMAN, ... */
  readonly before: Side;
  readonly after: Side;
  /** Of today's decision over what was proposed then, for the table of bounds. */
  readonly judged: Verdict;
  readonly verdict: Verdict;
  /** Null: not asked more than once. */
  readonly isConsistent: boolean | null;
  readonly recorded: { readonly ms: number; readonly tokens: number; readonly micros: number };
  /** Null: no model was asked. */
  readonly spent: { readonly ms: number; readonly tokens: number; readonly micros: number } | null;
}

export interface Side { readonly outcome: string; readonly reason: string | null; /** JSON. */ readonly output: Json }

export interface ReportHead {
  readonly kind: "bounds" | "counterfactual";
  readonly version: string;
  readonly changedVersion: string;
  /** What was changed, in words. */
  readonly changes: readonly string[];
  readonly last: number;
  readonly repeat: number;
  /** Of the model; null: no price is known. */
  readonly currency: string | null;
  readonly maxCostMicros: number | null;
  readonly differencesMax: number;
}

export interface Quantiles { readonly p50Ms: number; readonly p95Ms: number }
interface Counted { readonly outcome: string; readonly reason: string | null; readonly before: number; readonly after: number }
interface BoundCounts { readonly violated: number; readonly clamped: number; readonly noted: number }
export interface Difference { readonly run: string; readonly admittedAt: string; readonly change: Change; readonly before: Side & { readonly violated: readonly string[] }; readonly after: Side & { readonly violated: readonly string[] } }

/** passes: a bound that it broke it breaks no more. */
export type Change = "passes" | "violated" | "clamped" | "other";

export interface BacktestReport {
  readonly decision: string;
  readonly kind: ReportHead["kind"];
  readonly version: string;
  readonly changedVersion: string;
  readonly changes: readonly string[];
  readonly last: number;
  /** Compared. */
  readonly runs: number;
  readonly otherVersions: number;
  readonly leftOut: Readonly<Partial<Record<LeftOut, number>>>;
  /** Not all were gone through: it was cancelled, or the ceiling of its costs was reached. */
  readonly isPartial: boolean;
  /** Share of the runs with the same output; null: there were none. */
  readonly agreement: number | null;
  readonly agreementByField: Readonly<Record<string, number>>;
  readonly repeat: number;
  /** Share of the runs whose repeats said all the same. */
  readonly consistency: number | null;
  readonly outcomes: readonly Counted[];
  readonly bounds: readonly { readonly bound: string; readonly before: BoundCounts; readonly after: BoundCounts; /** Of which nobody knows. */ readonly unjudged: number }[];
  readonly changed: Readonly<Record<Change, number>>;
  readonly cost: { readonly currency: string | null; readonly maxMicros: number | null; readonly before: { readonly tokens: number; readonly micros: number }; readonly after: { readonly tokens: number; readonly micros: number } | null };
  readonly latency: Quantiles | null;
  readonly differences: readonly Difference[];
  readonly differencesNotShown: number;
  readonly measured: { readonly latency: Quantiles } | null;
}

/** Of an output that is shown. */
const OUTPUT_BYTES_MAX = 2_048;

export function reportOf(decision: CompiledDecision, head: ReportHead, { results: unsorted, leftOut, isPartial }: { readonly results: readonly Backtested[]; readonly leftOut: ReadonlyMap<LeftOut, number>; readonly isPartial: boolean }): BacktestReport {
  const results = unsorted.toSorted((one, other) => one.index - other.index);
  const differing = results.filter(differs);
  const repeated = results.filter(({ isConsistent }) => isConsistent !== null);
  const { kind, version, changedVersion, changes, last, repeat, currency, maxCostMicros, differencesMax } = head;
  return {
    decision: decision.name, kind, version, changedVersion, changes, last, runs: results.length, otherVersions: results.filter(({ isOtherVersion }) => isOtherVersion).length,
    leftOut: Object.fromEntries([...leftOut].toSorted(([one], [other]) => (one < other ? -1 : 1))), isPartial,
    agreement: share(results, isSame), agreementByField: fieldAgreement(decision, results),
    repeat, consistency: share(repeated, ({ isConsistent }) => isConsistent === true),
    outcomes: outcomesOf(results), bounds: boundsOf(results), changed: changedOf(results),
    cost: { currency, maxMicros: maxCostMicros, before: spentBy(results.map(({ recorded }) => recorded)), after: kind === "bounds" ? null : spentBy(results.flatMap(({ spent }) => spent ?? [])) },
    latency: quantiles(results.map(({ recorded }) => recorded.ms)),
    differences: differing.slice(0, differencesMax).map((one) => differenceOf(one, decision)), differencesNotShown: Math.max(0, differing.length - differencesMax),
    measured: measuredOf(results),
  };
}

function measuredOf(results: readonly Backtested[]): BacktestReport["measured"] {
  const latency = quantiles(results.flatMap(({ spent }) => (spent === null ? [] : [spent.ms])));
  return latency === null ? null : { latency };
}

const isSame = ({ before, after }: Backtested): boolean => canonicalJson(before.output) === canonicalJson(after.output);

function differs(one: Backtested): boolean {
  return !isSame(one) || JSON.stringify([one.judged.violated, one.judged.clamped]) !== JSON.stringify([one.verdict.violated, one.verdict.clamped]) || one.before.outcome !== one.after.outcome;
}

function changeOf({ judged, verdict }: Backtested): Change {
  if (verdict.violated.some((name) => !judged.violated.includes(name))) return "violated";
  if (verdict.clamped.some((name) => !judged.clamped.includes(name))) return "clamped";
  return judged.violated.some((name) => !verdict.violated.includes(name)) ? "passes" : "other";
}

function changedOf(results: readonly Backtested[]): BacktestReport["changed"] {
  const counts: Record<Change, number> = { passes: 0, violated: 0, clamped: 0, other: 0 };
  for (const one of results) if (differs(one)) counts[changeOf(one)]++;
  return counts;
}

function share<Item>(items: readonly Item[], counts: (item: Item) => boolean): number | null {
  return items.length === 0 ? null : Math.round((items.filter(counts).length / items.length) * 10_000) / 10_000;
}

function fieldAgreement({ declaration: { callable: { result } }, catalog }: CompiledDecision, results: readonly Backtested[]): Record<string, number> {
  const fields = [...catalog.objects.get(result.name)?.fields.values() ?? []].filter(({ limits }) => !limits.secret);
  return Object.fromEntries(fields.flatMap(({ name }) => {
    const agreed = share(results, ({ before, after }) => canonicalJson(memberOf(before.output, name)) === canonicalJson(memberOf(after.output, name)));
    return agreed === null ? [] : [[name, agreed]];
  }));
}

function memberOf(output: Json, name: string): Json {
  return typeof output === "object" && output !== null && !Array.isArray(output) ? [output[name] ?? null] : null;
}

function outcomesOf(results: readonly Backtested[]): Counted[] {
  const counts = new Map<string, { outcome: string; reason: string | null; before: number; after: number }>();
  for (const one of results) {
    for (const side of ["before", "after"] as const) {
      const { outcome, reason } = one[side];
      const key = JSON.stringify([outcome, reason]);
      const counted = counts.get(key) ?? { outcome, reason, before: 0, after: 0 };
      counted[side]++;
      counts.set(key, counted);
    }
  }
  return [...counts].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, counted]) => counted);
}

function boundsOf(results: readonly Backtested[]): BacktestReport["bounds"] {
  const names = [...new Set(results.flatMap(({ judged, verdict }) => [judged, verdict].flatMap(({ violated, clamped, noted, unjudged }) => [...violated, ...clamped, ...noted, ...unjudged])))].toSorted();
  const of = (name: string, side: "judged" | "verdict"): BoundCounts => ({
    violated: results.filter((one) => one[side].violated.includes(name)).length, clamped: results.filter((one) => one[side].clamped.includes(name)).length, noted: results.filter((one) => one[side].noted.includes(name)).length,
  });
  return names.map((bound) => ({ bound, before: of(bound, "judged"), after: of(bound, "verdict"), unjudged: results.filter(({ verdict }) => verdict.unjudged.includes(bound)).length }));
}

function spentBy(all: readonly { readonly tokens: number; readonly micros: number }[]): { readonly tokens: number; readonly micros: number } {
  return { tokens: all.reduce((sum, { tokens }) => sum + tokens, 0), micros: all.reduce((sum, { micros }) => sum + micros, 0) };
}

function quantiles(all: readonly number[]): Quantiles | null {
  const sorted = all.toSorted((one, other) => one - other);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
  return sorted.length === 0 ? null : { p50Ms: at(0.5), p95Ms: at(0.95) };
}

function differenceOf(one: Backtested, decision: CompiledDecision): Difference {
  const side = ({ outcome, reason, output }: Side, { violated }: Verdict): Difference["before"] => ({ outcome, reason, output: shownOutput(output, decision), violated });
  return { run: one.run, admittedAt: new Date(one.admittedMs).toISOString(), change: changeOf(one), before: side(one.before, one.judged), after: side(one.after, one.verdict) };
}

function shownOutput(output: Json, { declaration: { callable: { result } }, catalog }: CompiledDecision): Json {
  const shown = shownTyped(output, result, catalog);
  const bytes = Buffer.byteLength(JSON.stringify(shown));
  return bytes > OUTPUT_BYTES_MAX ? { "...": `${bytes} bytes are not shown` } : shown;
}
