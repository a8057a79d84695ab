// What providers answer, as runs see it: failures by status and never by words, one request for one question, arguments as they were written.
import { expect, test } from "bun:test";
import type { ParseStrictly } from "./answer-body.ts";
import type { Fetch } from "./exchange.ts";
import { loadProvider, type ProviderName } from "./load-provider.ts";
import { ModelFailure, type ModelAnswer, type ModelRequest } from "./model.ts";
import { providerModel } from "./provider-model.ts";
import { wireOf } from "./wire.ts";

const tool = { name: "answer", description: "Ends.", parameters: { type: "object" } };
const request: ModelRequest = { messages: [{ role: "system", text: "s" }, { role: "user", text: "u" }], tools: [tool], maxOutputTokens: 5 };
const parse: ParseStrictly = (text) => JSON.parse(text);

function asking(fetch: Fetch, { provider = "openai-compatible" as ProviderName, url = "http://127.0.0.1:1/v1" as string | null, isStream = false, answerBytes = 1_000 } = {}) {
  const model = providerModel({ alias: "a", id: "m", price: null, wire: wireOf(provider), fetch, parse, isStream, answerBytes, load: (exchange) => loadProvider({ provider, model: "m", url, key: "k", fetch: exchange }) });
  return (given: ModelRequest = request, signal = new AbortController().signal): Promise<ModelAnswer> => model.ask(given, signal);
}

async function failureOf(answering: Promise<unknown>): Promise<ModelFailure> {
  const error = await answering.then(() => null, (thrown: unknown) => thrown);
  if (error instanceof ModelFailure) return error;
  throw new Error("a failure is expected");
}

const said = (given: string, more: object = {}): Response => Response.json({ choices: [{ finish_reason: "tool_calls", message: { tool_calls: [{ id: "1", function: { name: "answer", arguments: given } }] } }], usage: { prompt_tokens: 7, completion_tokens: 3 }, ...more });

test("calls, text and figures", async () => {
  expect(await asking(async () => said('{"a":4e1}'))()).toEqual({ text: "", calls: [{ id: "1", name: "answer", arguments: '{"a":4e1}' }], finish: "complete", usage: { input: 7, output: 3 } });
});

test("arguments within a document are what was written there", async () => {
  const input = '{ "a": 4e1, "b":1.0, "a" : 9007199254740993 }';
  const body = `{"type":"message","content":[{"type":"tool_use","id":"1","name":"answer","input":${input}},{"type":"tool_use","id":"2","name":"answer","input":{}},{"type":"tool_use","id":"3","name":"answer","input":"{}"}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":4}}`;
  const { calls, usage } = await asking(async () => new Response(body), { provider: "anthropic" })();
  expect([calls.map((call) => call.arguments), usage]).toEqual([[input, "{}", '"{}"'], { input: 5, output: 2 }]);
});

test("what a provider wants back with a call is given back", async () => {
  const sent: string[] = [];
  const ask = asking(async (_, init) => {
    sent.push(String(init?.body));
    return Response.json({ candidates: [{ content: { parts: [{ functionCall: { name: "answer", args: {} }, thoughtSignature: "SIGNED" }] }, finishReason: "STOP" }] });
  }, { provider: "google" });
  const { calls } = await ask();
  expect(calls[0]).toMatchObject({ name: "answer", signature: "SIGNED" });
  await ask({ ...request, messages: [...request.messages, { role: "assistant", text: "", calls }, { role: "tool", results: [{ id: calls[0]!.id, name: "answer", json: "12345678901234567890" }] }] });
  expect([sent[0]!.includes("SIGNED"), sent[1]!.includes("SIGNED"), sent[1]!.includes("12345678901234567890")]).toEqual([false, true, true]);
});

test.each([
  [429, { "retry-after": "7" }, "rate_limited", true, 7_000], [429, { "retry-after": "-7" }, "rate_limited", true, null], [429, { "retry-after": "99999999" }, "rate_limited", true, 99_999_999_000],
  [429, { "retry-after": "soon" }, "rate_limited", true, null], [429, {}, "rate_limited", true, null],
  [429, { date: "Sat, 21 Nov 2026 10:00:00 GMT", "retry-after": "Sat, 21 Nov 2026 10:00:09 GMT" }, "rate_limited", true, 9_000],
  [500, {}, "provider_unavailable", true, null], [503, { "retry-after": "1.5" }, "provider_unavailable", true, 1_500], [408, {}, "provider_unavailable", true, null],
  [401, { "retry-after": "1" }, "provider_unavailable", false, null], [302, { location: "/" }, "provider_unavailable", false, null], [206, {}, "provider_unavailable", false, null],
  [200, { "content-encoding": "br" }, "output_invalid", false, null],
] as const)("status %p with %p", async (status, headers, reason, isRetryable, retryAfterMs) => {
  let requests = 0;
  const failure = await failureOf(asking(async () => { requests++; return new Response("WORDS", { status, headers }); })());
  expect([failure.reason, failure.isRetryable, failure.retryAfterMs, failure.status, requests]).toEqual([reason, isRetryable, retryAfterMs, status, 1]);
  expect(failure.message).not.toContain("WORDS");
});

