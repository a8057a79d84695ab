// Approvals and negotiations over MQTT: a message on the path that they have over REST, answered on its response topic; the same rules, keys and refusals. One
// word counts, whichever interface it comes over.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { connected, freePort, nextMessage, type TestClient } from "./mqtt-clients.ts";

const schema = `
type Order @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey refunded: Int! @default(value: 0) }
type Decisions {
  """Decide what to refund."""
  refund(orderId: ID!): Int! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @effect(operation: "Order.create", set: { id: "input.orderId", refunded: "out" })
    @bound(name: "cap", rule: "out <= 100") @approval(when: "out > 50", by: ["manager", "director"], within: "PT1H") @fallback(value: 0)
  """Negotiate the price."""
  deal: Int! @decision(mode: ENFORCE) @export @allow(to: ["buyer"]) @bound(name: "floor", rule: "out >= 70") @negotiates(rounds: 3, offerTtl: "PT1H", taint: ALLOW) @fallback(value: 90)
  """Negotiate over REST."""
  plain: Int! @decision(mode: ENFORCE) @export(over: [REST]) @allow(to: ["buyer"]) @bound(name: "floor", rule: "out >= 70") @negotiates(offerTtl: "PT1H", taint: ALLOW) @fallback(value: 90)
}`;

let app: StartedApp;
let model: ScriptedModel;
let port: number;
let orders = 0;
const clients: TestClient[] = [];
beforeAll(async () => {
  model = scriptedModel(() => []);
  port = await freePort();
  app = await startTestApp({ schema, config: `${keysFor("support", "manager", "director", "clerk", "buyer")}mqtt: { port: ${port} }\nmodels: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n` });
});
afterAll(async () => {
  for (const client of clients) await client.end(true);
  await app?.stop();
  await model?.stop();
});
beforeEach(() => { model.script = () => [{ name: "answer", arguments: "80" }]; });

async function client(name: string, options: object = {}): Promise<TestClient> {
  const made = await connected(port, { protocolVersion: 5, username: "x", password: `key-${name}`, ...options });
  clients.push(made);
  return made;
}

