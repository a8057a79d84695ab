// The one place that asks a model again: attempts with back-off while they fit the time, a breaker for a provider that fails, another alias where
// one is configured. Nothing above retries, and nothing below.
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { ModelFailure, type ModelAnswer, type ModelRequest, type Provided } from "./model.ts";

export interface ModelAccess<Request = ModelRequest, Answer = ModelAnswer> {
  readonly primary: Provided<Request, Answer>;
  /** Each of its models failed too often, and none is to be tried yet. */
  readonly isOut: boolean;
  /** Throws ModelFailure. `attempt` is told before each request, with the model that is asked. */
  ask(request: Request, options: AskOptions<Request, Answer>): Promise<{ readonly answer: Answer; readonly model: Provided<Request, Answer> }>;
}

export interface AskOptions<Request = ModelRequest, Answer = ModelAnswer> {
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  /** Throws where no further request may be made. */
  attempt(model: Provided<Request, Answer>): Promise<void> | void;
}

export interface ModelAccessParts<Request, Answer> {
  readonly clock: Clock;
  readonly random: Random;
  /** In order: the alias itself, and what it falls back to. */
  readonly models: readonly Provided<Request, Answer>[];
  readonly breakers: ReadonlyMap<Provided<Request, Answer>, CircuitBreaker>;
  readonly attempts: number;
}

const BACK_OFF_MS = 200;

export function modelAccess<Request, Answer>({ clock, random, models, breakers, attempts }: ModelAccessParts<Request, Answer>): ModelAccess<Request, Answer> {
  const askOne = async (model: Provided<Request, Answer>, request: Request, { signal, deadlineMs, attempt }: AskOptions<Request, Answer>): Promise<Answer> => {
    const breaker = breakers.get(model)!;
    for (let count = 1; ; count++) {
      if (!breaker.isClosed()) throw new ModelFailure("circuit_open", "the provider has failed too often");
      await attempt(model);
      try {
        const answer = await model.ask(request, signal);
        breaker.succeeded();
        return answer;
      } catch (error) {
        if (!(error instanceof ModelFailure)) throw error;
        if (isFailureOfProvider(error, { signal, isLate: clock.now() >= deadlineMs })) breaker.failed();
        const waitMs = Math.max(error.retryAfterMs ?? 0, BACK_OFF_MS * 2 ** (count - 1) * (0.5 + random.next()));
        if (!error.isRetryable || count >= attempts || signal.aborted || clock.now() + waitMs >= deadlineMs) throw error;
        await pause(clock, waitMs, signal);
      }
    }
  };
  return {
    primary: models[0]!,
    get isOut() { return models.every((model) => breakers.get(model)!.isOpen); },
    async ask(request, options) {
      let last: unknown = null;
      for (const model of models) {
        try {
          return { answer: await askOne(model, request, options), model };
        } catch (error) {
          if (!(error instanceof ModelFailure) || options.signal.aborted) throw error;
          last = error;
        }
      }
      throw last;
    },
  };
}

/** Neither a request that it does not take, nor one that somebody else ended. */
function isFailureOfProvider({ reason, isRetryable, status }: ModelFailure, { signal, isLate }: { readonly signal: AbortSignal; readonly isLate: boolean }): boolean {
  if (reason === "provider_timeout" || signal.aborted) return isLate;
  return reason === "provider_unavailable" && (isRetryable || status === 401 || status === 403);
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.schedule(ms, resolve);
    signal.addEventListener("abort", () => {
      cancel();
      resolve();
    }, { once: true });
  });
}

/** Open after so many failures in a row, for a while; then one request tries. */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #failuresMax: number;
  readonly #openMs: number;
  #failures = 0;
  #openUntilMs = 0;

  constructor(clock: Clock, { failuresMax, openMs }: { readonly failuresMax: number; readonly openMs: number }) {
    this.#clock = clock;
    this.#failuresMax = failuresMax;
    this.#openMs = openMs;
  }

  /** A request may be made. */
  isClosed(): boolean {
    if (this.isOpen) return false;
    if (this.#failures >= this.#failuresMax) this.#openUntilMs = this.#clock.now() + this.#openMs;
    return true;
  }

  /** Nothing is asked until its time is over. */
  get isOpen(): boolean {
    return this.#failures >= this.#failuresMax && this.#clock.now() < this.#openUntilMs;
  }

  succeeded(): void { this.#failures = 0; }

  failed(): void {
    this.#failures++;
    this.#openUntilMs = this.#clock.now() + this.#openMs;
  }
}
