// Writes that are refused, and what a client of version 5 may say with one: conditions and keys. What a subscriber may ask for.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { IPublishPacket } from "mqtt";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { connected, nextMessage, type TestClient } from "./mqtt-clients.ts";
import { PacketClient } from "./packet-client.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Item @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) @allow(to: ["reader"], do: [READ])
  @check(rule: "record.price != 13", message: "Not thirteen.") { id: ID! @primaryKey price: Int! @default(value: 0) }
type Doubled @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey price: Int! @default(value: 0) }
`;
const resources = `/// <reference path="./.ambit/types.d.ts" />
import { Table } from "ambit";
export class Doubled extends Table("Doubled") {
  static async create(ctx, input) { return super.create(ctx, { ...input, price: input.price * 2 }); }
}
`;
const config = `mqtt: { port: 0 }
auth: { keys: [{ token: key-clerk, subject: clerk, roles: [clerk] }, { token: key-reader, subject: reader, roles: [reader] }] }
`;

let app: StartedApp;
const open = new Set<TestClient>();
beforeAll(async () => { app = await startTestApp({ schema, resources, config }); });
afterAll(() => app?.stop());
afterEach(async () => {
  for (const client of open) await client.end(true);
  open.clear();
  await rest("DELETE", "/Item?id=not.is.null");
});

async function client(options: object = {}): Promise<TestClient> {
  const made = await connected(app.running.mqtt.port!, { protocolVersion: 5, username: "x", password: "key-clerk", ...options });
  open.add(made);
  return made;
}

async function rest(method: string, path: string): Promise<Response> {
  return fetch(app.url + path, { method, headers: { authorization: "Bearer key-clerk" } });
}

/** Reason code and problem of PUBACK. */
async function answer(raw: PacketClient, publish: Partial<IPublishPacket>): Promise<[number, string | null]> {
  raw.send({ cmd: "publish", topic: "Item/a", payload: "{}", qos: 1, messageId: 1, dup: false, retain: true, ...publish } as IPublishPacket);
  const packet = await raw.expect("puback") as { reasonCode?: number; properties?: { reasonString?: string; userProperties?: { problem?: string } } };
  const problem = packet.properties?.userProperties?.problem;
  return [packet.reasonCode ?? 0, problem === undefined ? null : (JSON.parse(problem) as { code: string }).code];
}

test("version 5: each refusal has its reason code and the whole problem", async () => {
  const options = { version: 5 as const, client: "", password: "key-clerk" };
  const raw = await PacketClient.open(app.running.mqtt.port!, options);
  const reader = await PacketClient.open(app.running.mqtt.port!, { ...options, password: "key-reader" });
  expect(await answer(raw, { payload: "{" })).toEqual([0x99, "MALFORMED_JSON"]);
  expect(await answer(raw, { payload: '{"price":"dear"}' })).toEqual([0x99, "VALIDATION_FAILED"]);
  expect(await answer(raw, { payload: "[]" })).toEqual([0x99, "VALIDATION_FAILED"]);
  expect(await answer(raw, { payload: Buffer.from([0xff, 0xfe]) })).toEqual([0x99, "MALFORMED_BODY"]);
  expect(await answer(raw, { payload: '{"price":13}' })).toEqual([0x83, "CHECK_FAILED"]);
  expect(await answer(raw, { retain: false })).toEqual([0x83, "METHOD_NOT_ALLOWED"]);
  expect(await answer(raw, { topic: "Nothing/a" })).toEqual([0x90, "NOT_FOUND"]);
  expect(await answer(raw, { topic: "Item" })).toEqual([0x90, "NOT_FOUND"]);
  expect(await answer(reader, {})).toEqual([0x87, "FORBIDDEN"]);
  const quiet = await PacketClient.open(app.running.mqtt.port!, { ...options, properties: { requestProblemInformation: false } });
  expect(await answer(quiet, { payload: "{" })).toEqual([0x99, null]);
  const narrow = await PacketClient.open(app.running.mqtt.port!, { ...options, properties: { maximumPacketSize: 30 } });
  expect(await answer(narrow, { payload: "{" })).toEqual([0x99, null]);
  expect((await rest("GET", "/Item/a")).status).toBe(404);
  for (const one of [raw, reader, quiet, narrow]) one.destroy();
});

test("conditions and keys", async () => {
  const raw = await PacketClient.open(app.running.mqtt.port!, { version: 5, client: "", password: "key-clerk" });
  const property = (userProperties: Record<string, string>): Partial<IPublishPacket> => ({ properties: { userProperties } });
  expect(await answer(raw, property({ "If-None-Match": "*" }))).toEqual([0, null]);
  expect(await answer(raw, property({ "if-none-match": "*" }))).toEqual([0x83, "PRECONDITION_FAILED"]);
  const tag = (await rest("GET", "/Item/a")).headers.get("etag")!;
  expect(await answer(raw, { payload: '{"price":1}', ...property({ "If-Match": tag }) })).toEqual([0, null]);
  expect(await answer(raw, { payload: '{"price":2}', ...property({ "If-Match": tag }) })).toEqual([0x83, "PRECONDITION_FAILED"]);
  expect(await answer(raw, { payload: "", ...property({ "If-Match": '"v1"' }) })).toEqual([0x83, "PRECONDITION_FAILED"]);
  const key = property({ "Idempotency-Key": "0123456789abcdef0123456789abcdef" });
  expect(await answer(raw, { payload: '{"price":5}', ...key })).toEqual([0, null]);
  expect(await answer(raw, { payload: '{"price":6}' })).toEqual([0, null]);
  expect(await answer(raw, { payload: '{"price":5}', ...key })).toEqual([0, null]);
  expect(await answer(raw, { payload: '{"price":7}', ...key })).toEqual([0x83, "IDEMPOTENCY_MISMATCH"]);
  expect(await (await rest("GET", "/Item/a")).json()).toMatchObject({ price: 6 });
  raw.destroy();
});

test("3.1.1 is closed by a refusal, at every QoS; QoS 0 of version 5 goes on", async () => {
  for (const qos of [0, 1, 2] as const) {
    const raw = await PacketClient.open(app.running.mqtt.port!, { version: 4, client: "", password: "key-clerk" });
    raw.send({ cmd: "publish", topic: "Item/a", payload: "{", qos, messageId: 1, dup: false, retain: true });
    await raw.closed();
  }
  const raw = await PacketClient.open(app.running.mqtt.port!, { version: 5, client: "", password: "key-clerk" });
  raw.send({ cmd: "publish", topic: "Item/a", payload: "{", qos: 0, dup: false, retain: true });
  expect(await answer(raw, {})).toEqual([0, null]);
  raw.destroy();
});

test("overrides hold, with QoS 2 once; acknowledgements keep the order of the messages", async () => {
  const clerk = await client({ clientId: "once", clean: false, properties: { sessionExpiryInterval: 60 } });
  await clerk.publish("Doubled/a", { price: 4 }, { qos: 2 });
  expect(await (await rest("GET", "/Doubled/a")).json()).toMatchObject({ price: 8 });
  const raw = await PacketClient.open(app.running.mqtt.port!, { version: 5, client: "", password: "key-clerk" });
  for (let messageId = 1; messageId <= 20; messageId++) {
    raw.send({ cmd: "publish", topic: messageId % 3 === 0 ? "Doubled/b" : `Item/${messageId % 2}`, payload: `{"price":${messageId}}`, qos: 1, messageId, dup: false, retain: true });
  }
  const order: number[] = [];
  while (order.length < 20) order.push((await raw.expect("puback")).messageId!);
  expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  expect(await (await rest("GET", "/Item/0")).json()).toMatchObject({ price: 20 });
  raw.destroy();
});

test("No Local, retain as published, retain handling, identifiers", async () => {
  const [clerk, other] = [await client(), await client()];
  await other.publish("Item/a", { price: 1 }, { qos: 1 });
  await clerk.subscribe("Item/+", 1, { nl: true, rap: true, rh: 2, properties: { subscriptionIdentifier: 300 } });
  await clerk.publish("Item/a", { price: 2 }, { qos: 1 });
  await other.publish("Item/a", { price: 3 }, { qos: 1 });
  const first = await nextMessage(clerk);
  expect([first.json, first.retain, first.packet.properties?.subscriptionIdentifier]).toEqual([{ id: "a", price: 3 }, true, 300]);
  await clerk.subscribe("Item/+", 1, { rh: 1 });
  await clerk.subscribe("Item/a", 1, { rh: 1 });
  expect((await nextMessage(clerk)).retain).toBe(true);
  await clerk.subscribe("Item/a", 1, { rh: 0 });
  expect((await nextMessage(clerk)).retain).toBe(true);
  await until(() => clerk.received.length === 3, "no more");
});
