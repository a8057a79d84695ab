// What two clients, odd keys and changed rights do to each other: takeovers in a storm, keys that no topic can hold, No Local beside others'
// writes, and what was stored for somebody who has lost the right to it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generate } from "mqtt-packet";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { connected, nextMessage, type TestClient } from "./mqtt-clients.ts";
import { PacketClient } from "./packet-client.ts";
import { until } from "../processes/waits.ts";

const secret = "a-secret-of-at-least-32-characters-long";
const schema = `
type Item @table @export @allow(to: ["public"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey text: String }
type Num @table @export @allow(to: ["public"], do: [READ, CREATE, UPDATE, DELETE]) { id: Int! @primaryKey }
type Paper @table @export @allow(to: ["clerk", "boss"], do: [READ]) @allow(to: ["boss"], do: [CREATE, UPDATE]) { id: ID! @primaryKey cost: Int @allow(to: ["boss"], do: [READ, CREATE, UPDATE]) }
type Room @channel(key: "roomId") @export @allow(to: ["public"], do: [SUBSCRIBE, PUBLISH]) { roomId: ID! text: String }
type Desk @channel(key: "deskId") @export @allow(to: ["boss"], do: [SUBSCRIBE, PUBLISH]) @allow(to: ["clerk"], do: [SUBSCRIBE], where: "record.level < 5") { deskId: ID! text: String! level: Int! }
`;
const config = `mqtt: { port: 0 }
auth:
  keys: [{ token: key-boss, subject: boss, roles: [boss] }]
  jwt: [{ issuer: test, secret: ${secret} }]
limits: { mqttInflight: 2, mqttPacketBytes: 20000 }
`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, config }); });
afterAll(() => app?.stop());

const open = (options: object = {}): Promise<TestClient> => connected(app.running.mqtt.port!, { protocolVersion: 5, ...options });

