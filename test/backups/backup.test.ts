// Backups of a running app under concurrent writes of every kind: each is a prefix of the log that holds all that was acknowledged before
// it began, whoever is killed meanwhile; and one that is restored serves again under versions that never were.
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../../src/base/random.ts";
import { compileSchema } from "../../src/schema/compile-schema.ts";
import { withDataFile } from "../../src/storage/backup.ts";
import { checkData } from "../../src/storage/check-data.ts";
import { accounts, counter, crashConfig, crashResources, crashSchema, OPENING_BALANCE, writerKey } from "../crash/crash-app.ts";
import { DataCheck } from "../crash/data-check.ts";
import { Writer } from "../crash/writer.ts";
import { runAmbit, spawnAmbit } from "../processes/ambit-command.ts";
import { ambitHere } from "../processes/ambit-here.ts";
import { startApp } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";

const BACKUPS = process.env["AMBIT_TEST_SIZE"] === "long" ? 20 : 2;
const WRITERS = 6;

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const { catalog } = compileSchema({ file: "schema.graphql", text: crashSchema });

/** Positions and entries up to one of them, as text. */
function logOf(file: string, upTo: number): string {
  return withDataFile(file, (connection) => JSON.stringify(connection.values(`SELECT * FROM "$log" WHERE "position" <= ?1 ORDER BY "position"`, upTo)));
}

/** Replays the log of a backup and compares the result with its tables. */
function checkBackup(file: string, data: string): number {
  const directory = scratch.free("checked");
  mkdirSync(directory);
  copyFileSync(file, join(directory, "data.db"));
  new DataCheck(catalog, directory).run();
  const { position } = withDataFile(file, checkData);
  expect(logOf(file, position)).toBe(logOf(join(data, "data.db"), position));
  return position;
}

/** Of one moment: every balance is what the transfers made of it. */
function checkTotals(folder: string): void {
  const linesOf = <Row>(table: string): Row[] => readFileSync(join(folder, `${table}.ndjson`), "utf8").split("\n").slice(0, -1).map((line) => JSON.parse(line) as Row);
  const balances = new Map<string, number>(accounts.map((id) => [id, OPENING_BALANCE]));
  for (const { fromId, toId, amount } of linesOf<{ fromId: string; toId: string; amount: number }>("Transfer")) {
    balances.set(fromId, balances.get(fromId)! - amount);
    balances.set(toId, balances.get(toId)! + amount);
  }
  expect(Object.fromEntries(linesOf<{ id: string; balance: string }>("Account").map(({ id, balance }) => [id, Number(balance)]))).toEqual(Object.fromEntries(balances));
  const [{ value }] = linesOf<{ value: number }>("Counter") as [{ value: number }];
  expect(value).toBe(linesOf("Hit").length);
}

