// kill -9 inside a round, around an acceptance, and when something falls due: after the restart one offer binds, it is accepted once, and a breach is
// paid for once.
import { Database } from "bun:sqlite";
import { afterAll, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { startApp, type AppProcess } from "../processes/app-process.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { keysFor } from "../scenarios/started-app.ts";
import type { KillAt } from "./kill-at.ts";
import { scriptedModel } from "../models/scripted-model.ts";
import { comesTrue } from "../processes/waits.ts";

const schema = `
type Terms @commitment(due: "timestamp(offer.by)", query: "Order/{offer.orderId}?select=id,delivered", keptWhen: "found != null && found.delivered", remedy: "Credit.create") { orderId: ID! price: Int! by: DateTime! amount: Int! }
type Order @table @export @allow(to: ["buyer"], do: [READ, CREATE]) { id: ID! @primaryKey delivered: Boolean! @default(value: false) }
type Stock @table @export @allow(to: ["buyer"], do: [READ, CREATE]) { id: ID! @primaryKey free: Int! @range(min: 0) held: Int! @default(value: 0) sold: Int! @default(value: 0)
  hold: Boolean @action @allow(to: ["buyer"])  release: Boolean @action  sell: Boolean @action }
type Credit @table @export @allow(to: ["buyer"], do: [READ]) { id: ID! @primaryKey orderId: ID! amount: Int! commitment: ID }
type Decisions {
  """Negotiate the price of what is asked for."""
  deal(orderId: ID!): Terms! @decision(mode: ENFORCE, deadline: "PT60S") @export @allow(to: ["buyer"])
    @context(name: "order", query: "Order/{input.orderId}")
    @mayWrite(operation: "Stock.hold", set: { id: "order.id" }, release: "Stock.release", convert: "Stock.sell")
    @bound(name: "floor", rule: "out.price >= 50", else: FALLBACK)
    @negotiates(rounds: 4, offerTtl: "PT1H", exclusive: "'order ' + input.orderId")
    @fallback(call: "firm")
}`;
const resources = `import { fallbacks, Table } from "ambit";
export const Fallbacks = fallbacks({ firm({ orderId }) { return { orderId, price: 90, by: "2100-01-01T00:00:00Z", amount: 1 }; } });
export class Stock extends Table("Stock") {
  async hold() { await this.update({ free: this.free - 1, held: this.held + 1 }); return true; }
  async release() { await this.update({ free: this.free + 1, held: this.held - 1 }); return true; }
  async sell() { await this.update({ held: this.held - 1, sold: this.sold + 1 }); return true; }
}
`;

const scratch = scratchFolder();
const model = scriptedModel(() => []);
const folder = scratch.app({ "schema.graphql": schema, "resources.ts": resources, "config.yaml": `${keysFor("buyer")}models: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n` });
const data = scratch.free("data");
let app: AppProcess | null = null;
afterAll(async () => {
  await app?.kill();
  await model.stop();
  scratch.remove();
});

let orders = 0;
let id: string;
beforeEach(() => {
  id = `o${++orders}`;
  model.script = ({ messages }) => (messages.some(({ role }) => role === "tool") ? [{ name: "answer", arguments: { orderId: id, price: 80, by: "2100-01-01T00:00:00Z", amount: 20 } }] : [{ name: "Stock_hold", arguments: {} }]);
});

const headers = { "content-type": "application/json", authorization: "Bearer key-buyer" };
const send = (method: string, path: string, body: object, key: string | null = null): Promise<Response> =>
  fetch(`${app!.url}${path}`, { method, headers: { ...headers, ...(key === null ? {} : { "idempotency-key": key }) }, body: JSON.stringify(body) });

function values(sql: string, ...parameters: string[]): unknown[][] {
  using file = new Database(join(data, "data.db"), { readonly: true });
  return file.query(sql).values(...parameters);
}

function start(kill: KillAt | null): Promise<AppProcess> {
  return startApp(folder, { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet", ...(kill === null ? {} : { AMBIT_KILL_AT: JSON.stringify(kill), BUN_OPTIONS: `--preload=${join(import.meta.dir, "kill-at.ts")}` }) } });
}

async function until(read: () => unknown, wanted: unknown): Promise<void> {
  await comesTrue(() => Bun.deepEquals(read(), wanted));
  expect(read()).toEqual(wanted);
}

/** The order and its stock, where there is none yet. */
async function begin(kill: KillAt | null): Promise<void> {
  app = await start(kill);
  for (const [table, fields] of [["Order", {}], ["Stock", { free: 1 }]] as const) expect((await send("PUT", `/${table}/${id}`, { id, ...fields })).status).toBe(201);
}

const negotiate = (key: string | null = null): Promise<Response> => send("POST", "/negotiations", { decision: "deal", input: { orderId: id } }, key);
const negotiation = (): string => String(values(`SELECT "id" FROM "$negotiation" WHERE "input" ->> '$.orderId' = ?1`, id)[0]![0]);
const offers = (): unknown[][] => values(`SELECT o."round", o."state", o."held" FROM "$offer" o JOIN "$negotiation" n ON n."id" = o."negotiation" WHERE n."input" ->> '$.orderId' = ?1 ORDER BY o."number"`, id);
const stock = (): unknown => values(`SELECT "free", "held", "sold" FROM "Stock" WHERE "id" = ?1`, id)[0];
const commitments = (): unknown[][] => values(`SELECT "state" FROM "$commitment" WHERE "terms" ->> '$.orderId' = ?1`, id);
const credits = (): unknown[][] => values(`SELECT "amount" FROM "Credit" WHERE "orderId" = ?1`, id);
const killed = async (what: Promise<Response>): Promise<void> => {
  expect(await what.then(() => "answered", () => "killed")).toBe("killed");
  await app!.exited;
};

function open(): { readonly offer: string; readonly hash: string } {
  const [[offer, hash]] = values(`SELECT o."id", o."hash" FROM "$offer" o JOIN "$negotiation" n ON n."id" = o."negotiation" WHERE n."input" ->> '$.orderId' = ?1 ORDER BY o."number" DESC LIMIT 1`, id) as [[string, string]];
  return { offer, hash };
}
const accept = ({ offer, hash } = open(), key: string | null = null): Promise<Response> => send("POST", `/offers/${offer}/accept`, { hash }, key);

async function acceptedOnce(): Promise<void> {
  const statuses = await Promise.all([accept(), accept()]);
  expect(statuses.map(({ status }) => status).sort()).toEqual([200, 409]);
  expect([stock(), commitments()]).toEqual([[0, 0, 1], [["ACTIVE"]]]);
  await app!.stop();
}

const addsOffer = `INSERT INTO "$offer"`;
const rounds: Readonly<Record<string, { readonly at: KillAt | "asked"; readonly round: 1 | 2 }>> = {
  "while the model is asked in the first round": { at: "asked", round: 1 },
  "before the first offer is committed": { at: { sql: addsOffer, nth: 1, when: "before COMMIT" }, round: 1 },
  "once the first offer is committed, before it is told": { at: { sql: addsOffer, nth: 1, when: "after COMMIT" }, round: 1 },
  "once a round is claimed, before its run": { at: { sql: `UPDATE "$negotiation" SET "round"`, nth: 1, when: "after COMMIT" }, round: 2 },
  "while the model is asked in the second round": { at: "asked", round: 2 },
  "before the second offer is committed": { at: { sql: addsOffer, nth: 2, when: "before COMMIT" }, round: 2 },
  "once the second offer is committed, before it is told": { at: { sql: addsOffer, nth: 2, when: "after COMMIT" }, round: 2 },
};

for (const [name, { at, round }] of Object.entries(rounds)) {
  test(`killed ${name}`, async () => {
    await begin(at === "asked" ? null : at);
    const { script } = model;
    const killsNow = (): void => {
      model.script = async () => {
        await app!.kill();
        return [];
      };
    };
    if (round === 2) expect((await negotiate()).status).toBe(201);
    if (at === "asked") killsNow();
    await killed(round === 1 ? negotiate(id) : send("POST", `/negotiations/${negotiation()}/counter`, { terms: { price: 60 } }));
    model.script = script;
    // A round without its run is over after a minute.
    const isLost = name.includes("before its run");
    if (isLost) {
      using file = new Database(join(data, "data.db"));
      file.run(`UPDATE "$negotiation" SET "moved" = "moved" - 120000 WHERE "pending" IS NOT NULL`);
    }
    app = await start(null);
    const state = (): unknown => values(`SELECT "state", "pending" FROM "$negotiation" WHERE "id" = ?1`, negotiation())[0];
    await until(state, [isLost ? "DECLINED" : "OPEN", null]);
    if (isLost) {
      await until(stock, [1, 0, 0]);
      expect(offers()).toEqual([[1, "COUNTERED", 0]]);
      await app.stop();
      return;
    }
    expect(offers()).toEqual([...(round === 2 ? [[1, "COUNTERED", 0]] : []), [round, "OPEN", 1]]);
    expect(stock()).toEqual([0, 1, 0]);
    expect((await negotiate()).status).toBe(409);
    // Rounds are several commits: what came of the first of them nobody says under its key, and nothing begins twice.
    if (round === 1) expect(await (await negotiate(id)).json()).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    await acceptedOnce();
  }, 120_000);
}

const accepts = `UPDATE "$negotiation" SET "state"`;
for (const [name, when] of [["before an acceptance is committed", "before COMMIT"], ["between an acceptance and its answer", "after COMMIT"]] as const) {
  test(`killed ${name}`, async () => {
    await begin({ sql: accepts, nth: 2, when });
    expect((await negotiate()).status).toBe(201);
    const key = `accept-${id}`;
    await killed(accept(open(), key));
    app = await start(null);
    if (when === "before COMMIT") {
      expect([offers(), stock(), commitments()]).toEqual([[[1, "OPEN", 1]], [0, 1, 0], []]);
      return acceptedOnce();
    }
    const same = await accept(open(), key);
    expect([same.status, same.headers.get("idempotency-replayed"), await same.json()]).toMatchObject([200, "true", { state: "ACCEPTED", commitment: { state: "ACTIVE" } }]);
    const again = await accept();
    expect([again.status, await again.json()]).toMatchObject([409, { code: "OFFER_VOID", details: { because: "used" } }]);
    expect([offers(), stock(), commitments()]).toEqual([[[1, "ACCEPTED", 0]], [0, 0, 1], [["ACTIVE"]]]);
    expect((await (await fetch(`${app.url}/offers/${open().offer}`, { headers })).json() as { state: string }).state).toBe("ACCEPTED");
    await app.stop();
  }, 120_000);
}

const ends = `UPDATE "$commitment" SET "state"`;
const dues: Readonly<Record<string, KillAt | null>> = { "while nobody is there": null, "before its remedy is committed": { sql: ends, nth: 1, when: "before COMMIT" }, "once its remedy is committed": { sql: ends, nth: 1, when: "after COMMIT" } };
for (const [name, kill] of Object.entries(dues)) {
  test(`something falls due, and the server is killed ${name}: one breach, one remedy`, async () => {
    await begin(null);
    await negotiate();
    expect((await accept()).status).toBe(200);
    await app!.kill();
    {
      using file = new Database(join(data, "data.db"));
      file.run(`UPDATE "$commitment" SET "due" = ?1, "look" = ?1 WHERE "terms" ->> '$.orderId' = ?2`, [Date.now() - 3_600_000, id]);
    }
    if (kill !== null) {
      // It may be too quick to say that it is ready.
      const dying = await start(kill).catch(() => null);
      await dying?.exited;
      expect([commitments(), credits()]).toEqual(kill.when === "before COMMIT" ? [[["ACTIVE"]], []] : [[["REMEDIED"]], [[20]]]);
    }
    for (let again = 0; again < 2; again++) {
      app = await start(null);
      await until(commitments, [["REMEDIED"]]);
      await Bun.sleep(1_200);
      expect(credits()).toEqual([[20]]);
      await app.stop();
    }
    expect(values(`SELECT "late" FROM "$commitment" WHERE "terms" ->> '$.orderId' = ?1`, id)).toEqual([[1]]);
  }, 120_000);
}
