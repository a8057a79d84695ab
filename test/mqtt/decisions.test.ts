// Decisions over MQTT: a message on decide/NAME asks, its response topic gets the answer with the correlation data, and nobody else does. Rules and keys are those
// of every other way.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { connected, freePort, nextMessage, type TestClient } from "./mqtt-clients.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Order @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey refunded: Int! @default(value: 0) }
type Decisions {
  """Decide what to refund."""
  refund(orderId: ID!): Int! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @effect(operation: "Order.create", set: { id: "input.orderId", refunded: "out" })
    @bound(name: "cap", rule: "out <= 50", else: REFUSE, tell: "Too much.") @fallback(value: 0)
  ruled: Int! @decision(kind: RULE) @export(over: [REST]) @allow(to: ["support"]) @fallback(value: 7)
}`;

let app: StartedApp;
let model: ScriptedModel;
let port: number;
const clients: TestClient[] = [];
beforeAll(async () => {
  model = scriptedModel(() => []);
  port = await freePort();
  app = await startTestApp({ schema, config: `${keysFor("support", "other")}mqtt: { port: ${port} }\nmodels: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n` });
});
afterAll(async () => {
  for (const client of clients) await client.end(true);
  await app?.stop();
  await model?.stop();
});
beforeEach(() => {
  model.requests.length = 0;
  model.script = () => [{ name: "answer", arguments: "40" }];
});

async function client(name: string, options: object = {}): Promise<TestClient> {
  const made = await connected(port, { protocolVersion: 5, username: "x", password: `key-${name}`, ...options });
  clients.push(made);
  return made;
}

const asking = (correlation: string, more: object = {}): object => ({ retain: false, qos: 1, properties: { responseTopic: "decide/answers", correlationData: Buffer.from(correlation), ...more } });

test("the answer comes to the response topic of whoever asked, with the correlation data and how it came about", async () => {
  const [asks, listens] = [await client("support"), await client("support")];
  expect(await asks.subscribe("decide/answers", 1)).toEqual([1]);
  expect(await listens.subscribe("decide/answers", 1)).toEqual([1]);
  await asks.publish("decide/refund", { orderId: "a" }, asking("first"));
  const { topic, json, packet } = await nextMessage(asks);
  expect({ topic, json }).toEqual({ topic: "decide/answers", json: 40 });
  expect(packet.properties).toMatchObject({ correlationData: Buffer.from("first"), contentType: "application/json", userProperties: { status: "200", "ambit-source": "model", "ambit-run": expect.any(String) } });
  expect(app.running.tables.get("Order", "a")!.values["refunded"]).toBe(40);
  expect(listens.received).toEqual([]);
});

test("several at once, each with its own answer; a refusal is an answer, too", async () => {
  const asks = await client("support");
  model.script = ({ messages }) => [{ name: "answer", arguments: String(JSON.stringify(messages).includes("b3") ? 60 : 40) }];
  await Promise.all([1, 2, 3].map((number) => asks.publish("decide/refund", { orderId: `b${number}` }, asking(`b${number}`))));
  const said = [await nextMessage(asks), await nextMessage(asks), await nextMessage(asks)];
  const byName = new Map(said.map(({ packet, json }) => [String(packet.properties!.correlationData), { json, status: packet.properties!.userProperties!["status"] }]));
  expect(byName.get("b1")).toEqual({ json: 40, status: "200" });
  expect(byName.get("b3")).toMatchObject({ json: { code: "DECISION_REFUSED", details: { tells: ["Too much."] } }, status: "422" });
});

test("a key answers the same; arguments that are wrong are told where the answer would be", async () => {
  const asks = await client("support");
  const key = { userProperties: { "Idempotency-Key": "once" } };
  await asks.publish("decide/refund", { orderId: "c" }, asking("1", key));
  const first = await nextMessage(asks);
  await asks.publish("decide/refund", { orderId: "c" }, asking("2", key));
  const second = await nextMessage(asks);
  expect([second.json, second.packet.properties!.userProperties!["ambit-run"], second.packet.properties!.userProperties!["idempotency-replayed"]]).toEqual([40, first.packet.properties!.userProperties!["ambit-run"]!, "true"]);
  await asks.publish("decide/refund", { nonsense: 1 }, asking("3"));
  expect((await nextMessage(asks)).json).toMatchObject({ code: "VALIDATION_FAILED" });
});

test("without a response topic it is asked all the same, also by 3.1.1", async () => {
  const old = await client("support", { protocolVersion: 4 });
  await old.publish("decide/refund", { orderId: "d" }, { retain: false, qos: 1 });
  await until(() => app.running.tables.get("Order", "d") !== null, "the effect");
});

test("what one may not ask, is not exported, retained or malformed is refused by its reason code", async () => {
  const other = await client("other");
  const refusal = (sent: Promise<unknown>): Promise<number> => sent.then(() => 0, (error: { code: number }) => error.code);
  expect(await refusal(other.publish("decide/refund", { orderId: "e" }, asking("1")))).toBe(0x87);
  const asks = await client("support");
  expect(await refusal(asks.publish("decide/ruled", {}, asking("1")))).toBe(0x90);
  expect(await refusal(asks.publish("decide/nobody", {}, asking("1")))).toBe(0x90);
  expect(await refusal(asks.publish("decide/refund", { orderId: "e" }, { ...asking("1"), retain: true }))).toBe(0x83);
  expect(await refusal(asks.publish("decide/refund", "no json", asking("1")))).toBe(0x99);
  expect([other.received, asks.received, model.requests]).toEqual([[], [], []]);
});
