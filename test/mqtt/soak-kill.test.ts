// A soak: clients that break off, are taken over, read slowly, and a server that is killed, all at once. In the end whatever each subscriber
// rebuilt equals the table, and every message that was acknowledged has arrived: with QoS 1 at least once, with QoS 2 exactly once.
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import mqtt, { type MqttClient } from "mqtt";
import { seededRandom } from "../../src/base/random.ts";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { freePort } from "./mqtt-clients.ts";
import { PacketClient } from "./packet-client.ts";
import { until } from "../processes/waits.ts";

const KILLS = process.env["AMBIT_TEST_SIZE"] === "long" ? 40 : 2;
const RECORDS = 30;
/** Of resident memory; what a server that forgets nothing would pass soon. */
const MEGABYTES_MAX = 600;

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const schema = `
type Room @channel(key: "roomId") @export @allow(to: ["clerk"], do: [SUBSCRIBE, PUBLISH]) { roomId: ID! text: String! }
type Item @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey number: Int! }
`;

interface Soaking {
  readonly name: string;
  readonly version: 4 | 5;
  readonly isKept: boolean;
  readonly client: MqttClient;
  /** Somebody else with the same name may take its session without harm: what it got is told again. */
  readonly mayBeTaken: boolean;
}

/** What must never happen. */
function incidents(app: AppProcess): string[] {
  return app.log().split("\n").filter((line) => line.includes("incident-occurred"));
}

test(`${KILLS} kills of the server under clients that come and go`, async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
  console.log(`seed ${seed} (AMBIT_TEST_SEED=${seed} draws the same)`);
  const random = seededRandom(seed);
  const port = await freePort();
  const folder = scratch.app({ "schema.graphql": schema, "config.yaml": `mqtt: { port: ${port} }\nauth: { keys: [{ token: key-clerk, subject: clerk, roles: [clerk] }] }\n` });
  const data = scratch.free("data");
  let app: AppProcess = await startApp(folder, { data });
  const all: Soaking[] = [];
  const open = (name: string, version: 4 | 5, { isKept = true, isSlow = false, mayBeTaken = true } = {}): MqttClient => {
    const client = mqtt.connect({
      host: "127.0.0.1", port, protocol: "mqtt", protocolVersion: version, clientId: name, clean: !isKept, reconnectPeriod: 30, username: "x", password: "key-clerk", keepalive: 0,
      ...(version === 5 && isKept ? { properties: { sessionExpiryInterval: 600 } } : {}),
    });
    client.on("error", () => {});
    if (isSlow) client.handleMessage = (_packet, done) => { setTimeout(done, random.next() * 20); };
    all.push({ name, version, isKept, client, mayBeTaken });
    return client;
  };
  try {
    // Whoever rebuilds the table.
    const states = new Map<string, Map<string, number>>();
    // With QoS 0 what is on its way to a connection that breaks is lost: who keeps a session asks for more.
    for (const version of [4, 5] as const) for (const qos of [0, 1, 2] as const) for (const isKept of qos === 0 ? [false] : [true, false]) {
      const name = `state-${version}-${qos}-${isKept ? "kept" : "clean"}`;
      const state = new Map<string, number>();
      states.set(name, state);
      const client = open(name, version, { isKept, isSlow: version === 5 && qos === 1 });
      client.on("connect", () => { if (!isKept) state.clear(); });
      client.on("message", (topic, payload) => {
        if (payload.length === 0) state.delete(topic);
        else state.set(topic, (JSON.parse(payload.toString()) as { number: number }).number);
      });
      await client.subscribeAsync("Item/+", { qos });
    }
    // Whoever must miss no message; those of a group together.
    const received = new Map<string, string[]>();
    const receive = async (list: string, name: string, filter: string, qos: 1 | 2): Promise<void> => {
      const texts = received.get(list) ?? [];
      received.set(list, texts);
      const client = open(name, qos === 2 ? 5 : 4, { isSlow: name.endsWith("slow") });
      client.on("message", (_topic, payload) => texts.push((JSON.parse(payload.toString()) as { text: string }).text));
      await client.subscribeAsync(filter, { qos });
    };
    await receive("once", "once", "Room/+", 2);
    await receive("least", "least", "Room/1", 1);
    for (const name of ["one", "two", "slow"]) await receive("group", `group-${name}`, "$share/g/Room/+", 1);

    const end = new AbortController();
    const acknowledged: string[] = [];
    let writes = 0;
    const send = async (qos: 1 | 2): Promise<void> => {
      const client = open(`sender-${qos}`, 5, { mayBeTaken: false });
      for (let number = 0; !end.signal.aborted; number++) {
        const text = `${qos} ${number}`;
        await client.publishAsync("Room/1", JSON.stringify({ text }), { qos });
        acknowledged.push(text);
      }
    };
    const write = async (): Promise<void> => {
      const client = open("writer", 5, { mayBeTaken: false });
      for (let number = 0; !end.signal.aborted; number++) {
        const isRemoval = random.next() < 0.2;
        await client.publishAsync(`Item/${Math.floor(random.next() * RECORDS)}`, isRemoval ? "" : JSON.stringify({ number }), { qos: 1, retain: true });
        writes++;
      }
    };
    const disturb = async (): Promise<void> => {
      while (!end.signal.aborted) {
        await Bun.sleep(random.next() * 60);
        const { name, version, isKept, client, mayBeTaken } = all[Math.floor(random.next() * all.length)]!;
        if (random.next() < 0.6) client.stream?.destroy();
        else if (mayBeTaken) {
          const thief = new PacketClient(port, version);
          thief.send({
            cmd: "connect", protocolId: "MQTT", protocolVersion: version, clientId: name, clean: !isKept, keepalive: 0, username: "x", password: Buffer.from("key-clerk"),
            ...(version === 5 && isKept ? { properties: { sessionExpiryInterval: 600 } } : {}),
          });
          await Bun.sleep(random.next() * 30);
          thief.destroy();
        }
      }
    };
    const working = [send(1), send(2), write(), disturb()];
    for (let kill = 0; kill < KILLS; kill++) {
      const before = acknowledged.length + writes;
      await until(() => acknowledged.length + writes > before + 50, () => `[seed ${seed}] something is acknowledged`);
      await Promise.race([Bun.sleep(random.next() * 300), ...working]);
      await app.kill();
      app = await startApp(folder, { data });
    }
    end.abort();
    await Promise.all(working);
    expect([seed, incidents(app)]).toEqual([seed, []]);

    const rows = await (await fetch(`${app.url}/Item?limit=${RECORDS}`, { headers: { authorization: "Bearer key-clerk" } })).json() as { id: string; number: number }[];
    const table = JSON.stringify(rows.map(({ id, number }) => [`Item/${id}`, number]).sort());
    const different = (): string[] => [...states].filter(([, state]) => JSON.stringify([...state].sort()) !== table).map(([name]) => name);
    await until(() => different().length === 0, () => `[seed ${seed}] the same state at ${different().join()}; the table is ${table}, ${different()[0]} has ${JSON.stringify([...states.get(different()[0]!)!].sort())}`);
    const missing = (): string[] => [...received].flatMap(([name, list]) => {
      const got = new Set(list);
      return acknowledged.filter((text) => !got.has(text)).map((text) => `${name} ${text}`);
    });
    await until(() => missing().length === 0, () => `[seed ${seed}] everything has arrived but ${missing().slice(0, 5).join()}`);
    // A sender of QoS 1 may send twice.
    const exactly = received.get("once")!.filter((text) => text.startsWith("2 "));
    expect([seed, exactly.filter((text, index) => exactly.indexOf(text) !== index)]).toEqual([seed, []]);
    const metrics = await (await fetch(`${app.url}/metrics`)).text();
    const metric = (name: string): number => Number(new RegExp(`^${name} (\\d+)`, "m").exec(metrics)?.[1]);
    expect([seed, metric("ambit_mqtt_dropped_total")]).toEqual([seed, 0]);
    expect(metric("process_resident_memory_bytes") / 1e6).toBeLessThan(MEGABYTES_MAX);
    console.log(`${acknowledged.length} messages and ${writes} writes acknowledged`);
  } catch (error) {
    console.log(`seed ${seed}`, incidents(app));
    throw error;
  } finally {
    for (const { client } of all) client.end(true);
    await app.kill();
  }
}, 600_000);

