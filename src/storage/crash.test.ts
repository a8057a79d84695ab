import { expect, test } from "bun:test";
import { join } from "node:path";
import { seededRandom } from "../base/random.ts";
import { openedStorage, temporaryDirectory } from "./testing/storage-fixture.ts";

const kills = process.env["AMBIT_TEST_SIZE"] === "long" ? 200 : 20;
const child = join(import.meta.dir, "testing", "crash-child.ts");
const IDS_PER_RUN = 1_000_000;

/** Runs the writer, kills it at a random moment, and answers what it had acknowledged. Each second time it has acknowledged something before. */
async function runAndKill(directory: string, run: number, afterMs: number): Promise<number[]> {
  const writer = Bun.spawn([process.execPath, child, directory, String(run), String(run * IDS_PER_RUN)], { stdout: "pipe", stderr: "pipe" });
  const [told, all] = writer.stdout.tee();
  const first = told.getReader();
  if (run % 2 === 0) await first.read();
  await Bun.sleep(afterMs);
  writer.kill("SIGKILL");
  const [output, errors] = await Promise.all([new Response(all).text(), new Response(writer.stderr).text(), first.cancel()]);
  expect(errors).toBe("");
  expect(await writer.exited).not.toBe(0);
  // A line may have been cut in the middle.
  return output.split("\n").slice(0, -1).map(Number);
}

test(`${kills} kills under concurrent writes: what was acknowledged is there, nothing is half done`, async () => {
  const seed = 20_260_131;
  const random = seededRandom(seed);
  const directory = temporaryDirectory();
  const acknowledged: number[] = [];
  for (let run = 1; run <= kills; run++) {
    const afterMs = Math.floor(random.next() * 200);
    acknowledged.push(...await runAndKill(directory, run, afterMs));
    const { storage } = openedStorage(directory);
    const { reader } = storage;
    const tables = new Set(reader.values("SELECT name FROM sqlite_schema").map((row) => row[0]));
    const where = `seed ${seed}, run ${run}, killed after ${afterMs} ms`;
    expect(reader.values("PRAGMA integrity_check"), where).toEqual([["ok"]]);
    if (tables.has("counter")) {
      const items = reader.values("SELECT id, text FROM item ORDER BY id");
      const present = new Set(items.map((row) => row[0]));
      expect(acknowledged.filter((id) => !present.has(id)), where).toEqual([]);
      expect(reader.values("SELECT id, text FROM twin ORDER BY id"), where).toEqual(items);
      const entries = reader.values(`SELECT "position", json_extract("entry", '$.changes[0].id'), json_extract("entry", '$.changes[0].new.text') FROM "$log" ORDER BY 2`);
      expect(entries.map(([, id, text]) => [id, text]), where).toEqual(items);
      expect(reader.values("SELECT value FROM counter"), where).toEqual([[items.length]]);
    } else expect(acknowledged, where).toEqual([]);
    await storage.close();
  }
  expect(acknowledged.length).toBeGreaterThan(0);
}, 600_000);
