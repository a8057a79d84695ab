// Goes through the last runs of a decision with other bounds, another policy or another model. Reads their records alone, writes nothing; gives others
// their turn while it is at it.
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import type { ModelAccess } from "../../models/model-access.ts";
import type { Connection } from "../../storage/connection.ts";
import { askedBy, decidedRuns, readRun } from "../../storage/decision-rows.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import type { Members } from "../audit/payloads.ts";
import { recordedRun, type RecordedRun } from "../audit/recorded-run.ts";
import { AskAnew, Ceiling, CeilingReached } from "./ask-anew.ts";
import { PastCommit, type Verdict } from "./past-commit.ts";
import { pastRun, type BacktestedDecision, type LeftOut, type PastRun } from "./past-run.ts";
import { reasonAgain, reasonedThen } from "./reason-again.ts";
import { reportOf, type Backtested, type BacktestReport, type ReportHead, type Side } from "./report.ts";

export interface BacktestParts {
  readonly connection: Connection;
  /** As it stands now. */
  readonly present: BacktestedDecision;
  readonly changed: BacktestedDecision;
  /** Null: none is asked, and what was proposed then is judged. */
  readonly access: ModelAccess | null;
  readonly head: Omit<ReportHead, "kind" | "version" | "changedVersion">;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whatever waits has its turn. */
  pause(): Promise<void>;
  progressed?(runs: number): void;
}

/** Models that are asked side by side. */
const ASKED_AT_ONCE = 4;
/** After so much work others have their turn. */
const SLICE_MS = 8;

export async function backtest(parts: BacktestParts): Promise<BacktestReport> {
  const run = new Backtest(parts);
  await Promise.all(Array.from({ length: parts.access === null ? 1 : ASKED_AT_ONCE }, () => run.work()));
  return run.report();
}

class Backtest {
  readonly #parts: BacktestParts;
  readonly #ids: readonly string[];
  readonly #ceiling: Ceiling;
  readonly #results: Backtested[] = [];
  readonly #leftOut = new Map<LeftOut, number>();
  #looked = 0;
  #taken = 0;
  #sliceMs: number;

  constructor(parts: BacktestParts) {
    this.#parts = parts;
    this.#ids = decidedRuns(parts.connection, { name: parts.present.decision.name, limit: parts.limits.backtestRuns });
    this.#ceiling = new Ceiling(parts.head.maxCostMicros);
    this.#sliceMs = parts.clock.now();
  }

