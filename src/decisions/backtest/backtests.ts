// Backtests that go on beside what the server does, by id: begun, looked at, cancelled. A few are kept, in memory; a restart knows none.
import { AmbitError, fault, toProblem } from "../../base/error.ts";
import { describeError, type Log } from "../../base/log.ts";
import { uuidv7, type Random } from "../../base/random.ts";
import type { Clock } from "../../base/clock.ts";
import type { Json } from "../../base/value.ts";
import type { BacktestQuestion } from "../../resources/decision-port.ts";
import type { BacktestReport } from "./report.ts";

export type BacktestState = "RUNNING" | "DONE" | "CANCELLED" | "FAILED";

interface Kept {
  readonly id: string;
  readonly decision: string;
  readonly beganMs: number;
  readonly cancel: AbortController;
  state: BacktestState;
  /** Gone through so far. */
  runs: number;
  report: BacktestReport | null;
  /** Of FAILED. */
  problem: Json;
  over: Promise<void>;
}

export interface BacktestsParts { readonly clock: Clock; readonly random: Random; readonly log: Log }

/** Begins the work of one. */
export type BeginBacktest = (options: { readonly signal: AbortSignal; progressed(runs: number): void }) => Promise<BacktestReport>;

const RUNNING_MAX = 2;
const KEPT_MAX = 20;

export class Backtests {
  readonly #parts: BacktestsParts;
  readonly #kept = new Map<string, Kept>();

  constructor(parts: BacktestsParts) { this.#parts = parts; }

  /** `begin`: of what serves; throws what is wrong with the request. */
  answer(ask: BacktestQuestion, begin: (request: Extract<BacktestQuestion, { do: "backtest" }>["request"]) => BeginBacktest): Json {
    switch (ask.do) {
      case "backtest": return this.#begin(ask.request.decision, () => begin(ask.request));
      case "backtests": return [...this.#kept.values()].toReversed().map((one) => viewOf(one, false));
      case "backtest-state": return viewOf(this.#of(ask.id), true);
      case "cancel-backtest": {
        const one = this.#of(ask.id);
        one.cancel.abort();
        return viewOf(one, false);
      }
    }
  }

  /** Cancels all, and waits for them. */
  async stop(): Promise<void> {
    for (const { cancel } of this.#kept.values()) cancel.abort();
    await Promise.all([...this.#kept.values()].map(({ over }) => over));
  }

  #of(id: string): Kept {
    const one = this.#kept.get(id);
    if (one === undefined) throw fault("NOT_FOUND", "There is no such backtest.");
    return one;
  }

  #begin(decision: string, prepare: () => BeginBacktest): Json {
    const { clock, random } = this.#parts;
    if ([...this.#kept.values()].filter(({ state }) => state === "RUNNING").length >= RUNNING_MAX) throw fault("OVERLOADED", `${RUNNING_MAX} backtests are under way.`, { retryAfterS: 5 });
    const begin = prepare();
    const one: Kept = { id: uuidv7(clock, random), decision, beganMs: clock.now(), cancel: new AbortController(), state: "RUNNING", runs: 0, report: null, problem: null, over: Promise.resolve() };
    one.over = this.#carryOut(one, begin);
    this.#kept.set(one.id, one);
    for (const [id, { state }] of this.#kept) if (this.#kept.size > KEPT_MAX && state !== "RUNNING") this.#kept.delete(id);
    return viewOf(one, false);
  }

  async #carryOut(one: Kept, begin: BeginBacktest): Promise<void> {
    try {
      one.report = await begin({ signal: one.cancel.signal, progressed(runs) { one.runs = runs; } });
      one.state = one.cancel.signal.aborted ? "CANCELLED" : "DONE";
    } catch (error) {
      this.#parts.log.error("backtest-failed", { backtest: one.id, decision: one.decision, ...describeError(error) });
      one.problem = toProblem(error instanceof AmbitError ? error : fault("INTERNAL", "The backtest has failed.", { cause: error }), one.id) as unknown as Json;
      one.state = "FAILED";
    }
  }
}

function viewOf({ id, decision, beganMs, state, runs, report, problem }: Kept, isWhole: boolean): Json {
  return { id, decision, state, began: new Date(beganMs).toISOString(), runs, ...(isWhole ? { report: report as unknown as Json, problem } : {}) };
}
