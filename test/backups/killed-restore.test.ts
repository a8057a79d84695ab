// kill -9 of `ambit restore` at random moments: the next start finds the data from before or those of the backup, whole, and what was there.
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { defaultLimits } from "../../src/base/limits.ts";
import { seededRandom } from "../../src/base/random.ts";
import { backupDatabase, withDataFile } from "../../src/storage/backup.ts";
import { checkData } from "../../src/storage/check-data.ts";
import type { Connection } from "../../src/storage/connection.ts";
import { openStorage } from "../../src/storage/open-storage.ts";
import { readMeta, writeMeta } from "../../src/storage/system-tables.ts";
import { spawnAmbit } from "../processes/ambit-command.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";

const KILLS = process.env["AMBIT_TEST_SIZE"] === "long" ? 40 : 3;

const scratch = scratchFolder();
afterAll(() => scratch.remove());

/** Opens the data as a start does, which ends what was interrupted. */
async function inData<Result>(directory: string, use: (connection: Connection) => Result): Promise<Result> {
  const storage = openStorage({ directory, limits: defaultLimits, clock: systemClock(), onFatal: (error) => { throw error; } });
  try {
    return await storage.commit(use);
  } finally {
    await storage.close();
  }
}

test(`${KILLS} restores, each killed at a random moment, have happened or have not`, async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
  const random = seededRandom(seed);
  const data = scratch.free("data");
  const backup = scratch.free("backup.db");
  await inData(data, (connection) => writeMeta(connection, "test", "old"));
  await backupDatabase(join(data, "data.db"), backup);
  // How long one takes here and now; those that are killed end somewhere about then.
  const started = performance.now();
  expect(await spawnAmbit(["restore", backup, "--data", data]).exited).toBe(0);
  const wholeMs = performance.now() - started;
  let restored = 1;
  for (let kill = 0; kill < KILLS; kill++) {
    await inData(data, (connection) => writeMeta(connection, "test", `new ${kill}`));
    const afterMs = wholeMs * (0.4 + random.next() * 0.8);
    const child = spawnAmbit(["restore", backup, "--data", data]);
    await Bun.sleep(afterMs);
    child.kill("SIGKILL");
    await child.exited;
    const where = `seed ${seed}, kill ${kill} after ${afterMs} ms`;
    const found = await inData(data, (connection) => readMeta(connection, "test"));
    expect([`new ${kill}`, "old"], where).toContain(String(found));
    if (found === "old") restored += 1;
    const names = readdirSync(data);
    expect([names.filter((name) => /^before-restore-\d+(-\d+)?\.db$/.test(name)).length, names.some((name) => name.startsWith("restoring.db"))], where).toEqual([restored, false]);
    for (const name of names.filter((one) => /^before-.*\.db$/.test(one))) withDataFile(join(data, name), checkData);
  }
  console.log(`${restored - 1} of ${KILLS} restores had happened when they were killed (seed ${seed})`);
}, 600_000);
