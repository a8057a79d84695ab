// kill -9 of the server under messages: nothing that was acknowledged is lost, QoS 1 arrives at least once, QoS 2 exactly once, in order,
// with messages of channels and changes of records, in both directions.
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import mqtt, { type MqttClient } from "mqtt";
import { seededRandom } from "../../src/base/random.ts";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { freePort } from "./mqtt-clients.ts";
import { until } from "../processes/waits.ts";

const KILLS = process.env["AMBIT_TEST_SIZE"] === "long" ? 40 : 4;

const scratch = scratchFolder();
afterAll(() => scratch.remove());

test(`${KILLS} kills under messages`, async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
  console.log(`seed ${seed} (AMBIT_TEST_SEED=${seed} kills at the same moments)`);
  const random = seededRandom(seed);
  const port = await freePort();
  const folder = scratch.app({
    "schema.graphql": `
type Room @channel(key: "roomId") @export @allow(to: ["clerk"], do: [SUBSCRIBE, PUBLISH]) { roomId: ID! text: String! }
type Item @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE]) { id: ID! @primaryKey number: Int! }`,
    "config.yaml": `mqtt: { port: ${port} }\nauth: { keys: [{ token: key-clerk, subject: clerk, roles: [clerk] }] }\n`,
  });
  const data = scratch.free("data");
  let app: AppProcess = await startApp(folder, { data });
  const clients: MqttClient[] = [];
  const open = (clientId: string, protocolVersion: 4 | 5): MqttClient => {
    const client = mqtt.connect({ host: "127.0.0.1", port, protocol: "mqtt", protocolVersion, clientId, clean: false, reconnectPeriod: 30, username: "x", password: "key-clerk", keepalive: 0, ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 600 } } : {}) });
    client.on("error", () => {});
    clients.push(client);
    return client;
  };
  try {
    const received = new Map<string, string[]>();
    for (const version of [4, 5] as const) for (const qos of [1, 2] as const) {
      const name = `receiver-${version}-${qos}`;
      const list: string[] = [];
      received.set(name, list);
      const client = open(name, version);
      client.on("message", (topic, payload) => {
        const { text, number } = JSON.parse(payload.toString()) as { text?: string; number?: number };
        list.push(topic.startsWith("Room") ? text! : `record ${number}`);
      });
      await client.subscribeAsync(["Room/+", "Item/+"], { qos });
    }
    const acknowledged = new Map<string, string[]>();
    const end = new AbortController();
    const publish = async (qos: 1 | 2, version: 4 | 5): Promise<void> => {
      const client = open(`sender-${version}-${qos}`, version);
      const done: string[] = [];
      acknowledged.set(`${version}-${qos}`, done);
      for (let number = 0; !end.signal.aborted; number++) {
        const text = `${version}-${qos} ${number}`;
        await client.publishAsync("Room/1", JSON.stringify({ text }), { qos });
        done.push(text);
      }
    };
    const records: string[] = [];
    const write = async (): Promise<void> => {
      const client = open("writer", 5);
      for (let number = 0; !end.signal.aborted; number++) {
        await client.publishAsync("Item/a", JSON.stringify({ number }), { qos: 2, retain: true });
        records.push(`record ${number}`);
      }
    };
    const working = [publish(1, 4), publish(2, 4), publish(1, 5), publish(2, 5), write()];
    for (let kill = 0; kill < KILLS; kill++) {
      const before = records.length + [...acknowledged.values()].reduce((sum, list) => sum + list.length, 0);
      await until(() => records.length + [...acknowledged.values()].reduce((sum, list) => sum + list.length, 0) > before + 20, "something is acknowledged");
      await Bun.sleep(random.next() * 200);
      await app.kill();
      app = await startApp(folder, { data });
    }
    end.abort();
    await Promise.all(working);
    const all = [...acknowledged.values()].flat();
    await until(() => [...received.values()].every((list) => {
      const got = new Set(list);
      return all.every((text) => got.has(text)) && got.has(records.at(-1)!);
    }), "everything has arrived");
    await Bun.sleep(200);
    for (const [name, list] of received) {
      const got = new Set(list);
      expect([seed, name, records.filter((text) => !got.has(text)).slice(0, 5)]).toEqual([seed, name, []]);
      if (name.endsWith("2")) {
        // A sender of QoS 1 may send twice; what QoS 2 carries comes once, in the order of its sending.
        const exactly = list.filter((text) => !/^\d-1 /.test(text));
        const doubled = exactly.filter((text, index) => exactly.indexOf(text) !== index);
        expect([seed, name, doubled.slice(0, 5)]).toEqual([seed, name, []]);
        for (const prefix of ["4-2 ", "5-2 ", "record "]) {
          const numbers = exactly.filter((text) => text.startsWith(prefix)).map((text) => Number(text.slice(prefix.length)));
          expect([seed, name, prefix, numbers.filter((number, index) => index > 0 && number < numbers[index - 1]!).slice(0, 5)]).toEqual([seed, name, prefix, []]);
        }
      }
    }
    console.log(`${all.length} messages and ${records.length} records acknowledged`);
  } finally {
    for (const client of clients) client.end(true);
    await app.kill();
  }
}, 600_000);
