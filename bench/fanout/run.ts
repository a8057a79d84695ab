// bench/fanout: WebSocket and MQTT fan-out against floors and peers, many live queries, idle sockets, a chat. One core for the server, the other for clients.
// Arguments choose parts (websocket mqtt queries idle chat); without any all run. Needs taskset, for the peers mosquitto (Debian) and .peers/: see bench/README.md.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Place } from "../rest/sides.ts";
import { measureChat } from "./chat.ts";
import { measureDeliveries } from "./deliveries.ts";
import { mqttSides, webSocketSides } from "./fanout-sides.ts";
import { measureIdle } from "./idle.ts";
import { measureQueries } from "./queries.ts";

const rounds = Number(process.env["BENCH_ROUNDS"] ?? 5);
const seconds = Number(process.env["BENCH_SECONDS"] ?? 3);
const work = mkdtempSync(join(tmpdir(), "ambit-bench-"));
const place: Place = { work, peers: process.env["BENCH_PEERS"] ?? join(import.meta.dir, "..", "..", ".peers"), core: 0 };
const chosen = process.argv.slice(2);

const parts: Readonly<Record<string, () => Promise<void>>> = {
  websocket: () => measureDeliveries({
    title: "1,000 WebSocket subscribers of one channel", subscribers: 1_000, sides: webSocketSides(place), rounds, seconds, floor: "Bun publish",
    gates: ["Gate: Ambit at least 0.70 of Bun publish, single and joined."],
  }),
  mqtt: () => measureDeliveries({
    title: "200 MQTT subscribers of one channel, QoS 0", subscribers: 200, sides: mqttSides(place), rounds, seconds, floor: "mosquitto",
    gates: ["Gate: Ambit at least 1.00 of mosquitto single, 10.00 joined."],
  }),
  queries: () => measureQueries({ place, seconds: seconds * 5 }),
  idle: () => measureIdle(place),
  chat: () => measureChat({ place, rounds, seconds }),
};

try {
  for (const [name, measure] of Object.entries(parts)) if (chosen.length === 0 || chosen.includes(name)) await measure();
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exit(0);