test(`${BACKUPS} backups under concurrent writes, with kill -9 of the command and of the server`, async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
  console.log(`seed ${seed} (AMBIT_TEST_SEED=${seed} plans the same writes again)`);
  const random = seededRandom(seed);
  const folder = scratch.app({ "schema.graphql": crashSchema, "resources.ts": crashResources, "config.yaml": crashConfig });
  const data = scratch.free("data");
  const target = scratch.free("backups");
  mkdirSync(target);
  const app = await startApp(folder, { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet" } });
  const caller = httpCaller(() => app.url, writerKey);
  for (const id of accounts) expect((await caller.put(`/Account/${id}`, { id, balance: String(OPENING_BALANCE) })).status).toBe(201);
  expect((await caller.put(`/Counter/${counter}`, { id: counter })).status).toBe(201);
  const writers = Array.from({ length: WRITERS }, (_, index) => new Writer(`w${index}`, seededRandom(seed + 1 + index), caller));
  const working = writers.map((writer) => writer.work());
  let last = 0;
  for (let number = 1; number <= BACKUPS; number++) {
    expect((await caller.post("/Folder", { id: `mark-${number}`, owner: "marks" })).status).toBe(201);
    const file = join(target, `${number}.db`);
    const killed = spawnAmbit(["backup", file, folder, "--data", data]);
    await Bun.sleep(random.next() * 300);
    killed.kill("SIGKILL");
    await killed.exited;
    if (existsSync(file)) checkBackup(file, data);
    else {
      const made = await runAmbit(["backup", file, folder, "--data", data, "--json"]);
      expect([made.code, made.err]).toEqual([0, ""]);
      const position = checkBackup(file, data);
      expect(made.objects()).toEqual([{ event: "backed-up", file, position, bytes: expect.any(Number) }]);
      expect(position).toBeGreaterThan(last);
      last = position;
    }
    expect(withDataFile(file, (connection) => connection.values(`SELECT "id" FROM "Folder" WHERE "id" = ?1`, `mark-${number}`))).toEqual([[`mark-${number}`]]);
  }
  expect(readdirSync(target).sort()).toEqual(Array.from({ length: BACKUPS }, (_, index) => `${index + 1}.db`).sort());
  const exported = join(target, "exported");
  expect((await runAmbit(["export", exported, folder, "--data", data])).code).toBe(0);
  checkTotals(exported);

  const meanwhile = spawnAmbit(["backup", join(target, "meanwhile.db"), folder, "--data", data]);
  await Bun.sleep(random.next() * 200);
  await app.kill();
  await Promise.all(working);
  expect(await meanwhile.exited).toBe(0);
  checkBackup(join(target, "meanwhile.db"), data);
  // Of an app that was killed, too.
  expect((await runAmbit(["backup", join(target, "after.db"), folder, "--data", data])).code).toBe(0);
  checkBackup(join(target, "after.db"), data);
}, 600_000);

test("a restored app serves the backup's records under versions that never were, and never while it runs", async () => {
  const folder = scratch.app({ "schema.graphql": crashSchema, "resources.ts": crashResources, "config.yaml": crashConfig });
  const data = scratch.free("data");
  const backup = scratch.free("backup.db");
  const start = () => startApp(folder, { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet" } });
  const first = await start();
  const caller = httpCaller(() => first.url, writerKey);
  await caller.post("/Folder", { id: "f", owner: "before" });
  expect((await ambitHere(["backup", backup, "--data", data])).code).toBe(0);
  const changed = await caller.send("PATCH", "/Folder/f", { owner: "after" });
  expect(changed.status).toBe(204);
  const tag = (await caller.get("/Folder/f")).headers.get("etag")!;
  const live = await ambitHere(["restore", backup, folder, "--data", data, "--json"]);
  expect([live.code, live.objects()[0]?.["code"]]).toEqual([1, "DATA_IN_USE"]);
  expect((await caller.get("/Folder/f")).json<{ owner: string }>().owner).toBe("after");
  expect(await first.stop()).toBe(0);

  const restored = await ambitHere(["restore", backup, folder, "--data", data, "--json"]);
  expect([restored.code, restored.objects()]).toEqual([0, [{ event: "restored", directory: data, position: 1, epoch: expect.any(String), kept: join(data, "before-restore-2.db") }]]);
  await using second = await start();
  const again = httpCaller(() => second.url, writerKey);
  const record = await again.get("/Folder/f");
  expect([record.json<{ owner: string }>().owner, record.headers.get("etag")]).toEqual(["before", `"v1"`]);
  // The second write of another history: its version is not that of the first one's second write.
  expect((await again.send("PATCH", "/Folder/f", { owner: "other" })).status).toBe(204);
  const fresh = (await again.get("/Folder/f")).headers.get("etag")!;
  expect([tag, /^"v[1-9][0-9]{6,}"$/.test(fresh)]).toEqual([`"v2"`, true]);
  expect((await again.send("PATCH", "/Folder/f", { owner: "x" }, { "if-match": tag })).status).toBe(412);
  expect((await again.send("PATCH", "/Folder/f", { owner: "x" }, { "if-match": fresh })).status).toBe(204);
  expect((await again.get("/Folder?owner=eq.x")).json<unknown[]>()).toHaveLength(1);
}, 120_000);

test("a disk that is full, a target that exists and one that cannot be are told, and leave nothing", async () => {
  const folder = scratch.app({ "schema.graphql": crashSchema, "resources.ts": crashResources, "config.yaml": crashConfig });
  const data = scratch.free("data");
  const target = scratch.free("backups");
  mkdirSync(target);
  await using app = await startApp(folder, { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet" } });
  const caller = httpCaller(() => app.url, writerKey);
  for (let index = 0; index < 20; index++) {
    const notes = Array.from({ length: 50 }, (_, number) => ({ id: `${index}-${number}`, owner: "o", folderId: "f", code: `${index}-${number}`, title: "word ".repeat(40) }));
    if (index === 0) expect((await caller.post("/Folder", { id: "f", owner: "o" })).status).toBe(201);
    expect((await caller.post("/Note", notes)).status).toBe(201);
  }
  const told = async (words: readonly string[], fileBlocks?: number, at = data): Promise<unknown> => {
    const line = [...words, "--data", at, "--json"];
    const { code, objects } = fileBlocks === undefined ? await ambitHere(line) : await runAmbit(line, { fileBlocks });
    return [code, objects()[0]?.["code"]];
  };
  expect(await told(["backup", join(target, "full.db"), folder], 100)).toEqual([1, "STORAGE_FULL"]);
  expect(await told(["backup", join(target, "missing", "a.db"), folder])).toEqual([2, "USAGE"]);
  expect(await told(["backup", join(target, "a.db"), folder])).toEqual([0, undefined]);
  expect(await told(["backup", join(target, "a.db"), folder])).toEqual([2, "USAGE"]);
  expect(readdirSync(target)).toEqual(["a.db"]);
  await app.stop();
  expect(await told(["restore", join(target, "a.db"), folder], 100)).toEqual([1, "STORAGE_FULL"]);
  expect(readdirSync(data).sort()).toEqual(["data.db", "lock.db"]);
  expect(await told(["backup", join(target, "b.db"), folder], undefined, scratch.path)).toEqual([2, "USAGE"]);
}, 120_000);
