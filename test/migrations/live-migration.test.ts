// Each class of change on many records while clients write, and the process killed at random in the midst of one: afterwards every record
// is there once, as its last acknowledged write left it, in the new shape.
import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../../src/base/random.ts";
import { runAmbit } from "../processes/ambit-command.ts";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { type HttpCaller, httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { type LiveWriters, startWriters } from "./live-writers.ts";

const long = process.env["AMBIT_TEST_SIZE"] === "long";
const RECORDS = long ? 1_000_000 : 20_000;
const KILLS = long ? 10 : 2;
const ROWS_AT_ONCE = 10_000;
const scratch = scratchFolder();
afterAll(() => scratch.remove());

const head = `@table @export(name: "Item") @allow(to: ["public"], do: [READ, CREATE, UPDATE, DELETE])`;
const item = (fields: string, directives = ""): string => `type Item ${head} ${directives} { id: ID! @primaryKey ${fields} }`;
const config = "limits: { migrateInPlaceRows: 1000, bodyBytes: 4MB }\n";
const id = (index: number): string => `i${String(index).padStart(7, "0")}`;
const anInt = (value: number): unknown => value;
const aText = (value: number): unknown => `n${value}`;

interface App { readonly folder: string; readonly data: string; write(files: Record<string, string>): void }

async function filled(fields: string): Promise<App> {
  const folder = scratch.app({ "schema.graphql": item(fields), "config.yaml": config });
  const data = scratch.free("data");
  await using app = await startApp(folder, { data });
  const caller = httpCaller(() => app.url, null);
  for (let from = 0; from < RECORDS; from += ROWS_AT_ONCE) {
    const rows = Array.from({ length: Math.min(ROWS_AT_ONCE, RECORDS - from) }, (_, index) => ({ id: id(from + index), a: from + index, text: `text of ${from + index}` }));
    expect((await caller.post("/Item", rows, { prefer: "return=minimal" })).status).toBe(201);
  }
  expect(await app.stop()).toBe(0);
  return { folder, data, write: (files) => { for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text); } };
}

function writersOn(app: AppProcess, seed: number, forms: readonly ((value: number) => unknown)[] = [anInt]): LiveWriters {
  const random = seededRandom(seed);
  // Few and scattered, so that each is written often, before and behind what was filled.
  const ids = Array.from({ length: 200 }, (_, index) => id(Math.floor(index * RECORDS / 190)));
  return startWriters({ caller: httpCaller(() => app.url, null), ids, forms, writers: 4, random: () => random.next() });
}

type Row = { readonly id: string; readonly [field: string]: unknown };

async function allRows(caller: HttpCaller): Promise<Row[]> {
  const rows: Row[] = [];
  for (let after = ""; ;) {
    const page = (await caller.get(`/Item?order=id&limit=10000${after === "" ? "" : `&id=gt.${after}`}`)).json<Row[]>();
    rows.push(...page);
    if (page.length < 10_000) return rows;
    after = page.at(-1)!.id;
  }
}

/** Every record once, as it was left; `shown`: how a value of `a` looks by now, in the field `field`. */
async function verify(app: AppProcess, { expected, wrong }: Pick<LiveWriters, "expected" | "wrong">, label: string, shown: (value: number) => unknown, field = "a"): Promise<void> {
  const rows = await allRows(httpCaller(() => app.url, null));
  const found = new Map(rows.map((row) => [row.id, row]));
  expect({ label, doubled: rows.length - found.size, wrong: wrong.slice(0, 3) }).toEqual({ label, doubled: 0, wrong: [] });
  const bad: string[] = [];
  for (let index = 0; index < RECORDS + RECORDS / 10; index++) {
    const key = id(index);
    const known = expected.get(key);
    const original = index < RECORDS ? index : null;
    const values = known === undefined ? [original] : [known.acknowledged === -1 ? original : known.acknowledged, ...(known.underway === undefined ? [] : [known.underway])];
    const row = found.get(key);
    const fits = values.some((value) => (value === null ? row === undefined : row?.[field] === shown(value) && row?.["text"] === `text of ${value}`));
    if (!fits) bad.push(`${key}: ${JSON.stringify(row)} instead of ${values.join(" or ")}`);
    found.delete(key);
  }
  expect({ label, bad: bad.slice(0, 5), unknown: [...found.keys()].slice(0, 5) }).toEqual({ label, bad: [], unknown: [] });
}

