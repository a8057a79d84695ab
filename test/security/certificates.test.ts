// A certificate that is renewed on the disk is shown to new connections, while what is open goes on; a broken pair changes nothing.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { fakeClock } from "../../src/base/clock.ts";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { tmpdir } from "node:os";
import { watchCertificate } from "../../src/runtime/watch-certificate.ts";
import { createLog } from "../../src/base/log.ts";

const folder = mkdtempSync(join(tmpdir(), "ambit-tls-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function pair(name: string): { cert: string; key: string } {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const made = Bun.spawnSync(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"]);
  expect(made.exitCode).toBe(0);
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
}

const shownBy = (port: number): Promise<string> => new Promise((resolve, reject) => {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
    resolve(String(socket.getPeerCertificate().subject.CN));
    socket.destroy();
  });
  socket.on("error", reject);
});

let app: StartedApp;
let first: { cert: string; key: string };
let second: { cert: string; key: string };
beforeAll(async () => {
  [first, second] = [pair("first"), pair("second")];
  writeFileSync(join(folder, "c.pem"), first.cert);
  writeFileSync(join(folder, "k.pem"), first.key);
});

test("new connections are shown the new one, a socket and a request under way go on", async () => {
  const clock = fakeClock(Date.now());
  const schema = `type P @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey }\ntype Endpoints { slow: Boolean! @http(method: GET) @allow(to: ["public"]) }`;
  const resources = `import { endpoints } from "ambit";\nexport const Endpoints = endpoints({ async slow() { await new Promise((done) => { setTimeout(done, 1500); }); return true; } });`;
  app = await startTestApp({ schema, resources, config: `http: { tls: { cert: ${join(folder, "c.pem")}, key: ${join(folder, "k.pem")} } }\nmqtt: { tlsPort: 0 }` }, { clock });
  try {
    const mqttPort = app.running.mqtt.tlsPort!;
    expect([await shownBy(app.port), await shownBy(mqttPort)]).toEqual(["first", "first"]);
    const tls = { rejectUnauthorized: false };
    const slow = fetch(`${app.url}/slow`, { tls } as RequestInit);
    const socket = new WebSocket(`${app.url.replace("https", "wss")}/ws`, { tls } as unknown as string[]);
    const told: string[] = [];
    socket.addEventListener("message", ({ data }) => told.push(String(data)));
    await new Promise((resolve, reject) => { socket.addEventListener("open", resolve); socket.addEventListener("error", reject); });
    socket.send(JSON.stringify({ op: "subscribe", id: "1", query: "/P" }));
    await Bun.sleep(200);
    writeFileSync(join(folder, "c.pem"), second.cert);
    // Half of a pair is none.
    clock.advance(10_000);
    await Bun.sleep(200);
    expect([await shownBy(app.port), app.log.some((line) => line.includes("certificate-not-renewed"))]).toEqual(["first", true]);
    writeFileSync(join(folder, "k.pem"), second.key);
    clock.advance(10_000);
    await Bun.sleep(200);
    expect([await shownBy(app.port), await shownBy(mqttPort)]).toEqual(["second", "second"]);
    socket.send(JSON.stringify({ op: "subscribe", id: "2", query: "/P" }));
    expect((await slow).status).toBe(200);
    await Bun.sleep(200);
    expect(told.map((frame) => (JSON.parse(frame) as { id: string }).id)).toEqual(["1", "2"]);
    socket.close();
  } finally {
    await app.stop();
  }
}, 120_000);

test("a pair that cannot be read or is the same is left alone", async () => {
  const clock = fakeClock(0);
  const renewed: string[] = [];
  let next: { cert: string; key: string } | Error = first;
  const watch = watchCertificate({ clock, log: createLog({ clock, sink: () => {} }), renew: ({ cert }) => renewed.push(cert), read: async () => { if (next instanceof Error) throw next; return next; } });
  const look = async (value: typeof next): Promise<void> => {
    next = value;
    await Bun.sleep(5);
    clock.advance(10_000);
    await Bun.sleep(5);
  };
  await look(first);
  await look(new Error("gone"));
  await look({ cert: "-----", key: second.key });
  await look({ cert: second.cert, key: first.key });
  expect(renewed).toEqual([]);
  await look(second);
  await look(second);
  expect(renewed).toEqual([second.cert]);
  watch.stop();
  await look(first);
  expect(renewed).toHaveLength(1);
});
