// Records as topics, through a real client of both versions: a retained message writes, a filter follows, under the rules of every interface.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { connected, nextMessage, type TestClient } from "./mqtt-clients.ts";

const schema = `
type Item @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE])
  @allow(to: ["guest"], do: [READ], where: "record.open") {
  id: ID! @primaryKey
  open: Boolean! @default(value: false)
  price: Int! @default(value: 0) @range(min: 0)
  secret: String @allow(to: ["clerk"], do: [READ, CREATE, UPDATE])
}
type Counter @table @export(over: [MQTT]) @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) { number: Int! @primaryKey text: String }
type Quiet @table @export(over: [REST]) @allow(to: ["clerk"], do: [READ, CREATE]) { id: ID! @primaryKey }
type Note @table(tenant: "org") @export @allow(to: ["member"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey org: String! text: String }
`;
const config = `mqtt: { port: 0 }
auth:
  keys:
    - { token: key-clerk, subject: clerk, roles: [clerk] }
    - { token: key-guest, subject: guest, roles: [guest] }
    - { token: key-ann, subject: ann, roles: [member], tenant: a }
    - { token: key-bob, subject: bob, roles: [member], tenant: b }
limits: { retainedMatches: 5, mqttSubscriptions: 10 }
`;

let app: StartedApp;
const open = new Set<TestClient>();
beforeAll(async () => { app = await startTestApp({ schema, config }); });
afterAll(() => app?.stop());
beforeEach(async () => {
  for (const client of open) await client.end();
  open.clear();
  await fetch(`${app.url}/Item?id=not.is.null`, { method: "DELETE", headers: { authorization: "Bearer key-clerk" } });
});

async function client(name: string | null, options: object = {}): Promise<TestClient> {
  const made = await connected(app.running.mqtt.port!, { ...(name === null ? {} : { username: "x", password: name === "admin" ? adminToken : `key-${name}` }), ...options });
  open.add(made);
  return made;
}

async function rest(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(app.url + path, { method, headers: { "content-type": "application/json", authorization: "Bearer key-clerk" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return response.status === 204 ? null : response.json();
}

for (const protocolVersion of [4, 5] as const) {
  describe(`MQTT ${protocolVersion === 4 ? "3.1.1" : "5"}`, () => {
    test("a retained message is a PUT, an empty one a DELETE, acknowledged when it is durable", async () => {
      const clerk = await client("clerk", { protocolVersion });
      for (const qos of [1, 2] as const) {
        await clerk.publish("Item/a", { price: 4 + qos }, { qos });
        expect(await rest("GET", "/Item/a")).toMatchObject({ id: "a", price: 4 + qos, open: false });
        await clerk.publish("Item/a", "", { qos });
        expect(await rest("GET", "/Item/a")).toMatchObject({ code: "NOT_FOUND" });
        await clerk.publish("Item/a", "", { qos });
      }
    });

    test("subscribing begins with what is there as retained messages, then tells each change", async () => {
      await rest("POST", "/Item", [{ id: "a", price: 1 }, { id: "b/c", open: true }]);
      for (const qos of [0, 1, 2] as const) {
        const clerk = await client("clerk", { protocolVersion });
        expect(await clerk.subscribe("Item/+", qos)).toEqual([qos]);
        const first = [await nextMessage(clerk), await nextMessage(clerk)];
        expect(first.map(({ topic, json, retain, qos: level }) => [topic, json, retain, level]).sort()).toEqual([
          ["Item/a", { id: "a", open: false, price: 1, secret: null }, true, qos], ["Item/b%2Fc", { id: "b/c", open: true, price: 0, secret: null }, true, qos],
        ]);
        await rest("PATCH", "/Item/a", { price: 2 });
        expect(await nextMessage(clerk)).toMatchObject({ topic: "Item/a", json: { price: 2 }, retain: false, qos });
        await rest("DELETE", "/Item/b%2Fc");
        expect(await nextMessage(clerk)).toMatchObject({ topic: "Item/b%2Fc", json: null });
        await rest("PUT", "/Item/b%2Fc", { open: true });
        expect(await nextMessage(clerk)).toMatchObject({ topic: "Item/b%2Fc", json: { id: "b/c" } });
        await rest("PATCH", "/Item/a", { price: 1 });
        await nextMessage(clerk);
        await clerk.end();
      }
    });

    test("each is told what they may see; losing sight of a record is an empty message", async () => {
      await rest("POST", "/Item", [{ id: "a", secret: "CANARY" }, { id: "b", open: true, secret: "CANARY" }]);
      const guest = await client("guest", { protocolVersion });
      await guest.subscribe("Item/+", 1);
      expect(await nextMessage(guest)).toMatchObject({ topic: "Item/b", json: { id: "b", open: true, price: 0 } });
      await rest("PATCH", "/Item/a", { open: true });
      const entered = await nextMessage(guest);
      expect(entered.json).toEqual({ id: "a", open: true, price: 0 });
      await rest("PATCH", "/Item/b", { open: false });
      expect(await nextMessage(guest)).toMatchObject({ topic: "Item/b", json: null });
      expect(JSON.stringify(guest.received)).not.toContain("CANARY");
    });

    test("one record; keys that are numbers; everything at once", async () => {
      const clerk = await client("clerk", { protocolVersion });
      await clerk.publish("Counter/7", { text: "x" }, { qos: 1 });
      await clerk.publish("Item/a", {}, { qos: 1 });
      const reader = await client("clerk", { protocolVersion });
      expect(await reader.subscribe("Counter/7", 0)).toEqual([0]);
      expect(await nextMessage(reader)).toMatchObject({ topic: "Counter/7", json: { number: 7, text: "x" } });
      const all = await client("clerk", { protocolVersion });
      await all.subscribe("#", 0);
      expect([await nextMessage(all), await nextMessage(all)].map(({ topic }) => topic).sort()).toEqual(["Counter/7", "Item/a"]);
      await clerk.publish("Counter/8", {}, { qos: 1 });
      expect(await nextMessage(all)).toMatchObject({ topic: "Counter/8" });
      await clerk.publish("Counter/7", "", { qos: 1 });
      expect(await nextMessage(reader)).toMatchObject({ topic: "Counter/7", json: null });
      await clerk.publish("Counter/8", "", { qos: 1 });
      expect(reader.received.length).toBe(2);
    });

    test("tenants see and write their own alone", async () => {
      const [ann, bob] = [await client("ann", { protocolVersion }), await client("bob", { protocolVersion })];
      await ann.subscribe("Note/+", 1);
      await bob.subscribe("#", 1);
      await ann.publish("Note/1", { text: "of a" }, { qos: 1 });
      await bob.publish("Note/2", { text: "of b" }, { qos: 1 });
      expect([(await nextMessage(ann)).json, (await nextMessage(bob)).json]).toEqual([{ id: "1", org: "a", text: "of a" }, { id: "2", org: "b", text: "of b" }]);
      expect([ann.received.length, bob.received.length]).toEqual([1, 1]);
      await ann.publish("Note/1", "", { qos: 1 });
      await bob.publish("Note/2", "", { qos: 1 });
    });
  });
}
