// The billing backend's promise 2, over HTTP and sockets: whatever a company asks for, by whatever way and with whatever right, no row of another one is in the answer.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";
import type { HttpAnswer, HttpCaller } from "../processes/http-caller.ts";
import { RawSocket } from "../scenarios/live-clients.ts";
import { expectStatus } from "./store-process.ts";
import { type Billing, contractOf, invoicesOf, paying, startBilling, until } from "./subscriptions-process.ts";

setDefaultTimeout(60_000);
const NEVER_MS = 86_400_000;
const TABLES = ["Company", "User", "Contract", "PlanSpan", "Invoice", "Offer", "Notice", "UsageEvent"] as const;
const WORDS = ["Company-of-acme", "user@of-acme.example", "meter-of-acme", "Champion-of-acme", "reason-of-acme"];

let billing: Billing;
let model: ScriptedModel;
/** Of acme, by table. */
let ids: ReadonlyMap<string, readonly string[]>;
let run: string;
let approval: string;
/** What belongs to acme alone. */
let secrets: readonly string[];
const tokens = { owner: "key-of-the-owner-of-globex", meter: "key-of-the-meter-of-globex", care: "key-of-who-cares-for-globex", manager: "key-of-the-manager-for-globex" } as const;
const everybody = (): HttpCaller[] => [billing.globex.owner, billing.globex.meter, billing.globex.care, billing.globex.manager, billing.anonymous];
const use = (who: HttpCaller, eventId: string, units: number, meter: string): Promise<HttpAnswer> => who.post("/UsageEvent", { eventId, meter, units, at: "2026-01-02T00:00:00Z" });

beforeAll(async () => {
  model = scriptedModel(() => [{ name: "answer", arguments: { planId: "business", credit: 100, reason: "reason-of-acme" } }]);
  billing = await startBilling({ trialMs: NEVER_MS, dunningMs: NEVER_MS }, { MODEL_URL: model.url, MODEL_KEY: "key-of-the-model", PERIOD_MS: "3000" });
  const { acme, globex, administrator } = billing;
  expectStatus(await administrator.post("/Company", { id: "acme", name: "Company-of-acme" }), 201);
  const contract = await paying(billing, acme);
  await paying(billing, globex, "starter");
  await until(() => invoicesOf(acme), (found) => found.length > 0);
  await until(() => invoicesOf(globex), (found) => found.length > 0);
  // No more of them while the probe counts.
  for (const company of [acme, globex]) {
    const { id } = await contractOf(company);
    expectStatus(await billing.tell(`failed-${id}`, { type: "PAYMENT_FAILED", contractId: id, sequence: 2 }), 200);
    expectStatus(await billing.tell(`gone-${id}`, { type: "CANCELLED", contractId: id, sequence: 3 }), 200);
    await until(() => contractOf(company), ({ periodEndsAt }) => periodEndsAt === null);
  }
  expectStatus(await acme.owner.post("/User", { email: "user@of-acme.example", roles: ["member"] }), 201);
  expectStatus(await use(acme.meter, "event", 111_111, "meter-of-acme"), 201);
  expectStatus(await use(globex.meter, "event", 22, "calls"), 201);
  expectStatus(await administrator.post("/Notice", { companyId: "acme", contractId: contract.id, kind: "REMINDER", level: 1 }), 201);
  expectStatus(await acme.care.post(`/memory/Contract/${contract.id}`, { champion: "Champion-of-acme" }), 201);
  expectStatus(await acme.care.post("/decide/suggestUpgrade", { contractId: contract.id }), 200);
  model.script = () => [{ name: "answer", arguments: { planId: "business", credit: 10_000, reason: "reason-of-acme" } }];
  run = expectStatus(await acme.care.post("/decide/suggestUpgrade", { contractId: contract.id }), 202).json<{ run: string }>().run;
  approval = expectStatus(await acme.manager.get("/approvals"), 200).json<{ id: string }[]>()[0]!.id;
  const rows = async (table: string): Promise<string[]> => expectStatus(await administrator.get(`/${table}?${table === "Company" ? "id" : "companyId"}=eq.acme&select=id`), 200).json<{ id: string }[]>().map(({ id }) => id);
  ids = new Map(await Promise.all(TABLES.map(async (table) => [table, await rows(table)] as const)));
  for (const found of ids.values()) expect(found.length).toBeGreaterThan(0);
  secrets = [...WORDS, '"acme"', "111111", run, approval, ...[...ids.values()].flat().filter((id) => id !== "acme")];
});
afterAll(async () => {
  await billing?.stop();
  await model?.stop();
});

