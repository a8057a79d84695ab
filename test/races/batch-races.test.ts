// Batches against each other and against bad clients: what many do at once is what some order of them would do, and a batch that nobody
// waits for is there as a whole or not at all. Plain batches and batches with code, also with no time for the first way (batchMs 1).
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { createDice } from "../fuzz/dice.ts";
import { rawExchange, statusOf } from "../scenarios/raw-connection.ts";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";

const LONG = process.env["AMBIT_TEST_SIZE"] === "long";
const SEED = Number(process.env["AMBIT_TEST_SEED"] ?? 7);
const CLIENTS = LONG ? 100 : 24;

const schema = `
type Account @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  balance: Int! @range(min: 0)
  name: String @indexed(unique: true)
  move(to: ID!, amount: Int!): Boolean @action @allow(to: ["clerk"])
}
type Receipt @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  batch: String! @indexed
  accountId: ID @indexed
  account: Account @relationship(from: "accountId")
  amount: Int
}
type Endpoints { nothing: Boolean @http(path: "/nothing") @allow(to: ["clerk"]) pause: Boolean @http(path: "/pause") @allow(to: ["clerk"]) }`;

const resources = `/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints } from "ambit";
export class Account extends Table("Account") {
  async move({ to, amount }) {
    const other = await this.ctx.db.Account.get(to);
    if (this.balance < amount) throw this.ctx.error(409, "POOR", "Not enough.");
    await this.update({ balance: this.balance - amount });
    await this.ctx.system.Account.update(to, { balance: other.balance + amount });
    return true;
  }
}
export const Endpoints = endpoints({ async nothing() { return null; }, async pause() { await new Promise((done) => setTimeout(done, 20)); return null; } });
`;

let app: StartedApp | null = null;
afterEach(async () => { await app?.stop(); app = null; });
afterAll(() => app?.stop());

const start = async (limits = ""): Promise<StartedApp> => app = await startTestApp({ schema, resources, config: `${keysFor("clerk")}limits: { transactionMs: 20000${limits} }\n` });
const headers = { authorization: "Bearer key-clerk", "content-type": "application/json" };

interface Answer { readonly status: number; readonly json: { readonly results: readonly { readonly status: number; readonly body: unknown; readonly headers: Record<string, string> }[]; readonly code?: string }; readonly replayed: boolean }