test.each([false, true])("requests at once get each their own answer, and each its own failure (stream: %p)", async (isStream) => {
  const fetch: Fetch = async (_, init) => {
    const number = Number((JSON.parse(String(init!.body)) as { messages: { content: string }[] }).messages[0]!.content);
    await Bun.sleep((number * 7) % 5);
    if (number % 3 === 0) return new Response("", { status: 500 + number });
    const call = { tool_calls: [{ index: 0, id: "1", function: { name: "answer", arguments: `{"n":${number}}` } }] };
    const document = { choices: [{ finish_reason: "tool_calls", message: call, delta: call }], usage: { prompt_tokens: number, completion_tokens: 3 } };
    return isStream ? new Response(`data: ${JSON.stringify(document)}\n\ndata: [DONE]\n\n`) : Response.json(document);
  };
  const ask = asking(fetch, { isStream });
  const outcomes = await Promise.all(Array.from({ length: 60 }, (_, number) => ask({ ...request, messages: [{ role: "user", text: String(number) }] }).then(({ calls, usage }) => [calls[0]!.arguments, usage.input], (error: unknown) => (error as ModelFailure).status)));
  expect(outcomes).toEqual(Array.from({ length: 60 }, (_, number) => (number % 3 === 0 ? 500 + number : [`{"n":${number}}`, number])));
});

test("a connection that fails is told by its code alone", async () => {
  const failure = await failureOf(asking(async () => { throw Object.assign(new Error("to http://secret.example"), { code: "ECONNRESET" }); })());
  expect([failure.reason, failure.isRetryable, failure.message]).toEqual(["provider_unavailable", true, "no answer: ECONNRESET"]);
});

test("a package that would ask a second time is stopped", async () => {
  let requests = 0;
  const failure = await failureOf(asking(async () => {
    requests++;
    return Response.json({ candidates: [{ content: { parts: [{ text: "a" }] }, finishReason: "CONTINUATION", continuationToken: "t" }] });
  }, { provider: "google" })());
  expect([failure.reason, requests]).toEqual(["output_invalid", 1]);
});

test("an answer that is too long is none, and not read to its end", async () => {
  let pulled = 0;
  const endless = new ReadableStream({ pull: (controller) => { pulled++; controller.enqueue(new Uint8Array(500)); } });
  expect((await failureOf(asking(async () => new Response(endless))())).reason).toBe("output_invalid");
  expect(pulled).toBeLessThan(10);
  expect((await failureOf(asking(async () => said("x".repeat(900)), { answerBytes: 900 })())).reason).toBe("output_invalid");
});

test("a stream is read as it comes, in pieces of any size; with too many events it is none", async () => {
  const whole = Buffer.from(["\uFEFF: a comment", 'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"1","function":{"name":"answer","arguments":"{\\"a\\":\\"€😀\\"}"}}]}}]}', "", 'event: x', 'data: {"choices":[{"delta":{},', 'data: "finish_reason":"tool_calls"}]}', "", "data: [DONE]", "", ""].join("\r\n"));
  const inPieces = (bytes: Uint8Array, size: number): ReadableStream => {
    let at = 0;
    return new ReadableStream({ pull: (controller) => (at >= bytes.length ? controller.close() : controller.enqueue(bytes.subarray(at, at += size))) });
  };
  for (const size of [1, 2, 3, 7, 1_000]) {
    const { calls, finish } = await asking(async () => new Response(inPieces(whole, size)), { isStream: true })();
    expect([size, calls[0]?.arguments, finish]).toEqual([size, '{"a":"€😀"}', "complete"]);
  }
  let pulled = 0;
  const endless = new ReadableStream({ pull: (controller) => { pulled++; controller.enqueue(Buffer.from("data: {}\n\n".repeat(1_000))); } });
  expect((await failureOf(asking(async () => new Response(endless), { isStream: true, answerBytes: 1_000_000 })())).message).toBe("the answer is no text of its format");
  expect(pulled).toBeLessThan(60);
});

test.each(["pause_turn", "compaction", "", 7])("an end %j is none that counts", async (reason) => {
  const answer = await asking(async () => Response.json({ type: "message", content: [{ type: "tool_use", id: "1", name: "answer", input: { a: 1 } }], stop_reason: reason, usage: { input_tokens: 1, output_tokens: 1 } }), { provider: "anthropic" })().catch((error: unknown) => error as ModelFailure);
  expect(answer instanceof ModelFailure ? answer.reason : answer.finish).toBe(typeof reason === "string" ? "other" : "output_invalid");
});

test("a refusal in its own place is one", async () => {
  const chat = Response.json({ choices: [{ finish_reason: "stop", message: { content: null, refusal: "No." } }] });
  const responses = Response.json({ status: "completed", output: [{ type: "message", id: "1", role: "assistant", content: [{ type: "refusal", refusal: "No." }] }], usage: { input_tokens: 1, output_tokens: 1 } });
  expect([(await asking(async () => chat)()).finish, (await asking(async () => responses, { provider: "openai" })()).finish]).toEqual(["filtered", "filtered"]);
});

test("whatever is thrown once it was given up is a time-out", async () => {
  expect((await failureOf(asking(async () => { throw new Error("x"); })(request, AbortSignal.abort()))).reason).toBe("provider_timeout");
});

test("nothing is taken from the environment, and nobody is redirected", async () => {
  const asked: string[] = [];
  for (const name of ["OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"]) process.env[name] = "http://elsewhere.example";
  try {
    for (const provider of ["openai", "anthropic", "google"] as const) {
      await asking(async (url, init) => {
        asked.push(`${new URL(String(url)).host} ${init?.redirect} ${new Headers(init?.headers).get("accept-encoding")}`);
        return new Response("{}");
      }, { provider, url: null })().catch(() => {});
    }
  } finally {
    for (const name of ["OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"]) delete process.env[name];
  }
  expect(asked).toEqual(["api.openai.com", "api.anthropic.com", "generativelanguage.googleapis.com"].map((host) => `${host} manual identity`));
});