/** What the probe said itself may come back in a problem. */
function expectNothing(asked: string, answer: string): void {
  const told = secrets.filter((secret) => !asked.includes(secret.replaceAll('"', "")) && answer.includes(secret));
  if (told.length > 0) throw new Error(`${asked} tells ${told.join(", ")}: ${answer}`);
}

async function probe(who: HttpCaller, method: string, path: string, body?: unknown): Promise<HttpAnswer> {
  const answer = await who.send(method, path, body);
  expectNothing(`${method} ${path} ${JSON.stringify(body ?? null)}`, `${answer.text} ${JSON.stringify([...answer.headers])}`);
  expect(answer.status).toBeLessThan(500);
  return answer;
}

test("2: lists, filters, counts, sums, orders and embeds", async () => {
  for (const who of everybody()) {
    for (const table of TABLES) {
      const list = ids.get(table)!.join(",");
      for (const query of ["", "?limit=1000", "?select=count()", "?order=id.desc", "?companyId=eq.acme", "?select=*,contract(*,plan(*))", "?select=*,notices(*)", "?or=(companyId.eq.acme,companyId.neq.acme)", "?companyId=neq.globex", "?asof=2099-01-01T00:00:00Z", "?search=acme"]) await probe(who, "GET", `/${table}${query}`);
      const named = await probe(who, "GET", `/${table}?id=in.(${list})`);
      if (named.status === 200) expect(named.json<object[]>()).toEqual([]);
      const counted = await probe(who, "GET", `/${table}?id=in.(${list})&select=count()`);
      if (counted.status === 200) expect(counted.json<object[]>()).toEqual([{ count: 0 }]);
    }
  }
  // The same questions do find one's own, and what looks for leaks would see them.
  const own = await billing.acme.owner.get("/UsageEvent");
  expect(() => { expectNothing("GET /UsageEvent", own.text); }).toThrow("meter-of-acme");
  expect((await billing.globex.owner.get("/UsageEvent?select=count(),units.sum()")).json()).toEqual([{ count: 1, sum: 22 }]);
  expect((await billing.acme.owner.get("/UsageEvent?select=count(),units.sum()")).json()).toEqual([{ count: 1, sum: 111_111 }]);
  for (const table of ["Contract", "Invoice", "PlanSpan"]) expect((await billing.globex.owner.get(`/${table}`)).json<object[]>().length).toBeGreaterThan(0);
});

test("2: records by their id: not there to read, to change, to remove, nor to act on", async () => {
  for (const who of everybody()) {
    for (const table of TABLES) {
      for (const id of ids.get(table)!) {
        for (const [method, path, body] of [
          ["GET", `/${table}/${id}`], ["GET", `/${table}/${id}?select=id`], ["HEAD", `/${table}/${id}`], ["GET", `/${table}/${id}/history`], ["DELETE", `/${table}/${id}`], ["PATCH", `/${table}/${id}`, { companyId: "globex" }], ["PUT", `/${table}/${id}`, {}],
        ] as const) expect((await probe(who, method, path, body)).status).toBeGreaterThanOrEqual(400);
      }
    }
    const [contract] = ids.get("Contract")!;
    for (const [path, body] of [
      [`/Contract/${contract}/forget`, {}], [`/Contract/${contract}/offer`, { planId: "team", credit: 1, reason: "-" }], [`/Contract/${contract}/retry`, { planId: "firm" }], [`/memory/Contract/${contract}`, { regulated: true }],
      ["/decide/careFor", { contractId: contract }], ["/decide/suggestUpgrade", { contractId: contract }], ["/decide/retryPayment", { contractId: contract }], [`/approvals/${approval}`, { verdict: "REJECT", reason: "-" }],
      ["/batch", { operations: [{ id: "a", method: "GET", path: `/Contract/${contract}` }] }], ["/hooks/provider", { type: "CANCELLED", contractId: contract, sequence: 9 }],
    ] as const) expect((await probe(who, "POST", path, body)).status).toBeGreaterThanOrEqual(400);
    for (const path of [`/memory/Contract/${contract}`, `/runs/${run}`, `/runs/${run}/trace`, `/runs/${run}/receipt`, `/approvals/${approval}`]) expect((await probe(who, "GET", path)).status).toBeGreaterThanOrEqual(400);
    expect((await probe(who, "DELETE", `/runs/${run}`)).status).toBeGreaterThanOrEqual(400);
    for (const path of ["/approvals", "/decide", "/openapi.json", "/auth/get-session"]) await probe(who, "GET", path);
  }
  expect((await billing.acme.owner.get("/UsageEvent")).json<object[]>()).toHaveLength(1);
  expect((await billing.acme.manager.get("/approvals")).json<object[]>()).toHaveLength(1);
});

