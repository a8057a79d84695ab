// Shared subscriptions: each message to one member, in turn; what a member leaves is another's; what waits while all are away; whose group it is.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { connected, nextMessage, type TestClient } from "./mqtt-clients.ts";
import { PacketClient } from "./packet-client.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Item @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) @allow(to: ["guest"], do: [READ], where: "record.price > 5") { id: ID! @primaryKey price: Int! @default(value: 0) }
type Room @channel(key: "roomId") @export @allow(to: ["clerk"], do: [SUBSCRIBE, PUBLISH]) @allow(to: ["guest"], do: [SUBSCRIBE], where: "record.text == 'open'") { roomId: ID! text: String! }
`;
const config = `mqtt: { port: 0 }
auth: { keys: [{ token: key-clerk, subject: clerk, roles: [clerk] }, { token: key-other, subject: other, roles: [clerk] }, { token: key-guest, subject: guest, roles: [guest] }] }
limits: { mqttQueueMessages: 50, mqttGroups: 6, mqttGroupsOfSubject: 3 }
`;

let app: StartedApp;
const open = new Set<TestClient>();
beforeAll(async () => { app = await startTestApp({ schema, config }); });
afterAll(() => app?.stop());
afterEach(async () => {
  for (const client of open) await client.end(true);
  open.clear();
  await until(() => app.running.mqtt.stats()["groups"] === 0, "no group is left");
  await until(() => app.running.storage.reader.values(`SELECT count(*) FROM "$mqtt_group"`)[0]![0] === 0, "nor in the data file");
  expect(app.running.storage.reader.values(`SELECT count(*) FROM "$mqtt_group_message"`)).toEqual([[0]]);
});

async function client(name = "clerk", options: object = {}): Promise<TestClient> {
  const made = await connected(app.running.mqtt.port!, { protocolVersion: 5, username: "x", password: `key-${name}`, ...options });
  open.add(made);
  return made;
}

const kept = (clientId: string, sessionExpiryInterval = 300): object => ({ clientId, clean: false, properties: { sessionExpiryInterval } });
const say = (sender: TestClient, text: string, qos: 0 | 1 | 2 = 1): Promise<unknown> => sender.publish("Room/1", { text }, { retain: false, qos });
const texts = (...clients: TestClient[]): unknown[] => clients.flatMap(({ received }) => received.map(({ json }) => (json as { text?: string; price?: number } | null)?.text ?? (json as { price?: number } | null)?.price));
const waiting = (): unknown => app.running.storage.reader.values(`SELECT "messages", "bytes" > 0 FROM "$mqtt_group"`)[0];

for (const protocolVersion of [4, 5] as const) {
  test(`version ${protocolVersion}: each message goes to one member, in turn`, async () => {
    const members = [await client("clerk", { protocolVersion }), await client("clerk", { protocolVersion }), await client("clerk", { protocolVersion })];
    const alone = await client("clerk", { protocolVersion });
    for (const asked of [0, 1, 2] as const) {
      for (const member of members) expect(await member.subscribe("$share/workers/Room/+", asked)).toEqual([Math.min(asked, 1)]);
      await alone.subscribe("Room/1", 0);
      for (const qos of [0, 1, 2] as const) {
        for (const { received } of [...members, alone]) received.length = 0;
        const wanted = Array.from({ length: 12 }, (_, count) => `${asked} ${qos} ${count}`);
        for (const text of wanted) await say(alone, text, qos);
        await until(() => texts(...members).length >= 12 && alone.received.length >= 12, "all of them");
        expect(texts(...members).sort()).toEqual([...wanted].sort());
        for (const { received } of members) {
          expect(received.length).toBe(4);
          expect(received.every((message) => message.qos === Math.min(asked, qos, 1) && !message.retain && !message.dup)).toBe(true);
        }
      }
    }
    await members[0]!.client.unsubscribeAsync("$share/workers/Room/+");
    for (const { received } of members) received.length = 0;
    for (let count = 0; count < 4; count++) await say(alone, `${count}`);
    await until(() => texts(...members).length >= 4, "the others get it");
    expect(members.map(({ received }) => received.length)).toEqual([0, 2, 2]);
  }, 120_000);
}

test("a member gets no more than its receive maximum; what it has not acknowledged goes to another when it leaves", async () => {
  const slow = await PacketClient.open(app.running.mqtt.port!, { version: 5, client: "slow", password: "key-clerk", properties: { receiveMaximum: 2 } });
  expect(slow.connack.properties?.sharedSubscriptionAvailable).toBe(true);
  await slow.subscribe("$share/g/Room/1", 1);
  const sender = await client();
  for (let count = 0; count < 10; count++) await say(sender, `${count}`);
  expect([(await slow.expect("publish")).qos, (await slow.expect("publish")).qos, await slow.isQuiet()]).toEqual([1, 1, true]);
  const quick = await client();
  await quick.subscribe("$share/g/Room/1", 1);
  await until(() => quick.received.length === 8, "what the slow one has no room for");
  slow.destroy();
  await until(() => quick.received.length === 10, "and then what it had");
  expect(texts(quick).sort()).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
});

test("changes of records: nothing at the beginning, each change to one member; by the log when all were away", async () => {
  const writer = await client();
  await writer.publish("Item/a", { price: 1 }, { qos: 1 });
  const [one, two] = [await client("clerk", kept("one")), await client("clerk", kept("two"))];
  for (const member of [one, two]) await member.subscribe("$share/g/Item/+", 2);
  for (let price = 2; price < 12; price++) await writer.publish("Item/a", { price }, { qos: 1 });
  await until(() => texts(one, two).length >= 10, "all changes");
  expect([texts(one, two).sort((left, right) => Number(left) - Number(right)), one.received.length]).toEqual([[2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 5]);
  await one.end();
  await two.end();
  for (let price = 20; price < 24; price++) await writer.publish("Item/a", { price }, { qos: 1 });
  await writer.publish("Item/a", "", { qos: 1 });
  const [again, also] = [await client("clerk", kept("one", 0)), await client("clerk", kept("two", 0))];
  await until(() => texts(again, also).length >= 5, "what happened meanwhile");
  expect(texts(again, also).map(String).sort()).toEqual(["20", "21", "22", "23", "undefined"]);
});

test("messages wait in the data file while all members of kept sessions are away, up to a bound", async () => {
  const sender = await client();
  const first = await client("clerk", kept("first"));
  await first.subscribe("$share/g/Room/+", 1);
  await first.end();
  await say(sender, "lost", 0);
  const before = app.running.mqtt.stats()["droppedTotal"]!;
  for (let count = 0; count < 53; count++) await say(sender, `${count}`);
  expect([waiting(), app.running.mqtt.stats()["droppedTotal"]! - before]).toEqual([[50, 1], 3]);
  const [second, third] = [await client(), await client("clerk", kept("first", 0))];
  await second.subscribe("$share/g/Room/+", 1);
  await until(() => texts(second, third).length >= 50, "all that waited");
  expect(texts(second, third).sort()).toEqual(Array.from({ length: 50 }, (_, count) => `${count}`).sort());
  await until(() => JSON.stringify(waiting()) === "[0,0]", "nothing waits");
}, 120_000);

test("a group is of one subject with its rights: others share among themselves, and nobody is told what it may not see", async () => {
  const [clerk, other, guest] = [await client(), await client("other"), await client("guest")];
  for (const member of [clerk, other, guest]) {
    await member.subscribe("$share/g/Room/1", 1);
    await member.subscribe("$share/g/Item/+", 1);
  }
  const sender = await client();
  for (const text of ["CANARY", "open"]) await say(sender, text);
  for (const price of [3, 9]) await sender.publish("Item/x", { price }, { qos: 1 });
  await until(() => [clerk, other].every(({ received }) => received.length === 4) && guest.received.length === 2, "each its own");
  expect(texts(guest).sort()).toEqual([9, "open"]);
  await sender.publish("Item/x", "", { qos: 1 });
});

test("limits, and what is not for shared subscriptions", async () => {
  const one = await client();
  for (const group of ["a", "b", "c"]) await one.subscribe(`$share/${group}/Room/1`, 0);
  for (const wrong of ["$share/d/Room/1", "$share/d/Nothing/1"]) await expect(one.subscribe(wrong, 0)).rejects.toThrow();
  await one.subscribe("$share/a/Room/1", 1);
  const others = [await client("other"), await client("guest")];
  for (const other of others) for (const group of ["a", "b"]) if (app.running.mqtt.stats()["groups"]! < 6) await other.subscribe(`$share/${group}/Room/1`, 0);
  await expect(others[1]!.subscribe("$share/z/Room/1", 0)).rejects.toThrow();
  const wrong = await PacketClient.open(app.running.mqtt.port!, { version: 5, client: "", password: "key-clerk" });
  wrong.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "$share/a/Room/1", qos: 0, nl: true }] });
  expect((await wrong.next())).toMatchObject({ cmd: "disconnect", reasonCode: 0x82 });
});

test("a session that is taken over, and one that ends, leave no member behind", async () => {
  const sender = await client();
  const first = await client("clerk", kept("same"));
  await first.subscribe("$share/g/Room/1", 1);
  const second = await client("clerk", kept("same"));
  await say(sender, "to the second");
  expect((await nextMessage(second)).json).toMatchObject({ text: "to the second" });
  const third = await client("clerk", { clientId: "same", clean: true });
  await until(() => app.running.mqtt.stats()["groups"] === 0, "the session has ended, and its group");
  await third.end();
});

test("a reload keeps groups; who may no longer see it gets nothing", async () => {
  const local = await startTestApp({ schema, config });
  try {
    const file = join(local.directory, "schema.graphql");
    const options = { protocolVersion: 5, username: "x", password: "key-clerk" } as const;
    const port = local.running.mqtt.port!;
    const guest = { ...options, password: "key-guest" };
    const [sender, one, two] = [await connected(port, options), await connected(port, guest), await connected(port, guest)];
    for (const member of [one, two]) for (const filter of ["$share/g/Room/1", "$share/g/Item/+"]) await member.subscribe(filter, 1);
    for (const [next, count] of [[`${schema}type More @table @export @allow(to: ["clerk"], do: [READ]) { id: ID! @primaryKey }`, 2], [schema.replaceAll(/ @allow\(to: \["guest"\].*?"\)/g, ""), 2]] as const) {
      writeFileSync(file, next);
      expect((await local.running.reload({ typeCheck: false })).filter(({ severity }) => severity === "error")).toEqual([]);
      await Bun.sleep(50);
      await say(sender, "open");
      await sender.publish("Item/r", { price: 7 + local.running.mqtt.stats()["deliveredTotal"]! }, { qos: 1 });
      await until(() => texts(one, two).length >= count, "one of them is told");
    }
    await Bun.sleep(50);
    expect(texts(one, two).map(String).sort()).toEqual(["7", "open"]);
    for (const each of [sender, one, two]) await each.end(true);
  } finally {
    await local.stop();
  }
});
