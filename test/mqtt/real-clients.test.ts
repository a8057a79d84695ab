// Clients of others, unchanged: mosquitto's and Paho's, of Debian; that of npm over TLS and WebSocket. What is not installed is skipped and said.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt, { type IClientOptions } from "mqtt";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { nextMessage, testClient } from "./mqtt-clients.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Item @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey price: Int! @default(value: 0) }
type Room @channel(key: "roomId") @export @allow(to: ["clerk"], do: [SUBSCRIBE, PUBLISH]) { roomId: ID! text: String! }
`;
const keys = "auth: { keys: [{ token: key-clerk, subject: clerk, roles: [clerk] }] }\n";

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, config: `mqtt: { port: 0 }\n${keys}` }); });
afterAll(() => app?.stop());

const port = (): string => String(app.running.mqtt.port);

function skipped(what: string): void {
  console.log(`SKIPPED: ${what} is not installed`);
}

async function rest(method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(app.url + path, { method, headers: { "content-type": "application/json", authorization: "Bearer key-clerk" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return response.status === 204 || response.status === 201 ? null : response.json();
}

const hasMosquitto = Bun.which("mosquitto_pub") !== null;
if (!hasMosquitto) skipped("mosquitto_pub");
const signedIn = ["-u", "x", "-P", "key-clerk"];

async function published(...words: string[]): Promise<{ readonly code: number; readonly text: string }> {
  const child = Bun.spawn(["mosquitto_pub", "-h", "127.0.0.1", "-p", port(), ...words], { stdout: "pipe", stderr: "pipe" });
  const text = await new Response(child.stderr).text();
  return { code: await child.exited, text };
}

for (const version of ["mqttv311", "mqttv5"]) {
  test.if(hasMosquitto)(`mosquitto_pub and mosquitto_sub, ${version}`, async () => {
    for (const qos of ["0", "1", "2"]) {
      await rest("PUT", "/Item/kept", { price: 1 });
      const subscriber = Bun.spawn(["mosquitto_sub", "-h", "127.0.0.1", "-p", port(), ...signedIn, "-V", version, "-t", "#", "-q", qos, "-C", "4", "-F", "%t %r %q %p"], { stdout: "pipe", stderr: "pipe" });
      const lines: string[] = [];
      const reading = (async () => { for await (const chunk of subscriber.stdout) lines.push(...new TextDecoder().decode(chunk).split("\n").filter((line) => line !== "")); })();
      await until(() => lines.length === 1, "the retained record");
      expect((await published(...signedIn, "-V", version, "-t", "Item/new", "-q", qos, "-r", "-m", '{"price":7}')).code).toBe(0);
      await until(() => lines.length === 2, "the new record");
      expect((await published(...signedIn, "-V", version, "-t", "Item/new", "-q", qos, "-r", "-n")).code).toBe(0);
      await until(() => lines.length === 3, "its end");
      expect((await published(...signedIn, "-V", version, "-t", "Room/1", "-q", qos, "-m", '{"text":"hello"}')).code).toBe(0);
      expect(await subscriber.exited).toBe(0);
      await reading;
      expect(lines).toEqual([`Item/kept 1 ${qos} {"id":"kept","price":1}`, `Item/new 0 ${qos} {"id":"new","price":7}`, `Item/new 0 ${qos} `, `Room/1 0 ${qos} {"roomId":"1","text":"hello"}`]);
    }
    expect((await published("-V", version, "-u", "x", "-P", "wrong", "-t", "Item/x", "-r", "-n")).code).not.toBe(0);
    const refused = await published(...signedIn, "-V", version, "-t", "Item/x", "-q", "1", "-r", "-m", '{"price":"dear"}');
    if (version === "mqttv5") expect(refused.text).toMatch(/payload format invalid/i);
    expect(await rest("GET", "/Item/x")).toMatchObject({ code: "NOT_FOUND" });
  }, 120_000);
}

const hasPaho = existsSync("/usr/lib/python3/dist-packages/paho/mqtt");
if (!hasPaho) skipped("python3-paho-mqtt");

const script = `
import json, sys, threading
import paho.mqtt.client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.packettypes import PacketTypes
version, port = sys.argv[1], int(sys.argv[2])
got, subscribed, enough = [], threading.Event(), threading.Event()
client = paho.Client(client_id="paho", protocol=paho.MQTTv5 if version == "5" else paho.MQTTv311)
client.username_pw_set("x", "key-clerk")
client.on_subscribe = lambda *a: subscribed.set()
def on_message(c, u, m):
    got.append([m.topic, m.payload.decode(), m.qos, bool(m.retain)])
    if len(got) == 3: enough.set()
