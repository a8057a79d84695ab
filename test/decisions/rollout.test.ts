// Champion and challenger: stable shares, comparisons beside, an end that comes by itself; and an existing Express service that adopts a decision in three steps.
import { afterAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import express, { type Express } from "express";
import { loadApp } from "../../src/runtime/load-app.ts";
import { startApp, type AppProcess } from "../processes/app-process.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";
import { until } from "../processes/waits.ts";

const scratch = scratchFolder();
const model: ScriptedModel = scriptedModel(() => []);
const config = `${keysFor("clerk")}models: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" }, other: { provider: openai-compatible, model: challenger, url: "${model.url}" } }\n`;
afterAll(async () => {
  await model.stop();
  scratch.remove();
});

const schemaOf = (rollout: string, mode = "ENFORCE"): string => `type Fee { amount: Int! }
type Charge @table @export @allow(to: ["clerk"], do: [READ]) { id: ID! @primaryKey who: String! amount: Int! }
type Decisions {
  """Champion: choose the fee."""
  fee(customer: ID!): Fee! @decision(mode: ENFORCE) @export @allow(to: ["clerk"]) @rollout(candidate: "newFee" ${rollout})
    @effect(operation: "Charge.create", set: { who: "'champion ' + input.customer", amount: "out.amount" })
    @bound(name: "cap", rule: "out.amount <= 100", else: FALLBACK) @fallback(value: { amount: 1 })
  """Challenger: choose the fee."""
  newFee(customer: ID!): Fee! @decision(mode: ${mode}, model: "other")
    @effect(operation: "Charge.create", set: { who: "'candidate ' + input.customer", amount: "out.amount" })
    @bound(name: "cap", rule: "out.amount <= 100", else: FALLBACK) @fallback(value: { amount: 2 })
}`;
const isChallenger = (request: { readonly messages: readonly { readonly content: unknown }[] }): boolean => String(request.messages[0]!.content).includes("Challenger");
/** The champion says 10, the challenger what is given. */
const saying = (amount: number): ScriptedModel["script"] => (request) => [{ name: "answer", arguments: { amount: isChallenger(request) ? amount : 10 } }];

interface Decided { readonly amount: number; readonly run: string; readonly reason: string | null; readonly text: string }
async function ask(url: string, name: string, input: object, key?: string): Promise<Decided> {
  const response = await fetch(`${url}/decide/${name}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-clerk", ...(key === undefined ? {} : { "idempotency-key": key }) }, body: JSON.stringify(input) });
  const text = await response.text();
  return { amount: (JSON.parse(text) as { amount: number }).amount, run: response.headers.get("ambit-run")!, reason: response.headers.get("ambit-reason"), text };
}

interface Stats { readonly runs: number; readonly violations: number; readonly compared: number; readonly agreement: number; readonly champion: { readonly runs: number } }
async function rolloutOf(app: StartedApp, name = "fee"): Promise<{ readonly isOver: boolean; readonly endedAt: string | null; readonly stats: Stats }> {
  const listed = await (await fetch(`${app.url}/admin/decisions`, { headers: { authorization: `Bearer ${adminToken}` } })).json() as readonly { readonly name: string; readonly rollout: never }[];
  return listed.find((one) => one.name === name)!.rollout;
}
const charges = (app: StartedApp): string[] => (app.running.storage.reader.query(`SELECT "who" FROM "Charge"`).all() as { who: string }[]).map(({ who }) => who);

describe("a candidate beside its champion", () => {
  test("decides its share, the same for the same, and nobody else's", async () => {
    model.script = saying(20);
    const app = await startTestApp({ schema: schemaOf(', canary: 0.4, stickyBy: "input.customer"'), config });
    try {
      const seen = new Map<string, number>();
      for (let round = 0; round < 3; round++) {
        for (let customer = 0; customer < 30; customer++) {
          const { amount } = await ask(app.url, "fee", { customer: `c${customer}` });
          expect(seen.get(`c${customer}`) ?? amount).toBe(amount);
          seen.set(`c${customer}`, amount);
        }
      }
      const share = (customer: string): number => createHash("sha256").update(JSON.stringify(["canary fee", customer])).digest().readUIntBE(0, 6) / 2 ** 48;
      expect([...seen]).toEqual([...seen.keys()].map((customer) => [customer, share(customer) < 0.4 ? 20 : 10]));
      expect(new Set(seen.values())).toEqual(new Set([10, 20]));
      // The effects are those of whoever decided.
      expect(charges(app).every((who) => seen.get(who.split(" ")[1]!) === (who.startsWith("candidate") ? 20 : 10))).toBe(true);
      const { stats } = await rolloutOf(app);
      expect([stats.runs + stats.champion.runs, stats.runs]).toEqual([90, 3 * [...seen.values()].filter((amount) => amount === 20).length]);
    } finally {
      await app.stop();
    }
  });

  test("a repeated request gets the same bytes, whoever decided it", async () => {
    model.script = saying(20);
    const app = await startTestApp({ schema: schemaOf(", canary: 0.5"), config });
    try {
      const first = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(app.url, "fee", { customer: "c" }, `k${index}`)));
      expect(new Set(first.map(({ amount }) => amount))).toEqual(new Set([10, 20]));
      const again = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(app.url, "fee", { customer: "c" }, `k${index}`)));
      expect(again.map(({ text, run }) => [text, run])).toEqual(first.map(({ text, run }) => [text, run]));
      expect(charges(app)).toHaveLength(20);
    } finally {
      await app.stop();
    }
  });

  test("is only asked for its share of shadow: compared, and without a trace in the data", async () => {
    model.script = saying(20);
    const app = await startTestApp({ schema: schemaOf(", shadow: 1", "SHADOW"), config });
    try {
      expect((await ask(app.url, "fee", { customer: "a" })).amount).toBe(10);
      await until(async () => (await rolloutOf(app)).stats.compared === 1);
      model.script = saying(10);
      expect((await ask(app.url, "fee", { customer: "a" })).amount).toBe(10);
      await until(async () => (await rolloutOf(app)).stats.compared === 2);
      expect((await rolloutOf(app)).stats).toMatchObject({ runs: 2, compared: 2, agreement: 0.5, champion: { runs: 2 } });
      expect(charges(app)).toEqual(["champion a", "champion a"]);
    } finally {
      await app.stop();
    }
  });

  test("whose mode is lowered decides nothing more", async () => {
    model.script = saying(20);
    const app = await startTestApp({ schema: schemaOf(", canary: 1"), config });
    try {
      expect((await ask(app.url, "fee", { customer: "a" })).amount).toBe(20);
      const lowered = await fetch(`${app.url}/admin/decisions/newFee`, { method: "POST", headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" }, body: JSON.stringify({ mode: "SHADOW" }) });
      expect(lowered.ok).toBe(true);
      expect((await ask(app.url, "fee", { customer: "a" })).amount).toBe(10);
    } finally {
      await app.stop();
    }
  });
});

test("stopWhen ends it by itself, for good, also after a restart; a new version begins anew", async () => {
  model.script = saying(500);
  const files = { "schema.graphql": schemaOf(', canary: 1, stopWhen: "stats.runs >= 5 && stats.violations > 0.5"'), "config.yaml": `${config}` };
  const folder = scratch.app(files);
  const data = scratch.free("data");
  let app: AppProcess = await startApp(folder, { data });
  const amounts: number[] = [];
  for (let index = 0; index < 8; index++) amounts.push((await ask(app.url, "fee", { customer: `c${index}` })).amount);
  // Five runs of the candidate broke its bound and fell back; from then on the champion decides.
  expect(amounts).toEqual([2, 2, 2, 2, 2, 10, 10, 10]);
  await until(() => app.log().includes("rollout-ended"));
  await app.kill();
  app = await startApp(folder, { data });
  expect((await ask(app.url, "fee", { customer: "c0" })).amount).toBe(10);
  await app.kill();
  model.script = saying(30);
  writeFileSync(join(folder, "schema.graphql"), files["schema.graphql"].replace("Challenger: choose", "Challenger: choose wisely"));
  app = await startApp(folder, { data });
  expect((await ask(app.url, "fee", { customer: "c0" })).amount).toBe(30);
  await app.stop();
}, 120_000);

test("a champion in SHADOW that is asked beside its own fallback is not counted as its candidate", async () => {
  model.script = saying(20);
  const app = await startTestApp({ schema: schemaOf(", canary: 0.0001", "SHADOW").replace("@decision(mode: ENFORCE)", "@decision"), config });
  try {
    expect((await ask(app.url, "fee", { customer: "a" })).reason).toBe("mode_shadow");
    await until(() => app.running.storage.reader.query(`SELECT 1 FROM "$decision" WHERE "state" = 'SHADOWED'`).all().length === 1);
    expect((await rolloutOf(app)).stats).toMatchObject({ runs: 0, compared: 0, champion: { runs: 1 } });
  } finally {
    await app.stop();
  }
});

test("a candidate that may not decide its canary's share is warned of", async () => {
  const found = async (text: string): Promise<string[]> => (await loadApp(scratch.app({ "schema.graphql": text, "config.yaml": config }), { environment: {}, typeCheck: false })).diagnostics.map((one) => `${one.code} ${one.severity}`);
  expect(await found(schemaOf(", canary: 0.1", "SHADOW"))).toEqual(["ROLLOUT_SHAPE warning"]);
  expect(await found(schemaOf(", shadow: 0.1", "SHADOW"))).toEqual([]);
  expect(await found(schemaOf(", canary: 0.1"))).toEqual([]);
});

describe("what makes no rollout is refused at the start", () => {
  const more = `other(customer: ID!, more: Int): Fee! @decision(kind: RULE) @fallback(value: { amount: 1 })`;
  for (const [rollout, code] of [
    ['@rollout(candidate: "newFee", canary: 1.5)', "ROLLOUT_SHAPE"], ['@rollout(candidate: "newFee")', "ROLLOUT_SHAPE"], ['@rollout(candidate: "fee", canary: 0.1)', "ROLLOUT_SHAPE"],
    ['@rollout(candidate: "other", canary: 0.1)', "ROLLOUT_SHAPE"], ['@rollout(candidate: "nobody", canary: 0.1)', "UNKNOWN_NAME"], ['@rollout(canary: 0.1, stopWhen: "stats.nothing > 1")', "CEL_TYPE"],
    ['@rollout(canary: 0.1, stickyBy: "out.amount")', "CEL_TYPE"],
  ] as const) {
    test(`${code}: ${rollout}`, async () => {
      const text = schemaOf("").replace(/@rollout\([^)]*\)/, rollout).replace('"""Challenger', `${more}\n  """Challenger`);
      const folder = scratch.app({ "schema.graphql": text, "config.yaml": config });
      expect((await loadApp(folder, { environment: {}, typeCheck: false })).diagnostics.map((one) => one.code)).toContain(code);
    });
  }
});

describe("an existing Express service adopts one decision in three steps", () => {
  /** What the service has today: a rule in code. The lines that change are between the marks. */
  const before = (): Express => {
    const service = express().use(express.json());
    service.post("/orders/:id/fee", (request, response) => {
      const own = { amount: (request.body as { total: number }).total > 100 ? 0 : 5 };
      response.json(own);
    });
    return service;
  };
  const after = (ambit: string): Express => {
    const service = express().use(express.json());
    service.post("/orders/:id/fee", async (request, response) => {
      const own = { amount: (request.body as { total: number }).total > 100 ? 0 : 5 };
      // begin: 6 changed lines
      const decided = await fetch(`${ambit}/decide/orderFee`, {
        method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-clerk" },
        body: JSON.stringify({ orderId: request.params.id, total: (request.body as { total: number }).total, own }),
      }).catch(() => null);
      response.json(decided?.ok === true ? await decided.json() : own);
      // end
    });
    return service;
  };
  const schema = (decision: string): string => `type Fee { amount: Int! }
type Decisions {
  """Charge little, and nothing above 80."""
  orderFee(orderId: ID!, total: Int!): Fee! ${decision} @export @allow(to: ["clerk"]) @bound(name: "sane", rule: "out.amount >= 0 && out.amount <= 50", else: FALLBACK) @fallback(own: true)
}`;
  const serving = async <T>(service: Express, use: (url: string) => Promise<T>): Promise<T> => {
    const server: Server = createServer(service);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      return await use(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  };
  const feeOf = async (url: string, id: string, total = 90): Promise<number> => (await (await fetch(`${url}/orders/${id}/fee`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ total }) })).json() as { amount: number }).amount;
  const ids = Array.from({ length: 40 }, (_, index) => `o${index}`);
  const modelSays = (): void => { model.script = () => [{ name: "answer", arguments: { amount: 3 } }]; };

  test("before: its own rule, in its own code", async () => {
    expect(await serving(before(), (url) => feeOf(url, "o1"))).toBe(5);
  });

  test("1. in the shadow of its own answer, which stays in charge", async () => {
    modelSays();
    const app = await startTestApp({ schema: schema("@decision(mode: SHADOW)"), config });
    try {
      await serving(after(app.url), async (url) => {
        for (const id of ids.slice(0, 5)) expect(await feeOf(url, id)).toBe(5);
      });
      await until(() => (app.running.storage.reader.query(`SELECT count(*) AS "count" FROM "$decision" WHERE "state" = 'SHADOWED'`).get() as { count: number }).count === 5);
    } finally {
      await app.stop();
    }
  });

  test("2. for a tenth, the same orders each time; the rest goes on in shadow", async () => {
    modelSays();
    const app = await startTestApp({ schema: schema('@decision(mode: ENFORCE) @rollout(canary: 0.1, stickyBy: "input.orderId", stopWhen: "stats.violations > 0.2")'), config });
    try {
      await serving(after(app.url), async (url) => {
        const first = await Promise.all(ids.map((id) => feeOf(url, id)));
        const share = (id: string): number => createHash("sha256").update(JSON.stringify(["canary orderFee", id])).digest().readUIntBE(0, 6) / 2 ** 48;
        expect(first).toEqual(ids.map((id) => (share(id) < 0.1 ? 3 : 5)));
        expect(first).toContain(3);
        expect(await Promise.all(ids.map((id) => feeOf(url, id)))).toEqual(first);
      });
      await until(async () => (await rolloutOf(app, "orderFee")).stats.compared > 10);
    } finally {
      await app.stop();
    }
  });

  test("3. for all; where the model fails, and where Ambit is gone, its own rule answers", async () => {
    modelSays();
    const app = await startTestApp({ schema: schema("@decision(mode: ENFORCE)"), config });
    await serving(after(app.url), async (url) => {
      expect(await Promise.all(ids.slice(0, 5).map((id) => feeOf(url, id)))).toEqual([3, 3, 3, 3, 3]);
      model.script = () => new Response("gone", { status: 500 });
      expect(await feeOf(url, "o9")).toBe(5);
      await app.stop();
      expect(await feeOf(url, "o9")).toBe(5);
    });
  });
});
