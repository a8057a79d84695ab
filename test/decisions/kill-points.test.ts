// kill -9 at each point of a run's life: after the restart it has exactly one end, effects and record agree, and its key answers the same bytes.
import { Database } from "bun:sqlite";
import { afterAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { spawnApp, startApp, type AppProcess } from "../processes/app-process.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { keysFor } from "../scenarios/started-app.ts";
import type { KillAt } from "./kill-at.ts";
import { scriptedModel } from "../models/scripted-model.ts";
import { comesTrue } from "../processes/waits.ts";

const KILLS = process.env["AMBIT_TEST_SIZE"] === "long" ? 20 : 1;

const schema = `
type Refund { amount: Int! reason: String! }
type Order @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey total: Int! refunded: Int! @default(value: 0) }
type Credit @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey orderId: ID! amount: Int! }
type Tools { stockOf(sku: String!): Int! }
type Decisions {
  """Decide what to refund."""
  refund(orderId: ID!): Refund! @decision(mode: ENFORCE, deadline: "PT60S", idempotency: "input.orderId") @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @mayCall(tool: "stockOf")
    @mayWrite(operation: "Credit.create", fields: ["amount"], set: { orderId: "order.id" }, where: "args.amount <= 50")
    @effect(operation: "Order.update", set: { id: "order.id", refunded: "order.refunded + out.amount" })
    @bound(name: "cap", rule: "out.amount >= 0 && out.amount <= order.total")
    @bound(name: "paid", at: COMMIT, rule: "after.order.refunded <= after.order.total", else: REFUSE)
    @budget(per: DECISION_DAY, tokens: 100000000, runs: 100000)
    @fallback(value: { amount: 0, reason: "no decision" })
}`;
// What a tool says differs each time: a run that goes on is told what it was told.
const resources = `import { tools } from "ambit";
export const Tools = tools({ async stockOf() { return Number(process.hrtime.bigint() % 1000000n); } });
`;

const scratch = scratchFolder();
const model = scriptedModel(() => []);
const folder = scratch.app({ "schema.graphql": schema, "resources.ts": resources, "config.yaml": `${keysFor("support")}models: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n` });
const data = scratch.free("data");
let app: AppProcess | null = null;
afterAll(async () => {
  await app?.kill();
  await model.stop();
  scratch.remove();
});

/** Told in the second request. */
let staged: string | undefined;
beforeEach(() => {
  model.requests.length = 0;
  staged = undefined;
  model.script = ({ messages }) => {
    const told = messages.flatMap(({ role, content }) => (role === "tool" ? [String(content)] : []));
    staged = told[1] ?? staged;
    return told.length === 0
      ? [{ name: "stockOf", arguments: { sku: "A" } }, { name: "Credit_create", arguments: { amount: 20 } }]
      : [{ name: "answer", arguments: { amount: 40, reason: "because" } }];
  };
});

const headers = { "content-type": "application/json", authorization: "Bearer key-support" };

async function ask(orderId: string): Promise<{ status: number; text: string; run: string | null; source: string | null }> {
  const response = await fetch(`${app!.url}/decide/refund`, { method: "POST", headers, body: JSON.stringify({ orderId }) });
  return { status: response.status, text: await response.text(), run: response.headers.get("ambit-run"), source: response.headers.get("ambit-source") };
}

function values(sql: string, ...parameters: string[]): unknown[][] {
  using file = new Database(join(data, "data.db"), { readonly: true });
  return file.query(sql).values(...parameters);
}

const environmentOf = (kill: KillAt | null): Record<string, string> => ({ AMBIT_LOG: "quiet", ...(kill === null ? {} : { AMBIT_KILL_AT: JSON.stringify(kill), BUN_OPTIONS: `--preload=${join(import.meta.dir, "kill-at.ts")}` }) });
const start = (kill: KillAt | null): Promise<AppProcess> => startApp(folder, { data, temporary: scratch.path, environment: environmentOf(kill) });

const step = `INSERT INTO "$decision_step"`;
const end = `UPDATE "$decision" SET "state" = ?1, "reason"`;
/** `requests`: of both processes together. */
const points: Readonly<Record<string, { readonly at: KillAt | number; readonly requests: number }>> = {
  "before it is admitted": { at: { sql: `INSERT INTO "$decision" (`, nth: 1, when: "before" }, requests: 2 },
  "while it is admitted": { at: { sql: `INSERT INTO "$decision" (`, nth: 1, when: "after" }, requests: 2 },
  "once it is admitted": { at: { sql: `INSERT INTO "$decision" (`, nth: 1, when: "after COMMIT" }, requests: 2 },
  "before its first reservation is committed": { at: { sql: step, nth: 1, when: "before COMMIT" }, requests: 2 },
  "while the model is asked": { at: 1, requests: 3 },
  "before an answer is kept": { at: { sql: step, nth: 2, when: "before COMMIT" }, requests: 3 },
  "once an answer is kept": { at: { sql: step, nth: 2, when: "after COMMIT" }, requests: 2 },
  "between its steps, after a tool": { at: { sql: step, nth: 3, when: "before" }, requests: 2 },
  "while the model is asked again": { at: 2, requests: 3 },
  "once its last answer is kept": { at: { sql: step, nth: 4, when: "after COMMIT" }, requests: 2 },
  "before its record": { at: { sql: `INSERT INTO "$audit" (`, nth: 1, when: "before" }, requests: 3 },
  "before its commit": { at: { sql: end, nth: 1, when: "before COMMIT" }, requests: 3 },
  "once it is committed": { at: { sql: end, nth: 1, when: "after COMMIT" }, requests: 2 },
};

let orders = 0;

for (const [name, { at, requests }] of Object.entries(points)) {
  test(`killed ${name}`, async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      model.requests.length = 0;
      const id = `o${++orders}`;
      const { script } = model;
      app = await start(typeof at === "number" ? null : at);
      expect((await fetch(`${app.url}/Order/${id}`, { method: "PUT", headers, body: JSON.stringify({ id, total: 50 }) })).status).toBe(201);
      if (typeof at === "number") {
        model.script = async (request, count) => {
          if (count === at) await app!.kill();
          return script(request, count);
        };
      }
      expect(await ask(id).then(() => "answered", () => "killed")).toBe("killed");
      await app.exited;
      model.script = script;
      app = await start(null);
      await settled();
      const answer = await ask(id);
      expect(answer).toMatchObject({ status: 200, text: '{"amount":40,"reason":"because"}', source: "model" });
      expect(await ask(id)).toEqual(answer);
      expect(model.requests.length).toBe(requests);
      check(id, answer.run!);
      await app.stop();
    }
  }, 600_000);
}

