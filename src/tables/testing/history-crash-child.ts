// Writes, deletes, restores and trims former versions until it is killed. Prints the position of each commit that was answered.
import { writeSync } from "node:fs";
import { systemClock } from "../../base/clock.ts";
import { defaultLimits } from "../../base/limits.ts";
import { seededRandom } from "../../base/random.ts";
import { compileCatalogExpressions } from "../../expression/compile-catalog.ts";
import { compileSchema } from "../../schema/compile-schema.ts";
import { historyTrim } from "../../storage/history-retention.ts";
import { openStorage } from "../../storage/open-storage.ts";
import { createTables } from "../engine.ts";
import type { WriteSession } from "../write-session.ts";
import { crashSchema } from "./history-crash-schema.ts";

const [, , directory, seed] = process.argv as [string, string, string, string];
const random = seededRandom(Number(seed));
const clock = systemClock();
const { catalog } = compileSchema({ file: "schema.graphql", text: crashSchema });
const { book } = compileCatalogExpressions(catalog);
const storage = openStorage({ directory, limits: { ...defaultLimits, walBytes: 200_000 }, clock, onFatal: () => process.exit(1) });
storage.prepareCatalog(catalog, book);
const tables = createTables({ storage, catalog, book, clock, random, limits: defaultLimits });
const pick = (most: number): string => String(Math.floor(random.next() * most));
const options = { dialect: "wire", authority: null, sent: null } as const;

function step(session: WriteSession): void {
  const [parent, child] = [pick(4), pick(12)];
  switch (Math.floor(random.next() * 5)) {
    case 0: session.write({ kind: "replace", table: "Parent", id: parent, input: { text: pick(1_000) }, precondition: null }, options); break;
    case 1: session.write({ kind: "replace", table: "Child", id: child, input: { parentId: parent, text: pick(1_000) }, precondition: null }, options); break;
    case 2: session.write({ kind: "remove", table: "Parent", id: parent, precondition: null }, options); break;
    case 3: session.restore("Parent", parent, null); break;
    default: session.write({ kind: "remove", table: "Child", id: child, precondition: null }, options);
  }
}

/** What is written has to be read back by the test, however late it kills. */
const COMMITS_MAX = 2_000;

async function writer(): Promise<void> {
  for (let commits = 0; commits < COMMITS_MAX; commits++) {
    const { position } = await tables.commit(step, { actor: "w", requestId: "r" }).catch(() => ({ position: null }));
    if (position !== null) writeSync(1, `${position}\n`);
  }
}

async function trimmer(): Promise<void> {
  for (;;) {
    const trim = historyTrim(catalog, clock.now());
    while (await storage.commit((connection) => trim.page(connection, 5)));
    await Bun.sleep(5);
  }
}

// Whoever should kill it may be gone.
void Bun.sleep(60_000).then(() => process.exit(1));
await Promise.all([writer(), writer(), writer(), trimmer()]);
