// Asking a model: what is tried again and what not, the breaker, other aliases, the deadline.
import { expect, test } from "bun:test";
import { fakeClock } from "../base/clock.ts";
import { seededRandom } from "../base/random.ts";
import { CircuitBreaker, modelAccess } from "./model-access.ts";
import { ModelFailure, type FailureReason, type Model, type ModelAnswer } from "./model.ts";

const answer: ModelAnswer = { text: "", calls: [], finish: "complete", usage: { input: 1, output: 1 } };
const failure = (reason: FailureReason, isRetryable = true, retryAfterMs: number | null = null): ModelFailure => new ModelFailure(reason, "no", { isRetryable, retryAfterMs });

function scripted(alias: string, ...outcomes: readonly (ModelFailure | ModelAnswer)[]): Model & { asked: number } {
  const model = {
    alias, id: alias, price: null, asked: 0,
    async ask(): Promise<ModelAnswer> {
      const outcome = outcomes[Math.min(model.asked++, outcomes.length - 1)]!;
      if (outcome instanceof ModelFailure) throw outcome;
      return outcome;
    },
  };
  return model;
}

function open(...models: readonly Model[]) {
  const clock = fakeClock();
  const breakers = new Map(models.map((model) => [model, new CircuitBreaker(clock, { failuresMax: 3, openMs: 1_000 })]));
  const access = modelAccess({ clock, random: seededRandom(1), models, breakers, attempts: 3 });
  const gone = new AbortController();
  let attempts = 0;
  const ask = async (deadlineMs = 60_000): Promise<string> => {
    const asking = access.ask({ messages: [], tools: [], maxOutputTokens: 1 }, { signal: gone.signal, deadlineMs: clock.now() + deadlineMs, attempt: () => { attempts++; } })
      .then(({ model }) => model.alias, (error: unknown) => (error as ModelFailure).reason);
    // Time passes whenever nobody has anything to do.
    for (let turn = 0; turn < 50; turn++) {
      for (let tick = 0; tick < 10; tick++) await Promise.resolve();
      clock.advance(500);
    }
    return asking;
  };
  return { ask, clock, gone, attempts: () => attempts };
}

test("what may pass is tried again, each time told before", async () => {
  const model = scripted("a", failure("provider_unavailable"), failure("rate_limited"), answer);
  const { ask, attempts } = open(model);
  expect(await ask()).toBe("a");
  expect([model.asked, attempts()]).toEqual([3, 3]);
});

test("at most as often as configured", async () => {
  const model = scripted("a", failure("rate_limited"));
  expect(await open(model).ask()).toBe("rate_limited");
  expect(model.asked).toBe(3);
});

test("what will not pass is not tried again", async () => {
  const model = scripted("a", failure("output_invalid", false), answer);
  expect(await open(model).ask()).toBe("output_invalid");
  expect(model.asked).toBe(1);
});

test("a wait that does not fit the time is not begun", async () => {
  const model = scripted("a", failure("rate_limited", true, 30_000), answer);
  expect(await open(model).ask(5_000)).toBe("rate_limited");
  expect(model.asked).toBe(1);
});

test("another alias is asked where one fails, in order", async () => {
  const [first, second, third] = [scripted("a", failure("provider_unavailable", false)), scripted("b", answer), scripted("c", answer)];
  expect(await open(first, second, third).ask()).toBe("b");
  expect([first.asked, second.asked, third.asked]).toEqual([1, 1, 0]);
});

test("after so many failures in a row a model is left alone, then tried once", async () => {
  const model = scripted("a", failure("provider_unavailable", false), failure("provider_unavailable", false), failure("provider_unavailable", false), failure("provider_unavailable", false), answer);
  const { ask, clock } = open(model);
  for (let count = 0; count < 3; count++) expect(await ask()).toBe("provider_unavailable");
  const breaker = new CircuitBreaker(clock, { failuresMax: 2, openMs: 1_000 });
  for (let count = 0; count < 2; count++) breaker.failed();
  expect([breaker.isClosed(), clock.advance(1_000), breaker.isClosed(), breaker.isClosed()]).toEqual([false, undefined, true, false]);
  breaker.succeeded();
  expect(breaker.isClosed()).toBe(true);
});

test("it is out while each of its models is left alone", async () => {
  const [first, second] = [scripted("a", failure("provider_unavailable")), scripted("b", failure("provider_unavailable"))];
  const clock = fakeClock();
  const breakers = new Map([first, second].map((model) => [model, new CircuitBreaker(clock, { failuresMax: 1, openMs: 1_000 })]));
  const access = modelAccess({ clock, random: seededRandom(1), models: [first, second], breakers, attempts: 1 });
  expect(access.isOut).toBe(false);
  breakers.get(first)!.failed();
  expect(access.isOut).toBe(false);
  breakers.get(second)!.failed();
  // To look changes nothing.
  expect([access.isOut, access.isOut]).toEqual([true, true]);
  clock.advance(1_000);
  expect([access.isOut, breakers.get(first)!.isClosed(), access.isOut]).toEqual([false, true, false]);
  expect([breakers.get(first)!.isClosed(), breakers.get(second)!.isClosed(), access.isOut]).toEqual([false, true, true]);
});

test("a limit of the rate is no failure of the provider", () => {
  const breaker = new CircuitBreaker(fakeClock(), { failuresMax: 1, openMs: 1_000 });
  expect(breaker.isClosed()).toBe(true);
  breaker.failed();
  expect(breaker.isClosed()).toBe(false);
});

test("where nobody waits any more nothing is tried again", async () => {
  const [first, second] = [scripted("a", failure("provider_unavailable")), scripted("b", answer)];
  const { ask, gone } = open(first, second);
  gone.abort();
  expect(await ask()).toBe("provider_unavailable");
  expect([first.asked, second.asked]).toEqual([1, 0]);
});

test("who ended a request himself says nothing of the provider, nor does a request that it refuses", async () => {
  const clock = fakeClock();
  const judged = async (thrown: ModelFailure, { deadlineMs, isGone }: { deadlineMs: number; isGone: boolean }): Promise<boolean> => {
    const model: Model = { ...scripted("a"), async ask() { throw thrown; } };
    const breaker = new CircuitBreaker(clock, { failuresMax: 1, openMs: 1_000 });
    const access = modelAccess({ clock, random: seededRandom(1), models: [model], breakers: new Map([[model, breaker]]), attempts: 1 });
    const signal = isGone ? AbortSignal.abort() : new AbortController().signal;
    await access.ask({ messages: [], tools: [], maxOutputTokens: 1 }, { signal, deadlineMs, attempt() {} }).catch(() => {});
    return breaker.isClosed();
  };
  const later = clock.now() + 60_000;
  expect(await judged(failure("provider_timeout"), { deadlineMs: later, isGone: true })).toBe(true);
  expect(await judged(failure("provider_timeout"), { deadlineMs: clock.now(), isGone: true })).toBe(false);
  expect(await judged(failure("provider_unavailable", false), { deadlineMs: later, isGone: false })).toBe(true);
  expect(await judged(failure("provider_unavailable"), { deadlineMs: later, isGone: false })).toBe(false);
  expect(await judged(new ModelFailure("provider_unavailable", "no", { status: 401 }), { deadlineMs: later, isGone: false })).toBe(false);
});
