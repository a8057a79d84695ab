// The client of npm, with what tests ask of it: what came in, one after the other.
import { createServer } from "node:net";
import mqtt, { type IClientOptions, type IClientPublishOptions, type IPublishPacket, type MqttClient } from "mqtt";
import { WAIT_MS, until } from "../processes/waits.ts";

export interface Received { readonly topic: string; readonly json: unknown; readonly retain: boolean; readonly qos: number; readonly dup: boolean; readonly packet: IPublishPacket }

export interface TestClient {
  readonly client: MqttClient;
  readonly received: Received[];
  /** Rejects with what refuses it. `message`: JSON, or a text as it is. Retained unless it says otherwise. */
  publish(topic: string, message: object | string, options?: IClientPublishOptions): Promise<unknown>;
  /** What was granted. */
  subscribe(filter: string, qos: 0 | 1 | 2, options?: object): Promise<number[]>;
  end(isForced?: boolean): Promise<void>;
  taken: number;
}

export function connected(port: number, options: IClientOptions = {}): Promise<TestClient> {
  const client = mqtt.connect({ host: "127.0.0.1", port, protocol: "mqtt", reconnectPeriod: 0, connectTimeout: WAIT_MS, ...options } as IClientOptions);
  const made = testClient(client);
  return new Promise((resolve, reject) => {
    client.once("connect", () => resolve(made));
    client.once("error", reject);
    client.once("close", () => reject(new Error("closed")));
  });
}

export function testClient(client: MqttClient): TestClient {
  const received: Received[] = [];
  client.on("error", () => {});
  client.on("message", (topic, payload, packet) => {
    received.push({ topic, json: payload.length === 0 ? null : JSON.parse(payload.toString()) as unknown, retain: packet.retain, qos: packet.qos, dup: packet.dup, packet });
  });
  return {
    client, received, taken: 0,
    publish: (topic, message, options = {}) => client.publishAsync(topic, typeof message === "string" ? message : JSON.stringify(message), { retain: true, ...options }),
    async subscribe(filter, qos, options = {}) {
      const granted = await client.subscribeAsync(filter, { qos, ...options });
      return granted.map(({ qos: level }) => level);
    },
    end: (isForced = false) => client.endAsync(isForced),
  };
}

/** The next one that came, or comes. */
export async function nextMessage(client: TestClient): Promise<Received> {
  await until(() => client.received.length > client.taken, "a message came");
  return client.received[client.taken++]!;
}

/** For a server that is to have the same one after it was killed. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
