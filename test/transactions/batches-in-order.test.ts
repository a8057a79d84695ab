// Random batches at once, whose writes take what their reads told: done again one after the other, in the order of the log, each must
// read and answer the same. Straight in one commit, behind code that pauses, and with no time for the first way.
import { afterEach, describe, expect, test } from "bun:test";
import { readEntries } from "../../src/changes/log.ts";
import { createDice, type Dice } from "../fuzz/dice.ts";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";

const LONG = process.env["AMBIT_TEST_SIZE"] === "long";
const SEED = Number(process.env["AMBIT_TEST_SEED"] ?? 90);
const CLIENTS = 8;
const ROUNDS = LONG ? 60 : 6;

const schema = `
type Cell @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  value: Int! @default(value: 0)
  kind: String! @default(value: "a") @indexed
  marks: [Mark!]! @relationship(to: "cellId")
}
type Mark @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  cellId: ID @indexed
  cell: Cell @relationship(from: "cellId", onDelete: SET_NULL)
  seen: Int
  total: Int
}
type Endpoints {
  pause: Boolean @http(path: "/pause") @allow(to: ["clerk"])
  tally(mark: ID!, kind: String!): Int! @http(path: "/tally") @allow(to: ["clerk"])
}`;

const resources = `/// <reference path="./.ambit/types.d.ts" />
import { endpoints } from "ambit";
export const Endpoints = endpoints({
  async pause() { await new Promise((done) => setTimeout(done, Math.random() * 8)); return null; },
  async tally(ctx, { mark, kind }) {
    const cells = await ctx.db.Cell.find({ kind, order: { value: "desc" }, limit: 2 });
    await new Promise((done) => setTimeout(done, Math.random() * 4));
    const seen = await ctx.db.Mark.count({ seen: { gt: 3 } });
    const first = cells[0] ?? null;
    await ctx.db.Mark.create({ id: mark, cellId: first === null ? null : first.id, seen: cells.reduce((sum, cell) => sum + cell.value, 0), total: seen });
    return seen;
  },
});
`;

const started: StartedApp[] = [];
afterEach(async () => { await Promise.all(started.splice(0).map((app) => app.stop())); });

async function start(limits: string): Promise<StartedApp> {
  const app = await startTestApp({ schema, resources, config: `${keysFor("clerk")}limits: { transactionMs: 30000, transactionAttempts: 60${limits} }\n` });
  started.push(app);
  await send(app, "seed", Array.from({ length: 5 }, (_, index) => ({ method: "POST", path: "/Cell", body: { id: `c${index}`, value: index, kind: "ab"[index % 2] } })));
  return app;
}

interface Done { readonly status: number; readonly results: readonly { readonly status: number; readonly body: unknown }[]; readonly text: string }

async function send(app: StartedApp, name: string, operations: readonly object[]): Promise<Done> {
  const response = await fetch(`${app.url}/batch`, { method: "POST", headers: { authorization: "Bearer key-clerk", "content-type": "application/json", "x-request-id": name }, body: JSON.stringify({ operations }) });
  const text = await response.text();
  const { results = [] } = JSON.parse(text) as { results?: { status: number; body: unknown }[] };
  return { status: response.status, results: results.map(({ status, body }) => ({ status, body })), text };
}