async function batch(operations: readonly object[], more: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${app!.url}/batch`, { method: "POST", headers: { ...headers, ...more }, body: JSON.stringify({ operations }) });
  return { status: response.status, json: await response.json() as Answer["json"], replayed: response.headers.get("idempotency-replayed") === "true" };
}

async function rows<Row>(path: string): Promise<Row[]> {
  return await (await fetch(`${app!.url}${path}`, { headers })).json() as Row[];
}

const code = { method: "POST", path: "/nothing" };
const create = (id: string, balance: number): object => ({ method: "PUT", path: `/Account/${id}`, body: { balance } });
const ways: readonly { readonly name: string; readonly limits: string; readonly front: readonly object[] }[] = [
  { name: "straight", limits: "", front: [] }, { name: "behind code", limits: "", front: [code] }, { name: "in no time", limits: ", batchMs: 1, transactionAttempts: 50", front: [] },
];

for (const { name, limits, front } of ways) {
  describe(name, () => {
    test(`of many with one ETag each for two records one comes through, seed ${SEED}`, async () => {
      await start(limits);
      await batch([create("a", 1), create("b", 1)]);
      const tag = (await fetch(`${app!.url}/Account/a`, { headers })).headers.get("etag")!;
      const write = (id: string, client: number): object => ({ method: "PATCH", path: `/Account/${id}`, headers: { "if-match": tag }, body: { balance: client + 2 } });
      const answers = await Promise.all(Array.from({ length: CLIENTS }, (_, client) => batch([...front, write(client % 2 === 0 ? "a" : "b", client), write(client % 2 === 0 ? "b" : "a", client), { method: "POST", path: "/Receipt", body: { batch: String(client) } }])));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: CLIENTS - 1 }, () => 412)]);
      const winner = answers.findIndex(({ status }) => status === 200);
      expect(await rows("/Account?select=balance")).toEqual([{ balance: winner + 2 }, { balance: winner + 2 }]);
      expect(await rows("/Receipt?select=batch")).toEqual([{ batch: String(winner) }]);
    }, 60_000);

    test("of many that want one name one gets it, and the others leave nothing", async () => {
      await start(limits);
      const answers = await Promise.all(Array.from({ length: CLIENTS }, (_, client) => batch([...front, { method: "POST", path: "/Receipt", body: { batch: String(client), accountId: `c${client}` } }, { method: "POST", path: "/Account", body: { id: `c${client}`, balance: 1, name: "wanted" } }])));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: CLIENTS - 1 }, () => 409)]);
      expect(new Set(answers.filter(({ status }) => status !== 200).map(({ json }) => json.code))).toEqual(new Set(["UNIQUE_VIOLATION"]));
      expect([(await rows("/Account")).length, (await rows("/Receipt")).length]).toEqual([1, 1]);
    }, 60_000);

    test("what one reads is one state", async () => {
      await start(limits);
      await batch([create("a", 100), create("b", 0)]);
      const state = { writing: true };
      const write = async (): Promise<void> => {
        for (let round = 0; round < (LONG ? 300 : 80); round++) {
          const share = (round * 37) % 101;
          expect((await batch([create("a", share), create("b", 100 - share)])).status).toBe(200);
        }
        state.writing = false;
      };
      let reads = 0;
      const read = async (): Promise<void> => {
        // Once nobody writes any more nothing is in its way.
        while (state.writing || reads === 0) {
          const { json, status } = await batch([...front, { method: "GET", path: "/Account/a" }, ...(front.length > 0 ? [{ method: "POST", path: "/pause" }] : []), { method: "GET", path: "/Account?select=balance.sum()" }, { method: "GET", path: "/Account/b" }]);
          if (status === 409) continue;
          expect(status).toBe(200);
          const balances = json.results.flatMap(({ body }) => (typeof body === "object" && body !== null && "balance" in body ? [body.balance as number] : []));
          expect([balances.length, balances.reduce((sum, one) => sum + one, 0), json.results.find(({ body }) => Array.isArray(body))!.body]).toEqual([2, 100, [{ sum: 100 }]]);
          reads++;
        }
      };
      await Promise.all([write(), read(), read(), read()]);
      expect(reads).toBeGreaterThan(0);
    }, 60_000);

    test("a key that many send at once is done once", async () => {
      await start(limits);
      const answers = await Promise.all(Array.from({ length: CLIENTS }, () => batch([...front, { method: "POST", path: "/Receipt", body: { batch: "once" } }, { method: "POST", path: "/Account", body: { balance: 1 } }], { "idempotency-key": "one" })));
      expect(new Set(answers.map(({ status, json }) => `${status} ${JSON.stringify(json)}`)).size).toBe(1);
      expect([answers[0]!.status, answers.filter(({ replayed }) => !replayed).length, (await rows("/Receipt")).length]).toEqual([200, 1, 1]);
    }, 60_000);
  });
}

test(`money moves, and none is made or lost, seed ${SEED}`, async () => {
  await start(", transactionAttempts: 30");
  const dice = createDice(SEED);
  const ids = ["a", "b", "c", "d"];
  await batch(ids.map((id) => create(id, 100)));
  let done = 0;
  await Promise.all(Array.from({ length: CLIENTS }, async (_, client) => {
    for (let round = 0; round < 4; round++) {
      const [from, to] = [dice.pick(ids), dice.pick(ids)];
      if (from === to) continue;
      const amount = 1 + dice.below(60);
      const label = `${client}-${round}`;
      const { status, json } = await batch([
        { id: "before", method: "GET", path: `/Account/${from}` }, { method: "POST", path: `/Account/${from}/move`, body: { to, amount } }, { method: "GET", path: `/Account/${from}` },
        { method: "POST", path: "/Receipt", body: { batch: label, accountId: to, amount: { $ref: "before/balance" } } },
      ]);
      if (status === 200) {
        done++;
        const [before, , after] = json.results.map(({ body }) => body as { balance: number } | null);
        expect(after!.balance).toBe(before!.balance - amount);
      } else expect(["POOR", "TRANSACTION_CONFLICT"]).toContain(json.code!);
    }
  }));
  const balances = await rows<{ balance: number }>("/Account?select=balance");
  expect([balances.reduce((sum, { balance }) => sum + balance, 0), balances.every(({ balance }) => balance >= 0)]).toEqual([400, true]);
  expect([(await rows("/Receipt")).length, done > CLIENTS / 2]).toEqual([done, true]);
}, 120_000);

test("a client that goes away leaves a whole batch or none, and nobody else notices", async () => {
  await start();
  const dice = createDice(SEED);
  const requests = Array.from({ length: LONG ? 200 : 40 }, (_, index) => {
    const body = JSON.stringify({ operations: [...(index % 2 === 0 ? [] : [{ method: "POST", path: "/pause" }]), ...Array.from({ length: 5 }, (__, one) => ({ method: "POST", path: "/Receipt", body: { batch: `gone-${index}`, amount: one } }))] });
    const head = `POST /batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key-clerk\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    const cut = dice.chance(0.4) ? dice.below(body.length) : body.length;
    return rawExchange(app!.port, [head + body.slice(0, cut), dice.below(25)], { until: /never/, waitMs: 1 });
  });
  const others = Array.from({ length: 20 }, (_, index) => batch([{ method: "POST", path: "/Receipt", body: { batch: `stays-${index}` } }, { method: "GET", path: "/Receipt?limit=1" }]));
  expect((await Promise.all(others)).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  await Promise.all(requests);
  await Bun.sleep(200);
  const groups = await rows<{ batch: string; count: number }>("/Receipt?select=batch,count()&batch=like.gone-*");
  expect(groups.filter(({ count }) => count !== 5)).toEqual([]);
  expect(groups.length).toBeGreaterThan(0);
  expect((await rows("/Receipt?select=count()&batch=like.stays-*"))).toEqual([{ count: 20 }]);
}, 120_000);

test("half a request, pieces of one and too much of one are refused, and the connection's next is read", async () => {
  await start(", requestMs: 300, bodyBytes: 5000");
  const head = (length: string): string => `POST /batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key-clerk\r\nContent-Type: application/json\r\n${length}\r\n\r\n`;
  expect(statusOf(await rawExchange(app!.port, [head("Content-Length: 100"), '{"operations":['], { waitMs: 2_000 }))).toBe(408);
  expect(statusOf(await rawExchange(app!.port, [head("Content-Length: 6000"), "x".repeat(100)]))).toBe(413);
  const deep = `{"operations":[{"method":"POST","path":"/Receipt","body":${"[".repeat(200)}${"]".repeat(200)}}]}`;
  expect(statusOf(await rawExchange(app!.port, [head(`Content-Length: ${deep.length}`), deep]))).toBe(400);
  const one = '{"operations":[{"method":"GET","path":"/Receipt"}]}';
  const two = await rawExchange(app!.port, [head(`Content-Length: ${one.length}`) + one, 150, head(`Content-Length: ${one.length}`) + one], { until: /results[\s\S]*results/ });
  expect(two.text.match(/HTTP\/1\.1 200/g)?.length).toBe(2);
}, 120_000);