client.on_message = on_message
client.connect("127.0.0.1", port)
client.loop_start()
client.subscribe([("Item/+", 2), ("Room/+", 1)])
assert subscribed.wait(5)
client.publish("Item/paho", '{"price": 3}', qos=2, retain=True).wait_for_publish()
client.publish("Room/9", '{"text": "hi"}', qos=1).wait_for_publish()
client.publish("Item/paho", "", qos=1, retain=True).wait_for_publish()
assert enough.wait(5), got
client.disconnect()
client.loop_stop()
print(json.dumps(got))
`;

for (const version of ["3", "5"]) {
  test.if(hasPaho)(`Paho, version ${version}`, async () => {
    await rest("DELETE", "/Item?id=not.is.null");
    const child = Bun.spawn(["/usr/bin/python3", "-c", script, version, port()], { stdout: "pipe", stderr: "pipe" });
    const [output, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    expect([await child.exited, errors]).toEqual([0, ""]);
    expect((JSON.parse(output) as unknown[]).sort()).toEqual([["Item/paho", "", 2, false], ["Item/paho", '{"id":"paho","price":3}', 2, false], ["Room/9", '{"roomId":"9","text":"hi"}', 1, false]]);
  }, 120_000);
}

test("TLS with the certificate of HTTP, and WebSockets at /mqtt, plain and TLS", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ambit-tls-"));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const made = Bun.spawnSync(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]);
  if (made.exitCode !== 0) return skipped("openssl");
  const secure = await startTestApp({ schema, config: `http: { tls: { cert: ${cert}, key: ${key} } }\nmqtt: { tlsPort: 0 }\n${keys}` });
  try {
    const ca = await Bun.file(cert).text();
    const ways: readonly [string, IClientOptions][] = [
      [`mqtts://127.0.0.1:${secure.running.mqtt.tlsPort}`, { ca }], [`wss://127.0.0.1:${secure.port}/mqtt`, { ca }], [`ws://127.0.0.1:${app.port}/mqtt`, {}],
    ];
    expect(secure.running.mqtt.port).toBe(null);
    for (const [url, options] of ways) for (const protocolVersion of [4, 5] as const) {
      const client = mqtt.connect(url, { ...options, protocolVersion, reconnectPeriod: 0, username: "x", password: "key-clerk" });
      const made = testClient(client);
      await until(() => client.connected, `a connection to ${url}`);
      await made.subscribe("Item/+", 1);
      await made.publish("Item/large", { price: 1 }, { qos: 2 });
      expect((await nextMessage(made)).topic).toMatch(/^Item\//);
      await made.publish("Item/large", "", { qos: 1 });
      await made.end();
    }
    const plain = await fetch(`${app.url}/mqtt`, { headers: { upgrade: "websocket", connection: "upgrade", "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==", "sec-websocket-version": "13" } });
    expect(plain.status).toBe(400);
  } finally {
    await secure.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

for (const version of ["mqttv311", "mqttv5"]) {
  test.if(hasMosquitto)(`two mosquitto_sub share a subscription, ${version}`, async () => {
    const subscribers = [1, 2].map(() => Bun.spawn(["mosquitto_sub", "-h", "127.0.0.1", "-p", port(), ...signedIn, "-V", version, "-t", "$share/g/Room/+", "-q", "1", "-C", "2", "-F", "%p"], { stdout: "pipe", stderr: "pipe" }));
    await until(() => app.running.mqtt.stats()["subscriptions"] === 2, "both are there");
    for (const text of ["1", "2", "3", "4"]) expect((await published(...signedIn, "-V", version, "-t", "Room/1", "-q", "1", "-m", `{"text":"${text}"}`)).code).toBe(0);
    const got = await Promise.all(subscribers.map(async (each) => (await new Response(each.stdout).text()).trim().split("\n").map((line) => (JSON.parse(line) as { text: string }).text)));
    expect([got.map(({ length }) => length), got.flat().sort()]).toEqual([[2, 2], ["1", "2", "3", "4"]]);
  });
}
