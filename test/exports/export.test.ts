// The way out: what is exported is read back by a real PostgreSQL and by SQLite, every value of every type, and by NDJSON exactly.
import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { durationMs } from "../../src/base/duration.ts";
import type { Json, RecordValues, Value } from "../../src/base/value.ts";
import { exportData, type ExportFormat } from "../../src/runtime/export-data.ts";
import type { Field, Table, TypeRef } from "../../src/schema/catalog.ts";
import { toWireValue, wireRecord } from "../../src/schema/wire-value.ts";
import { postgresName } from "../../src/storage/export-postgres.ts";
import { createDice } from "../fuzz/dice.ts";
import { runAmbit } from "../processes/ambit-command.ts";
import { ambitHere } from "../processes/ambit-here.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { compiledExport, exportSchema, type Records, writeRecords } from "./every-type.ts";
import { findPostgres, startPostgres } from "./postgres-server.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const ROWS = process.env["AMBIT_TEST_SIZE"] === "long" ? 5_000 : 200;
const seed = Number(process.env["AMBIT_TEST_SEED"] ?? Date.now() % 1_000_000);
const { catalog } = compiledExport();
const directory = scratch.free("data");
const records: Records = await writeRecords(directory, ROWS, createDice(seed));
const stored = (table: Table): Field[] => [...table.fields.values()].filter(({ kind }) => kind === "stored");

function exported(format: ExportFormat): string {
  const target = scratch.free(format);
  const { position, records: counts } = exportData({ dataFile: join(directory, "data.db"), catalog, target, format, now: "2026-06-01T00:00:00.000Z" });
  expect([position, counts]).toEqual([1, { Every: ROWS, Owner: 5, Guest: 1 }]);
  return target;
}

/** Undeclared fields and declared ones that hold nothing apart. */
const undeclaredOf = (row: RecordValues, table: Table): RecordValues | null => {
  const rest = Object.entries(row).filter(([name, value]) => !table.fields.has(name) && value !== null);
  return rest.length === 0 ? null : Object.fromEntries(rest);
};

test(`NDJSON has each record as REST would show it (seed ${seed})`, () => {
  const folder = exported("ndjson");
  expect(readdirSync(folder).sort()).toEqual(["Every.ndjson", "Guest.ndjson", "Owner.ndjson", "export.json"]);
  for (const [name, rows] of records) {
    const lines = readFileSync(join(folder, `${name}.ndjson`), "utf8").split("\n").slice(0, -1);
    const wanted = rows.map((row) => JSON.parse(JSON.stringify(wireRecord(row, catalog.tables.get(name)!, catalog))) as Json);
    expect(lines.map((line) => JSON.parse(line) as Json)).toEqual(wanted);
  }
  const manifest = JSON.parse(readFileSync(join(folder, "export.json"), "utf8")) as Json;
  expect(manifest).toEqual({
    ambitExport: 1, time: "2026-06-01T00:00:00.000Z", position: 1, records: { Every: ROWS, Owner: 5, Guest: 1 },
    sequences: [{ name: "Owner", scope: "", next: "9007199254740995" }],
  });
});

