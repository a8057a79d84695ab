// `ambit test` of an app with decisions: models say what the test tells them to, runs are looked at, and what the script lacks fails the test.
import { afterAll, expect, test } from "bun:test";
import { runAmbit } from "../processes/ambit-command.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const schema = `
enum Mood { CALM ANGRY }
type Said { mood: Mood! }
type Order @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey total: Int! refunded: Int! @default(value: 0) secretNote: String @secret }
type Tools { stockOf(sku: String!): Int! }
type Decisions {
  """Decide what to refund."""
  refund(orderId: ID!, story: String! = "none" @untrusted): Int! @decision(mode: ENFORCE, deadline: "PT20S") @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}") @context(name: "said", from: "input.story", extract: "Said")
    @mayCall(tool: "stockOf") @mayAsk(decision: "mood")
    @effect(operation: "Order.update", set: { id: "order.id", refunded: "order.refunded + out" })
    @bound(name: "cap", rule: "out <= order.total", tell: "Too much.") @fallback(value: 0)
  """How annoyed?"""
  mood(text: String!): Int! @decision(mode: ENFORCE, kind: JUDGE) @allow(to: ["support"]) @bound(name: "scale", rule: "out <= 10") @fallback(value: 5)
  """Beside."""
  beside(of: Int!): Int! @decision @export @allow(to: ["support"]) @bound(name: "scale", rule: "out <= 10") @fallback(value: 1)
}`;
const resources = `import { tools } from "ambit";
export const Tools = tools({ async stockOf(ctx, { sku }) { return sku.length; } });
`;
const passing = `import { expect, test } from "ambit/test";
import type { TestApp } from "ambit/test";
const ask = (app: TestApp, body: object, headers = {}) => app.as("s", "support").post("/decide/refund", { orderId: "o1", ...body }, headers);
const order = (app: TestApp) => app.as("s", "support").post("/Order", { id: "o1", total: 50 });

test("tools, another decision, what was read and what was done", async (app) => {
  await order(app);
  const turns = [];
  app.model({
    refund: (turn) => {
      turns.push(turn);
      if (turn.step === 0) return { answer: { mood: "ANGRY" } };
      if (turn.step === 1) return { calls: [{ name: "stockOf", arguments: { sku: "abc" } }, { name: "mood", arguments: { text: "x" } }] };
      return { answer: turn.results[0].result + turn.results[1].result };
    },
    mood: { answer: 7 },
  });
  expect((await ask(app, { story: "CANARY" })).body).toBe(10);
  expect(turns.map(({ decision, step, tools }) => [decision, step, tools.map(({ name }) => name)])).toEqual([["refund", 0, ["answer"]], ["refund", 1, ["stockOf", "mood", "answer"]], ["refund", 2, ["stockOf", "mood", "answer"]]]);
  expect([turns[0].input, turns[1].input.orderId, turns[1].contexts.order.total, turns[1].contexts.said]).toEqual([undefined, "o1", 50, { mood: "ANGRY" }]);
  const [mood, refund] = await app.decisions();
  expect(mood).toMatchObject({ decision: "mood", parent: refund.run, state: "DECIDED", output: 7 });
  expect(refund).toMatchObject({
    decision: "refund", state: "DECIDED", source: "model", reason: null, taint: null, input: { orderId: "o1" }, output: 10, steps: 3, agrees: null,
    effects: [{ operation: "Order.update", before: { refunded: 0 }, after: { refunded: 10 } }],
    calls: [{ name: "answer", result: null }, { name: "stockOf", arguments: { sku: "abc" }, result: 3 }, { name: "mood", result: 7 }, { name: "answer", arguments: 10 }],
  });
  expect(refund.seen).not.toContain("secretNote");
});

test("a list is by step; reasons have their names; malformed words are no answer", async (app) => {
  await order(app);
  app.model({ refund: [{ answer: 60 }, { answer: 70 }, { answer: 80 }] });
  expect((await ask(app, {})).headers.get("ambit-reason")).toBe("bounded");
  app.model({ refund: { calls: [{ name: "answer", arguments: "{" }] } });
  expect((await ask(app, {})).headers.get("ambit-reason")).toBe("output_invalid");
  app.model({ refund: { fails: "rate_limited" } });
  await ask(app, {});
  expect((await app.decisions("refund")).map(({ reason }) => reason)).toEqual(["bound:cap", "output_invalid", "rate_limited"]);
});

test("what is not scripted has no model; nothing scripted, neither", async (app) => {
  await order(app);
  await ask(app, {});
  app.model({ mood: { answer: 1 } });
  await ask(app, {});
  expect((await app.decisions()).map(({ reason }) => reason)).toEqual(["no_model", "no_model"]);
});

test("runs beside, and runs that nobody waits for, have ended when they are looked at", async (app) => {
  await order(app);
  app.model({ beside: { answer: 1 }, refund: async () => { await new Promise((resolve) => setTimeout(resolve, 50)); return { answer: 4 }; } });
  expect((await app.as("s", "support").post("/decide/beside", { of: 2 })).body).toBe(1);
  expect((await ask(app, {}, { prefer: "respond-async" })).status).toBe(202);
  const runs = await app.decisions();
  expect(runs.map(({ decision, state, agrees }) => [decision, state, agrees]).sort()).toEqual([["beside", "FELL_BACK", null], ["beside", "SHADOWED", true], ["refund", "DECIDED", null]]);
});

test("a model that never answers: the clock of the test brings the deadline", async (app) => {
  await order(app);
  const asked = Promise.withResolvers();
  app.model({ refund: () => { asked.resolve(); return new Promise(() => {}); } });
  const asking = ask(app, {});
  await asked.promise;
  app.clock.advance("PT20S");
  expect((await asking).headers.get("ambit-reason")).toBe("provider_timeout");
});
`;
const failing = `import { expect, test } from "ambit/test";
const ask = (app) => app.as("s", "support").post("/decide/beside", { of: 2 });
test("a step that is missing", async (app) => {
  app.model({ beside: [] });
  await ask(app);
  await app.decisions();
});
test("an expectation in a script", async (app) => {
  app.model({ beside: () => { expect(1).toBe(2); return { answer: 1 }; } });
  await ask(app);
  await app.decisions();
});
test("a decision that is not there", async (app) => { app.model({ besides: { answer: 1 } }); });
`;

test("models by script, runs to look at", async () => {
  const folder = scratch.app({ "schema.graphql": schema, "resources.ts": resources, "app.test.ts": passing });
  const { objects, err } = await runAmbit(["test", folder, "--json"], { temporary: scratch.path });
  expect([objects().map(({ test: name, status, message }) => ({ name, status, message })).filter(({ status }) => status !== "passed"), objects().length, err]).toEqual([[], 5, ""]);
}, 120_000);

test("what is wrong with a script fails its test", async () => {
  const folder = scratch.app({ "schema.graphql": schema, "resources.ts": resources, "app.test.ts": failing });
  const { code, objects } = await runAmbit(["test", folder, "--json"], { temporary: scratch.path });
  expect(code).toBe(1);
  expect(objects().map(({ status, message }) => `${String(status)} ${String(message).split("\n")[0]}`)).toEqual([
    "failed ScriptFault: The script of beside has no step 0.", expect.stringContaining("expect(received).toBe(expected)"), "failed Error: There is no decision besides.",
  ]);
}, 120_000);
