// Champion and challenger: who decides a run, by a share that stays the same for the same; how both do; and the end of a rollout, which comes by itself
// where `stopWhen` holds. Decides nothing else: runs are those of decide.ts.
import type { Json, RecordValues } from "../../base/value.ts";
import { describeError } from "../../base/log.ts";
import { uuidv7 } from "../../base/random.ts";
import { isTrue } from "../../expression/evaluate.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { countArm, countsOfArm, endRollout, rolloutEndMs, type Arm, type RolloutPlace } from "../../storage/rollout-rows.ts";
import type { Connection } from "../../storage/connection.ts";
import { appendRecord } from "../audit/append-record.ts";
import { environmentOf, valueOf } from "../bounds/judge.ts";
import type { CompiledDecision, CompiledRollout } from "../policy/compiled-decision.ts";
import { statsOf, type RolloutCounts } from "./arm-stats.ts";
import { shareOf } from "./share-of.ts";

export interface Versioned { readonly decision: CompiledDecision; readonly version: string }

/** Who decides. `beside`: the candidate is asked, too, and nothing comes of it but a comparison. */
export interface Choice { readonly arm: Arm; readonly beside: boolean; readonly place: RolloutPlace }

/** Of one run, as its row keeps it. */
export function armText({ place: { name, versions } }: Pick<Choice, "place">, arm: Arm): string {
  return JSON.stringify({ name, versions, arm });
}

/** Of a run of this decision beside such a run: it is the candidate's, but for a champion in SHADOW that is asked beside its own fallback. */
export function asCandidate(text: string | null, { rollout }: CompiledDecision): string | null {
  const isChampion = rollout !== null && rollout.declaration.candidate !== null;
  return text === null || isChampion ? null : JSON.stringify({ ...JSON.parse(text) as object, arm: "candidate" });
}

export interface ArmEnd { readonly state: string; readonly reason: string | null; /** A bound did not hold at first. */ readonly isRepaired: boolean; /** Until people were asked, where they were. */ readonly durationMs: number; readonly costMicros: number; /** Of a run beside the champion: whether it said the same. */ readonly agrees: boolean | null }

/** In the commit of the run's end. */
export function countEnd(connection: Connection, text: string | null, { state, reason, isRepaired, durationMs, costMicros, agrees }: ArmEnd): void {
  if (text === null) return;
  const { name, versions, arm } = JSON.parse(text) as RolloutPlace & { readonly arm: Arm };
  const one = (is: boolean): number => (is ? 1 : 0);
  const isByMode = reason === "mode_shadow" || reason === "mode_off";
  countArm(connection, { name, versions, arm }, {
    runs: 1, fallbacks: one(state === "FELL_BACK" && !isByMode), refused: one(REFUSED.includes(state)), failed: one(state === "FAILED"),
    violations: one(isRepaired || state === "REFUSED" || reason?.startsWith("bound:") === true), compared: one(agrees !== null), agreed: one(agrees === true), durationMs, costMicros,
  });
}

/** By a bound, by people, or since nobody said anything. */
const REFUSED: readonly string[] = ["REFUSED", "REJECTED_BY_HUMAN", "EXPIRED"];
export class Rollouts {
  readonly #core: DispatchCore;
  /** Their end is being written. */
  readonly #ending = new Set<string>();

  constructor(core: DispatchCore) {
    this.#core = core;
  }

  /** `candidate`: the decision itself, where it names no other. Null: it has ended, or there is none. */
  choose({ decision, version }: Versioned, candidate: Versioned, { input, auth, now, sticky }: { readonly input: RecordValues; readonly auth: RecordValues; readonly now: string; /** Where it names nothing to be chosen by. */ readonly sticky: string }): Choice | null {
    const { rollout, name } = decision;
    if (rollout === null) return null;
    const place: RolloutPlace = { name, versions: `${version} ${candidate.version}` };
    if (this.#isOver(rollout, place)) return null;
    const by = rollout.stickyBy === null ? sticky : valueOf(rollout.stickyBy, { variables: { input, auth, now }, now, book: this.#core.book });
    const key = typeof by === "string" ? by : sticky;
    const { canary, shadow } = rollout.declaration;
    const arm = shareOf(`canary ${name}`, key) < canary ? "candidate" : "champion";
    return { arm, place, beside: arm === "champion" && shareOf(`shadow ${name}`, key) < shadow };
  }

  /** As the administrator is told. Null: there is none. */
  view({ decision, version }: Versioned, candidate: Versioned): Json {
    const { rollout, name } = decision;
    if (rollout === null) return null;
    const place: RolloutPlace = { name, versions: `${version} ${candidate.version}` };
    const isOver = this.#isOver(rollout, place);
    const endedMs = rolloutEndMs(this.#core.storage.reader, place);
    const { candidate: named, canary, shadow } = rollout.declaration;
    return { candidate: named, canary, shadow, isOver, endedAt: endedMs === null ? null : new Date(endedMs).toISOString(), stats: statsOf(this.#counts(place)) as Json };
  }

  #counts(place: RolloutPlace): RolloutCounts {
    const { reader } = this.#core.storage;
    return { candidate: countsOfArm(reader, { ...place, arm: "candidate" }), champion: countsOfArm(reader, { ...place, arm: "champion" }) };
  }

  #isOver({ stopWhen, declaration }: CompiledRollout, place: RolloutPlace): boolean {
    const { storage, book, clock } = this.#core;
    if (this.#ending.has(JSON.stringify(place)) || rolloutEndMs(storage.reader, place) !== null) return true;
    if (stopWhen === null) return false;
    const stats = statsOf(this.#counts(place));
    if (!isTrue(stopWhen, environmentOf({ stats }, new Date(clock.now()).toISOString()), book)) return false;
    this.#end(place, { stats: stats as Json, rule: declaration.stopWhen!.source });
    return true;
  }

  /** Ended from this moment on, whatever comes of the commit: it is judged anew after a restart. */
  #end(place: RolloutPlace, { stats, rule }: { readonly stats: Json; readonly rule: string }): void {
    const { storage, clock, random, log } = this.#core;
    this.#ending.add(JSON.stringify(place));
    const timeMs = clock.now();
    const run = uuidv7(clock, random);
    storage.commit((connection) => {
      if (endRollout(connection, place, timeMs)) appendRecord(connection, { run, timeMs, facts: { kind: "rollout", decision: place.name, versions: place.versions, ended: rule, stats }, payloads: {} }, random);
    }).catch((error: unknown) => log.error("rollout-end-not-written", { decision: place.name, ...describeError(error) }));
    log.error("rollout-ended", { decision: place.name, versions: place.versions, stopWhen: rule, stats });
  }
}
