// Asks a model for a backtest: within the budget of a run and the ceiling of the whole, of which the days of the app know nothing.
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import type { Model, ModelAnswer, ModelRequest } from "../../models/model.ts";
import type { ModelAccess } from "../../models/model-access.ts";
import { assertKeptBack } from "../context/kept-back.ts";
import { reservation, RunBudget, settlement } from "../reason/budgets.ts";
import { inTime, reasoningMs } from "../reason/in-time.ts";
import { requestHash } from "../reason/journal.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";

/** What the whole may cost has been spent. */
export class CeilingReached extends Error {
  override readonly name = "CeilingReached";
}

/** In millionths of the currency's unit; reserved before each request, so that the sum never exceeds it. */
export class Ceiling {
  readonly #maxMicros: number | null;
  micros = 0;
  isReached = false;

  /** Null: costs are not known. */
  constructor(maxMicros: number | null) { this.#maxMicros = maxMicros; }

  /** Throws CeilingReached. */
  reserve(micros: number): void {
    this.isReached ||= this.#maxMicros !== null && this.micros + micros > this.#maxMicros;
    if (this.isReached) throw new CeilingReached("what the backtest may cost is spent");
    this.micros += micros;
  }

  giveBack(micros: number): void { this.micros -= micros; }
}

export interface AskAnewParts {
  readonly decision: CompiledDecision;
  readonly access: ModelAccess;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly ceiling: Ceiling;
  readonly signal: AbortSignal;
}

/** Of one run, asked once. */
export class AskAnew {
  readonly #parts: AskAnewParts;
  readonly #budget: RunBudget;
  readonly #beganMs: number;
  readonly #gone = new AbortController();
  readonly #end: () => void;
  #step = 0;

  constructor(parts: AskAnewParts) {
    const { decision: { declaration }, clock, limits, signal } = parts;
    this.#parts = parts;
    this.#budget = new RunBudget(declaration.budgets, { steps: limits.decisionSteps, calls: limits.decisionCalls });
    this.#beganMs = clock.now();
    const abort = (): void => this.#gone.abort();
    const cancel = clock.schedule(Math.max(0, this.#deadlineMs - this.#beganMs), abort);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    this.#end = () => {
      cancel();
      signal.removeEventListener("abort", abort);
    };
  }

  /** What it has taken and cost. Nothing is asked any more. */
  end(): { readonly ms: number; readonly tokens: number; readonly micros: number } {
    this.#end();
    return { ms: this.#parts.clock.now() - this.#beganMs, tokens: this.#budget.tokens, micros: this.#budget.micros };
  }

  calling(): void { this.#budget.reserve({ calls: 1 }); }

  async ask(request: ModelRequest, kept: readonly string[]): Promise<ModelAnswer> {
    assertKeptBack(request, kept);
    const { decision: { name: decision }, access, ceiling } = this.#parts;
    const { bytes } = requestHash(access.primary, request);
    const step = this.#step++;
    this.#budget.reserve({ steps: 1 });
    let reserved = { tokens: 0, micros: 0 };
    // What failed may have been billed: its reservation stays.
    const attempt = (model: Model): void => {
      reserved = reservation(bytes, request.maxOutputTokens, model.price);
      this.#budget.reserve(reserved);
      ceiling.reserve(reserved.micros);
    };
    const { answer, model } = await inTime(access.ask({ ...request, by: { decision, step } }, { signal: this.#gone.signal, deadlineMs: this.#deadlineMs, attempt }), this.#gone.signal);
    const settled = settlement(answer.usage, reserved, model.price);
    this.#budget.giveBack({ tokens: reserved.tokens - settled.tokens, micros: reserved.micros - settled.micros });
    ceiling.giveBack(reserved.micros - settled.micros);
    return answer;
  }

  get #deadlineMs(): number {
    const { declaration: { budgets, deadlineMs } } = this.#parts.decision;
    return this.#beganMs + reasoningMs(budgets, deadlineMs);
  }
}
