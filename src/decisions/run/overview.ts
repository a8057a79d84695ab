// All decisions of the app with what their runs came to and spent in some days, for the administrator.
import type { Json } from "../../base/value.ts";
import type { DecisionMode } from "../../schema/decision.ts";
import type { Connection } from "../../storage/connection.ts";
import { countOutcomes } from "../../storage/decision-rows.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";

export interface Listed {
  readonly decision: CompiledDecision;
  /** In which it runs now. */
  readonly mode: DecisionMode;
  readonly version: string;
  /** There is one to ask. */
  readonly hasModel: boolean;
  /** Of what its model costs; null: no price is known. */
  readonly currency: string | null;
  /** As rollout/rollouts.ts tells it; null: there is none. */
  readonly rollout: Json;
}

const DAY_MS = 86_400_000;
/** Of each decision, the newest: with more the counts are of these alone, which is said. */
const RUNS_MAX = 20_000;

/** `days` 1: today, in UTC. */
export function overviewOf(connection: Connection, decisions: readonly Listed[], { days, nowMs }: { readonly days: number; readonly nowMs: number }): Json {
  const sinceMs = Math.floor(nowMs / DAY_MS) * DAY_MS - (days - 1) * DAY_MS;
  return decisions.map((one) => viewOf(connection, one, sinceMs));
}

function viewOf(connection: Connection, { decision: { name, declaration }, mode, version, hasModel, currency, rollout }: Listed, sinceMs: number): Json {
  const outcomes = countOutcomes(connection, { name, sinceMs, limit: RUNS_MAX });
  const sum = (pick: (one: (typeof outcomes)[number]) => number): number => outcomes.reduce((total, one) => total + pick(one), 0);
  const runs = sum((one) => one.runs);
  const isRule = declaration.kind === "RULE";
  return {
    name, mode, declared: declaration.mode, kind: declaration.kind, model: isRule ? null : declaration.model, hasModel: !isRule && hasModel, version,
    since: new Date(sinceMs).toISOString(), runs, isPartial: runs === RUNS_MAX, outcomes: outcomes.map(({ state, reason, runs: count }) => ({ outcome: state, reason, runs: count })),
    tokens: { input: sum((one) => one.input), output: sum((one) => one.output) }, cost: currency === null ? null : `${(sum((one) => one.costMicros) / 1_000_000).toFixed(6)} ${currency}`,
    ...(rollout === null ? {} : { rollout }),
  };
}
