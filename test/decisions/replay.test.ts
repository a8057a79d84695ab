// Past runs gone through again from their records, with the model gone and the tables changed: same verdicts and bytes; and what a replay says
// of runs whose record was changed, or whose decision is another one.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../../src/base/value.ts";
import { canonicalJson } from "../../src/base/canonical-json.ts";
import { commitment } from "../../src/decisions/audit/payloads.ts";
import { decisions } from "../../src/runtime/decisions.ts";
import { ambitHere } from "../processes/ambit-here.ts";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";

const schema = `enum Action { REFUND VOUCHER ASK }
type Refund { action: Action! amount: Int! reason: String! }
type Order @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey total: Int! refunded: Int! @default(value: 0) }
type Decisions {
  """Be generous."""
  refund(orderId: ID!, story: String! @untrusted): Refund! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @mayRead(name: "others", query: "Order?total=gte.{?atLeast: Int}&order=id&limit=3")
    @effect(operation: "Order.update", set: { id: "order.id", refunded: "order.refunded + out.amount" }, when: "out.action == 'REFUND'")
    @bound(name: "cap", rule: "out.amount >= 0 && out.amount <= order.total", tell: "Too much.")
    @bound(name: "steps", rule: "out.amount % 10 == 0", else: CLAMP, to: "{amount: out.amount - out.amount % 10}")
    @bound(name: "rich", soft: true, rule: "out.amount < 50")
    @bound(name: "paid", at: COMMIT, rule: "after.order.refunded <= after.order.total", else: FALLBACK)
    @fallback(value: { action: ASK, amount: 0, reason: "no decision" })
  rule(orderId: ID!, amount: Int!): Refund! @decision(kind: RULE) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @bound(name: "some", at: INPUT, rule: "input.amount > 0", tell: "Nothing was asked for.")
    @bound(name: "cap", rule: "out.amount <= order.total", else: REFUSE, tell: "Too much.")
    @fallback(call: "asked")
}`;
const resources = `import { fallbacks } from "ambit";
export const Fallbacks = fallbacks({ asked: ({ amount }, { order }) => {
  for (const endMs = Date.now() + (globalThis.fallbackTakesMs ?? 0); Date.now() < endMs;);
  return { action: "REFUND", amount, reason: "of " + order.id };
} });
`;
const RUNS = process.env["AMBIT_TEST_SIZE"] === "long" ? 5_000 : 1_000;

let app: StartedApp;
let model: ScriptedModel;
const runs: string[] = [];
const states = new Map<string, number>();