test("what was deleted after a state of which nothing was acknowledged is told after a kill, too", async () => {
  const port = await freePort();
  const folder = scratch.app({ "schema.graphql": schema, "config.yaml": `mqtt: { port: ${port} }\nauth: { keys: [{ token: key-clerk, subject: clerk, roles: [clerk] }] }\n` });
  const data = scratch.free("data");
  let app = await startApp(folder, { data });
  const headers = { authorization: "Bearer key-clerk", "content-type": "application/json" };
  const session = { version: 5, client: "kept", clean: false, password: "key-clerk", properties: { sessionExpiryInterval: 600 } } as const;
  try {
    for (const id of ["stays", "goes"]) await fetch(`${app.url}/Item`, { method: "POST", headers, body: JSON.stringify({ id, number: 1 }) });
    const before = await PacketClient.open(port, session);
    before.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "Item/+", qos: 1 }] });
    await before.expect("suback");
    const told = [await before.expect("publish"), await before.expect("publish")].map(({ topic }) => topic).sort();
    expect(told).toEqual(["Item/goes", "Item/stays"]);
    expect((await fetch(`${app.url}/Item/goes`, { method: "DELETE", headers })).status).toBe(204);
    await app.kill();
    app = await startApp(folder, { data });
    const after = await PacketClient.open(port, session);
    const again = [await after.expect("publish"), await after.expect("publish")].map(({ topic, payload }) => [topic, payload.length]);
    expect(again).toContainEqual(["Item/goes", 0]);
    expect(again.map(([topic]) => topic)).toContain("Item/stays");
    after.destroy();
  } finally {
    await app.kill();
  }
}, 120_000);
