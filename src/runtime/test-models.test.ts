// Models of an app under test: whichever was chosen last, recordings in a file, what was never recorded.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Model, ModelRequest } from "../models/model.ts";
import { scriptedModel } from "../models/scripted-model.ts";
import { TestModels } from "./test-models.ts";

const folder = mkdtempSync(join(tmpdir(), "ambit-recordings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const request = (text: string): ModelRequest => ({ messages: [{ role: "user", text }], tools: [{ name: "answer", description: "", parameters: {} }], maxOutputTokens: 5, by: { decision: "refund", step: 0 } });
const never = new AbortController().signal;
const configured: Model = { ...scriptedModel("default", ({ messages }) => [{ name: "answer", arguments: { said: messages.length } }]), id: "real", price: { input: 1, output: 2, currency: "EUR" } };

test("recorded once with a model, told again without; another request is told of", async () => {
  const file = join(folder, "answers.jsonl");
  const recording = new TestModels();
  recording.recordings(file, { isRecording: true });
  const first = await recording.standIn("default", configured)!.ask(request("a"), never);
  await recording.standIn("default", configured)!.ask(request("a"), never);
  expect(readFileSync(file, "utf8").trim().split("\n")).toHaveLength(1);

  const telling = new TestModels();
  telling.recordings(file, { isRecording: false });
  const model = telling.standIn("default", null)!;
  expect(await model.ask({ ...request("a"), by: { decision: "other", step: 3 } }, never)).toEqual(first);
  await expect(model.ask(request("b"), never)).rejects.toThrow("No answer of the model default");
  expect(telling.faults).toHaveLength(1);
  await expect(telling.standIn("other", null)!.ask(request("a"), never)).rejects.toThrow("No answer of the model other");
});

test("with nothing to record nothing is kept", async () => {
  const file = join(folder, "none.jsonl");
  const models = new TestModels();
  models.recordings(file, { isRecording: true });
  await expect(models.standIn("default", null)!.ask(request("a"), never)).rejects.toMatchObject({ reason: "no_model" });
  expect(() => readFileSync(file)).toThrow();
});

test("a script stands in for all aliases and keeps their prices; without anything they are as configured", async () => {
  const models = new TestModels();
  const [one, two] = [models.standIn("default", configured)!, models.standIn("two", null)!];
  expect([one.price, one.id, two.price]).toEqual([configured.price, "real", null]);
  expect((await one.ask(request("a"), never)).calls[0]!.arguments).toBe('{"said":1}');
  await expect(two.ask(request("a"), never)).rejects.toMatchObject({ reason: "no_model", isRetryable: false });
  models.script(({ decision, step, model }, count) => [{ name: "answer", arguments: `${decision} ${step} ${model} ${count}` }]);
  expect((await two.ask(request("a"), never)).calls[0]!.arguments).toBe("refund 0 two 1");
  expect((await two.ask(request("a"), never)).calls[0]!.arguments).toBe("refund 0 two 2");
  expect((await one.ask(request("a"), never)).calls[0]!.arguments).toBe("refund 0 default 1");
});
