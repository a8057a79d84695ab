// Models in `ambit test`: as a script says, as a file of recordings tells; what was never recorded fails the test that asked it.
import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { completion, scriptedModel } from "../models/scripted-model.ts";
import { runAmbit } from "../processes/ambit-command.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";

const scratch = scratchFolder();
const model = scriptedModel(() => [{ name: "answer", arguments: { n: 7 } }]);
afterAll(async () => {
  await model.stop();
  scratch.remove();
});

const folder = scratch.app({
  "config.yaml": `models: { default: { provider: openai-compatible, model: m, url: "${model.url}", key: key-of-CANARY } }\n`,
  "schema.graphql": `type Out { n: Int! }\ntype Decisions {\n"""Judge."""\njudge(about: String!): Out! @decision(mode: ENFORCE, kind: JUDGE) @export @allow(to: ["clerk"]) @bound(name: "cap", rule: "out.n < 100") @fallback(value: { n: 0 }) }\n`,
  "scripted.test.ts": `import { expect, test } from "ambit/test";
    const ask = async (app) => (await app.as("u", "clerk").post("/decide/judge", { about: "a" })).body.n;
    test("a script", async (app) => {
      app.model(({ decision, step, model, messages, tools }) => [{ name: tools[0].name, arguments: { n: step === 0 ? 100 : [decision, model, JSON.parse(messages[1].text).input.about].join().length } }]);
      expect(await ask(app)).toBe("judge,default,a".length);
      app.model(() => ({ fails: "rate_limited" }));
      expect(await ask(app)).toBe(0);
    });`,
  "recorded.test.ts": `import { expect, test } from "ambit/test";
    for (const about of ["a", "b"]) test("recorded " + about, async (app) => {
      app.recordings("models.jsonl");
      const { status, body } = await app.as("u", "clerk").post("/decide/judge", { about });
      expect([status, body.n]).toEqual([200, 7]);
    });`,
});
const results = async (environment: Record<string, string> = {}): Promise<unknown[]> => {
  const { objects } = await runAmbit(["test", folder, "--json"], { temporary: scratch.path, environment });
  return objects().map(({ test: name, status }) => [name, status]).sort();
};

test("a script answers; recordings are made once, by request, and told again without the model", async () => {
  expect(await results()).toEqual([["a script", "passed"], ["recorded a", "failed"], ["recorded b", "failed"]]);
  expect(model.requests).toHaveLength(0);
  expect(await results({ AMBIT_RECORD: "1" })).toEqual([["a script", "passed"], ["recorded a", "passed"], ["recorded b", "passed"]]);
  expect(model.requests).toHaveLength(2);
  const file = readFileSync(join(folder, "models.jsonl"), "utf8");
  expect([file.trim().split("\n").length, file.includes("CANARY")]).toEqual([2, false]);
  expect(await results({ AMBIT_RECORD: "1" })).toEqual([["a script", "passed"], ["recorded a", "passed"], ["recorded b", "passed"]]);
  model.script = () => Response.json(completion([]));
  expect(await results()).toEqual([["a script", "passed"], ["recorded a", "passed"], ["recorded b", "passed"]]);
  expect(model.requests).toHaveLength(2);
}, 120_000);

test("what was never recorded is told of, by the name of the request", async () => {
  const { out } = await runAmbit(["test", folder, "--json", "--name", "recorded"], { temporary: scratch.path });
  expect(out).not.toContain("No answer of the model");
  await Bun.write(join(folder, "models.jsonl"), "");
  const missing = await runAmbit(["test", folder, "--json", "--name", "recorded b"], { temporary: scratch.path });
  expect([missing.code, missing.out]).toEqual([1, expect.stringMatching(/No answer of the model default to request [0-9a-f]{12} is recorded in .*models\.jsonl: its turn 1, with the tools answer\./)]);
}, 120_000);