function randomBatch(dice: Dice, name: string, coded: boolean): object[] {
  const operations: object[] = [];
  const values: string[] = [];
  const cell = (): string => `c${dice.below(6)}`;
  const count = 2 + dice.below(4);
  for (let index = 0; index < count; index++) {
    const id = `r${index}`;
    const value = values.length > 0 && dice.chance(0.8) ? { $ref: dice.pick(values) } : dice.below(20);
    const kind = dice.pick(["a", "b"]);
    switch (dice.pick(["read", "sum", "top", "marks", "write", "write", "mark", "bulk", "upsert", "remove", "pause", "tally"] as const)) {
      case "read": operations.push({ id, method: "GET", path: `/Cell?id=eq.${cell()}&select=value.sum()` }); break;
      case "sum": operations.push({ id, method: "GET", path: `/Cell?kind=eq.${kind}&select=sum:value.sum()` }); break;
      case "top": operations.push({ id, method: "GET", path: "/Cell?order=value.desc,id&limit=1&select=value,marks(id,seen)&marks.order=id" }); values.push(`${id}/value`); break;
      case "marks": operations.push({ id, method: "GET", path: `/Mark?cell.kind=eq.${kind}&select=total:count()` }); values.push(`${id}/total`); break;
      case "write": operations.push({ method: "PATCH", path: `/Cell?id=eq.${cell()}`, body: { value, ...(dice.chance(0.2) ? { kind } : {}) }, headers: { prefer: "return=representation" } }); break;
      case "mark": operations.push({ method: "POST", path: "/Mark", body: { id: `${name}-${index}`, cellId: dice.pick(["c0", "c1", "c2"]), seen: value } }); break;
      case "bulk": operations.push({ method: "PATCH", path: `/Cell?kind=eq.${kind}&value=lt.8`, body: { value }, headers: { prefer: "return=representation" } }); break;
      case "upsert": operations.push({ method: "PUT", path: `/Cell/${cell()}`, body: { value, kind } }); break;
      case "remove": operations.push({ method: "DELETE", path: `/Cell?id=eq.c${3 + dice.below(3)}`, headers: { prefer: "return=representation" } }); break;
      case "pause": if (coded) operations.push({ method: "POST", path: "/pause" }); break;
      case "tally": if (coded) operations.push({ method: "POST", path: "/tally", body: { mark: `${name}-${index}`, kind } }); break;
    }
  }
  return operations;
}

/** The answers of lists may come in any order where none was asked for: rows by their id. */
function comparable({ status, results }: Done): unknown {
  const sorted = (body: unknown): unknown => (Array.isArray(body) ? body.map((row) => JSON.stringify(row)).sort() : body);
  return { status, results: results.map((one) => ({ status: one.status, body: sorted(one.body) })) };
}

const ways = [{ name: "straight", limits: "", coded: false }, { name: "with code", limits: "", coded: true }, { name: "in no time", limits: ", batchMs: 1", coded: false }] as const;

for (const { name, limits, coded } of ways) {
  describe(name, () => {
    test(`batches at once are batches one after the other, seed ${SEED}`, async () => {
      const app = await start(limits);
      const asked = new Map<string, { readonly operations: readonly object[]; readonly done: Done }>();
      const refused: string[] = [];
      await Promise.all(Array.from({ length: CLIENTS }, async (_, client) => {
        const dice = createDice(SEED * 1_000 + client);
        for (let round = 0; round < ROUNDS; round++) {
          const label = `${client}x${round}`;
          const operations = randomBatch(dice, label, coded);
          const done = await send(app, label, operations);
          if (done.status === 200) asked.set(label, { operations, done });
          else refused.push(done.text);
        }
      }));
      expect([refused.filter((text) => /"status":5/.test(text)), refused.filter((text) => text.includes("TRANSACTION_CONFLICT")).length < (CLIENTS * ROUNDS) / 4]).toEqual([[], true]);
      const entries = readEntries(app.running.storage.reader, 0, 10_000, app.running.loaded.catalog);
      const again = await start("");
      let compared = 0;
      for (const { requestId } of entries.slice(1)) {
        const found = asked.get(requestId);
        if (found === undefined) throw new Error(`an entry of ${requestId}, which was not acknowledged`);
        const repeated = await send(again, requestId, found.operations);
        const label = { seed: SEED, requestId, operations: found.operations };
        expect({ label, ...(comparable(repeated) as object) }).toEqual({ label, ...(comparable(found.done) as object) });
        compared++;
      }
      expect(compared).toBeGreaterThan((CLIENTS * ROUNDS) / 3);
    }, 120_000);
  });
}
