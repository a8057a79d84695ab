// What providers answer and throw, as runs see it: no answer that did not end well, failures by status and never by words.
import { expect, test } from "bun:test";
import { ModelFailure } from "./model.ts";
import { providerModel } from "./provider-model.ts";

type Loaded = Awaited<ReturnType<Parameters<typeof providerModel>[0]["load"]>>;

const finished = { unified: "tool-calls", raw: "tool_calls" };
const usage = { inputTokens: { total: 10 }, outputTokens: { total: 2 } };
const call = { type: "tool-call", toolCallId: "1", toolName: "answer", input: "{\"a\":1}" };

function model(generate: () => unknown) {
  let loads = 0;
  const made = providerModel({ alias: "a", id: "m", price: null, answerBytes: 100, load: async () => { loads++; return { doGenerate: async () => generate() } as unknown as Loaded; } });
  const ask = (signal = new AbortController().signal) => made.ask({ messages: [{ role: "user", text: "x" }], tools: [], maxOutputTokens: 5 }, signal);
  return { ask, loads: () => loads };
}

const failureOf = async (thrown: unknown, signal?: AbortSignal): Promise<ModelFailure> => {
  try {
    await model(() => { throw thrown; }).ask(signal);
  } catch (error) {
    if (error instanceof ModelFailure) return error;
    throw error;
  }
  throw new Error("a failure is expected");
};

test("calls, text and figures; loaded once", async () => {
  const { ask, loads } = model(() => ({ content: [{ type: "text", text: "a" }, { type: "reasoning", text: "-" }, call, { type: "text", text: "b" }], finishReason: finished, usage }));
  expect(await ask()).toEqual({ text: "ab", calls: [{ id: "1", name: "answer", arguments: "{\"a\":1}" }], finish: "complete", usage: { input: 10, output: 2 } });
  await ask();
  expect(loads()).toBe(1);
});

test.each([
  [{ unified: "stop", raw: "stop" }, "complete"], [{ unified: "length", raw: "length" }, "cut"], [{ unified: "content-filter", raw: "x" }, "filtered"], [{ unified: "error", raw: "x" }, "other"],
  [{ unified: "stop", raw: undefined }, "other"], [{ unified: "stop", raw: "" }, "other"], [{ unified: "other", raw: "new" }, "other"],
])("an end %j is %s", async (finishReason, finish) => {
  expect((await model(() => ({ content: [call], finishReason, usage })).ask()).finish).toBe(finish as "complete");
});

test.each([-1, 1.5, Number.NaN, 1e300, undefined])("%p tokens are none reported", async (total) => {
  expect((await model(() => ({ content: [call], finishReason: finished, usage: { inputTokens: { total }, outputTokens: { total } } })).ask()).usage).toEqual({ input: null, output: null });
});

test("an answer that is too long is none", async () => {
  await expect(model(() => ({ content: [{ ...call, input: "x".repeat(200) }], finishReason: finished, usage })).ask()).rejects.toMatchObject({ reason: "output_invalid", isRetryable: false });
});

test.each([
  [{ statusCode: 429, responseHeaders: { "retry-after": "7" } }, "rate_limited", true, 7_000],
  [{ statusCode: 429, responseHeaders: { "retry-after": "-7" } }, "rate_limited", true, null],
  [{ statusCode: 429, responseHeaders: { "retry-after": "99999999" } }, "rate_limited", true, null],
  [{ statusCode: 500 }, "provider_unavailable", true, null], [{ statusCode: 503 }, "provider_unavailable", true, null], [{ statusCode: 408 }, "provider_unavailable", true, null],
  [{ statusCode: 200 }, "output_invalid", false, null], [{ statusCode: 401 }, "provider_unavailable", false, null], [{ statusCode: 400 }, "provider_unavailable", false, null],
  [new Error("fetch failed"), "provider_unavailable", true, null], [new Error("Unexpected token"), "output_invalid", false, null], [null, "output_invalid", false, null],
])("failure %# is classified", async (thrown, reason, isRetryable, retryAfterMs) => {
  const failure = await failureOf(thrown);
  expect([failure.reason, failure.isRetryable, failure.retryAfterMs]).toEqual([reason as "rate_limited", isRetryable, retryAfterMs]);
});

test("whatever is thrown once it was given up is a time-out", async () => {
  expect((await failureOf({ statusCode: 500 }, AbortSignal.abort())).reason).toBe("provider_timeout");
});