test("2: GraphQL, with and without an id", async () => {
  for (const who of everybody()) {
    for (const table of TABLES) {
      const name = table[0]!.toLowerCase() + table.slice(1);
      for (const query of [`{ ${name}List { rows { id } next } }`, `{ ${name}Aggregate { count } }`, ...ids.get(table)!.map((id) => `{ ${name}(id: "${id}") { id } }`)]) await probe(who, "POST", "/graphql", { query });
    }
  }
  const mine = await billing.globex.owner.post("/graphql", { query: "{ usageEventAggregate { count } contractList { rows { companyId } } }" });
  expect(mine.json<{ data: object }>().data).toEqual({ usageEventAggregate: [{ count: 1 }], contractList: { rows: [{ companyId: "globex" }] } });
});

test("2: what is decided for one company is shown nothing of another", async () => {
  model.requests.length = 0;
  const { id } = await contractOf(billing.globex);
  for (const decision of ["careFor", "suggestUpgrade"]) await billing.globex.care.post(`/decide/${decision}`, { contractId: id });
  expect(model.requests.length).toBeGreaterThanOrEqual(2);
  for (const request of model.requests) expectNothing("a model", JSON.stringify(request.messages[1]));
  expect(JSON.parse(model.requests[0]!.messages[1]!.content as string)).toMatchObject({ contexts: { contract: { id } } });
});

test("2: followed queries, as events and over a socket, while the other company writes", async () => {
  const told: string[] = [];
  const ends = new AbortController();
  const sockets: RawSocket[] = [];
  for (const token of Object.values(tokens)) {
    const socket = await RawSocket.open(Number(new URL(billing.url()).port), token);
    socket.onFrame = (frame) => { told.push(JSON.stringify(frame)); };
    for (const table of TABLES) socket.send({ op: "subscribe", id: table, query: `/${table}` });
    sockets.push(socket);
    for (const table of TABLES) {
      const response = await fetch(`${billing.url()}/${table}`, { headers: { authorization: `Bearer ${token}`, accept: "text/event-stream" }, signal: ends.signal });
      void (async () => { for await (const part of response.body!.pipeThrough(new TextDecoderStream())) told.push(part); })().catch(() => null);
    }
  }
  expectStatus(await use(billing.acme.meter, "followed", 111_111, "meter-of-acme"), 201);
  expectStatus(await billing.acme.owner.post("/User", { email: "user@of-acme.example".replace("user", "other"), roles: ["member"] }), 201);
  expectStatus(await billing.administrator.patch("/Company/acme", { name: "Company-of-acme, again" }), 204);
  // What is written last, and is their own, comes after all of that.
  expectStatus(await use(billing.globex.meter, "own", 1, "meter-of-globex"), 201);
  await until(async () => told.filter((one) => one.includes("meter-of-globex")).length, (count) => count >= 4);
  ends.abort();
  for (const socket of sockets) socket.close();
  expectNothing("a follower", told.join("\n"));
  expect(told.join("\n")).not.toContain("of-acme");
});
