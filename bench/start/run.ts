// bench/start: time to the first answer and memory at rest of the app that `ambit init` writes, from the bundle, from the sources and
// through the launcher, beside a bare Bun.serve; and how long `ambit check` of the store takes. All alternated in one run.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entryPoint, root, sourceEntry } from "../../bin/entry-point.mjs";
import { findBun } from "../../bin/find-bun.mjs";
import { folder, launch, residentBytes, type Place } from "../rest/sides.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 10);
/** After the first answer, so that what only the start needed is given back. */
const REST_MS = 2_000;

const work = mkdtempSync(join(tmpdir(), "ambit-bench-"));
const place: Place = { work, peers: "", core: 0 };
const app = join(work, "app");
const launcher = join(root, "bin", "ambit.mjs");

interface Start { readonly name: string; readonly path: string; command(port: string, data: string): string[] }

const serve = (entry: readonly string[]) => (port: string, data: string): string[] => [...entry, "start", app, "--port", port, "--data", data];
const starts: readonly Start[] = [
  { name: "floor: Bun.serve hello", path: "/", command: (port) => [findBun(), join(root, "bench", "rest", "floor-hello.ts"), port] },
  { name: entryPoint() === sourceEntry ? "Ambit (no bundle: node bin/prepare.mjs)" : "Ambit, from the bundle", path: "/health", command: serve([findBun(), entryPoint()]) },
  { name: "Ambit, from the sources", path: "/health", command: serve([findBun(), sourceEntry]) },
  { name: "Ambit, through the launcher", path: "/health", command: serve(["node", launcher]) },
];

const median = (values: readonly number[]): number => values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
const shown = (values: readonly number[], unit: string): string => `${Math.round(median(values))} ${unit} (${Math.round(Math.min(...values))}-${Math.round(Math.max(...values))})`;

try {
  Bun.spawnSync(["node", launcher, "init", app]);
  const results = new Map(starts.map(({ name }) => [name, { firstMs: [] as number[], restMb: [] as number[] }]));
  const checks: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, { name, path, command }] of starts.entries()) {
      const port = 9121 + index;
      const running = await launch(place, port, command(String(port), folder(place, `data-${index}`)), {}, path);
      results.get(name)!.firstMs.push(running.firstAnswerMs);
      await Bun.sleep(REST_MS);
      results.get(name)!.restMb.push(residentBytes(running.pid) / 1e6);
      await running.stop();
    }
    const began = performance.now();
    if (Bun.spawnSync(["node", launcher, "check", join(root, "examples", "store")]).exitCode !== 0) throw new Error("ambit check of the store failed");
    checks.push(performance.now() - began);
  }
  console.log("| start | first answer | at rest |\n| --- | --- | --- |");
  for (const [name, { firstMs, restMb }] of results) console.log(`| ${name} | ${shown(firstMs, "ms")} | ${shown(restMb, "MB")} |`);
  console.log(`\nambit check examples/store, with the launcher: ${shown(checks, "ms")}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