/** What was taken up at the start has ended. */
async function settled(): Promise<void> {
  await comesTrue(() => values(`SELECT "id" FROM "$decision" WHERE "ended" IS NULL`).length === 0);
  expect(values(`SELECT "id" FROM "$decision" WHERE "ended" IS NULL`)).toEqual([]);
}

function check(id: string, run: string): void {
  const runs = values(`SELECT "id", "state", "leaf" FROM "$decision" WHERE "key" = ?1`, id);
  expect(runs).toMatchObject([[run, "DECIDED", expect.any(Number)]]);
  expect(values(`SELECT "number" FROM "$audit" WHERE "run" = ?1`, run)).toEqual([[runs[0]![2]!]]);
  expect(values(`SELECT count(*), count(DISTINCT "run"), max("number") + 1 FROM "$audit"`)[0]).toEqual(Array(3).fill(values(`SELECT count(*) FROM "$decision"`)[0]![0]));
  expect(values(`SELECT "refunded" FROM "Order" WHERE "id" = ?1`, id)).toEqual([[40]]);
  // It has the id that the model was told.
  const credits = values(`SELECT "id", "amount" FROM "Credit" WHERE "orderId" = ?1`, id);
  expect(credits).toEqual([[(JSON.parse(staged!) as { staged: string }).staged, 20]]);
  expect(values(`SELECT "admission", "proposal" FROM "$decision" WHERE "id" = ?1`, run)).toEqual([[null, null]]);
}

test("a run whose time is over by then, or whose decision is another, falls back", async () => {
  const killWhileAsking = async (id: string): Promise<void> => {
    app = await start(null);
    await fetch(`${app.url}/Order/${id}`, { method: "PUT", headers, body: JSON.stringify({ id, total: 50 }) });
    model.script = async () => {
      await app!.kill();
      return [];
    };
    expect(await ask(id).then(() => "answered", () => "killed")).toBe("killed");
    await app.exited;
  };
  await killWhileAsking("late");
  {
    using file = new Database(join(data, "data.db"));
    file.run(`UPDATE "$decision" SET "admitted" = "admitted" - 60000 WHERE "ended" IS NULL`);
  }
  app = await start(null);
  await settled();
  expect(values(`SELECT "state", "reason", "answer" FROM "$decision" WHERE "key" = 'late'`)).toEqual([["FELL_BACK", "crash_recovered", '{"amount":0,"reason":"no decision"}']]);
  await app.stop();
  await killWhileAsking("other");
  await Bun.write(join(folder, "schema.graphql"), schema.replace("Decide what to refund.", "Refund nothing."));
  app = await start(null);
  await settled();
  expect(values(`SELECT "state", "reason" FROM "$decision" WHERE "key" = 'other'`)).toEqual([["FELL_BACK", "replay_divergence"]]);
  expect(values(`SELECT "refunded" FROM "Order" WHERE "id" = 'other'`)).toEqual([[0]]);
  await app.stop();
}, 120_000);

test("a decision that is no more ends its runs as failed", async () => {
  const spawned = spawnApp(folder, { data, temporary: scratch.path, environment: environmentOf(null) });
  app = spawned.process;
  await spawned.started;
  await fetch(`${app.url}/Order/gone`, { method: "PUT", headers, body: JSON.stringify({ id: "gone", total: 50 }) });
  model.script = async () => {
    await app!.kill();
    return [];
  };
  await ask("gone").catch(() => {});
  await app.exited;
  await Bun.write(join(folder, "schema.graphql"), schema.replaceAll("refund(orderId", "repay(orderId"));
  app = await start(null);
  await settled();
  expect(values(`SELECT "state" FROM "$decision" ORDER BY "admitted" DESC LIMIT 1`)).toEqual([["FAILED"]]);
}, 120_000);
