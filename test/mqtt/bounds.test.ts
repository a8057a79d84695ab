// What one subject may keep and how much may wait: sessions of one subject, bytes of a queue, how long a session is kept, messages under way.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { connected, nextMessage } from "./mqtt-clients.ts";
import { PacketClient, type PacketClientOptions } from "./packet-client.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Room @channel(key: "roomId") @export @allow(to: ["public"], do: [SUBSCRIBE, PUBLISH]) { roomId: ID! text: String! }
`;
const config = `mqtt: { port: 0 }
auth: { keys: [{ token: key-ann, subject: ann, roles: [] }, { token: key-bob, subject: bob, roles: [] }] }
limits: { mqttSessions: 8, mqttSessionsOfSubject: 3, mqttSessionMs: 60000, mqttQueueBytes: 1000, mqttInflight: 4 }
`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, config }); });
afterAll(() => app?.stop());
const opened: PacketClient[] = [];
afterEach(() => { for (const client of opened.splice(0)) client.destroy(); });

const port = (): number => app.running.mqtt.port!;
const statistic = (name: string): number => app.running.mqtt.stats()[name]!;
const keep = { properties: { sessionExpiryInterval: 3_600 } };

async function open(client: string, name: string | null, options: Partial<PacketClientOptions> = {}): Promise<PacketClient> {
  const made = await PacketClient.open(port(), { version: 5, client, clean: false, ...(name === null ? {} : { password: `key-${name}` }), ...options });
  opened.push(made);
  return made;
}

/** Their time is over, and they have been looked for. */
const noneIsLeft = (): Promise<void> => until(() => statistic("sessions") === 0, "no session is left", { meanwhile: () => app.clock.advance(1_000) });

test("one subject, and all who are not signed in together, take only their share of the sessions", async () => {
  for (const name of ["ann", null]) {
    for (const client of ["1", "2", "3"]) await open(client, name, keep);
    expect((await open("4", name, keep)).connack.reasonCode).toBe(0x89);
    // Without a session to keep everybody is served, and who has one comes back to it.
    expect((await open("5", name)).connack.reasonCode).toBe(0);
    const again = await open("1", name, keep);
    expect([again.connack.reasonCode, again.connack.sessionPresent]).toEqual([0, true]);
  }
  for (const client of ["1", "2"]) await open(client, "bob", keep);
  // All of them are too many, whosever they are.
  expect((await open("3", "bob", keep)).connack.reasonCode).toBe(0x89);
  const ended = await open("1", "ann", { clean: true });
  expect(ended.connack.reasonCode).toBe(0);
  expect((await open("4", "ann", keep)).connack.reasonCode).toBe(0);
  expect(statistic("sessions")).toBeLessThanOrEqual(8);
});

test("a session that nobody comes back to ends after limits.mqttSessionMs, whatever was asked for", async () => {
  await noneIsLeft();
  const first = await open("long", "bob", keep);
  expect(first.connack).toMatchObject({ reasonCode: 0, sessionPresent: false, properties: { sessionExpiryInterval: 60 } });
  await first.subscribe("Room/1", 1);
  first.destroy();
  await until(() => statistic("connections") === 0 || statistic("subscriptions") === 0, "it has gone");
  const soon = await open("long", "bob", keep);
  expect(soon.connack.sessionPresent).toBe(true);
  soon.destroy();
  await until(() => statistic("connections") === 0, "it has gone again");
  app.clock.advance(61_000);
  const late = await open("long", "bob", keep);
  expect(late.connack.sessionPresent).toBe(false);
  late.destroy();
}, 120_000);

test("messages that wait for one client are bounded in bytes; the rest is dropped and counted", async () => {
  const options = { protocolVersion: 5, username: "x", password: "key-bob", clientId: "queue", clean: false, ...keep } as const;
  await noneIsLeft();
  const first = await connected(port(), options);
  await first.subscribe("Room/queue", 1);
  await first.end();
  const sender = await connected(port(), { protocolVersion: 5 });
  const before = statistic("droppedTotal");
  for (let number = 0; number < 8; number++) await sender.publish("Room/queue", { text: `${number} ${"x".repeat(300)}` }, { qos: 1, retain: false });
  expect(statistic("droppedTotal") - before).toBe(4);
  const again = await connected(port(), options);
  for (let number = 0; number < 4; number++) expect(((await nextMessage(again)).json as { text: string }).text.slice(0, 2)).toBe(`${number} `);
  await sender.publish("Room/queue", { text: "after" }, { qos: 1, retain: false });
  expect((await nextMessage(again)).json).toMatchObject({ text: "after" });
  await sender.end();
  await again.end();
}, 120_000);

for (const version of [4, 5] as const) {
  test(`version ${version}: at most limits.mqttInflight messages are under way to a client before it acknowledges one`, async () => {
    const slow = await open(`slow-${version}`, "ann", { version, clean: true, properties: { receiveMaximum: 100 } });
    if (version === 5) expect(slow.connack.properties?.receiveMaximum).toBe(4);
    await slow.subscribe("Room/flow", 1);
    const sender = await connected(port(), { protocolVersion: version });
    for (let number = 0; number < 10; number++) await sender.publish("Room/flow", { text: `${number}` }, { qos: 1, retain: false });
    const packets: number[] = [];
    for (let number = 0; number < 4; number++) packets.push((await slow.expect("publish")).messageId!);
    expect(await slow.isQuiet()).toBe(true);
    for (let number = 4; number < 10; number++) {
      slow.send({ cmd: "puback", messageId: packets.shift()! });
      const next = await slow.expect("publish");
      expect(JSON.parse(next.payload.toString())).toMatchObject({ text: `${number}` });
      packets.push(next.messageId!);
      expect(await slow.isQuiet()).toBe(true);
    }
    slow.destroy();
    await sender.end();
  }, 120_000);
}
