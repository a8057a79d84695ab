// Random uploads, records, changes, deletions, restores and time, held against a plain model: what a record refers to can be read and is
// whole, and in the end, when nothing refers to anything and all times are over, nothing is left.
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createLog } from "../../src/base/log.ts";
import { defaultLimits } from "../../src/base/limits.ts";
import { seededRandom } from "../../src/base/random.ts";
import { openApp, user } from "../../src/resources/testing/open-app.ts";
import { FILES_FOLDER, diskFiles } from "../../src/storage/disk-files.ts";
import { FileStore } from "../../src/storage/file-store.ts";
import { historyTrim } from "../../src/storage/history-retention.ts";
import { createFileSweeper } from "../../src/tables/file-sweeper.ts";
import { createDice } from "./dice.ts";

const STEPS = process.env["AMBIT_TEST_SIZE"] === "long" ? 20_000 : 600;
const DAY_MS = 86_400_000;
const rules = `@export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE])`;
const app = openApp(`
type Kept @table(history: "P20D", trash: "P10D") ${rules} { id: ID! @primaryKey one: Blob many: [Blob!] }
type Plain @table(expiration: "P5D") ${rules} { id: ID! @primaryKey one: Blob many: [Blob!] }`);
const clerk = app.as(user("ann", "clerk"));
afterAll(() => app.close());

interface FileText { readonly url: string; readonly text: string }
interface Model { one: FileText | null; many: readonly FileText[] }

test(`${STEPS} random steps with files`, async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
  console.log(`seed ${seed} (AMBIT_TEST_SEED=${seed} takes the same steps)`);
  const dice = createDice(seed);
  const store = new FileStore({ directory: app.directory, content: diskFiles(join(app.directory, FILES_FOLDER)), random: seededRandom(seed), clock: app.clock });
  const sweeper = createFileSweeper({ storage: app.storage, store, clock: app.clock, log: createLog({ clock: app.clock, sink: () => {} }), catalog: () => app.catalog, limits: () => defaultLimits });
  app.tables.start();
  const models: Readonly<Record<string, Map<string, Model>>> = { Kept: new Map(), Plain: new Map() };

  const upload = async (table: string, field: string): Promise<FileText> => {
    const text = `content ${dice.below(STEPS / 3)}`;
    const { body } = await clerk.send({ kind: "upload", table, field, content: new Blob([text]).stream(), length: null, name: null });
    return { url: (body as { url: string }).url, text };
  };
  const read = async ({ url }: FileText): Promise<string> => {
    const { result } = await clerk.send({ kind: "file", id: url.slice("/files/".length), link: null });
    return new Response(await result.file!.open({ start: 0, end: result.file!.value.size })).text();
  };
  const input = ({ one, many }: Model): object => ({ one: one?.url ?? null, many: many.map(({ url }) => url) });
  const some = async (table: string, old: Model | null): Promise<Model> => ({
    one: dice.below(3) === 0 ? old?.one ?? null : await upload(table, "one"),
    many: [...(old?.many ?? []).filter(() => dice.below(2) === 0), ...dice.below(3) === 0 ? [await upload(table, "many")] : []],
  });
  /** What code of the app sees: expired records are gone. */
  const lives = (table: string, id: string): boolean => app.tables.get(table, id) !== null;
  const passTime = async (ms: number): Promise<void> => {
    app.clock.advance(ms);
    for (let turn = 0; turn < 5; turn++) await Bun.sleep(1);
    const trim = historyTrim(app.catalog, app.clock.now());
    while (await app.storage.commit((connection) => trim.page(connection, 1_000)));
    await sweeper.sweep();
  };

  for (let step = 0; step < STEPS; step++) {
    const table = dice.below(2) === 0 ? "Kept" : "Plain";
    const known = models[table]!;
    const id = `r${dice.below(12)}`;
    const old = lives(table, id) ? known.get(id) ?? null : null;
    const choice = dice.below(10);
    if (choice < 5) {
      const next = await some(table, old);
      await clerk.replace(table, id, input(next));
      known.set(id, next);
    } else if (choice === 5) await upload(table, "one");
    else if (choice < 8 && old !== null) {
      await clerk.remove(table, id);
      if (table === "Kept" && dice.below(2) === 0) {
        await passTime(dice.below(9) * DAY_MS);
        await clerk.send({ kind: "restore", table, id, returning: null });
      } else known.delete(id);
    } else if (choice === 8) await passTime(dice.below(3 * DAY_MS));
    else {
      for (const [name, map] of Object.entries(models)) {
        for (const [one, model] of map) {
          if (!lives(name, one)) { map.delete(one); continue; }
          for (const file of [...(model.one === null ? [] : [model.one]), ...model.many]) expect([name, one, await read(file)]).toEqual([name, one, file.text]);
        }
      }
    }
  }
  for (const [table, map] of Object.entries(models)) for (const id of map.keys()) if (lives(table, id)) await clerk.remove(table, id);
  for (let turn = 0; turn < 30; turn++) await passTime(2 * DAY_MS);
  expect(app.storage.reader.values(`SELECT count(*) FROM "$file"`)[0]![0]).toBe(0);
  const folder = join(app.directory, FILES_FOLDER);
  expect(readdirSync(folder).filter((name) => name.length === 2).flatMap((prefix) => readdirSync(join(folder, prefix)))).toEqual([]);
}, STEPS * 200 + 30_000);
