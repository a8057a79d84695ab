// How each side of bench/fanout is started and spoken to. Every server runs on one core, the clients on the other.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { entryPoint } from "../../bin/entry-point.mjs";
import { findBun } from "../../bin/find-bun.mjs";
import { folder, launch, type Place, type Running } from "../rest/sides.ts";
import { mqttWire, webSocketWire, type Wire } from "./wires.ts";

export interface Side {
  readonly name: string;
  readonly port: number;
  readonly wire: Wire;
  readonly topic: string;
  readonly kinds: readonly ("single" | "joined")[];
  start(): Promise<Running>;
}

const here = import.meta.dir;
const BOTH = ["single", "joined"] as const;
const plainText = (_topic: string, text: string): string => JSON.stringify({ boardId: "1", text });
const ambitText = (topic: string, text: string): string => `{"op":"publish","topic":"${topic}","message":${JSON.stringify({ text })}}`;

export function webSocketSides(place: Place): Side[] {
  const plain = { topic: "Board/1", wire: webSocketWire({ path: "/", token: null, subscribe: null, publishText: plainText }) };
  return [
    { ...plain, name: "floor: Bun publish", port: 9131, kinds: ["single"], start: () => launch(place, 9131, [findBun(), join(here, "floor-publish.ts"), "9131"], {}, "/") },
    { ...plain, name: "floor: Bun publish, joined", port: 9132, kinds: ["joined"], start: () => launch(place, 9132, [findBun(), join(here, "floor-publish.ts"), "9132", "joined"], {}, "/") },
    {
      name: "Ambit /ws", port: 9133, topic: "Board/1", kinds: BOTH, start: () => startAmbit(place, 9133),
      wire: webSocketWire({ path: "/ws", token: "writer-key", subscribe: { text: '{"op":"subscribe","id":"s","query":"/Board/1"}', answers: 1 }, publishText: ambitText }),
    },
    { ...plain, name: "ws on Node", port: 9134, kinds: BOTH, start: () => startNode(place, 9134, ["ws", "peer-ws.mjs"]) },
    { ...plain, name: "HarperDB", port: 9135, kinds: BOTH, start: () => Promise.reject(new Error("over WebSockets it tells of stored records alone; see MQTT")) },
  ];
}

export function mqttSides(place: Place): Side[] {
  const plain = { topic: "Board/1", kinds: BOTH, wire: mqttWire({ topic: "Board/1", token: null, publishText: (text) => JSON.stringify({ boardId: "1", text }) }) };
  return [
    { ...plain, name: "mosquitto", port: 9141, start: () => startMosquitto(place, 9141) },
    { ...plain, name: "aedes on Node", port: 9142, start: () => startNode(place, 9142, ["aedes", "peer-aedes.mjs"]) },
    { ...plain, name: "Ambit MQTT", port: 9143, wire: mqttWire({ topic: "Board/1", token: "writer-key", publishText: (text) => JSON.stringify({ text }) }), start: () => startAmbit(place, 9144, 9143) },
    { ...plain, name: "HarperDB MQTT", port: 9145, wire: mqttWire({ topic: "Board/1", token: "bench", publishText: (text) => JSON.stringify({ boardId: "1", text }) }), start: () => startHarper(place, 9145) },
  ];
}

/** The bench's app, for MQTT with a port of its own. */
export function startAmbit(place: Place, port: number, mqttPort: number | null = null): Promise<Running> {
  const app = folder(place, `app-${port}`);
  const source = join(here, "ambit-app");
  writeFileSync(join(app, "schema.graphql"), readFileSync(join(source, "schema.graphql")));
  writeFileSync(join(app, "config.yaml"), `${readFileSync(join(source, "config.yaml"), "utf8")}${mqttPort === null ? "" : `mqtt: { port: ${mqttPort} }\n`}`);
  return launch(place, port, [findBun(), entryPoint(), "start", app, "--port", String(port), "--data", folder(place, `data-${port}`)], {}, "/health");
}

async function startNode(place: Place, port: number, [name, program]: readonly [string, string]): Promise<Running> {
  if (!existsSync(join(place.peers, "node_modules", name))) throw new Error(`npm i --prefix .peers ${name}`);
  return launchBroker(place, port, [node(), join(here, program), String(port), place.peers]);
}

async function startMosquitto(place: Place, port: number): Promise<Running> {
  const program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"].find((path) => existsSync(path));
  if (program === undefined) throw new Error("apt-get install mosquitto");
  const config = join(folder(place, "mosquitto"), "mosquitto.conf");
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nset_tcp_nodelay true\nlog_type none\n`);
  return launchBroker(place, port, [program, "-c", config]);
}

async function startHarper(place: Place, port: number): Promise<Running> {
  const program = join(place.peers, "node_modules", "harperdb", "bin", "harperdb.js");
  if (!existsSync(program)) throw new Error("npm i --prefix .peers harperdb@4.7.29");
  const rootPath = folder(place, "harper");
  const app = folder(place, "harper-app");
  writeFileSync(join(app, "config.yaml"), "rest: true\ngraphqlSchema:\n  files: '*.graphql'\n");
  writeFileSync(join(app, "schema.graphql"), "type Board @table @export { id: ID @primaryKey boardId: ID text: String }\n");
  return launchBroker(place, port, [node(), program, "run", app], {
    TC_AGREEMENT: "yes", ROOTPATH: rootPath, HDB_ADMIN_USERNAME: "bench", HDB_ADMIN_PASSWORD: "bench", NODE_HOSTNAME: "localhost", REPLICATION_HOSTNAME: "localhost",
    DEFAULTS_MODE: "prod", THREADS_COUNT: "1", LOGGING_LEVEL: "error", AUTHENTICATION_AUTHORIZELOCAL: "true", HTTP_PORT: "9146", OPERATIONSAPI_NETWORK_PORT: "9147",
    MQTT_NETWORK_PORT: String(port), HOME: rootPath,
  });
}

/** A server that speaks no HTTP: it is there when it takes a connection. */
async function launchBroker(place: Place, port: number, command: string[], environment: Record<string, string> = {}): Promise<Running> {
  const began = performance.now();
  const child = Bun.spawn(["taskset", "-c", String(place.core), ...command], { env: { ...process.env, ...environment }, stdout: Bun.file(join(place.work, `${port}.out`)), stderr: Bun.file(join(place.work, `${port}.err`)) });
  for (let attempt = 0; attempt < 1_200; attempt++) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}; see ${port}.err in the work folder`);
    try {
      const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
      socket.end();
      return { pid: child.pid, firstAnswerMs: performance.now() - began, idleBytes: 0, async stop() { child.kill(); await child.exited; } };
    } catch {
      await Bun.sleep(50);
    }
  }
  child.kill();
  throw new Error(`no answer on port ${port}`);
}

function node(): string {
  return process.env["BENCH_NODE"] ?? "node";
}

/** Of a process so far, user and system. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
