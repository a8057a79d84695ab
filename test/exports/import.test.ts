// The way in: what was exported comes back as it was, in any order, also through an app that runs and after kill -9 in the middle.
import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exportData } from "../../src/runtime/export-data.ts";
import { withDataFile } from "../../src/storage/backup.ts";
import { checkData } from "../../src/storage/check-data.ts";
import { createDice } from "../fuzz/dice.ts";
import { spawnAmbit } from "../processes/ambit-command.ts";
import { ambitHere } from "../processes/ambit-here.ts";
import { startApp } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { compiledExport, exportSchema, writeRecords } from "./every-type.ts";
import { comesTrue } from "../processes/waits.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const LONG = process.env["AMBIT_TEST_SIZE"] === "long";
const seed = Number(process.env["AMBIT_TEST_SEED"] ?? Date.now() % 1_000_000);
const { catalog } = compiledExport();

function exportOf(data: string): string {
  const target = scratch.free("ndjson");
  exportData({ dataFile: join(data, "data.db"), catalog, target, format: "ndjson", now: "2026-06-01T00:00:00.000Z" });
  return target;
}

/** Lines by file, sorted. */
function contentOf(folder: string): Record<string, string[]> {
  return Object.fromEntries(readdirSync(folder).filter((name) => name.endsWith(".ndjson")).sort().map((name) => [name, readFileSync(join(folder, name), "utf8").split("\n").slice(0, -1).sort()]));
}

function imported(source: string, folder: string, data: string, ...flags: string[]) {
  return ambitHere(["import", source, folder, "--data", data, "--json", ...flags]);
}

test(`every type comes back as it was, whatever the order of the lines (seed ${seed})`, async () => {
  const dice = createDice(seed);
  const folder = scratch.app({ "schema.graphql": exportSchema });
  const from = scratch.free("data");
  await writeRecords(from, LONG ? 20_000 : 700, dice);
  const source = exportOf(from);
  const wanted = contentOf(source);
  for (const [name, lines] of Object.entries(wanted)) {
    const shuffled = [...lines];
    for (let index = shuffled.length - 1; index > 0; index--) {
      const other = dice.below(index + 1);
      [shuffled[index], shuffled[other]] = [shuffled[other]!, shuffled[index]!];
    }
    writeFileSync(join(source, name), `\n${shuffled.join("\r\n\n")}\n`);
  }
  const data = scratch.free("data");
  const rows = Object.values(wanted).flat().length;
  const first = await imported(source, folder, data);
  expect([first.err, first.objects()]).toEqual(["", [{ event: "imported", created: rows, replaced: 0, unchanged: 0 }]]);
  expect(contentOf(exportOf(data))).toEqual(wanted);
  withDataFile(join(data, "data.db"), (connection) => {
    checkData(connection);
    expect(connection.values(`SELECT CAST("next" AS TEXT) FROM "$sequence" WHERE "name" = 'Owner'`)).toEqual([["9007199254740995"]]);
  });
  // Once more: everything is there. What expires lives on from its last write.
  const again = await imported(source, folder, data);
  expect(again.objects()).toEqual([{ event: "imported", created: 0, replaced: 0, unchanged: rows }]);
}, 120_000);

const schema = `
type Item @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["writer"], do: [UPDATE]) {
  id: ID! @primaryKey
  parentId: ID
  parent: Item @relationship(from: "parentId")
  name: String! @length(max: 20)
  code: Int! @indexed(unique: true)
  createdAt: DateTime! @createdTime
}
type Note @table @export @allow(to: ["public"], do: [READ]) @check(rule: "record.item.name != 'closed'", message: "It is closed.") {
  id: Long! @primaryKey
  itemId: ID!
  item: Item! @relationship(from: "itemId")
}
`;
const config = "auth: { keys: [{ token: key-of-the-writer, subject: writer, roles: [writer] }] }\n";
const item = (number: number, more: object = {}): object => ({ id: `i${number}`, parentId: null, name: `item ${number}`, code: number, createdAt: "2020-01-01T00:00:00.000Z", ...more });
const ndjson = (records: readonly object[]): string => records.map((record) => `${JSON.stringify(record)}\n`).join("");