  /** Takes one after the other until there are no more. */
  async work(): Promise<void> {
    const { signal, progressed } = this.#parts;
    for (let next = this.#next(); next !== null && !signal.aborted; next = this.#next()) {
      const result = await this.#compare(next.past, next.index);
      if (result === null) this.#leave("NOT_ASKED");
      else this.#results.push(result);
      progressed?.(this.#results.length);
      await this.#giveWay();
    }
  }

  report(): BacktestReport {
    const { present, changed, access, head, signal } = this.#parts;
    return reportOf(changed.decision, { ...head, kind: access === null ? "bounds" : "counterfactual", version: present.version, changedVersion: changed.version }, { results: this.#results, leftOut: this.#leftOut, isPartial: signal.aborted || this.#ceiling.isReached });
  }

  #leave(why: LeftOut): void {
    this.#leftOut.set(why, (this.#leftOut.get(why) ?? 0) + 1);
  }

  async #giveWay(): Promise<void> {
    const { clock, pause } = this.#parts;
    if (clock.now() - this.#sliceMs < SLICE_MS) return;
    await pause();
    this.#sliceMs = clock.now();
  }

  #next(): { readonly past: PastRun; readonly index: number } | null {
    const { connection, changed, head: { last } } = this.#parts;
    while (this.#taken < last && this.#looked < this.#ids.length) {
      const row = readRun(connection, this.#ids[this.#looked++]!);
      const recorded = row === null ? null : recordedRun(connection, row);
      if (recorded === null) continue;
      const past = pastRun(recorded, this.#shadowOf(recorded), changed);
      if ("leftOut" in past) this.#leave(past.leftOut);
      else return { past, index: this.#taken++ };
    }
    return null;
  }

  /** Of a run in SHADOW the model was asked beside it. */
  #shadowOf({ row: { id, name, reason } }: RecordedRun): RecordedRun | null {
    const { connection } = this.#parts;
    const shadow = reason === "mode_shadow" ? askedBy(connection, id).find((one) => one.name === name && one.state === "SHADOWED") : undefined;
    return shadow === undefined ? null : recordedRun(connection, shadow);
  }

  /** Null: the ceiling is reached, or it was cancelled. */
  async #compare(past: PastRun, index: number): Promise<Backtested | null> {
    const { present, changed, access, head: { repeat } } = this.#parts;
    const { recorded } = past;
    const { row, record, payloads } = recorded;
    // Another candidate's contexts are none of the present decision's.
    const then = changed.decision.name === present.decision.name ? past : pastRun(recorded, this.#shadowOf(recorded), present);
    const judged = "leftOut" in then ? nothingJudged : await this.#judgedThen(then, present);
    const asked = access === null ? null : await this.#askedAnew(past, access, repeat);
    if (access !== null && asked === null) return null;
    const verdict = asked?.verdicts[0] ?? await this.#judgedThen(past, changed);
    const before: Side = access === null ? sideOf(judged) : { outcome: row.state, reason: row.reason, output: payloads["output"] ?? null };
    const { input = 0, output = 0 } = (record["tokens"] ?? {}) as { readonly input?: number; readonly output?: number };
    return {
      index, run: row.id, admittedMs: row.admittedMs, isOtherVersion: row.version !== present.version, before, after: sideOf(verdict), judged, verdict,
      isConsistent: asked === null || repeat < 2 ? null : asked.verdicts.every((one) => canonicalJson(one.output) === canonicalJson(verdict.output)),
      recorded: { ms: (row.endedMs ?? row.admittedMs) - row.admittedMs, tokens: input + output, micros: microsIn(record) }, spent: asked?.spent ?? null,
    };
  }

  /** By what was proposed then. */
  async #judgedThen(past: PastRun, by: BacktestedDecision): Promise<Verdict> {
    const commit = new PastCommit(past, by);
    return commit.early() ?? commit.conclude(await reasonedThen({ past, by, commit, limits: this.#parts.limits }));
  }

  async #askedAnew(past: PastRun, access: ModelAccess, repeat: number): Promise<{ readonly verdicts: readonly Verdict[]; readonly spent: NonNullable<Backtested["spent"]> } | null> {
    const { changed: by, limits, signal } = this.#parts;
    const verdicts: Verdict[] = [];
    let spent = { ms: 0, tokens: 0, micros: 0 };
    for (let again = 0; again < repeat; again++) {
      const commit = new PastCommit(past, by);
      const early = commit.early();
      const asking = new AskAnew({ decision: by.decision, access, clock: this.#parts.clock, limits, ceiling: this.#ceiling, signal });
      try {
        verdicts.push(early ?? commit.conclude(await reasonAgain({ past, by, limits, commit, ask: (request, kept) => asking.ask(request, kept), calling: () => asking.calling() })));
        // What was given up says nothing of the model.
        if (signal.aborted) return null;
      } catch (error) {
        if (error instanceof CeilingReached) return null;
        throw error;
      } finally {
        const { ms, tokens, micros } = asking.end();
        spent = { ms: again === 0 ? ms : spent.ms, tokens: spent.tokens + tokens, micros: spent.micros + micros };
      }
    }
    return { verdicts, spent };
  }
}

const nothingJudged: Verdict = { state: "REFUSED", reason: null, output: null, violated: [], clamped: [], noted: [], unjudged: [] };

function sideOf({ state, reason, output }: Verdict): Side {
  return { outcome: state, reason, output };
}

function microsIn({ costMicros }: Members): number {
  return typeof costMicros === "number" ? costMicros : 0;
}