async function rest(method: string, path: string, body?: unknown): Promise<number> {
  const response = await fetch(app.url + path, { method, headers: { "content-type": "application/json" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  await response.text();
  return response.status;
}

/** Those that were let in. */
async function storm(options: Parameters<typeof PacketClient.open>[1]): Promise<PacketClient[]> {
  const all = await Promise.allSettled(Array.from({ length: 8 }, () => PacketClient.open(app.running.mqtt.port!, options)));
  return all.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
}

test("of many who take over at once one remains, and its session is the one that is kept", async () => {
  const options = { version: 5 as const, client: "storm", clean: false, properties: { sessionExpiryInterval: 60 } };
  const clients = await storm(options);
  await until(() => clients.filter(({ isClosed }) => !isClosed).length === 1, "one is left");
  const last = clients.find(({ isClosed }) => !isClosed)!;
  await last.subscribe("Room/storm", 1);
  const data = new Database(join(app.directory, "data", "data.db"), { readonly: true });
  expect(data.query(`SELECT "ends" FROM "$mqtt_session" WHERE "client" = 'storm'`).all()).toEqual([{ ends: null }]);
  data.close();
  await (await open()).publish("Room/storm", { text: "x" }, { retain: false, qos: 1 });
  expect((await last.expect("publish")).topic).toBe("Room/storm");
  last.destroy();
});

test("the same without a session that is kept: whoever comes last closes all others", async () => {
  for (let round = 0; round < 5; round++) {
    const options = { version: 4 as const, client: "storm-clean", clean: true };
    const clients = await storm(options);
    const last = await PacketClient.open(app.running.mqtt.port!, options);
    await until(() => clients.every(({ isClosed }) => isClosed), "all others are closed");
    last.destroy();
  }
});

test("a key that no topic can hold is not there over MQTT, and is nobody else's affair", async () => {
  const frames: { op: string }[] = [];
  const socket = new WebSocket(`${app.url.replace("http", "ws")}/ws`);
  socket.addEventListener("message", ({ data }) => { frames.push(JSON.parse(String(data)) as { op: string }); });
  socket.addEventListener("open", () => socket.send(JSON.stringify({ op: "subscribe", id: "n", query: "/Num" })));
  await until(() => frames.length === 1, "the snapshot");
  const kept = { clientId: "long", clean: false, properties: { sessionExpiryInterval: 60 } };
  const followers = [await open(), await open(), await open(kept), await open({ protocolVersion: 4 })];
  for (const [index, follower] of followers.entries()) for (const filter of ["Item/+", "Room/+"]) await follower.subscribe(filter, [0, 1, 2, 0][index] as 0 | 1 | 2);
  expect(await rest("POST", "/Item", { id: "k".repeat(70_000) })).toBe(201);
  expect(await rest("POST", "/Room", { roomId: "/".repeat(30_000) })).toBe(204);
  await rest("POST", "/Num", { id: 1 });
  await rest("POST", "/Item", { id: "after" });
  await rest("POST", "/Room", { roomId: "after" });
  for (const follower of followers) await until(() => follower.received.length === 2, "what came after");
  for (const follower of [...followers, await open()]) {
    await follower.subscribe("Item/#", 1);
    await until(() => follower.received.some(({ topic, retain }) => retain && topic === "Item/after"), "the same from the beginning");
  }
  await until(() => frames.length === 2, "the change");
  expect(frames[1]).toMatchObject({ op: "change", changes: [{ type: "enter" }] });
  socket.close();
  for (const follower of followers) await follower.end();
});

test("every other key is told by a topic on which it can be written", async () => {
  const client = await open();
  await client.subscribe("Item/+", 1);
  for (const id of ["a\u0085b", "\ufffd", "a/b", "50%", "+", "#", "\u0001", "$x", " ", "ü", "🦆", "__proto__"]) {
    client.received.length = client.taken;
    expect(await rest("POST", "/Item", { id })).toBe(201);
    await until(() => client.received.some(({ json }) => (json as { id: string } | null)?.id === id), `the record ${JSON.stringify(id)}`);
    const { topic } = client.received.find(({ json }) => (json as { id: string } | null)?.id === id)!;
    await client.publish(topic, { text: "answered" }, { qos: 1 });
    await until(() => client.received.some(({ json }) => (json as { text?: string } | null)?.text === "answered"), "the answer");
    expect(await rest("DELETE", `/Item/${encodeURIComponent(id)}`)).toBe(204);
  }
  await client.end();
});

test("No Local hides no change of another: not after a message that changed nothing, nor after a refused one", async () => {
  const client = await open();
  await client.publish("Item/mine", { text: "a" }, { qos: 1 });
  await client.subscribe("Item/+", 1, { nl: true });
  client.taken = client.received.length;
  await until(() => client.received.some(({ topic }) => topic === "Item/mine"), "the beginning");
  const idle: (() => Promise<unknown>)[] = [
    () => client.publish("Item/mine", { text: "a" }, { qos: 1 }), () => client.publish("Item/nobody", "", { qos: 1 }), () => client.publish("Item/mine", { text: 5 }, { qos: 1 }),
    () => client.publish("Item/mine", { text: "b" }, { qos: 1, properties: { userProperties: { "If-Match": '"v999999"' } } }),
  ];
  for (const [index, message] of idle.entries()) {
    client.received.length = 0;
    client.taken = 0;
    await message().catch(() => {});
    await rest("PUT", "/Item/theirs", { text: String(index) });
    expect((await nextMessage(client)).json).toEqual({ id: "theirs", text: String(index) });
  }
  await client.publish("Item/mine", { text: "c" }, { qos: 1 });
  await rest("PUT", "/Item/theirs", { text: "last" });
  expect((await nextMessage(client)).json).toEqual({ id: "theirs", text: "last" });
  await client.end();
});

test("over a WebSocket, which cannot be paused, a flood is closed", async () => {
  const socket = new WebSocket(`${app.url.replace("http", "ws")}/mqtt`, "mqtt");
  let isClosed = false;
  socket.addEventListener("close", () => { isClosed = true; });
  await new Promise((resolve) => { socket.addEventListener("open", resolve); });
  socket.send(generate({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clientId: "", clean: true, keepalive: 0 }));
  const payload = JSON.stringify({ text: "x".repeat(15_000) });
  for (let index = 0; index < 2_000; index++) socket.send(generate({ cmd: "publish", topic: `Item/f${index}`, payload, qos: 0, dup: false, retain: true }));
  await until(() => isClosed, "the end");
  expect(await rest("GET", "/Item/f1999")).toBe(404);
});

function annToken(role: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${part({ alg: "HS256", typ: "JWT" })}.${part({ iss: "test", sub: "ann", roles: [role], exp: Math.floor(Date.now() / 1_000) + 600 })}`;
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
}

for (const qos of [1, 2] as const) {
  test(`what was stored for somebody is judged by the rights with which she comes back (QoS ${qos})`, async () => {
    const options = { clientId: `ann-${qos}`, clean: false, username: "x", properties: { sessionExpiryInterval: 600 } };
    const before = await open({ ...options, password: annToken("boss") });
    await before.subscribe("Desk/1", qos);
    await before.subscribe("Paper/+", qos);
    const boss = await open({ username: "x", password: "key-boss" });
    before.client.stream.pause();
    for (const id of ["a", "b", "c", "d"]) await boss.publish(`Paper/${id}`, { cost: 777 }, { qos: 1 });
    await before.end(true);
    for (const level of [1, 9, 2, 8, 3]) await boss.publish("Desk/1", { text: level > 5 ? "SECRET" : "", level }, { qos: 1, retain: false });
    const after = await open({ ...options, password: annToken("clerk") });
    await boss.publish("Desk/1", { text: "SECRET", level: 9 }, { qos: 1, retain: false });
    await boss.publish("Desk/1", { text: "last", level: 1 }, { qos: 1, retain: false });
    const told = (): string => JSON.stringify(after.received.map(({ topic, json }) => [topic, json]));
    await until(() => told().includes("last") && told().includes("Paper/d"), "all of it");
    expect(told()).not.toMatch(/SECRET|777/);
    expect(after.received.filter(({ topic }) => topic === "Desk/1").map(({ json }) => (json as { level: number }).level)).toEqual([1, 2, 3, 1]);
    await after.end();
    await boss.end();
  });
}

for (const qos of [1, 2] as const) {
  test(`what waits for a client that is there is judged again when its rights change (QoS ${qos})`, async () => {
    const clerk = schema.replace('@allow(to: ["clerk"], do: [SUBSCRIBE], where: "record.level < 5")', '@allow(to: ["clerk"], do: [SUBSCRIBE])');
    const reload = async (text: string): Promise<void> => {
      writeFileSync(join(app.directory, "schema.graphql"), text);
      expect((await app.running.reload({ typeCheck: false })).filter(({ severity }) => severity === "error")).toEqual([]);
    };
    await reload(clerk.replace("cost: Int @allow(to: [\"boss\"], do: [READ, CREATE, UPDATE])", "cost: Int"));
    const raw = await PacketClient.open(app.running.mqtt.port!, { version: 5, client: `waits-${qos}`, clean: false, password: annToken("clerk"), properties: { sessionExpiryInterval: 60 } });
    await raw.subscribe("Desk/9", qos);
    const boss = await open({ username: "x", password: "key-boss" });
    for (const level of [1, 2, 9, 3]) await boss.publish("Desk/9", { text: level > 5 ? "SECRET" : "", level }, { qos: 2, retain: false });
    const first = [await raw.expect("publish"), await raw.expect("publish")];
    // Two are under way, as many as may be: the others wait.
    await raw.subscribe("Paper/+", qos);
    for (const cost of [778, 779]) await boss.publish(`Paper/w${qos}`, { cost }, { qos: 1 });
    await reload(schema);
    const told: string[] = [];
    for (const { messageId } of first) raw.send(qos === 1 ? { cmd: "puback", messageId: messageId! } : { cmd: "pubrec", messageId: messageId! });
    const isAll = (): boolean => told.some((text) => text.includes('"level":3')) && told.some((text) => text.startsWith(`Paper/w${qos}`));
    while (!isAll()) {
      const packet = await raw.next();
      if (packet === undefined) throw new Error("closed");
      if (packet.cmd === "pubrel") raw.send({ cmd: "pubcomp", messageId: packet.messageId! });
      if (packet.cmd !== "publish") continue;
      told.push(`${packet.topic} ${String(packet.payload)}`);
      raw.send(qos === 1 ? { cmd: "puback", messageId: packet.messageId! } : { cmd: "pubrec", messageId: packet.messageId! });
    }
    expect(told.join("\n")).not.toMatch(/SECRET|77[789]/);
    raw.destroy();
    await boss.end();
  });
}