function files(named: Record<string, string>): string {
  const folder = scratch.free("files");
  mkdirSync(folder);
  for (const [name, text] of Object.entries(named)) writeFileSync(join(folder, name), text);
  return folder;
}

test("through an app that runs: what is there is replaced only if asked for, and readers see it at once", async () => {
  const folder = scratch.app({ "schema.graphql": schema, "config.yaml": config });
  const data = scratch.free("data");
  await using app = await startApp(folder, { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet" } });
  const caller = httpCaller(() => app.url, "key-of-the-writer");
  // A chain against the order of its lines, over several steps.
  const chain = Array.from({ length: 1_200 }, (_, index) => item(index, index === 1_199 ? {} : { parentId: `i${index + 1}` }));
  const source = files({ "Item.ndjson": ndjson(chain), "Note.ndjson": ndjson([{ id: "9007199254740993", itemId: "i7" }, { id: 5, itemId: "i0" }]) });
  const run = (...flags: string[]) => imported(source, folder, data, ...flags);
  expect((await run()).objects()).toEqual([{ event: "imported", created: 1_202, replaced: 0, unchanged: 0 }]);
  expect((await caller.get("/Note?select=id,item(name)&order=id")).json<unknown>()).toEqual([{ id: "5", item: { name: "item 0" } }, { id: "9007199254740993", item: { name: "item 7" } }]);
  expect((await caller.get("/Item/i7")).json<{ createdAt: string }>().createdAt).toBe("2020-01-01T00:00:00.000Z");
  expect((await caller.patch("/Item/i7", { name: "changed" })).status).toBe(204);
  const refused = await run();
  expect([refused.code, refused.objects()[0]]).toMatchObject([1, { code: "UNIQUE_VIOLATION", where: "Item.ndjson:8" }]);
  expect((await run("--replace")).objects()).toEqual([{ event: "imported", created: 0, replaced: 1, unchanged: 1_201 }]);
  expect((await caller.get("/Item/i7")).json<{ name: string }>().name).toBe("item 7");
  const anonymous = await fetch(`${app.url}/admin/import`, { method: "POST", body: "{}", headers: { "content-type": "application/json" } });
  expect(anonymous.status).toBe(401);
  expect((await caller.post("/admin/import", { action: "write", lines: [] })).code).toBe("FORBIDDEN");
}, 120_000);

test("lines that are wrong by themselves: all are named with their place, and nothing is written", async () => {
  const folder = scratch.app({ "schema.graphql": schema, "config.yaml": config });
  const data = scratch.free("data");
  const wrong = async (named: Record<string, string>): Promise<unknown> => {
    const { code, objects } = await imported(files(named), folder, data);
    const [problem] = objects() as { code: string; where: string | null; details: { where: string; code: string }[] | null }[];
    return [code, problem!.code, problem!.details?.map((one) => `${one.where} ${one.code}`) ?? problem!.where];
  };
  const good = ndjson([item(1)]);
  expect(await wrong({ "Item.ndjson": `${good}{"id":"x"\n[]\n${ndjson([item(2, { name: "x".repeat(21) }), item(3, { unknown: 1 })])}`, "Note.ndjson": `{"id":1.5,"itemId":"i1"}` })).toEqual([1, "VALIDATION_FAILED", [
    "Item.ndjson:2 MALFORMED_JSON", "Item.ndjson:3 VALIDATION_FAILED", "Item.ndjson:4 VALIDATION_FAILED", "Item.ndjson:5 VALIDATION_FAILED", "Note.ndjson:1 VALIDATION_FAILED",
  ]]);
  expect(await wrong({ "Items.ndjson": good })).toEqual([2, "USAGE", null]);
  expect(await wrong({})).toEqual([2, "USAGE", null]);
  const nested = files({ "Note.ndjson": "" });
  mkdirSync(join(nested, "Item.ndjson"));
  expect((await imported(nested, folder, data)).code).toBe(2);
  const piped = files({});
  expect(Bun.spawnSync(["mkfifo", join(piped, "Item.ndjson")]).exitCode).toBe(0);
  expect((await imported(piped, folder, data)).code).toBe(2);
  writeFileSync(join(scratch.path, "bytes"), "");
  const binary = files({});
  writeFileSync(join(binary, "Item.ndjson"), Buffer.concat([Buffer.from(good), Buffer.from([0xff, 0xfe])]));
  expect((await imported(binary, folder, data)).objects()[0]).toMatchObject({ code: "MALFORMED_BODY" });
  expect(withDataFile(join(data, "data.db"), (connection) => connection.values(`SELECT count(*) FROM "Item"`))).toEqual([[0]]);

  const dangling = files({ "Item.ndjson": ndjson([item(3), item(4, { parentId: "nobody" }), item(5, { parentId: "i4" })]) });
  expect((await imported(dangling, folder, data)).objects()[0]).toMatchObject({ code: "REFERENCE_VIOLATION", details: [{ where: "Item.ndjson:2", table: "Item", id: "nobody" }] });
  expect(withDataFile(join(data, "data.db"), (connection) => connection.values(`SELECT count(*) FROM "Item"`))).toEqual([[0]]);

  // What only the stored state can tell comes while writing.
  const late = async (named: Record<string, string>): Promise<unknown> => {
    const [problem] = (await imported(files(named), folder, data)).objects();
    return [problem!["code"], problem!["where"] ?? problem!["details"]];
  };
  expect(await late({ "Item.ndjson": ndjson([item(1), item(2), item(3, { code: 2 })]) })).toEqual(["UNIQUE_VIOLATION", "Item.ndjson:3"]);
  expect(await late({ "Item.ndjson": ndjson([item(6, { name: "closed" })]), "Note.ndjson": `{"id":1,"itemId":"i6"}` })).toEqual(["CHECK_FAILED", "Note.ndjson:1"]);
  expect(withDataFile(join(data, "data.db"), (connection) => connection.values(`SELECT "id" FROM "Item" ORDER BY "id"`))).toEqual([["i1"], ["i2"], ["i6"]]);
}, 120_000);

test("a circle that is wider than any step: it comes first without one of its references, which is given back", async () => {
  const folder = scratch.app({ "schema.graphql": schema, "config.yaml": config });
  const data = scratch.free("data");
  const count = 1_700;
  const source = files({ "Item.ndjson": ndjson(Array.from({ length: count }, (_, index) => item(index, { parentId: `i${(index + 1) % count}` }))) });
  expect((await imported(source, folder, data)).objects()).toEqual([{ event: "imported", created: count, replaced: 0, unchanged: 0 }]);
  expect(withDataFile(join(data, "data.db"), (connection) => connection.values(`SELECT count(*), count(DISTINCT "parentId") FROM "Item" WHERE "parentId" IS NOT NULL`))).toEqual([[count, count]]);
  expect((await imported(source, folder, data)).objects()).toEqual([{ event: "imported", created: 0, replaced: 0, unchanged: count }]);
  // Interrupted there, some lack it.
  const file = new Database(join(data, "data.db"));
  file.run(`UPDATE "Item" SET "parentId" = NULL WHERE "code" < 3`);
  file.close();
  expect((await imported(source, folder, data)).objects()).toEqual([{ event: "imported", created: 0, replaced: 3, unchanged: count - 3 }]);
}, 120_000);

test("tenants keep their own numbers and unique values; former versions and the trash stay behind", async () => {
  const folder = scratch.app({
    "schema.graphql": `type Issue @table(tenant: "org", history: "P30D", trash: "P30D") @export @allow(to: ["writer"], do: [READ, CREATE, UPDATE, DELETE]) {
      id: ID! @primaryKey
      org: ID!
      number: Int! @sequence
      title: String! @indexed(unique: true, fold: true)
    }`,
    "config.yaml": `auth: { keys: [${["one", "two"].map((org) => `{ token: key-of-the-writer-${org}, subject: ${org}, roles: [writer], tenant: ${org} }`).join(", ")}] }\n`,
  });
  const start = (data: string) => startApp(folder, { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet" } });
  const [before, after] = [scratch.free("data"), scratch.free("data")];
  await using first = await start(before);
  for (const org of ["one", "two"]) {
    const caller = httpCaller(() => first.url, `key-of-the-writer-${org}`);
    for (const title of ["a", "b", "c"]) expect((await caller.post("/Issue", { id: `${org}-${title}`, title })).status).toBe(201);
    expect((await caller.patch(`/Issue/${org}-a`, { title: "changed" })).status).toBe(204);
    expect((await caller.delete(`/Issue/${org}-c`)).status).toBe(204);
  }
  const out = scratch.free("out");
  expect((await ambitHere(["export", out, folder, "--data", before])).code).toBe(0);
  expect(readdirSync(out).sort()).toEqual(["Issue.ndjson", "export.json"]);
  expect((await ambitHere(["backup", scratch.free("copy.db"), folder, "--data", before])).err).toBe("");
  expect((await imported(out, folder, after)).objects()).toEqual([{ event: "imported", created: 4, replaced: 0, unchanged: 0 }]);
  await using second = await start(after);
  for (const org of ["one", "two"]) {
    const caller = httpCaller(() => second.url, `key-of-the-writer-${org}`);
    expect((await caller.get("/Issue?select=id,number,title&order=number")).json<unknown>()).toEqual([{ id: `${org}-a`, number: 1, title: "changed" }, { id: `${org}-b`, number: 2, title: "b" }]);
    // Three was given out to the one that is in the trash there.
    expect((await caller.post("/Issue", { id: `${org}-d`, title: "d" }, { prefer: "return=representation" })).json<{ number: number }[]>()[0]!.number).toBe(4);
    expect((await caller.post("/Issue", { title: "B" })).code).toBe("UNIQUE_VIOLATION");
    expect((await caller.post(`/Issue/${org}-c/restore`)).status).toBe(404);
  }
}, 120_000);

test("the app is killed in the middle: the command says so, and goes on when it is run again", async () => {
  const folder = scratch.app({ "schema.graphql": schema, "config.yaml": config });
  const data = scratch.free("data");
  const count = LONG ? 50_000 : 4_000;
  const source = files({ "Item.ndjson": ndjson(Array.from({ length: count }, (_, index) => item(index))) });
  const options = { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet" } };
  await using first = await startApp(folder, options);
  const running = imported(source, folder, data);
  const caller = httpCaller(() => first.url, null);
  // As soon as something of it is there.
  await comesTrue(async () => (await caller.get("/Item?limit=1")).json<unknown[]>().length !== 0);
  await first.kill();
  const { code, objects } = await running;
  // It may have been through.
  if (code !== 0) expect(objects()[0]).toMatchObject({ code: "UNAVAILABLE" });
  await using second = await startApp(folder, options);
  const [again] = (await imported(source, folder, data)).objects() as { created: number; unchanged: number }[];
  expect([again!.created + again!.unchanged, again!.unchanged > 0]).toEqual([count, true]);
  const counted = await httpCaller(() => second.url, null).get("/Item?select=count()");
  expect(counted.json<unknown>()).toEqual([{ count }]);
}, 120_000);

test("killed in the middle, it goes on when it is run again: every record once", async () => {
  const folder = scratch.app({ "schema.graphql": schema, "config.yaml": config });
  const data = scratch.free("data");
  const count = LONG ? 200_000 : 4_000;
  const source = files({ "Item.ndjson": ndjson(Array.from({ length: count }, (_, index) => item(index))) });
  const random = createDice(seed);
  for (let kill = 0; kill < (LONG ? 10 : 1); kill++) {
    const child = spawnAmbit(["import", source, folder, "--data", data]);
    await Bun.sleep(400 + random.below(400));
    child.kill("SIGKILL");
    await child.exited;
  }
  const there = existsSync(join(data, "data.db")) ? withDataFile(join(data, "data.db"), (connection) => connection.values(`SELECT count(*) FROM sqlite_schema WHERE name = 'Item'`)[0]![0] === 1 ? connection.values(`SELECT count(*) FROM "Item"`)[0]![0] as number : 0) : 0;
  const last = await imported(source, folder, data);
  expect(last.objects()).toEqual([{ event: "imported", created: count - there, replaced: 0, unchanged: there }]);
  expect(withDataFile(join(data, "data.db"), (connection) => connection.values(`SELECT count(*), max("code") FROM "Item"`))).toEqual([[count, count - 1]]);
}, 600_000);
