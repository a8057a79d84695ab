// Watches the calls that one run of a body makes: none may go unawaited, still run at its end, or begin after it.
// So nothing that a body forgot is ever committed late.

import type { Clock } from "../base/clock.ts";
import { fault } from "../base/error.ts";

/** A mistake of app code; the log says which, the client only an incident. */
export class BodyMistake extends Error {
  override readonly name = "BodyMistake";
}

/** When the run's time is up. */
export interface Deadline { readonly clock: Clock; readonly atMs: number }

export class BodyCalls {
  readonly #deadline: Deadline | null;
  readonly #running = new Set<Call<unknown>>();
  readonly #unobserved = new Set<Call<unknown>>();
  #ended: string | null = null;
  #gate: { readonly until: Promise<unknown>; passed(): void } | null = null;

  constructor(deadline: Deadline | null = null) {
    this.#deadline = deadline;
  }

  /** Starts `work` at once. The answer is used like a promise, and knows whether it is. */
  start<T>(name: string, work: () => Promise<T>): Promise<T> {
    const call = new Call<T>(name, (observed) => this.#unobserved.delete(observed));
    const ended = this.#ended === null ? null : new BodyMistake(`${name} was called after ${this.#ended}.`);
    const late = this.#deadline;
    if (late !== null && late.clock.now() > late.atMs) {
      // In another turn: whoever asks again and again, without ever waiting for anything else, must not keep everybody waiting.
      const refusal = ended ?? fault("TRANSACTION_TIMEOUT", "The body took too long.", { retryAfterS: 1 });
      call.follow(new Promise((_, reject) => { late.clock.schedule(0, () => reject(refusal)); }), () => {});
      return call;
    }
    if (ended !== null) {
      call.follow(Promise.reject(ended), () => {});
      return call;
    }
    this.#running.add(call);
    this.#unobserved.add(call);
    call.follow(this.#gate === null ? run(work) : this.pass().then(() => run(work)), () => this.#running.delete(call));
    return call;
  }

  /** Until then calls are taken, but none begins; `passed` is told of each. */
  closeGate(until: Promise<unknown>, passed: () => void): void {
    const gate = { until, passed };
    this.#gate = gate;
    const open = (): void => { if (this.#gate === gate) this.#gate = null; };
    until.then(open, open);
  }

  /** Resolves where calls may begin. */
  async pass(): Promise<void> {
    const gate = this.#gate;
    gate?.passed();
    await gate?.until;
  }

  /** Calls are still taken. */
  get isOpen(): boolean {
    return this.#ended === null;
  }

  /** For what answers at once: throws once the body has ended. */
  assertOpen(name: string): void {
    if (this.#ended !== null) throw new BodyMistake(`${name} was used after ${this.#ended}.`);
  }

  /** The body has returned. Throws if it left something behind. */
  finish(): void {
    const [forgotten] = this.#unobserved.size > 0 ? this.#unobserved : this.#running;
    this.close("its body had ended");
    if (forgotten !== undefined) throw new BodyMistake(`${forgotten.name} was not awaited.`);
  }

  /** From now on calls are refused. `when` completes the sentence "was called after ...". */
  close(when: string): void {
    this.#ended ??= when;
  }
}

function run<T>(work: () => Promise<T>): Promise<T> {
  try {
    return work();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Not a native promise: `await` calls its `then`, which is how we know that somebody waits. */
class Call<T> implements Promise<T> {
  readonly [Symbol.toStringTag] = "Promise";
  readonly name: string;
  readonly #observe: (call: Call<unknown>) => void;
  #promise: Promise<T> | null = null;

  constructor(name: string, observe: (call: Call<unknown>) => void) {
    this.name = name;
    this.#observe = observe;
  }

  follow(promise: Promise<T>, settled: () => void): void {
    this.#promise = promise;
    // Also keeps an unawaited failure from becoming an unhandled rejection: `finish` reports it.
    promise.then(settled, settled);
  }

  then<Result1 = T, Result2 = never>(
    fulfilled?: ((value: T) => Result1 | PromiseLike<Result1>) | null, rejected?: ((reason: unknown) => Result2 | PromiseLike<Result2>) | null,
  ): Promise<Result1 | Result2> {
    this.#observe(this);
    return this.#promise!.then(fulfilled, rejected);
  }

  catch<Result = never>(rejected?: ((reason: unknown) => Result | PromiseLike<Result>) | null): Promise<T | Result> {
    return this.then(undefined, rejected);
  }

  finally(settled?: (() => void) | null): Promise<T> {
    this.#observe(this);
    return this.#promise!.finally(settled);
  }
}
