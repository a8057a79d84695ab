// What becomes of answers to questions: each a value of what was asked, or the whole is none. Whatever an object of the AI SDK gives.
import { expect, test } from "bun:test";
import type { Experimental_DecisionModelV4, Experimental_DecisionModelV4Answer as Answer, Experimental_DecisionModelV4CallOptions as Options } from "@ai-sdk/provider";
import { seededRandom } from "../base/random.ts";
import { askQuestions, unanswered } from "./ask-questions.ts";
import type { ModelRequest } from "./model.ts";
import { misfitOf, questionsOf } from "./questions.ts";

const parameters = {
  type: "object", additionalProperties: false, required: ["team", "yes", "level"],
  properties: {
    team: { $ref: "#/$defs/Team", description: "Who." }, yes: { type: ["boolean", "null"] }, level: { type: "integer", minimum: -1, maximum: 2 }, constructor: { anyOf: [{ $ref: "#/$defs/Team" }, { type: "null" }] },
  },
  $defs: { Team: { type: "string", enum: ["A", "B", "toString"], description: "Teams." } },
};
const request: ModelRequest = { messages: [{ role: "system", text: "policy" }, { role: "user", text: "{}" }], tools: [{ name: "answer", description: "Ends.", parameters }], maxOutputTokens: 5 };
const A = { A: 1, B: 0, toString: 0 };
const well: Record<string, Answer> = { team: { type: "choice", choice: "A", probabilities: A }, yes: { type: "boolean", probability: 0.5 }, level: { type: "score", score: 2.5, probabilities: { 0: 0, 1: 0, 2: 0.5, 3: 0.5 } }, constructor: { type: "choice" as const, choice: "toString" } };

const asking = (answers: unknown, asked: Options[] = []): ReturnType<typeof askQuestions> => {
  const model = { specificationVersion: "v4", provider: "p", modelId: "m", supportedQuestionTypes: [], doDecide: async (options: Options) => (asked.push(options), { answers, warnings: [] }) } as unknown as Experimental_DecisionModelV4;
  return askQuestions(model, request, new AbortController().signal);
};

test("questions are made of what the answer's schema says", async () => {
  expect([...questionsOf(parameters)]).toEqual([
    ["team", { kind: "choice", about: "Who. Teams.", values: ["A", "B", "toString"] }], ["yes", { kind: "boolean", about: "" }], ["level", { kind: "score", about: "", from: -1, levels: 4 }],
    ["constructor", { kind: "choice", about: "Teams.", values: ["A", "B", "toString"] }],
  ]);
  expect([misfitOf(parameters, "openai"), misfitOf({ type: "object", properties: { toString: { type: "string" } } }, "openai")]).toEqual([null, "has toString, which is neither an enum nor a Boolean nor a number of a scale"]);
  const asked: Options[] = [];
  await asking(well, asked);
  expect(asked[0]!.questions["level"]).toEqual({ type: "score", instructions: 'By the policy, choose "level" of the answer, from -1 to 2.', criteria: ["-1", "0", "1", "2"] });
  expect(asked[0]!.state).toEqual([{ type: "text", text: "policy" }, { type: "text", text: "{}" }]);
});

test("all answered is one call, with the likelihoods that were told", async () => {
  expect(await asking(well)).toEqual({
    isRefused: false, calls: [{ id: "call_0", name: "answer", arguments: '{"team":"A","yes":true,"level":2,"constructor":"toString"}' }],
    probabilities: { team: A, yes: { true: 0.5 }, level: { "-1": 0, 0: 0, 1: 0.5, 2: 0.5 } },
  });
  expect(await asking({ ...well, yes: { type: "boolean", probability: 0.499 } })).toMatchObject({ calls: [{ arguments: expect.stringContaining('"yes":false') }] });
  expect(await asking({ ...well, yes: { type: "refusal" } })).toEqual({ isRefused: true, calls: [] });
});

const junk: readonly unknown[] = [null, undefined, "A", 1, NaN, Infinity, -1, true, [], {}, { type: "box", box: {} }, { type: "choice" }, { type: "score" }, { type: "boolean" }];
const numbers: readonly unknown[] = [0, 1, 0.5, -0.001, 1.001, 3, 3.001, 2.5, NaN, Infinity, -Infinity, 1e300, "1", null, undefined, [1], true];
const labels: readonly unknown[] = ["A", "B", "toString", "a", "A ", "", "constructor", "__proto__", "C", null, 0, ["A"]];

test("a member is answered within what was asked, or the whole is no answer", async () => {
  const count = process.env["AMBIT_TEST_SIZE"] === "long" ? 200_000 : 2_000;
  const random = seededRandom(46);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)]!;
  const weights = (keys: readonly string[]): unknown => (random.next() < 0.4 ? pick<unknown>([undefined, undefined, undefined, ...junk]) : Object.fromEntries(keys.map((key) => [key, random.next() < 0.9 ? pick([0, 0, 1, 0.5]) : pick(numbers)])));
  const one = (): unknown => {
    switch (Math.floor(random.next() * 4)) {
      case 0: return { type: "choice", choice: pick(labels), probabilities: weights(["A", "B", "toString"]) };
      case 1: return { type: "score", score: pick(numbers), probabilities: weights(["0", "1", "2", "3"]) };
      case 2: return { type: "boolean", probability: pick(numbers) };
      default: return pick(junk);
    }
  };
  let answered = 0;
  for (let index = 0; index < count; index++) {
    // One at a time, so that good ones come up.
    const name = pick(Object.keys(well));
    const given = { ...well, [name]: one() };
    const outcome = await asking(given).catch((error: unknown) => ({ thrown: error }));
    if ("thrown" in outcome) continue;
    if (outcome.calls.length === 0) {
      expect(outcome).toEqual(unanswered);
      continue;
    }
    answered++;
    const values = JSON.parse(outcome.calls[0]!.arguments) as Record<string, unknown>;
    const isFine = ["A", "B", "toString"].includes(String(values["team"])) && ["A", "B", "toString"].includes(String(values["constructor"])) && typeof values["yes"] === "boolean" && [-1, 0, 1, 2].includes(Number(values["level"]));
    expect([isFine, index, given]).toEqual([true, index, given]);
    for (const likely of Object.values(outcome.probabilities ?? {})) for (const share of Object.values(likely)) expect([share >= 0 && share <= 1, index]).toEqual([true, index]);
  }
  expect(answered).toBeGreaterThan(count / 100);
});
