// Writes without end and says what was acknowledged, until it is killed. Every transaction touches three tables and the log.
import { writeSync } from "node:fs";
import { systemClock } from "../../base/clock.ts";
import { defaultLimits } from "../../base/limits.ts";
import { seededRandom } from "../../base/random.ts";
import { appendEntry, reservePosition } from "../../changes/log.ts";
import type { Connection } from "../connection.ts";
import { openStorage } from "../open-storage.ts";

const [, , directory, seed, first] = process.argv as [string, string, string, string, string];
const random = seededRandom(Number(seed));
const storage = openStorage({ directory, limits: { ...defaultLimits, walBytes: 200_000 }, clock: systemClock(), onFatal: () => process.exit(1) });
await storage.commit((connection) => connection.execute(`
  CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS twin (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS counter (value INTEGER NOT NULL) STRICT;
  INSERT INTO counter SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM counter)`));

let next = Number(first);

function write(connection: Connection): number {
  const id = next++;
  const position = reservePosition(connection);
  const text = `${position}`.repeat(1 + Math.floor(random.next() * 300));
  connection.run("INSERT INTO item VALUES (?1, ?2)", id, text);
  connection.run("UPDATE counter SET value = value + 1");
  if (random.next() < 0.1) throw new RangeError("now and then one fails half-way");
  connection.run("INSERT INTO twin VALUES (?1, ?2)", id, text);
  const image = { id, text };
  appendEntry(connection, { time: "2026-01-01T00:00:00.000Z", actor: null, requestId: String(id), position, changes: [{ table: "item", id, old: null, new: image, cause: "write" }] });
  return id;
}

async function writer(): Promise<void> {
  for (;;) {
    const id = await storage.commit(write).catch((error: unknown) => {
      if (error instanceof RangeError) return null;
      throw error;
    });
    if (id !== null) writeSync(1, `${id}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, writer));
