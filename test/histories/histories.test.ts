// Histories: clients append to lists, read them and move money through transactions over HTTP, the process is killed at random moments
// and started again. What they were told must have been true in some order, that of real time included.
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { seededRandom, type Random } from "../../src/base/random.ts";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { type HttpCaller, httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { checkHistory, type Step, type Transaction } from "./check-history.ts";
import { ACCOUNTS, historyResources, historySchema, OPENING } from "./history-app.ts";

const LONG = process.env["AMBIT_TEST_SIZE"] === "long";
const HISTORIES = LONG ? 20 : 3;
/** Of each burst. */
const TRANSACTIONS_MIN = 10;
const KILLS = 2;
const CLIENTS = 8;
const BURST_MS = LONG ? 700 : 350;
const KEYS = 6;

const scratch = scratchFolder();
afterAll(() => scratch.remove());

interface Running { readonly caller: HttpCaller; isUp: boolean }
interface Told { readonly transactions: Transaction[]; readonly totals: number[] }

const pick = (random: Random, sides: number): number => Math.floor(random.next() * sides);

type Asked = { readonly kind: "GET" | "FIND" | "ALL" | "APPEND"; readonly key: string; readonly value?: number };

/** What was read, from the answers; of what was not answered, the appends. */
function stepsOf(asked: readonly Asked[], answers: readonly unknown[] | null): Step[] {
  return asked.flatMap(({ kind, key, value }, index): Step[] => {
    if (kind === "APPEND") return [{ kind: "append", key, value: value! }];
    if (answers === null) return [];
    if (kind !== "ALL") return [{ kind: "read", key, items: answers[index] as number[] }];
    const found = answers[index] as { readonly [key: string]: number[] };
    // A list that is not there is an empty one of its bucket.
    return Array.from({ length: KEYS }, (_, number) => `k${number}`).filter((one) => Number(one.slice(1)) % 3 === Number(key.slice(1)) % 3).map((one) => ({ kind: "read", key: one, items: found[one] ?? [] }));
  });
}

/** One client until the process is gone. */
async function client(running: Running, random: Random, told: Told, nextValue: () => number): Promise<void> {
  for (let count = 0; running.isUp; count++) {
    if (pick(random, 4) === 0) await bank(running, random, told);
    else await transact(running, random, told, nextValue);
  }
}

async function transact({ caller }: Running, random: Random, told: Told, nextValue: () => number): Promise<void> {
  const asked = Array.from({ length: 1 + pick(random, 4) }, (): Asked => {
    const kind = (["GET", "FIND", "ALL", "APPEND", "APPEND", "APPEND"] as const)[pick(random, 6)]!;
    return { kind, key: `k${pick(random, KEYS)}`, ...(kind === "APPEND" ? { value: nextValue() } : {}) };
  });
  const beganMs = performance.now();
  const name = `t${told.transactions.length}`;
  const tell = (outcome: Transaction["outcome"], answers: readonly unknown[] | null): void => {
    told.transactions.push({ name: `${name} ${told.transactions.length}`, outcome, steps: stepsOf(asked, answers), beganMs, endedMs: performance.now() });
  };
  try {
    const answer = await caller.post(pick(random, 3) === 0 ? "/transactLate" : "/transact", { steps: asked });
    if (answer.status === 200) tell("ok", answer.json<unknown[]>());
    else tell(answer.status === 409 || answer.status === 400 ? "fail" : "unknown", null);
  } catch {
    tell("unknown", null);
  }
}

async function bank({ caller }: Running, random: Random, { totals }: Told): Promise<void> {
  try {
    if (pick(random, 3) > 0) {
      await caller.post("/move", { from: `a${pick(random, ACCOUNTS)}`, to: `a${pick(random, ACCOUNTS)}`, amount: 1 + pick(random, 40) });
      return;
    }
    const answer = await caller.post("/balances", { single: pick(random, 2) === 0 });
    if (answer.status === 200) totals.push(answer.json<number[]>().reduce((sum, balance) => sum + balance, 0));
  } catch {
    // The process is gone.
  }
}

const done = ({ transactions }: Told): number => transactions.filter(({ outcome }) => outcome === "ok").length;

async function oneHistory(seed: number): Promise<{ readonly problems: readonly string[]; readonly told: Told; readonly balances: readonly number[] }> {
  const folder = scratch.app({ "schema.graphql": historySchema, "resources.ts": historyResources });
  const data = scratch.free("data");
  const told: Told = { transactions: [], totals: [] };
  let value = 0;
  let app: AppProcess | null = null;
  const admin = httpCaller(() => app!.url, "administrator-of-histories-32-characters");
  const start = (): Promise<AppProcess> => startApp(folder, { data, environment: { AMBIT_ADMIN_TOKEN: "administrator-of-histories-32-characters" } });
  try {
    app = await start();
    for (let index = 0; index < ACCOUNTS; index++) expect((await admin.post("/Account", { id: `a${index}`, bank: 1, balance: OPENING })).status).toBe(201);
    for (let kill = 0; kill < KILLS; kill++) {
      const random = seededRandom(seed + kill);
      const running: Running = { caller: httpCaller(() => app!.url, null), isUp: true };
      const clients = Array.from({ length: CLIENTS }, (_, index) => client(running, seededRandom(seed * 100 + kill * 10 + index), told, () => ++value));
      // On a slow machine too there must be something to judge.
      const before = done(told);
      while (done(told) < before + TRANSACTIONS_MIN) await Bun.sleep(5);
      await Bun.sleep(BURST_MS / 2 + random.next() * BURST_MS);
      running.isUp = false;
      await app.kill();
      await Promise.all(clients);
      app = await start();
    }
    const lists = new Map((await admin.get("/Log?select=id,items")).json<{ id: string; items: number[] }[]>().map(({ id, items }) => [id, items] as const));
    const balances = (await admin.get("/Account?select=balance")).json<{ balance: number }[]>().map(({ balance }) => balance);
    return { problems: checkHistory(told.transactions, lists), told, balances };
  } finally {
    await app?.kill();
  }
}

test.each(Array.from({ length: HISTORIES }, (_, index) => index))("history %d is serializable, and no money came or went", async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(3).readUIntLE(0, 3));
  console.log(`seed ${seed} (AMBIT_TEST_SEED=${seed} asks the same again)`);
  const { problems, told, balances } = await oneHistory(seed);
  const total = ACCOUNTS * OPENING;
  expect({ seed, problems }).toEqual({ seed, problems: [] });
  expect(new Set([total, ...told.totals, balances.reduce((sum, balance) => sum + balance, 0)])).toEqual(new Set([total]));
  expect(done(told)).toBeGreaterThanOrEqual(KILLS * TRANSACTIONS_MIN);
}, 120_000);