async function ask(name: string, input: object): Promise<string> {
  const response = await fetch(`${app.url}/decide/${name}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify(input) });
  const body = await response.json() as { details?: { run: string } };
  return response.headers.get("ambit-run") ?? body.details!.run;
}

beforeAll(async () => {
  model = scriptedModel(() => []);
  app = await startTestApp({ schema, resources, config: `${keysFor("support")}models: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n` });
  await app.running.tables.commit((session) => {
    for (let index = 0; index < 20; index++) session.write({ kind: "create", table: "Order", input: { id: `o${index}`, total: 100 }, onConflict: null }, { dialect: "wire", authority: null, sent: null });
  }, { actor: "test", requestId: "seed" });
  model.script = ({ messages }) => {
    // What a story says is what the model does: its amounts, one after the other, and a question before them.
    const said = messages.map(({ content }) => (typeof content === "string" ? content : JSON.stringify(content))).find((text) => text?.includes("amounts "))!;
    const amounts = /amounts ([0-9,-]+)/.exec(said)![1]!.split(",").map(Number);
    const asked = messages.filter(({ role }) => role === "assistant").length;
    if (asked === 0 && said.includes("look")) return [{ name: "others", arguments: { atLeast: 10 } }];
    const amount = amounts[asked - (said.includes("look") ? 1 : 0)] ?? 0;
    return [{ name: "answer", arguments: { action: amount % 3 === 0 ? "VOUCHER" : "REFUND", amount, reason: "because" } }];
  };
  const stories = ["amounts 7", "amounts 10", "amounts 101,20", "look amounts 60", "amounts -1,-1", "look amounts 500,33", "amounts 90"];
  for (let index = 0; index < RUNS; index += 10) {
    runs.push(...await Promise.all(Array.from({ length: 10 }, async (_, at) => {
      const number = index + at;
      return number % 4 === 3 ? ask("rule", { orderId: `o${number % 20}`, amount: number % 150 - 10 }) : ask("refund", { orderId: `o${number % 20}`, story: stories[number % stories.length]! });
    })));
  }
  for (const [state, count] of app.running.storage.reader.values(`SELECT "state", count(*) FROM "$decision" GROUP BY "state"`)) states.set(state as string, count as number);
  await model.stop();
  await app.running.tables.commit((session) => session.write({ kind: "remove", table: "Order", id: "o1", precondition: null }, { dialect: "wire", authority: null, sent: null }), { actor: "test", requestId: "later" });
}, 120_000);
afterAll(async () => app?.stop());

test("each ends the same, byte for byte, with no model to ask", () => {
  expect([...states.keys()].toSorted()).toEqual(["DECIDED", "DENIED", "FELL_BACK", "REFUSED"]);
  const { reader } = app.running.storage;
  const others = runs.map((run) => decisions.audit!.replay(reader, run, app.running.loaded)!).filter(({ outcome }) => outcome !== "SAME");
  expect(others).toEqual([]);
  expect(new Set(runs).size).toBe(RUNS);
}, 120_000);

test("on a machine that is slow by then, too: that its fallback was in time is recorded", async () => {
  const { reader } = app.running.storage;
  const [[rule]] = reader.values(`SELECT "id" FROM "$decision" WHERE "name" = 'rule' AND "state" = 'DECIDED' LIMIT 1`) as [[string]];
  const slow = globalThis as { fallbackTakesMs?: number };
  slow.fallbackTakesMs = 200;
  try {
    expect(decisions.audit!.replay(reader, rule, app.running.loaded)).toMatchObject({ outcome: "SAME" });
    // While it is asked its time counts.
    expect((await fetch(`${app.url}/decide/rule`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify({ orderId: "o2", amount: 1 }) })).status).toBe(422);
  } finally {
    delete slow.fallbackTakesMs;
  }
});

/** A copy of data and app, with something done to them. */
async function copied(name: string, change: (database: Database, directory: string) => void): Promise<string> {
  const directory = join(app.directory, name);
  mkdirSync(join(directory, ".ambit", "data"), { recursive: true });
  for (const file of ["schema.graphql", "resources.ts", "config.yaml"]) copyFileSync(join(app.directory, file), join(directory, file));
  const file = join(directory, ".ambit", "data", "data.db");
  expect((await ambitHere(["backup", file, "--data", join(app.directory, "data")])).code).toBe(0);
  const database = new Database(file);
  change(database, directory);
  database.close();
  return directory;
}

const replay = async (run: string, directory: string): Promise<unknown> => {
  const { code, objects } = await ambitHere(["replay", run, directory, "--json"]);
  return [code, objects()[0]!["outcome"], objects()[0]!["differences"]];
};

test("ambit replay tells what differs, and when there is nothing to compare with", async () => {
  const [run] = runs;
  expect(await replay(run!, await copied("same", () => {}))).toEqual([0, "SAME", []]);
  expect(await replay(run!, await copied("answered", (database) => database.run(`UPDATE "$decision" SET "answer" = '{}' WHERE "id" = '${run}'`)))).toEqual([1, "DIFFERS", ["the answer to the caller is another one"]]);
  expect(await replay(run!, await copied("changed", (database) => database.run(`UPDATE "$audit" SET "payloads" = json_set("payloads", '$.input', json('{}')) WHERE "run" = '${run}'`)))).toEqual([1, "DIFFERS", ["input is not what the record committed to"]]);
  expect(await replay(run!, await copied("erased", (database) => database.run(`UPDATE "$audit" SET "payloads" = json_remove("payloads", '$.input') WHERE "run" = '${run}'`)))).toEqual([0, "ERASED", []]);
  expect(await replay(run!, await copied("later", (_, directory) => appendFileSync(join(directory, "resources.ts"), "\nexport const more = 1;\n")))).toEqual([0, "OTHER_VERSION", []]);
  const other = await copied("policy", (_, directory) => writeFileSync(join(directory, "schema.graphql"), readFileSync(join(directory, "schema.graphql"), "utf8").replace("Be generous.", "Be strict.")));
  expect(await replay(run!, other)).toEqual([0, "OTHER_VERSION", []]);
  const forged = await copied("forged", (database) => {
    const [, second] = runs;
    const { record, salts, payloads } = database.query(`SELECT "record", "salts", "payloads" FROM "$audit" WHERE "run" = ?1`).get(second!) as { record: string; salts: Uint8Array; payloads: string };
    const members = JSON.parse(payloads) as { readonly [name: string]: Json };
    const at = Object.keys(members).indexOf("contexts") * 32;
    const data = canonicalJson(members["contexts"]!);
    const poorer = data.replace('"total":100', '"total":5');
    const [before, after] = [data, poorer].map((text) => commitment(salts.subarray(at, at + 32), text));
    database.run(`UPDATE "$audit" SET "record" = ?1, "payloads" = ?2 WHERE "run" = ?3`, [record.replace(before!, after!), payloads.replace(`"contexts":${data}`, `"contexts":${poorer}`), second!]);
  });
  expect(await replay(runs[1]!, forged)).toEqual([1, "DIFFERS", ["the verdict over the output is another one"]]);
  expect((await ambitHere(["replay", "none", other])).code).toBe(1);
});
