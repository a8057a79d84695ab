// (d) of bench/fanout: what a server takes in memory while 10,000 WebSockets are open and nothing happens; with and without a subscription each.
import { Crowd } from "./crowd.ts";
import { startAmbit } from "./fanout-sides.ts";
import { webSocketWire, type WebSocketWireOptions } from "./wires.ts";
import { residentBytes, launch, type Place, type Running } from "../rest/sides.ts";
import { findBun } from "../../bin/find-bun.mjs";
import { join } from "node:path";

const SOCKETS = Number(process.env["BENCH_SOCKETS"] ?? 10_000);
/** After the last one, so that what only opening them needed is given back. */
const REST_MS = 3_000;

interface IdleSide { readonly name: string; readonly port: number; readonly wire: Omit<WebSocketWireOptions, "publishText">; start(): Promise<Running> }

export async function measureIdle(place: Place): Promise<void> {
  const ambit = { path: "/ws", token: "reader-key" };
  const sides: readonly IdleSide[] = [
    { name: "floor: Bun", port: 9151, wire: { path: "/", token: null, subscribe: null }, start: () => launch(place, 9151, [findBun(), join(import.meta.dir, "floor-publish.ts"), "9151"], {}, "/") },
    { name: "Ambit", port: 9152, wire: { ...ambit, subscribe: null }, start: () => startAmbit(place, 9152) },
    { name: "Ambit, each on a topic", port: 9153, wire: { ...ambit, subscribe: { text: '{"op":"subscribe","id":"s","query":"/Board/1"}', answers: 1 } }, start: () => startAmbit(place, 9153) },
    { name: "Ambit, each following a query", port: 9154, wire: { ...ambit, subscribe: { text: '{"op":"subscribe","id":"s","query":"/Item?category=eq.7"}', answers: 1 } }, start: () => startAmbit(place, 9154) },
  ];
  console.log(`\n${SOCKETS} idle WebSockets\n\n| side | before | with them | each | opened a second |\n| --- | --- | --- | --- | --- |`);
  for (const { name, port, wire, start } of sides) {
    const running = await start();
    let crowd: Crowd | null = null;
    try {
      await Bun.sleep(1_000);
      const before = residentBytes(running.pid);
      const began = performance.now();
      crowd = await Crowd.open(port, SOCKETS, webSocketWire({ ...wire, publishText: (_topic, text) => text }));
      const perSecond = SOCKETS * 1_000 / (performance.now() - began);
      await Bun.sleep(REST_MS);
      const after = residentBytes(running.pid);
      console.log(`| ${name} | ${megabytes(before)} | ${megabytes(after)} | ${((after - before) / SOCKETS / 1_000).toFixed(1)} kB | ${Math.round(perSecond)} |`);
    } finally {
      crowd?.close();
      await running.stop();
    }
  }
  console.log("Gate: Ambit with them under 150 MB.");
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