async function rest(who: string, method: string, path: string, body?: object, headers: object = {}): Promise<{ status: number; body: unknown }> {
  const response = await fetch(app.url + path, { method, headers: { "content-type": "application/json", authorization: `Bearer key-${who}`, ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, body: await response.json() };
}

interface Said { readonly status: string | undefined; readonly replayed: string | undefined; readonly json: unknown }
/** `body` null: an empty message. */
async function ask(from: TestClient, topic: string, body: object | null = null, key?: string): Promise<Said> {
  await from.publish(topic, body ?? "", { retain: false, qos: 1, properties: { responseTopic: "here", correlationData: Buffer.from(topic), ...(key === undefined ? {} : { userProperties: { "Idempotency-Key": key } }) } });
  const { json, packet } = await nextMessage(from);
  const told = packet.properties!.userProperties as Record<string, string>;
  expect(String(packet.properties!.correlationData)).toBe(topic);
  return { status: told["status"], replayed: told["idempotency-replayed"], json };
}
const waiting = async (): Promise<{ id: string; hash: string; run: string }> => {
  await rest("support", "POST", "/decide/refund", { orderId: `o${++orders}` });
  return ((await rest("manager", "GET", "/approvals?limit=100")).body as { id: string; hash: string; run: string }[]).at(-1)!;
};
const refusal = (sent: Promise<unknown>): Promise<number> => sent.then(() => 0, (error: { code: number }) => error.code);

test("the queue is asked for and one of it, as GET answers; a word decides, under a key with the same answer", async () => {
  const manager = await client("manager");
  const shown = await waiting();
  expect(await ask(manager, "approvals")).toMatchObject({ status: "200", json: (await rest("manager", "GET", "/approvals")).body as never });
  expect(await ask(manager, "approvals", { limit: 0 })).toMatchObject({ status: "200", json: [] });
  expect((await ask(manager, `approvals/${shown.id}`)).json).toEqual((await rest("manager", "GET", `/approvals/${shown.id}`)).body);
  expect(await ask(manager, `approvals/${shown.id}`, { verdict: "APPROVE", hash: "0" })).toMatchObject({ status: "409", json: { code: "APPROVAL_VOID" } });
  const word = { verdict: "APPROVE", hash: shown.hash };
  const first = await ask(manager, `approvals/${shown.id}`, word, "k1");
  expect(first).toMatchObject({ status: "200", json: { state: "APPROVED", run: { state: "DECIDED_BY_HUMAN", output: 80 } } });
  expect(await ask(manager, `approvals/${shown.id}`, word, "k1")).toEqual({ ...first, replayed: "true" });
  expect((await rest("manager", "POST", `/approvals/${shown.id}`, word, { "idempotency-key": "k1" })).body).toEqual(first.json);
});

test("who may not know of it is told so; without a response topic it is done all the same, and refused by its reason code", async () => {
  const shown = await waiting();
  const clerk = await client("clerk");
  expect(await ask(clerk, "approvals")).toMatchObject({ status: "200", json: [] });
  expect(await ask(clerk, `approvals/${shown.id}`)).toMatchObject({ status: "404" });
  const word = { verdict: "REJECT", reason: "no" };
  expect(await refusal(clerk.publish(`approvals/${shown.id}`, word, { retain: false, qos: 1 }))).toBe(0x90);
  const director = await client("director");
  expect(await refusal(director.publish(`approvals/${shown.id}`, word, { retain: true, qos: 1 }))).toBe(0x83);
  expect(await refusal(director.publish(`approvals/${shown.id}/more`, word, { retain: false, qos: 1 }))).toBe(0x90);
  expect(await refusal(director.publish("approvals", { offset: 1 }, { retain: false, qos: 1 }))).toBe(0x99);
  const old = await client("director", { protocolVersion: 4 });
  await old.publish(`approvals/${shown.id}`, word, { retain: false, qos: 1 });
  expect((await rest("director", "GET", `/approvals/${shown.id}`)).body).toMatchObject({ state: "REJECTED" });
});

test("two at once, one over MQTT and one over REST: one word counts", async () => {
  const manager = await client("manager");
  for (let round = 1; round <= 5; round++) {
    const { id, hash } = await waiting();
    const word = { verdict: "APPROVE", hash };
    const [message, request] = await Promise.all([ask(manager, `approvals/${id}`, word), rest("director", "POST", `/approvals/${id}`, word)]);
    expect([Number(message.status), request.status].sort()).toEqual([200, 409]);
  }
});

test("a negotiation: begun by the decision's topic or by its own, countered, accepted, declined; where it is exported", async () => {
  const buyer = await client("buyer");
  const begun = await ask(buyer, "decide/deal", {}, "begin");
  expect(begun).toMatchObject({ status: "201", json: { state: "OPEN", offer: { terms: 80 } } });
  expect((await ask(buyer, "decide/deal", {}, "begin")).json).toEqual(begun.json);
  const { id } = begun.json as { id: string };
  model.script = () => [{ name: "answer", arguments: "75" }];
  const countered = await ask(buyer, `negotiations/${id}/counter`, { terms: 71 });
  expect(countered).toMatchObject({ status: "200", json: { round: 2, offer: { terms: 75 } } });
  const { offer } = countered.json as { offer: { id: string; hash: string } };
  expect((await ask(buyer, `negotiations/${id}`)).json).toMatchObject({ id, round: 2 });
  expect(await ask(buyer, `offers/${offer.id}/accept`, { hash: offer.hash })).toMatchObject({ status: "200", json: { state: "ACCEPTED" } });
  expect(await ask(buyer, `offers/${offer.id}`)).toMatchObject({ json: { state: "ACCEPTED" } });
  expect(await ask(buyer, "commitments", { limit: 5 })).toMatchObject({ status: "200", json: [] });
  const other = (await ask(buyer, "negotiations", { decision: "deal" })).json as { offer: { id: string } };
  expect(await ask(buyer, `offers/${other.offer.id}/decline`)).toMatchObject({ status: "200", json: { state: "DECLINED" } });
  expect(await ask(await client("clerk"), `negotiations/${id}`)).toMatchObject({ status: "404" });
  expect(await refusal(buyer.publish("negotiations", { decision: "plain" }, { retain: false, qos: 1 }))).toBe(0x90);
  expect((await rest("buyer", "POST", "/negotiations", { decision: "plain" })).status).toBe(201);
});
