// Sessions: what is found again, who takes over, what is sent again, wills, the ends of tokens, and reloads. Real clients, and packets by hand
// where a client would not misbehave.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { connected, nextMessage, type TestClient } from "./mqtt-clients.ts";
import { PacketClient } from "./packet-client.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Item @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey price: Int! @default(value: 0) }
type Room @channel(key: "roomId") @export @allow(to: ["clerk"], do: [SUBSCRIBE, PUBLISH]) { roomId: ID! text: String! }
`;
const secret = "a-secret-of-at-least-32-characters-long";
const config = `mqtt: { port: 0 }
auth:
  keys: [{ token: key-clerk, subject: clerk, roles: [clerk] }, { token: key-other, subject: other, roles: [clerk] }]
  jwt: [{ issuer: test, secret: ${secret} }]
limits: { mqttInflight: 4 }
`;

let app: StartedApp;
const open = new Set<TestClient>();
beforeAll(async () => { app = await startTestApp({ schema, config }); });
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

async function rest(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(app.url + path, { method, headers: { "content-type": "application/json", authorization: "Bearer key-clerk" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return response.status === 204 ? null : response.json();
}

for (const qos of [0, 1, 2] as const) {
  for (const protocolVersion of [4, 5] as const) {
    test(`a kept session goes on by the log: every change since then, once (QoS ${qos}, version ${protocolVersion})`, async () => {
      const options = { protocolVersion, clientId: `log-${qos}-${protocolVersion}`, clean: false, ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}) };
      const first = await client(options);
      await rest("PUT", "/Item/a", { price: 1 });
      await first.subscribe("Item/+", qos);
      expect((await nextMessage(first)).json).toMatchObject({ price: 1 });
      await first.end();
      for (const price of [2, 3, 4, 5, 6, 7]) await rest("PUT", "/Item/a", { price });
      await rest("DELETE", "/Item/a");
      const second = await client(options);
      for (const price of [2, 3, 4, 5, 6, 7]) expect((await nextMessage(second)).json).toMatchObject({ id: "a", price });
      expect((await nextMessage(second)).json).toBe(null);
      await rest("PUT", "/Item/b", {});
      expect((await nextMessage(second)).json).toMatchObject({ id: "b" });
      await second.end();
      const clean = await client({ ...options, clean: true });
      await rest("PUT", "/Item/c", {});
      await clean.subscribe("Item/c", 0);
      await nextMessage(clean);
      expect(clean.received.length).toBe(1);
    });
  }
}

test("a second connection takes the session over; another subject's client of the same name is another", async () => {
  const first = await client({ clientId: "same" });
  const reasons: (number | undefined)[] = [];
  first.client.on("disconnect", ({ reasonCode }) => reasons.push(reasonCode));
  const other = await client({ clientId: "same", password: "key-other" });
  const second = await client({ clientId: "same" });
  await until(() => !first.client.connected, "the first is closed");
  expect([reasons, second.client.connected, other.client.connected]).toEqual([[0x8e], true, true]);
});

test("what was not acknowledged is sent again, with its packet id and DUP, and no more at once than agreed", async () => {
  for (const level of [1, 2] as const) {
    const options = { version: 5 as const, client: `raw-${level}`, clean: false, password: "key-clerk", properties: { sessionExpiryInterval: 60, receiveMaximum: 2 } };
    const raw = await PacketClient.open(app.running.mqtt.port!, options);
    await raw.subscribe("Room/1", level);
    const sender = await client();
    for (const text of ["a", "b", "c"]) await sender.publish("Room/1", { text }, { retain: false, qos: 2 });
    const [first, second] = [await raw.expect("publish"), await raw.expect("publish")];
    expect([first.dup, first.qos === level, await raw.isQuiet()]).toEqual([false, true, true]);
    raw.destroy();
    const again = await PacketClient.open(app.running.mqtt.port!, options);
    expect(again.connack.sessionPresent).toBe(true);
    const repeated = [await again.expect("publish"), await again.expect("publish")];
    expect(repeated.map(({ dup, messageId, payload }) => [dup, messageId, String(payload)])).toEqual([first, second].map(({ messageId, payload }) => [true, messageId, String(payload)]));
    if (level === 1) again.send({ cmd: "puback", messageId: first.messageId! });
    else {
      again.send({ cmd: "pubrec", messageId: first.messageId! });
      expect((await again.expect("pubrel")).messageId).toBe(first.messageId);
      again.destroy();
      const third = await PacketClient.open(app.running.mqtt.port!, options);
      expect([(await third.expect("pubrel")).messageId, (await third.expect("publish")).messageId]).toEqual([first.messageId, second.messageId]);
      third.send({ cmd: "pubcomp", messageId: first.messageId! });
      const last = await third.expect("publish");
      expect([last.dup, String(last.payload)]).toEqual([false, '{"roomId":"1","text":"c"}']);
      third.destroy();
      continue;
    }
    const last = await again.expect("publish");
    expect([last.dup, String(last.payload)]).toEqual([false, '{"roomId":"1","text":"c"}']);
    again.destroy();
  }
});

test("a message of QoS 2 that comes again over another connection is carried out once", async () => {
  const options = { version: 4 as const, client: "twice", clean: false, password: "key-clerk" };
  const publish = { cmd: "publish", topic: "Item/q", payload: '{"price":1}', qos: 2, retain: true, messageId: 7 } as const;
  const raw = await PacketClient.open(app.running.mqtt.port!, options);
  raw.send({ ...publish, dup: false });
  await raw.expect("pubrec");
  raw.destroy();
  const version = async (): Promise<string | null> => (await fetch(`${app.url}/Item/q`, { headers: { authorization: "Bearer key-clerk" } })).headers.get("etag");
  const before = await version();
  const again = await PacketClient.open(app.running.mqtt.port!, options);
  again.send({ ...publish, payload: '{"price":2}', dup: true });
  await again.expect("pubrec");
  expect(await version()).toBe(before);
  again.send({ cmd: "pubrel", messageId: 7 });
  await again.expect("pubcomp");
  again.send({ ...publish, payload: '{"price":3}', dup: false });
  await again.expect("pubrec");
  expect(await rest("GET", "/Item/q")).toMatchObject({ price: 3 });
  again.destroy();
});

test("wills: said when a client goes without a word, taken back when it comes again in time, judged by its rights", async () => {
  const watcher = await client({ keepalive: 0 });
  await watcher.subscribe("Room/wills", 1);
  const will = { topic: "Room/wills", payload: '{"text":"gone"}', qos: 1 as const, retain: false };
  const polite = await client({ will });
  await polite.end();
  const rude = await client({ will });
  rude.client.stream.destroy();
  expect((await nextMessage(watcher)).json).toMatchObject({ text: "gone" });
  const late = { clientId: "late", clean: false, properties: { sessionExpiryInterval: 60 }, will: { ...will, payload: '{"text":"late"}', properties: { willDelayInterval: 60 } } };
  const first = await client(late);
  first.client.stream.destroy();
  await until(() => !first.client.connected, "it has gone");
  const second = await client(late);
  app.clock.advance(60_000);
  await Bun.sleep(50);
  expect(watcher.received.length).toBe(1);
  second.client.stream.destroy();
  await until(() => watcher.received.length > 1, "the server has noticed, and the delay is over", { meanwhile: () => app.clock.advance(1_000) });
  expect((await nextMessage(watcher)).json).toMatchObject({ text: "late" });
  const stranger = await connected(app.running.mqtt.port!, { will });
  open.add(stranger);
  stranger.client.stream.destroy();
  await until(() => app.log.some((line) => line.includes("will-refused")), "the will is refused");
  expect(watcher.received.length).toBe(2);
});

test("a token that ends, ends the connection; a wrong one is refused", async () => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${part({ alg: "HS256", typ: "JWT" })}.${part({ iss: "test", sub: "ann", roles: ["clerk"], exp: Math.floor(app.clock.now() / 1_000) + 3_600 })}`;
  const token = `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
  const ann = await client({ password: token });
  const reasons: (number | undefined)[] = [];
  ann.client.on("disconnect", ({ reasonCode }) => reasons.push(reasonCode));
  await ann.publish("Item/ann", {}, { qos: 1 });
  app.clock.advance(3_600_000);
  await until(() => reasons.length > 0, "the end of the token");
  expect(reasons).toEqual([0x87]);
  await expect(connected(app.running.mqtt.port!, { protocolVersion: 5, password: "nobody", username: "x" })).rejects.toThrow(/password/i);
  await expect(connected(app.running.mqtt.port!, { protocolVersion: 4, password: "nobody", username: "x" })).rejects.toThrow(/password/i);
}, 120_000);

test("a reload keeps connections; who may no longer see it is told that it is gone", async () => {
  const local = await startTestApp({ schema, config });
  try {
    const file = join(local.directory, "schema.graphql");
    const one = await connected(local.running.mqtt.port!, { protocolVersion: 5, username: "x", password: "key-clerk" });
    await one.publish("Item/a", { price: 1 }, { qos: 1 });
    await one.subscribe("#", 1);
    await nextMessage(one);
    for (const [next, told] of [[`${schema}type More @table @export @allow(to: ["clerk"], do: [READ]) { id: ID! @primaryKey }`, { id: "a", price: 1 }], [schema.replace('type Item @table @export @allow(to: ["clerk"]', 'type Item @table @export @allow(to: ["boss"]'), null]] as const) {
      writeFileSync(file, next);
      expect((await local.running.reload({ typeCheck: false })).filter(({ severity }) => severity === "error")).toEqual([]);
      expect((await nextMessage(one)).json).toEqual(told);
    }
    await one.publish("Room/1", { text: "still there" }, { qos: 1, retain: false });
    expect((await nextMessage(one)).json).toMatchObject({ text: "still there" });
    await one.end();
  } finally {
    await local.stop();
  }
});

test("a stop says so to each client, leaves their wills, and their sessions are found again", async () => {
  const local = await startTestApp({ schema, config });
  const one = await connected(local.running.mqtt.port!, { protocolVersion: 5, username: "x", password: "key-clerk", will: { topic: "Item/will", payload: Buffer.from('{"price":9}'), qos: 1, retain: true } });
  const reasons: (number | undefined)[] = [];
  one.client.on("disconnect", ({ reasonCode }) => reasons.push(reasonCode));
  const stored: unknown[] = [];
  local.running.tables.onCommitted(({ changes }) => stored.push(...changes.map(({ id, new: record }) => [id, record?.["price"]])));
  await local.stop();
  await until(() => !one.client.connected, "the end");
  expect([reasons, stored]).toEqual([[0x8b], [["will", 9]]]);
});