test("SQLite reads the script into plain tables whose constraints hold", () => {
  const script = readFileSync(exported("sqlite"), "utf8");
  const database = new Database(":memory:");
  database.exec(script);
  expect(database.query("PRAGMA foreign_key_check").all()).toEqual([]);
  expect(database.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
  for (const [name, rows] of records) {
    const table = catalog.tables.get(name)!;
    const columns = stored(table).map((field) => (field.type.name === "Long" && !field.type.list ? `CAST("${field.name}" AS TEXT)` : `"${field.name}"`)).concat(table.open ? [`"$open"`] : []);
    const found = database.query(`SELECT ${columns.join(", ")} FROM "${table.sqlName}"`).values();
    const wanted = rows.map((row) => [...stored(table).map((field) => sqliteValue(row[field.name] ?? null, field.type)), ...(table.open ? [json(undeclaredOf(row, table))] : [])]);
    const byKey = (list: unknown[][]): unknown[][] => [...list].sort((left, right) => (String(left[0]) < String(right[0]) ? -1 : 1));
    expect(byKey(found)).toEqual(byKey(wanted));
  }
  database.exec("PRAGMA foreign_keys = ON");
  expect(() => database.exec(`INSERT INTO "Owner" VALUES (1, 'nobody', NULL)`)).toThrow("FOREIGN KEY");
  expect(() => database.exec(`INSERT INTO "Guest" VALUES (7, NULL)`)).toThrow("NOT NULL");
  expect(() => database.exec(`UPDATE "every_thing" SET "color" = 'BLUE' WHERE "id" = 'e0'`)).toThrow("CHECK");
  expect(() => database.exec(`UPDATE "Owner" SET "order" = 3`)).toThrow("UNIQUE");
});

const json = (value: Value): string | null => (value === null ? null : JSON.stringify(value));

function sqliteValue(value: Value, type: TypeRef): unknown {
  if (value === null) return null;
  if (type.list || type.kind === "object" || type.name === "JSON" || type.name === "Vector") return JSON.stringify(toWireValue(value, type, catalog));
  if (typeof value === "boolean") return Number(value);
  return type.name === "Bytes" ? new Uint8Array(Buffer.from(value as string, "base64")) : typeof value === "bigint" ? String(value) : value;
}

const postgres = findPostgres();
const runs = postgres === null ? test.skip : test;
if (postgres === null) console.log("SKIPPED: export into PostgreSQL: it is not installed (apt-get install postgresql)");

runs("PostgreSQL loads the script, holds every value and keeps the constraints", () => {
  const script = exported("postgres");
  const server = startPostgres(postgres!);
  try {
    server.load(script);
    for (const [name, rows] of records) compareRows(server.run, catalog.tables.get(name)!, rows);
    const refused = (sql: string): string => { try { return server.run(sql); } catch (error) { return /ERROR: +(.*)/.exec(String(error))?.[1] ?? String(error); } };
    expect(refused(`INSERT INTO "Owner" ("number", "favouriteId") VALUES (1, 'nobody')`)).toContain("foreign key");
    expect(refused(`INSERT INTO "Guest" ("id", "name") VALUES (7, NULL)`)).toContain("not-null");
    expect(refused(`UPDATE "every_thing" SET "color" = 'BLUE'`)).toContain("check constraint");
    expect(refused(`UPDATE "every_thing" SET "colors" = '{BLUE}'`)).toContain("check constraint");
    expect(refused(`UPDATE "Owner" SET "order" = 3`)).toContain("unique");
    expect(refused(`UPDATE "every_thing" SET "mail" = 'same'`)).toContain("unique");
    // Generated keys go on after the largest, deletions cascade as the schema says.
    expect(server.run(`INSERT INTO "Guest" ("name") VALUES ('next') RETURNING "id"`).trim()).toBe("3");
    expect(server.run(`INSERT INTO "Owner" ("order") VALUES (99) RETURNING "number"`).trim()).toBe("9007199254740995");
    server.run(`UPDATE "Owner" SET "favouriteId" = NULL; DELETE FROM "Owner"`);
    expect(server.run(`SELECT count(*) FROM "every_thing"`).trim()).toBe("0");
  } finally {
    server.stop();
  }
}, 120_000);

function compareRows(run: (sql: string) => string, table: Table, rows: readonly RecordValues[]): void {
  const fields = stored(table);
  const key = fields.find(({ name }) => name === table.primaryKey)!;
  const items = [...fields.map((field) => seenSql(postgresName(field.name), field.type)), ...(table.open ? [`"$open"::text`] : [])];
  const lines = run(`SET extra_float_digits = 3; SELECT json_build_array(${items.join(", ")})::text FROM "${table.sqlName}" ORDER BY "${key.name}"`).split("\n").slice(0, -1);
  expect(lines.length).toBe(rows.length);
  const found = new Map(lines.map((line) => JSON.parse(line) as Json[]).map((values) => [String(values[fields.indexOf(key)]), values]));
  for (const row of rows) {
    const values = found.get(String(row[key.name]));
    fields.forEach((field, index) => {
      const value = row[field.name] ?? null;
      expect([row[key.name], field.name, readBack(values![index]!, field.type)]).toEqual([row[key.name], field.name, value === null ? null : wantedOf(value, field.type)]);
    });
    if (table.open) expect(values!.at(-1) === null ? null : JSON.parse(String(values!.at(-1)))).toEqual(undeclaredOf(row, table));
  }
}

/** Each value as text or number that says it exactly, worked out by PostgreSQL from its own type. */
function seenSql(column: string, type: TypeRef): string {
  if (type.kind === "object" || type.name === "JSON") return `${column}::text`;
  if (type.name === "Vector") return `to_jsonb(${column})`;
  if (type.list) return `CASE WHEN ${column} IS NOT NULL THEN to_jsonb(array(SELECT ${seenItem("item", type.name)} FROM unnest(${column}) WITH ORDINALITY AS list(item, place) ORDER BY place)) END`;
  return seenItem(column, type.name);
}

function seenItem(column: string, name: string): string {
  switch (name) {
    case "DateTime": return `(extract(epoch FROM ${column}) * 1000)::bigint::text`;
    case "Date": return `(${column} - date '1970-01-01')::text`;
    case "Duration": return `(extract(epoch FROM ${column}) * 1000)::bigint::text`;
    case "Bytes": return `encode(${column}, 'hex')`;
    default: return `${column}::text`;
  }
}

function readBack(found: Json, type: TypeRef): unknown {
  if (found === null) return null;
  if (type.kind === "object" || type.name === "JSON") return JSON.parse(found as string);
  if (type.name === "Vector") return found;
  const number = (item: Json): Json => (type.name === "Float" && item !== null ? Number(item) : item);
  return type.list ? (found as Json[]).map(number) : number(found);
}

function wantedOf(value: Value, type: TypeRef): unknown {
  if (type.kind === "object" || type.name === "JSON") return JSON.parse(JSON.stringify(toWireValue(value, type, catalog)));
  if (type.name === "Vector") return value;
  return type.list ? (value as readonly Value[]).map((item) => (item === null ? null : wantedItem(item, type.name))) : wantedItem(value, type.name);
}

const DAY_MS = 86_400_000;

function wantedItem(value: Value, name: string): Json {
  switch (name) {
    case "DateTime": return String(Date.parse(value as string));
    case "Date": return String(Date.parse(`${value as string}T00:00:00Z`) / DAY_MS);
    case "Duration": return String(durationMs(value as string));
    case "Bytes": return Buffer.from(value as string, "base64").toString("hex");
    case "Float": return value as number;
    default: return String(value);
  }
}

test("the command: of a folder with its schema; what exists, another schema and an unknown format are refused and leave nothing", async () => {
  const folder = scratch.app({ "schema.graphql": exportSchema });
  const target = scratch.free("out");
  const run = async (...words: string[]): Promise<unknown> => {
    const { code, objects } = await ambitHere(["export", ...words, "--data", directory, "--json"]);
    return [code, objects()[0]?.["code"] ?? objects()[0]?.["event"]];
  };
  expect(await run(target, folder)).toEqual([0, "exported"]);
  expect(await run(target, folder)).toEqual([2, "USAGE"]);
  expect(await run(`${target}.sql`, folder, "--format", "postgre")).toEqual([2, "USAGE"]);
  expect(await run(join(target, "no", "such.sql"), folder, "--format", "postgres")).toEqual([2, "USAGE"]);
  const other = scratch.app({ "schema.graphql": exportSchema.replace("name: String! }", "name: Int! }") });
  expect(await run(`${target}.sql`, other, "--format", "sqlite")).toEqual([1, "MIGRATION_NEEDED"]);
  const fewer = scratch.app({ "schema.graphql": exportSchema.replace(/type Guest.*/, "") });
  expect(await run(`${target}.sql`, fewer, "--format", "sqlite")).toEqual([1, "MIGRATION_NEEDED"]);
  const broken = scratch.app({ "schema.graphql": "type A @table { id: Nothing }" });
  expect((await ambitHere(["export", `${target}.sql`, broken, "--data", directory])).code).toBe(1);
  for (const format of ["ndjson", "sqlite", "postgres"]) {
    const full = await runAmbit(["export", `${target}.full`, folder, "--format", format, "--data", directory, "--json"], { fileBlocks: 40 });
    expect([format, full.code, full.objects()[0]?.["code"]]).toEqual([format, 1, "STORAGE_FULL"]);
  }
  expect(readdirSync(scratch.path).filter((name) => name.includes(".full"))).toEqual([]);
  expect(existsSync(`${target}.sql`)).toBe(false);
  expect(readdirSync(scratch.path).filter((name) => name.includes("partial"))).toEqual([]);
}, 120_000);
