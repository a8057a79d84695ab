// Another app in the place of the one that runs a decision: what began there may end there, as a whole; what outlives that is taken over, and is either the same
// decision, which goes on where its journal ends, or another one, and then falls back. Nobody gets a mix, and whoever waits gets an answer.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";
import { until } from "../processes/waits.ts";

const schema = ({ policy = "Decide what to refund.", more = "" } = {}): string => `
type Order @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey refunded: Int! @default(value: 0) ${more} }
type Decisions {
  """${policy}"""
  refund(orderId: ID!): Int! @decision(mode: ENFORCE, deadline: "PT30S") @export @allow(to: ["support"])
    @effect(operation: "Order.create", set: { id: "input.orderId", refunded: "out" })
    @bound(name: "cap", rule: "out >= 0 && out <= 50") @fallback(value: 0)
}`;

/** By the test's clock: over when the test says so. */
const DRAIN_MS = 15_000;

let app: StartedApp;
let model: ScriptedModel;
let answers: PromiseWithResolvers<void>;
beforeAll(async () => {
  model = scriptedModel(() => []);
  app = await startTestApp({ schema: schema(), config: `${keysFor("support")}limits: { drainMs: ${DRAIN_MS} }\nmodels: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n` });
});
afterAll(async () => {
  answers.resolve();
  await app?.stop();
  await model?.stop();
});
beforeEach(() => {
  model.requests.length = 0;
  answers = Promise.withResolvers();
  model.script = async (_, count) => {
    if (count === 1) await answers.promise;
    return [{ name: "answer", arguments: "40" }];
  };
});

interface Said { readonly status: number; readonly body: unknown; readonly run: string; readonly reason: string | null }

async function ask(orderId: string, headers: Record<string, string> = {}): Promise<Said> {
  const response = await fetch(`${app.url}/decide/refund`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support", ...headers }, body: JSON.stringify({ orderId }) });
  return { status: response.status, body: await response.json(), run: response.headers.get("ambit-run") ?? "", reason: response.headers.get("ambit-reason") };
}

async function deploy(text: string): Promise<void> {
  writeFileSync(join(app.directory, "schema.graphql"), text);
  expect(await app.running.reload({ typeCheck: false })).toEqual([]);
}

const refunded = (id: string): unknown => app.running.tables.get("Order", id)?.values["refunded"];
const versionOf = (run: string): unknown => app.running.storage.reader.values(`SELECT "version" FROM "$decision" WHERE "id" = ?1`, run)[0]![0];

test("within the drain it ends as it began, while others are decided by the new policy", async () => {
  const asking = ask("old");
  await until(() => model.requests.length === 1);
  await deploy(schema({ policy: "Refund half." }));
  const later = await ask("new");
  answers.resolve();
  const earlier = await asking;
  expect([earlier, later]).toMatchObject([{ status: 200, body: 40, reason: null }, { status: 200, body: 40, reason: null }]);
  expect(versionOf(earlier.run)).not.toBe(versionOf(later.run));
  expect(model.requests.map(({ messages }) => JSON.stringify(messages[0]).includes("Refund half."))).toEqual([false, true]);
  expect([refunded("old"), refunded("new")]).toEqual([40, 40]);
  app.clock.advance(DRAIN_MS);
});

test("what outlives the drain under another policy falls back; what the model says after that is nothing", async () => {
  const asking = ask("late", { "idempotency-key": "late" });
  await until(() => model.requests.length === 1);
  await deploy(schema({ policy: "Refund nothing." }));
  // Whoever asks again with the key waits for the same end.
  const again = ask("late", { "idempotency-key": "late" });
  await Bun.sleep(50);
  app.clock.advance(DRAIN_MS);
  const said = await asking;
  expect(said).toMatchObject({ status: 200, body: 0, reason: "replay_divergence" });
  answers.resolve();
  expect(await again).toMatchObject({ status: 200, body: 0, run: said.run });
  expect(model.requests.length).toBe(1);
  expect(refunded("late")).toBe(0);
  expect(app.running.storage.reader.values(`SELECT count(*) FROM "$audit" WHERE "run" = ?1`, said.run)).toEqual([[1]]);
});

test("what outlives the drain and is the same goes on where its journal ends", async () => {
  const asking = ask("same");
  await until(() => model.requests.length === 1);
  await deploy(`# Nothing else.\n${schema({ policy: "Refund nothing." })}`);
  app.clock.advance(DRAIN_MS);
  expect(await asking).toMatchObject({ status: 200, body: 40, reason: null });
  // The one without an answer is asked again.
  expect(model.requests.length).toBe(2);
  expect(refunded("same")).toBe(40);
  answers.resolve();
});

test("data of another shape: nothing is committed by the old app, the new one goes on or falls back", async () => {
  for (const [policy, id] of [["Refund nothing.", "shape"], ["Refund more.", "both"]] as const) {
    model.requests.length = 0;
    answers = Promise.withResolvers();
    const asking = ask(id);
    await until(() => model.requests.length === 1);
    await deploy(schema({ policy, more: id === "shape" ? "note: String" : "note: String other: Int" }));
    answers.resolve();
    expect(await asking).toMatchObject(id === "shape" ? { status: 200, body: 40, reason: null } : { status: 200, body: 0, reason: "replay_divergence" });
    expect(refunded(id)).toBe(id === "shape" ? 40 : 0);
  }
  expect(app.log.filter((line) => line.includes("decision-failed"))).toEqual([]);
});

test("an app that stops lets end what it decides, also where nobody waits", async () => {
  const asking = await ask("stopped", { prefer: "respond-async" });
  expect(asking.status).toBe(202);
  await until(() => model.requests.length === 1);
  const stopping = app.running.stop();
  answers.resolve();
  await stopping;
  using file = new Database(join(app.directory, "data", "data.db"), { readonly: true });
  expect(file.query(`SELECT "state", "answer" FROM "$decision" WHERE "id" = ?1`).values(asking.run)).toEqual([["DECIDED", "40"]]);
});
