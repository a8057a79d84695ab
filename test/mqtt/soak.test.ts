// Clients that are cut off, taken over, stalled and told by an app that is reloaded meanwhile: QoS 2 arrives exactly once and in order,
// QoS 1 at least once, and what each has rebuilt of the records is in the end what the table holds. AMBIT_TEST_SIZE=long goes on for longer.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import mqtt, { type MqttClient } from "mqtt";
import { seededRandom } from "../../src/base/random.ts";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { PacketClient } from "./packet-client.ts";
import { until } from "../processes/waits.ts";

const ROUND_MS = process.env["AMBIT_TEST_SIZE"] === "long" ? 60_000 : 3_000;
const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
const random = seededRandom(seed);
const below = (count: number): number => Math.floor(random.next() * count);

const schema = `
type Room @channel(key: "roomId") @export @allow(to: ["clerk"], do: [SUBSCRIBE, PUBLISH]) { roomId: ID! text: String! }
type Item @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey n: Int! text: String }
`;
const config = `mqtt: { port: 0 }
auth: { keys: [{ token: key-clerk, subject: clerk, roles: [clerk] }] }
limits: { mqttInflight: 5, connectionQueueBytes: 30000 }
`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, config }); });
afterAll(() => app?.stop());

interface Receiver { readonly client: MqttClient; readonly qos: 1 | 2; readonly said: string[]; readonly records: Map<string, number>; readonly wentBack: string[] }

const all: MqttClient[] = [];

function open(clientId: string, protocolVersion: 4 | 5): MqttClient {
  const client = mqtt.connect({
    host: "127.0.0.1", port: app.running.mqtt.port!, protocol: "mqtt", protocolVersion, clientId, clean: false, reconnectPeriod: 20, username: "x", password: "key-clerk", resubscribe: false,
    ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 600 } } : {}),
  });
  client.on("error", () => {});
  all.push(client);
  return client;
}

async function receiver(qos: 1 | 2, version: 4 | 5): Promise<Receiver> {
  const made: Receiver = { client: open(`receiver-${qos}-${version}`, version), qos, said: [], records: new Map(), wentBack: [] };
  made.client.on("message", (topic, payload) => {
    if (topic.startsWith("Room/")) return void made.said.push((JSON.parse(String(payload)) as { text: string }).text);
    const { n } = payload.length === 0 ? { n: -1 } : JSON.parse(String(payload)) as { n: number };
    const before = made.records.get(topic) ?? -1;
    if (qos === 2 && n >= 0 && n < before) made.wentBack.push(`${topic} from ${before} to ${n}`);
    if (n < 0) made.records.delete(topic);
    else made.records.set(topic, n);
  });
  await made.client.subscribeAsync(["Room/+", "Item/+"], { qos });
  return made;
}

async function trouble(receivers: readonly Receiver[], isOver: () => boolean): Promise<void> {
  for (let step = 0; !isOver(); step++) {
    await Bun.sleep(below(60));
    const { client, qos } = receivers[below(receivers.length)]!;
    const stream = client.stream as MqttClient["stream"] & { pause(): void; resume(): void };
    switch (below(6)) {
      case 0: case 1: stream.destroy(); break;
      case 2: {
        stream.pause();
        setTimeout(() => stream.resume(), below(200));
        break;
      }
      case 3: {
        // Somebody else with the same session, for a moment, who acknowledges nothing.
        const { clientId, protocolVersion } = client.options;
        const other = await PacketClient.open(app.running.mqtt.port!, { version: protocolVersion as 4 | 5, client: clientId!, clean: false, password: "key-clerk", properties: { sessionExpiryInterval: 600 } }).catch(() => null);
        other?.destroy();
        break;
      }
      case 4: {
        // As many do whenever they are connected.
        client.subscribe(["Room/+", "Item/+"], { qos }, () => {});
        break;
      }
      default:
        if (step % 5 > 0) break;
        writeFileSync(join(app.directory, "schema.graphql"), `${schema}# ${step}\n`);
        await app.running.reload({ typeCheck: false });
    }
  }
}

test(`receivers in trouble, seed ${seed}`, async () => {
  const receivers = await Promise.all([receiver(1, 4), receiver(1, 5), receiver(2, 4), receiver(2, 5)]);
  const sender = open("sender", 5);
  const untilMs = Date.now() + ROUND_MS;
  const isOver = (): boolean => Date.now() > untilMs;
  const said: string[] = [];
  const current = new Map<string, number>();
  const say = async (): Promise<void> => {
    for (let number = 0; !isOver(); number++) {
      await sender.publishAsync("Room/1", JSON.stringify({ text: String(number) }), { qos: 2 });
      said.push(String(number));
    }
  };
  const write = async (): Promise<void> => {
    for (let n = 0; !isOver(); n++) {
      const topic = `Item/i${below(6)}`;
      const isRemoval = below(5) === 0;
      await sender.publishAsync(topic, isRemoval ? "" : JSON.stringify({ n, text: "x".repeat(below(5_000)) }), { qos: 1, retain: true });
      if (isRemoval) current.delete(topic);
      else current.set(topic, n);
    }
  };
  try {
    await Promise.all([say(), write(), trouble(receivers, isOver)]);
    for (const { client } of receivers) client.stream.destroy();
    const want = JSON.stringify([...current].sort());
    const lagging = (): unknown[] => receivers.flatMap(({ client, records, said: got }) => {
      const there = new Set(got);
      const missing = said.filter((text) => !there.has(text));
      return missing.length === 0 && JSON.stringify([...records].sort()) === want ? [] : [[client.options.clientId, missing.length, missing.slice(0, 5), got.length, JSON.stringify([...records].sort()) === want]];
    });
    await until(() => lagging().length === 0, "all is there").catch(() => {});
    expect([seed, lagging()]).toEqual([seed, []]);
    for (const { qos, said: got, wentBack } of receivers) {
      if (qos === 2) expect([seed, got, wentBack]).toEqual([seed, said, []]);
    }
    console.log(`${said.length} messages, ${current.size} records`);
    expect(app.log.filter((line) => line.includes("incident"))).toEqual([]);
  } finally {
    for (const client of all) client.end(true);
  }
}, 200_000);
