// Former versions after `kill -9`, while they are also trimmed: nothing is missing that the log knows, nothing is there twice.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { defaultLimits } from "../base/limits.ts";
import { seededRandom } from "../base/random.ts";
import { readEntries, type LogEntry } from "../changes/log.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { readHistoryStart } from "../storage/history-tables.ts";
import { openStorage, type Storage } from "../storage/open-storage.ts";
import { crashSchema } from "./testing/history-crash-schema.ts";

const kills = process.env["AMBIT_TEST_SIZE"] === "long" ? 60 : 4;
const child = join(import.meta.dir, "testing", "history-crash-child.ts");
const { catalog } = compileSchema({ file: "schema.graphql", text: crashSchema });

interface Version { readonly id: string; readonly from: number; readonly until: number; readonly ending: string }

test(`${kills} kills: former versions are whole`, async () => {
  const seed = 20_261_121;
  const random = seededRandom(seed);
  const directory = mkdtempSync(join(tmpdir(), "ambit-history-"));
  let answered = 0;
  for (let run = 1; run <= kills; run++) {
    const writer = Bun.spawn([process.execPath, child, directory, String(seed + run)], { stdout: "pipe", stderr: "pipe" });
    const [begun, output] = firstOutput(writer.stdout);
    await begun;
    await Bun.sleep(Math.floor(random.next() * 500));
    writer.kill("SIGKILL");
    expect(await new Response(writer.stderr).text()).toBe("");
    const positions = (await output).split("\n").slice(0, -1).map(Number);
    const storage = openStorage({ directory, limits: defaultLimits, clock: systemClock(), onFatal: (error) => { throw error; } });
    const entries = readEntries(storage.reader, 0, 1_000_000, catalog);
    const known = new Set(entries.map(({ position }) => position));
    expect(positions.filter((position) => !known.has(position)), `seed ${seed} run ${run}`).toEqual([]);
    answered += positions.length;
    for (const table of ["Parent", "Child"]) checkTable(storage, table, entries, `seed ${seed} run ${run} ${table}`);
    await storage.close();
  }
  expect(answered).toBeGreaterThan(0);
  rmSync(directory, { recursive: true });
}, 600_000);

/** Resolves with the first words, and with all of them in the end. */
function firstOutput(stream: ReadableStream<Uint8Array>): [begun: Promise<unknown>, output: Promise<string>] {
  const [first, whole] = stream.tee();
  const reader = first.getReader();
  const begin = async (): Promise<void> => {
    await reader.read();
    // Of one branch alone this ends only with the other.
    void reader.cancel();
  };
  return [begin(), new Response(whole).text()];
}

function checkTable({ reader }: Storage, table: string, entries: readonly LogEntry[], where: string): void {
  const rows = reader.values(`SELECT "id", "$version", "$until", "$ending" FROM "${table}$history" ORDER BY "id", "$until"`).map(([id, from, until, ending]) => ({ id, from, until, ending }) as Version);
  const stands = new Map(reader.values(`SELECT "id", "$version" FROM "${table}"`) as [string, number][]);
  const wrong: string[] = [];
  for (const [index, row] of rows.entries()) {
    const next = rows[index + 1]?.id === row.id ? rows[index + 1]!.from : stands.get(row.id);
    const follows = row.ending === "update" ? next === row.until : next === undefined || row.until <= next;
    if (row.from >= row.until || !follows) wrong.push(`${JSON.stringify(row)} then ${next}`);
  }
  expect(wrong, where).toEqual([]);
  const start = readHistoryStart(reader, table)!;
  const ended = entries.flatMap(({ position, changes }) => changes.flatMap((change) => (change.table === table && change.old !== null && position > start.position ? [`${String(change.id)} ${position}`] : [])));
  const kept = new Set(rows.map(({ id, until }) => `${id} ${until}`));
  expect(ended.filter((one) => !kept.has(one)), `${where} since ${start.position}`).toEqual([]);
  const logged = new Set(entries.flatMap(({ position, changes }) => changes.filter((change) => change.table === table).map((change) => `${String(change.id)} ${position}`)));
  expect([...kept].filter((one) => !logged.has(one)), where).toEqual([]);
}
