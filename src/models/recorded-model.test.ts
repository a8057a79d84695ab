// Answers that are kept and told again, and what was never recorded; answers by script.
import { expect, test } from "bun:test";
import { ModelFailure, type Model, type ModelRequest } from "./model.ts";
import { recordedModel, recordingHash, type Recordings } from "./recorded-model.ts";
import { scriptedModel, type ModelScript } from "./scripted-model.ts";

const request: ModelRequest = { messages: [{ role: "user", text: "u" }], tools: [{ name: "answer", description: "", parameters: {} }], maxOutputTokens: 5 };
const never = new AbortController().signal;

function kept(isRecording: boolean, lines = new Map<string, string>()): Recordings & { readonly lines: Map<string, string> } {
  return { lines, place: "answers.jsonl", get: (hash) => lines.get(hash) ?? null, add: isRecording ? (hash, line) => { lines.set(hash, line); } : null };
}

test("what was recorded is told again, and nobody is asked", async () => {
  let asked = 0;
  const model: Model = scriptedModel("a", () => { asked++; return [{ name: "answer", arguments: { amount: 1 } }]; });
  const recordings = kept(true);
  const first = await recordedModel(model, recordings).ask(request, never);
  const again = await recordedModel(model, kept(false, recordings.lines)).ask(request, never);
  expect([again, asked]).toEqual([first, 1]);
});

test("another request, of one character, was never recorded, and is told", async () => {
  const recordings = kept(true);
  const model = scriptedModel("a", () => []);
  await recordedModel(model, recordings).ask(request, never);
  const other: ModelRequest = { ...request, messages: [{ role: "user", text: "v" }, { role: "assistant", text: "", calls: [] }] };
  expect(recordingHash("a", other)).not.toBe(recordingHash("a", request));
  const asking = recordedModel(model, kept(false, recordings.lines)).ask(other, never);
  await expect(asking).rejects.toThrow(`No answer of the model a to request ${recordingHash("a", other).slice(0, 12)} is recorded in answers.jsonl: its turn 2, with the tools answer.`);
});

test("a failure that stays is kept, one that passes is not", async () => {
  const recordings = kept(true);
  const failing = (isRetryable: boolean): Model => ({ ...scriptedModel("a", () => []), ask: async () => { throw new ModelFailure("rate_limited", "no", { isRetryable }); } });
  await recordedModel(failing(true), recordings).ask(request, never).catch(() => {});
  expect(recordings.lines.size).toBe(0);
  await recordedModel(failing(false), recordings).ask(request, never).catch(() => {});
  await expect(recordedModel(failing(true), kept(false, recordings.lines)).ask(request, never)).rejects.toMatchObject({ reason: "rate_limited", isRetryable: false });
});

test("a script answers by request and count, badly if it says so, and not after its end", async () => {
  const script: ModelScript = (_request, count) => {
    switch (count) {
      case 1: return [{ name: "lines", arguments: { sku: "A" } }];
      case 2: return { text: "t", calls: [{ name: "answer", arguments: "{" }], finish: "cut", usage: { input: 2, output: null } };
      case 3: return { fails: "rate_limited" };
      default: return new Promise(() => {});
    }
  };
  const model = scriptedModel("a", script);
  expect(await model.ask(request, never)).toEqual({ text: "", calls: [{ id: "call_0", name: "lines", arguments: '{"sku":"A"}' }], finish: "complete", usage: { input: 1, output: 1 } });
  expect(await model.ask(request, never)).toMatchObject({ text: "t", finish: "cut", usage: { input: 2, output: null }, calls: [{ arguments: "{" }] });
  await expect(model.ask(request, never)).rejects.toMatchObject({ reason: "rate_limited" });
  const controller = new AbortController();
  const hanging = model.ask(request, controller.signal);
  controller.abort();
  await expect(hanging).rejects.toMatchObject({ reason: "provider_timeout" });
});
