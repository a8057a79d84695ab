// Clients that do not keep to the rules: each is closed, cheaply, and the others do not notice. And the bounds, each of which is reached.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { seededRandom } from "../../src/base/random.ts";
import { generate } from "mqtt-packet";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { connected, nextMessage } from "./mqtt-clients.ts";
import { PacketClient } from "./packet-client.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Item @table @export @allow(to: ["public"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey text: String }
type Room @channel(key: "roomId") @export @allow(to: ["public"], do: [SUBSCRIBE, PUBLISH]) { roomId: ID! text: String! }
`;
const config = `mqtt: { port: 0 }
limits: { authMs: 300, mqttConnections: 30, mqttSubscriptions: 3, mqttPacketBytes: 5000, mqttInflight: 5, mqttTopicAliases: 2, mqttSessions: 2, mqttSessionMs: 60000, retainedMatches: 2, connectionQueueBytes: 200000, answerBytes: 400000 }
`;
const size = process.env["AMBIT_TEST_SIZE"] === "long" ? 20_000 : 500;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, config }); });
afterAll(() => app?.stop());

const port = (): number => app.running.mqtt.port!;
const open = (version: 4 | 5 = 5, more: object = {}): Promise<PacketClient> => PacketClient.open(port(), { version, client: "", ...more });

/** Everybody else is served as before. */
async function isServed(): Promise<void> {
  const client = await open(4);
  client.send({ cmd: "pingreq" });
  await client.expect("pingresp");
  client.destroy();
}

test("who says nothing, or not who it is, is closed in time", async () => {
  const silent = new PacketClient(port(), 4);
  const early = new PacketClient(port(), 4);
  early.send({ cmd: "pingreq" });
  await early.closed();
  await silent.closed();
  await isServed();
});

const connect = generate({ cmd: "connect", protocolId: "MQTT", protocolVersion: 5, clientId: "", clean: true, keepalive: 0 });
const malformed: Readonly<Record<string, Uint8Array>> = {
  "no packet": Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
  "a length without end": Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f]),
  "256 MB": Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]),
  "QoS 3": Buffer.concat([connect, Buffer.from([0x36, 5, 0, 1, 65, 0, 1])]),
  "a topic beyond the packet": Buffer.concat([connect, Buffer.from([0x30, 4, 0, 200, 65, 65])]),
  "properties beyond the packet": Buffer.concat([connect, Buffer.from([0x30, 8, 0, 1, 65, 100, 38, 0, 200, 1])]),
  "a topic that is no UTF-8": Buffer.concat([connect, Buffer.from([0x30, 6, 0, 2, 0xc3, 0x28, 0, 65])]),
  "a topic with NUL": Buffer.concat([connect, Buffer.from([0x30, 6, 0, 2, 65, 0, 0, 65])]),
  "a second CONNECT": Buffer.concat([connect, connect]),
  "SUBSCRIBE without filters": Buffer.concat([connect, Buffer.from([0x82, 3, 0, 1, 0])]),
  "SUBSCRIBE with wrong flags": Buffer.concat([connect, Buffer.from([0x80, 3, 0, 1, 0])]),
  "packet id 0": Buffer.concat([connect, Buffer.from([0x32, 9, 0, 1, 65, 0, 0, 0, 1, 2, 3])]),
  "a property twice": Buffer.concat([connect, Buffer.from([0x30, 8, 0, 1, 65, 4, 1, 1, 1, 1])]),
  "an unknown alias": Buffer.concat([connect, Buffer.from([0x30, 6, 0, 0, 3, 35, 0, 9])]),
  "a wildcard in a topic": Buffer.concat([connect, Buffer.from([0x30, 5, 0, 1, 35, 0, 1])]),
  "what only a server sends": Buffer.concat([connect, Buffer.from([0x20, 3, 0, 0, 0])]),
  "reserved": Buffer.concat([connect, Buffer.from([0x00, 0])]),
};

for (const [what, bytes] of Object.entries(malformed)) {
  test(`${what}: closed`, async () => {
    const client = new PacketClient(port(), 5);
    client.raw(bytes);
    await client.closed();
    await isServed();
  });
}

test("noise after CONNECT never does more than close", async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? 7);
  const random = seededRandom(seed);
  const valid = [
    generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "Room/+", qos: 2, nl: true, rap: true, rh: 1 }], properties: { subscriptionIdentifier: 5 } }, { protocolVersion: 5 }),
    generate({ cmd: "publish", topic: "Room/1", payload: '{"text":"x"}', qos: 1, messageId: 3, dup: false, retain: false, properties: { contentType: "a", userProperties: { b: "c" }, topicAlias: 1 } }, { protocolVersion: 5 }),
    generate({ cmd: "publish", topic: "Item/1", payload: '{"text":"x"}', qos: 2, messageId: 4, dup: false, retain: true }, { protocolVersion: 5 }),
    generate({ cmd: "pubrel", messageId: 4, reasonCode: 0 }, { protocolVersion: 5 }), generate({ cmd: "unsubscribe", messageId: 9, unsubscriptions: ["Room/+"] }, { protocolVersion: 5 }),
  ];
  for (let round = 0; round < size / 25; round++) {
    const clients = Array.from({ length: 25 }, () => {
      const client = new PacketClient(port(), 5);
      const bytes = Buffer.concat(Array.from({ length: 4 }, () => Buffer.from(valid[Math.floor(random.next() * valid.length)]!)));
      for (let count = 0; count < 3; count++) bytes[Math.floor(random.next() * bytes.length)] = Math.floor(random.next() * 256);
      client.raw(Buffer.concat([connect, bytes.subarray(0, Math.floor(random.next() * bytes.length) + 1)]));
      return client;
    });
    await Bun.sleep(5);
    for (const client of clients) client.destroy();
    await until(() => statistic("connections") < 5, "all have gone");
  }
  await isServed();
  expect(app.log.filter((line) => line.includes("incident"))).toEqual([]);
}, 300_000);

function statistic(name: string): number {
  return app.running.mqtt.stats()[name]!;
}

test("bounds: connections, filters, packets, aliases, sessions, records of a filter, messages at once", async () => {
  const many = Array.from({ length: 35 }, () => new PacketClient(port(), 4));
  await until(() => many.filter(({ isClosed }) => isClosed).length >= 5, "some are closed");
  for (const one of many) one.destroy();
  await until(() => statistic("connections") === 0, "all have gone");

  const client = await connected(port(), { protocolVersion: 5 });
  for (const filter of ["Room/1", "Room/2", "Room/3"]) await client.subscribe(filter, 0);
  await expect(client.subscribe("Room/4", 0)).rejects.toThrow(/quota/i);
  await client.subscribe("Room/3", 1);
  await client.client.unsubscribeAsync("Room/2");
  for (const filter of ["a/b/c", "Nothing/+", "a/b/c/d/e/f/#", "$SYS/#"]) await expect(client.subscribe(filter, 0)).rejects.toThrow(/filter/i);
  for (const id of ["1", "2", "3"]) await client.publish(`Item/${id}`, {}, { qos: 1 });
  await expect(client.subscribe("Item/+", 0)).rejects.toThrow(/quota/i);
  await client.publish("Item/3", "", { qos: 1 });
  await client.subscribe("Item/+", 0);
  expect([await nextMessage(client), await nextMessage(client)].map(({ topic }) => topic)).toEqual(["Item/1", "Item/2"]);

  const flood = await open(5);
  flood.send({ cmd: "subscribe", messageId: 1, subscriptions: Array.from({ length: 4 }, (_, index) => ({ topic: `Room/${index}`, qos: 0 as const })) });
  expect((await flood.expect("disconnect")).reasonCode).toBe(0x82);
  const large = await open(5);
  large.send({ cmd: "publish", topic: "Room/1", payload: "x".repeat(5_000), qos: 0, dup: false, retain: false });
  expect((await large.expect("disconnect")).reasonCode).toBe(0x95);
  const aliased = await open(5);
  aliased.send({ cmd: "publish", topic: "Room/1", payload: '{"text":"by alias"}', qos: 0, dup: false, retain: false, properties: { topicAlias: 2 } });
  aliased.send({ cmd: "publish", topic: "", payload: '{"text":"by alias"}', qos: 1, messageId: 1, dup: false, retain: false, properties: { topicAlias: 2 } });
  expect((await aliased.expect("puback")).reasonCode ?? 0).toBe(0);
  aliased.send({ cmd: "publish", topic: "Room/1", payload: "{}", qos: 0, dup: false, retain: false, properties: { topicAlias: 3 } });
  expect((await aliased.expect("disconnect")).reasonCode).toBe(0x94);

  const eager = await open(5);
  for (let messageId = 1; messageId <= 6; messageId++) eager.send({ cmd: "publish", topic: `Item/e${messageId % 2}`, payload: "{}", qos: 2, messageId, dup: false, retain: true });
  let answer = await eager.next();
  while (answer?.cmd === "pubrec") answer = await eager.next();
  expect(answer).toMatchObject({ cmd: "disconnect", reasonCode: 0x93 });

  const kept = await Promise.all([1, 2].map((number) => open(5, { client: `kept-${number}`, clean: false, properties: { sessionExpiryInterval: 0xffff_ffff } })));
  expect(kept.map(({ connack }) => connack.properties?.sessionExpiryInterval)).toEqual([60, 60]);
  expect((await open(5, { client: "kept-3", clean: false, properties: { sessionExpiryInterval: 60 } })).connack.reasonCode).toBe(0x89);
  for (const one of kept) one.destroy();
  await client.end();
});

test("who does not read gets no more than a bound in memory: it goes on by the log when it reads again, or is closed", async () => {
  const slow = await open(4);
  slow.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "Item/slow", qos: 0 }] });
  await slow.expect("suback");
  slow.pause();
  const writer = await connected(port(), { protocolVersion: 4 });
  const text = "x".repeat(4_000);
  for (let count = 0; count < 1_500; count += 5) await Promise.all([0, 1, 2, 3, 4].map((more) => writer.publish("Item/slow", { text: `${text}${count + more}` }, { qos: 1 })));
  slow.resume();
  let last = "";
  while (!last.includes(`${text}1499`)) last = String((await slow.expect("publish")).payload);
  slow.destroy();
  await writer.end();
}, 120_000);

test("silence beyond one and a half times the keep-alive ends the connection", async () => {
  const client = await open(5, { keepAlive: 1 });
  client.send({ cmd: "pingreq" });
  await client.expect("pingresp");
  expect((await client.expect("disconnect")).reasonCode).toBe(0x8d);
  await client.closed();
});

test("versions, client ids and ways to sign in that are not served are refused with their codes", async () => {
  const old = new PacketClient(port(), 4);
  old.send({ cmd: "connect", protocolId: "MQIsdp", protocolVersion: 3, clientId: "x", clean: true, keepalive: 0 });
  expect((await old.expect("connack")).returnCode).toBe(1);
  const nameless = new PacketClient(port(), 4);
  nameless.raw(Buffer.from([0x10, 12, 0, 4, 77, 81, 84, 84, 4, 0, 0, 0, 0, 0]));
  expect((await nameless.expect("connack")).returnCode).toBe(2);
  expect((await open(5, { client: "x".repeat(300) })).connack.reasonCode).toBe(0x85);
  expect((await open(5, { properties: { authenticationMethod: "SCRAM" } })).connack.reasonCode).toBe(0x8c);
  const assigned = await open(5);
  expect([assigned.connack.reasonCode, assigned.connack.properties?.assignedClientIdentifier?.startsWith("auto-")]).toEqual([0, true]);
  assigned.destroy();
});
