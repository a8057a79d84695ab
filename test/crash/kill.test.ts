// kill -9 at random moments under concurrent writes of every kind: what was acknowledged is there, nothing is half done, log and
// tables agree, and a key that was used once answers the same again.
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { seededRandom, type Random } from "../../src/base/random.ts";
import { compileSchema } from "../../src/schema/compile-schema.ts";
import { type AppProcess, spawnApp } from "../processes/app-process.ts";
import { type HttpCaller, httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { accounts, counter, crashConfig, crashResources, crashSchema, OPENING_BALANCE, writerKey } from "./crash-app.ts";
import { DataCheck } from "./data-check.ts";
import { checkShared, type Shared } from "./shared-state.ts";
import { Writer } from "./writer.ts";

const KILLS = process.env["AMBIT_TEST_SIZE"] === "long" ? 200 : 20;
const WRITERS = 10;
/** Of writes. */
const KINDS = 13;
const CAUSES = ["cascade", "expiry", "write"];
const BURST_MS = 500;
const START_MS = 250;

const scratch = scratchFolder();
afterAll(() => scratch.remove());

/** How one run ends. */
type End = { readonly kind: "while starting" | "while writing" | "while stopping"; readonly afterMs: number };

function endOf(random: Random): End {
  const dice = random.next();
  if (dice < 0.1) return { kind: "while starting", afterMs: random.next() * START_MS };
  return { kind: dice < 0.85 ? "while writing" : "while stopping", afterMs: random.next() * BURST_MS };
}

async function writeUntilKilled(app: AppProcess, writers: readonly Writer[], end: End, random: Random): Promise<void> {
  const working = writers.map((writer) => writer.work());
  await Bun.sleep(end.afterMs);
  if (end.kind === "while stopping") {
    void app.stop();
    await Bun.sleep(random.next() * 30);
  }
  await app.kill();
  await Promise.all(working);
}

/** Once, on the empty database. */
async function createShared(caller: HttpCaller): Promise<void> {
  for (const id of accounts) expect((await caller.put(`/Account/${id}`, { id, balance: String(OPENING_BALANCE) })).status).toBeLessThan(300);
  expect((await caller.put(`/Counter/${counter}`, { id: counter })).status).toBeLessThan(300);
}

test(`${KILLS} kills under concurrent writes`, async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
  console.log(`seed ${seed} (AMBIT_TEST_SEED=${seed} plans the same writes again)`);
  const random = seededRandom(seed);
  const folder = scratch.app({ "schema.graphql": crashSchema, "resources.ts": crashResources, "config.yaml": crashConfig });
  const data = scratch.free("data");
  const check = new DataCheck(compileSchema({ file: "schema.graphql", text: crashSchema }).catalog, data);
  let app: AppProcess | null = null;
  const caller = httpCaller(() => app!.url, writerKey);
  const writers = Array.from({ length: WRITERS }, (_, index) => new Writer(`w${index}`, seededRandom(seed + 1 + index), caller));
  const shared: Shared = { caller, writers };
  let isNew = true;
  const kindsSeen = (): Set<string> => new Set(writers.flatMap(({ kinds }) => [...kinds]));
  // Some more where so few writes came about, on a slow machine, that one of their kinds is missing.
  const hasAll = (): boolean => kindsSeen().size === KINDS && check.causes.size === CAUSES.length;
  for (let kill = 1; kill <= KILLS || (!hasAll() && kill <= KILLS * 5); kill++) {
    const end = endOf(random);
    const where = `seed ${seed}, kill ${kill} of ${KILLS}, ${end.kind} after ${end.afterMs.toFixed(0)} ms`;
    try {
      const spawned = spawnApp(folder, { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet" } });
      app = spawned.process;
      if (end.kind === "while starting") {
        await Bun.sleep(end.afterMs);
        await app.kill();
      } else {
        await spawned.started;
        if (isNew) await createShared(caller);
        isNew = false;
        for (const writer of writers) await writer.settle();
        await checkShared(shared);
        await writeUntilKilled(app, writers, end, random);
      }
      if (await Bun.file(`${data}/data.db`).exists()) check.run();
    } catch (error) {
      throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}\n${app?.log() ?? ""}`, { cause: error });
    } finally {
      await app?.kill();
    }
  }
  const sum = (of: (writer: Writer) => number): number => writers.reduce((total, writer) => total + of(writer), 0);
  console.log(`${KILLS} kills, ${sum(({ acknowledged }) => acknowledged)} writes acknowledged, ${sum(({ interrupted }) => interrupted)} interrupted (${sum(({ completed }) => completed)} of them had happened), ${sum(({ replayed }) => replayed)} answers given again, ${check.entries} log entries (${[...check.causes].map(([cause, count]) => `${count} ${cause}`).join(", ")})`);
  expect(kindsSeen().size).toBe(KINDS);
  expect([...check.causes.keys()].sort()).toEqual(CAUSES);
}, 3_600_000);