/** Resolves some time after the next batch was filled: the kill falls between the first and the last. */
async function filling({ data }: App, thenMs: number): Promise<void> {
  const database = new Database(join(data, "data.db"), { readonly: true });
  const cursor = (): string | null => {
    const row = database.query<{ value: string }, []>(`SELECT "value" FROM "$meta" WHERE "key" = 'migration'`).get();
    return row === null ? null : (JSON.parse(row.value) as { tables: { cursor: string | null }[] }).tables[0]!.cursor;
  };
  try {
    const before = cursor();
    for (let waited = 0; cursor() === before; waited += 5) {
      if (waited > 20_000) throw new Error("nothing is filled");
      await Bun.sleep(5);
    }
    await Bun.sleep(thenMs);
    expect(cursor()).not.toBeNull();
  } finally {
    database.close();
  }
}

const give = (body: string): string => `import { migrations } from "ambit";\nexport const Migrations = migrations({ Item: (old) => (${body}) });\n`;
const integrity = async (app: App): Promise<void> => {
  const { code, out, err } = await runAmbit(["backup", scratch.free("check"), app.folder, "--data", app.data]);
  expect([code, out === "" ? err : ""]).toEqual([0, ""]);
};

test("an index, a rename, a type, a destroyed field, each beside live writes", async () => {
  const seed = 7;
  const app = await filled("a: Int! text: String spare: String");
  await using served = await startApp(app.folder, { data: app.data });
  const writers = writersOn(served, seed, [anInt, aText]);
  const steps: readonly [fields: string, resources: string, words: readonly string[]][] = [
    [`a: Int! @indexed text: String @indexed(type: TEXT) spare: String`, "", []],
    [`a: Int! @indexed text: String @indexed(type: TEXT) rest: String @renamed(from: "spare") extra: Int @default(value: 5)`, "", []],
    [`a: String! @indexed(unique: true) text: String @indexed(type: TEXT) rest: String extra: Int`, give("{ a: `n${old.a}` }"), []],
    [`a: String! @indexed(unique: true) text: String @indexed(type: TEXT) extra: Int`, "", ["--allow-destroy", "Item.rest"]],
  ];
  for (const [fields, resources, words] of steps) {
    const before = writers.acknowledged;
    app.write({ "schema.graphql": item(fields), "resources.ts": resources });
    const { code, out, err } = await runAmbit(["migrate", "apply", app.folder, "--data", app.data, "--json", ...words]);
    expect([fields, code, code === 0 ? "" : out + err]).toEqual([fields, 0, ""]);
    expect(writers.acknowledged).toBeGreaterThan(before);
  }
  await writers.stop();
  await verify(served, writers, `seed ${seed}`, (value) => `n${value}`);
  const found = await httpCaller(() => served.url, null).get(`/Item?text=fts.${RECORDS - 1}&select=extra`);
  expect(found.json<object[]>()).toEqual([{ extra: 5 }]);
  expect(await served.stop()).toBe(0);
  await integrity(app);
}, long ? 1_800_000 : 120_000);

test("killed in the midst of it, it goes on where it was", async () => {
  const random = seededRandom(11);
  const app = await filled("a: Int! text: String");
  let served = await startApp(app.folder, { data: app.data });
  const expected = new Map<string, { readonly acknowledged: number | null; readonly underway: number | null | undefined }>();
  const wrong: string[] = [];
  app.write({ "schema.graphql": item(`b: String! @renamed(from: "a") text: String @indexed`), "resources.ts": give("{ b: `n${old.a}` }"), "config.yaml": config.replace("1000,", "1000, migrateBatchRows: 100,") });
  let resumed = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const writers = writersOn(served, 100 + kill);
    const applying = runAmbit(["migrate", "apply", app.folder, "--data", app.data, "--json"]);
    await filling(app, random.next() * 150);
    await served.kill();
    await writers.stop();
    await applying;
    for (const [key, one] of writers.expected) expected.set(key, one.acknowledged === -1 && expected.has(key) ? { acknowledged: expected.get(key)!.acknowledged, underway: one.underway } : one);
    wrong.push(...writers.wrong.filter((answer) => !answer.startsWith("400")));
    if (kill + 1 === KILLS) break;
    // With the files of before again: what was filled waits, and whatever is written is noted.
    const files = { "schema.graphql": item("a: Int! text: String"), "resources.ts": "" };
    app.write(files);
    served = await startApp(app.folder, { data: app.data }).catch(() => served);
    app.write({ "schema.graphql": item(`b: String! @renamed(from: "a") text: String @indexed`), "resources.ts": give("{ b: `n${old.a}` }") });
    resumed++;
  }
  // A start with the files that were being applied finishes it first.
  await using last = await startApp(app.folder, { data: app.data, ...(long ? { startedWithinMs: 600_000 } : {}) });
  await verify(last, { expected, wrong }, `seed 11, ${resumed} resumed`, (value) => `n${value}`, "b");
  expect(await last.stop()).toBe(0);
  await integrity(app);
}, long ? 1_800_000 : 120_000);
