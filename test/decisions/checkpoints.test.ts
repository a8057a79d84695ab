// When checkpoints are made and who gets them: by count, by time, at the end; files that cannot be written meanwhile, addresses, other keys.
import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { createLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { readNotes } from "../../src/decisions/audit/checkpoint.ts";
import { startApp, type RunningApp } from "../../src/runtime/start-app.ts";
import { ambitHere } from "../processes/ambit-here.ts";
import { adminToken, keysFor } from "../scenarios/started-app.ts";
import { until } from "../processes/waits.ts";

const schema = `type Decisions { yes: Boolean! @decision(kind: RULE) @export @allow(to: ["support"]) @fallback(value: true)
  @acknowledge(rule: "UNBOUNDED_WRITE", reason: "It writes nothing.") }`;
const root = mkdtempSync(join(tmpdir(), "ambit-checkpoints-"));
let running: RunningApp | null = null;
afterEach(async () => { await running?.stop(); });
afterAll(() => rmSync(root, { recursive: true, force: true }));

const seed = (byte: number): string => Buffer.alloc(32, byte).toString("base64");

async function start(directory: string, config: string): Promise<RunningApp> {
  writeFileSync(join(directory, "schema.graphql"), schema);
  writeFileSync(join(directory, "config.yaml"), `${keysFor("support")}${config}`);
  const clock = systemClock();
  running = await startApp({
    directory, dataDirectory: join(directory, "data"), port: 0, environment: {}, adminToken, development: false, seed: null, clock, random: systemRandom(),
    log: createLog({ clock, sink: () => {} }), forbidOutbound: true, onFatal: (error) => { throw error; },
  });
  return running;
}

async function decide(count: number): Promise<void> {
  for (let index = 0; index < count; index++) await fetch(`${running!.url}/decide/yes`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: "{}" });
}

const sizes = (): unknown[] => running!.storage.reader.values(`SELECT "size" FROM "$checkpoint" ORDER BY "size"`).map(([size]) => size);
const notesOf = (file: string): number[] => readNotes(readFileSync(file, "utf8")).map((note) => Number(note.split("\n")[1]));

const verify = async (directory: string): Promise<Record<string, unknown>> => (await ambitHere(["audit", "verify", "--data", join(directory, "data"), "--json"])).objects()[0]!;

test("after auditCheckpointRecords, after auditCheckpointMs, and when the app stops", async () => {
  const directory = mkdtempSync(join(root, "app-"));
  await start(directory, "limits: { auditCheckpointRecords: 3 }\n");
  await decide(2);
  expect(sizes()).toEqual([]);
  await decide(1);
  await until(() => sizes().length === 1);
  await decide(1);
  await running!.stop();
  await start(directory, "limits: { auditCheckpointMs: PT0.01S }\n");
  expect(sizes()).toEqual([3, 4]);
  await decide(1);
  await until(() => sizes().length === 3);
  expect(await verify(directory)).toMatchObject({ ok: true, records: 5, checkpoints: 3 });
});

test("a file that cannot be written gets them later, in order, each once", async () => {
  const directory = mkdtempSync(join(root, "app-"));
  mkdirSync(join(directory, "out"));
  await start(directory, "limits: { auditCheckpointRecords: 1 }\naudit: { export: [out, kept.txt] }\n");
  await decide(1);
  await until(() => sizes().length === 1);
  rmdirSync(join(directory, "out"));
  await until(() => running!.storage.reader.values(`SELECT 1 FROM "$checkpoint" WHERE "exported" = 0`).length === 0);
  await decide(1);
  await running!.stop();
  expect(notesOf(join(directory, "out"))).toEqual([1, 2]);
  expect(notesOf(join(directory, "kept.txt"))).toContain(2);
});

test("an address gets each once, signed as the log says", async () => {
  const received: { readonly key: string | null; readonly text: string }[] = [];
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, async fetch(request) {
    received.push({ key: request.headers.get("idempotency-key"), text: await request.text() });
    return new Response("ok");
  } });
  try {
    const directory = mkdtempSync(join(root, "app-"));
    await start(directory, `limits: { auditCheckpointRecords: 2 }\noutbound: { allowPrivate: ["127.0.0.1"] }\naudit: { export: ["http://127.0.0.1:${server.port}/keep"] }\n`);
    await decide(2);
    await until(() => received.length === 1);
    await decide(2);
    await until(() => received.length === 2);
    expect(received.map(({ text }) => readNotes(text)).map(([note]) => note!.split("\n")[1])).toEqual(["2", "4"]);
    expect(new Set(received.map(({ key }) => key)).size).toBe(2);
  } finally {
    await server.stop(true);
  }
});

test("a key is made once and stays; another one is told in a record of its own, which the one before signs too", async () => {
  const directory = mkdtempSync(join(root, "app-"));
  const keys = (): string[] => running!.storage.reader.values(`SELECT "verifier" FROM "$audit_key" ORDER BY "number"`).map(([verifier]) => verifier as string);
  const told = (): unknown[] => running!.storage.reader.values(`SELECT "record" FROM "$audit" ORDER BY "number"`).map(([record]) => JSON.parse(record as string) as { kind: string; signedByFormer?: string | null }).filter(({ kind }) => kind === "key").map(({ signedByFormer }) => typeof signedByFormer);
  for (const [config, count, before] of [
    ["", 1, []], ["", 1, []], [`audit: { key: "${seed(1)}" }\n`, 2, ["string"]], [`audit: { key: "${seed(2)}", formerKey: "${seed(1)}" }\n`, 3, ["string", "string"]], [`audit: { key: "${seed(3)}" }\n`, 4, ["string", "string", "object"]],
  ] as const) {
    await start(directory, config);
    await decide(1);
    await running!.stop();
    await start(directory, config);
    expect([keys().length, told()]).toEqual([count, [...before]]);
    // What signs from outside is not kept with the data.
    expect(running!.storage.reader.values(`SELECT 1 FROM "$audit_key" WHERE "seed" IS NOT NULL`)).toHaveLength(config === "" ? 1 : 0);
    await running!.stop();
    expect(await verify(directory)).toMatchObject({ ok: true, problem: null });
  }
});
