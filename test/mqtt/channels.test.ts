// Channels as topics: publishing and following, what senders say beside the message, and messages that wait for clients that are away.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { connected, nextMessage, type TestClient } from "./mqtt-clients.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Room @channel(key: "roomId") @export @allow(to: ["member"], do: [SUBSCRIBE, PUBLISH]) @allow(to: ["guest"], do: [SUBSCRIBE], where: "record.open") {
  roomId: ID! text: String! @length(max: 50) open: Boolean! @default(value: false) by: ID @createdBy
}
type Inner @channel(key: "id") @export(over: [WS]) @allow(to: ["member"], do: [SUBSCRIBE, PUBLISH]) { id: ID! text: String }
type Item @table @export @allow(to: ["member"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey }
`;
const config = `mqtt: { port: 0 }
auth: { keys: [{ token: key-ann, subject: ann, roles: [member] }, { token: key-bob, subject: bob, roles: [member] }, { token: key-guest, subject: guest, roles: [guest] }] }
limits: { mqttQueueMessages: 5 }
`;

let app: StartedApp;
const open = new Set<TestClient>();
beforeAll(async () => { app = await startTestApp({ schema, config }); });
afterAll(() => app?.stop());
afterEach(async () => {
  for (const client of open) await client.end(true);
  open.clear();
});

async function client(name: string, options: object = {}): Promise<TestClient> {
  const made = await connected(app.running.mqtt.port!, { protocolVersion: 5, username: "x", password: `key-${name}`, ...options });
  open.add(made);
  return made;
}

const plain = { retain: false };

for (const protocolVersion of [4, 5] as const) {
  test(`version ${protocolVersion}: messages reach who follows the topic or all of them, at their QoS, in order`, async () => {
    const [ann, bob, all] = [await client("ann", { protocolVersion }), await client("bob", { protocolVersion }), await client("bob", { protocolVersion })];
    for (const level of [0, 1, 2] as const) {
      await bob.subscribe("Room/1", level);
      await all.subscribe(level === 0 ? "#" : "Room/+", 2);
      for (const qos of [0, 1, 2] as const) {
        for (let count = 0; count < 5; count++) await ann.publish("Room/1", { text: `${level} ${qos} ${count}` }, { ...plain, qos });
        await ann.publish("Room/2", { text: "elsewhere" }, { ...plain, qos });
        for (let count = 0; count < 5; count++) {
          expect(await nextMessage(bob)).toMatchObject({ topic: "Room/1", json: { roomId: "1", text: `${level} ${qos} ${count}`, by: "ann" }, qos: Math.min(level, qos), retain: false });
          expect(await nextMessage(all)).toMatchObject({ topic: "Room/1", json: { text: `${level} ${qos} ${count}` }, qos });
        }
        expect(await nextMessage(all)).toMatchObject({ topic: "Room/2" });
      }
      await all.client.unsubscribeAsync(level === 0 ? "#" : "Room/+");
    }
    expect(bob.received.length).toBe(45);
  });
}

test("rules of the channel: who may publish, who is told what", async () => {
  const [ann, guest] = [await client("ann"), await client("guest")];
  await guest.subscribe("Room/1", 1);
  await expect(guest.publish("Room/1", { text: "x" }, { ...plain, qos: 1 })).rejects.toThrow(/Not authorized/i);
  await ann.publish("Room/1", { text: "CANARY" }, { ...plain, qos: 1 });
  await ann.publish("Room/1", { text: "open", open: true }, { ...plain, qos: 1 });
  expect((await nextMessage(guest)).json).toMatchObject({ text: "open" });
  expect(guest.received.length).toBe(1);
  for (const [topic, message, options] of [["Room/1", { text: "x".repeat(51) }, plain], ["Room/1", { unknown: 1, text: "" }, plain], ["Room/1", { text: "kept" }, { retain: true }], ["Inner/1", { text: "" }, plain], ["Nothing/1", {}, plain]] as const) {
    await expect(ann.publish(topic, message, { ...options, qos: 1 })).rejects.toThrow();
  }
  await expect(ann.subscribe("Inner/1", 0)).rejects.toThrow();
});

test("what a sender says beside the message is passed on; one does not hear oneself; what has expired is not told", async () => {
  const [ann, bob] = [await client("ann"), await client("bob")];
  await bob.subscribe("Room/1", 1, { properties: { subscriptionIdentifier: 7 } });
  await ann.subscribe("Room/1", 1, { nl: true });
  const correlationData = Buffer.from([0, 1, 255]);
  await ann.publish("Room/1", { text: "asked" }, { ...plain, qos: 1, properties: { contentType: "application/json", responseTopic: "Room/answers", correlationData, userProperties: { a: ["1", "2"], "Idempotency-Key": "own" }, payloadFormatIndicator: true, messageExpiryInterval: 60 } });
  const { packet: { properties } } = await nextMessage(bob);
  expect(properties).toMatchObject({ contentType: "application/json", responseTopic: "Room/answers", userProperties: { a: ["1", "2"] }, payloadFormatIndicator: true, subscriptionIdentifier: 7 });
  expect([Buffer.compare(properties!.correlationData!, correlationData), properties!.messageExpiryInterval! > 50]).toEqual([0, true]);
  expect(Object.keys(properties!.userProperties!)).toEqual(["a"]);
  await bob.publish("Room/1", { text: "back" }, { ...plain, qos: 1 });
  expect((await nextMessage(ann)).json).toMatchObject({ text: "back" });
  expect(ann.received.length).toBe(1);
});

test("a session that is kept gets what was said while its client was away, up to a bound, under its own rules, without what has expired", async () => {
  const options = { clientId: "keeper", clean: false, properties: { sessionExpiryInterval: 300 } };
  for (const name of ["bob", "guest"]) {
    const first = await client(name, options);
    await first.subscribe("Room/+", 2);
    await first.end();
  }
  const ann = await client("ann");
  await ann.publish("Room/1", { text: "gone" }, { ...plain, qos: 1, properties: { messageExpiryInterval: 60 } });
  for (const [qos, text, isOpen] of [[0, "not kept", true], [1, "first", false], [2, "second", true]] as const) await ann.publish("Room/1", { text, open: isOpen }, { ...plain, qos });
  app.clock.advance(60_000);
  const bob = await client("bob", options);
  expect([(await nextMessage(bob)).json, (await nextMessage(bob)).json]).toMatchObject([{ text: "first" }, { text: "second" }]);
  const guest = await client("guest", options);
  expect(await nextMessage(guest)).toMatchObject({ json: { text: "second" }, qos: 2 });
  await ann.publish("Room/1", { text: "live", open: true }, { ...plain, qos: 1 });
  expect([(await nextMessage(bob)).json, (await nextMessage(guest)).json]).toMatchObject([{ text: "live" }, { text: "live" }]);
  await bob.end();
  for (let count = 0; count < 8; count++) await ann.publish("Room/1", { text: `${count}` }, { ...plain, qos: 1 });
  const again = await client("bob", options);
  for (let count = 0; count < 5; count++) expect((await nextMessage(again)).json).toMatchObject({ text: `${count}` });
  await ann.publish("Room/1", { text: "after" }, { ...plain, qos: 1 });
  expect((await nextMessage(again)).json).toMatchObject({ text: "after" });
  const metrics = await (await fetch(`${app.url}/metrics`, { headers: { authorization: "Bearer administrator-token-of-tests" } })).text();
  expect(metrics).toMatch(/ambit_mqtt_dropped_total 3\b/);
  await until(() => app.running.storage.reader.values(`SELECT count(*) FROM "$mqtt_message"`)[0]![0] === 0, "nothing waits");
  expect(app.running.storage.reader.values(`SELECT "messages", "bytes" FROM "$mqtt_session"`)).toEqual([[0, 0], [0, 0]]);
});
