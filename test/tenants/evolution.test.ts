// Tables that are given tenants, or lose them, while they hold records.
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeClock } from "../../src/base/clock.ts";
import { AmbitError } from "../../src/base/error.ts";
import { defaultLimits } from "../../src/base/limits.ts";
import { seededRandom } from "../../src/base/random.ts";
import { compileCatalogExpressions } from "../../src/expression/compile-catalog.ts";
import { compileSchema } from "../../src/schema/compile-schema.ts";
import { openStorage, type Storage } from "../../src/storage/open-storage.ts";
import { createTables, type Tables } from "../../src/tables/engine.ts";

const clock = fakeClock();
const opened: { storage: Storage; directory: string }[] = [];

afterEach(async () => {
  for (const { storage, directory } of opened.splice(0)) {
    await storage.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

function open(): Storage {
  const directory = mkdtempSync(join(tmpdir(), "ambit-tenants-"));
  const storage = openStorage({ directory, limits: defaultLimits, clock, onFatal: (error) => { throw error; } });
  opened.push({ storage, directory });
  return storage;
}

function tablesOf(storage: Storage, text: string): Tables {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text });
  const { book, diagnostics: more } = compileCatalogExpressions(catalog);
  expect([...diagnostics, ...more].filter(({ severity }) => severity === "error")).toEqual([]);
  storage.prepareCatalog(catalog, book);
  return createTables({ storage, catalog, book, clock, random: seededRandom(1), limits: defaultLimits });
}

const create = (tables: Tables, table: string, input: object, tenant?: string): Promise<Record<string, unknown>> =>
  tables.commit((session) => session.write({ kind: "create", table, input: { ...input }, onConflict: null }, { dialect: "code", authority: null, sent: null }),
    { actor: null, requestId: "r", ...(tenant === undefined ? {} : { confinement: { tenant } }) }).then(({ value }) => value.record as Record<string, unknown>);

const schema = (tenant: string): string => `
  type Project @table${tenant} { id: ID! @primaryKey orgId: ID! code: String! @indexed(unique: true) number: Int! @sequence tasks: [Task!]! @relationship(to: "projectId") }
  type Task @table${tenant} { id: ID! @primaryKey orgId: ID! projectId: ID! project: Project! @relationship(from: "projectId") number: Int! @sequence(per: "projectId") }`;
const without = schema("");
const within = schema('(tenant: "orgId")');

test("numbers go on after those that each tenant has, unique values become each tenant's own", async () => {
  const storage = open();
  const before = tablesOf(storage, without);
  for (const [id, orgId] of [["p1", "a"], ["p2", "a"], ["p3", "b"], ["p4", "a"]] as const) await create(before, "Project", { id, orgId, code: id });
  for (const id of ["t1", "t2"]) await create(before, "Task", { id, orgId: "a", projectId: "p1" });
  const after = tablesOf(storage, within);
  expect(await create(after, "Project", { id: "p5", code: "p3" }, "a")).toMatchObject({ orgId: "a", number: 5 });
  expect(await create(after, "Project", { id: "p6", code: "p1" }, "b")).toMatchObject({ orgId: "b", number: 4 });
  expect(await create(after, "Project", { id: "p7", code: "p1" }, "c")).toMatchObject({ orgId: "c", number: 1 });
  expect(await create(after, "Project", { id: "p8", code: "p8" }, "a")).toMatchObject({ number: 6 });
  expect(await create(after, "Task", { id: "t3", projectId: "p1" }, "a")).toMatchObject({ number: 3 });
  await expect(create(after, "Task", { id: "t4", projectId: "p1" }, "b")).rejects.toMatchObject({ code: "REFERENCE_VIOLATION" });
  await expect(create(after, "Project", { id: "p9", code: "p1" }, "a")).rejects.toMatchObject({ code: "UNIQUE_VIOLATION", message: "Another record of Project has this code." });
  // What two tenants have alike cannot be unique again.
  expect(() => tablesOf(storage, without)).toThrow(AmbitError);
});

test("references that lead from one tenant to another are refused, until they are mended", async () => {
  const storage = open();
  const before = tablesOf(storage, without);
  await create(before, "Project", { id: "p1", orgId: "a", code: "1" });
  await create(before, "Task", { id: "t1", orgId: "b", projectId: "p1" });
  let told: unknown = null;
  try {
    tablesOf(storage, within);
  } catch (error) {
    told = error;
  }
  expect(told).toMatchObject({ code: "MIGRATION_NEEDED" });
  expect(JSON.stringify(told)).toContain("Task.projectId refers in 1 records to Project of another tenant");
  await before.commit((session) => session.write({ kind: "update", table: "Task", id: "t1", input: { orgId: "a" }, merge: false, precondition: null }, { dialect: "code", authority: null, sent: null }), { actor: null, requestId: "r" });
  tablesOf(storage, within);
});

test("a rule that serves one tenant is never asked in a session that serves another", async () => {
  const tables = tablesOf(open(), within);
  const authority = {
    table: () => ({ read: true, create: true, update: true, remove: true, field: () => ({ read: true, create: true, update: true }) }),
    auth: { subject: "u", roles: [], tenant: "a", claims: {} }, subject: "u", explainDenials: false, authenticated: true, confinement: { tenant: "a" },
  };
  const work = (of: { tenant: string | null } | null, confinement: { tenant: string | null } | null): Promise<unknown> => tables.commit(
    (session) => session.write({ kind: "create", table: "Project", input: { code: "x" }, onConflict: null }, { dialect: "wire", authority: { ...authority, confinement: of }, sent: null }), { actor: null, requestId: "r", confinement },
  );
  const all = [null, { tenant: "a" }, { tenant: "b" }, { tenant: null }];
  for (const of of all) for (const confinement of all) if (of !== confinement) await expect(work(of, confinement)).rejects.toThrow("confined");
  await work({ tenant: "a" }, { tenant: "a" });
});

test("an import says whose each record is, counts on, and moves none to another tenant", async () => {
  const tables = tablesOf(open(), within);
  const take = (replace: boolean, ...inputs: object[]): Promise<unknown> => tables.commit((session) => session.importRecords(inputs.map((input) => ({ table: "Project", input: { ...input } })), { replace, loosen: false }), { actor: "import", requestId: "i" }).then(({ value }) => value);
  expect(await take(false, { id: "p1", orgId: "a", code: "1", number: 7 }, { id: "p2", orgId: "b", code: "1", number: 3 })).toEqual(["created", "created"]);
  expect(await create(tables, "Project", { id: "p3", code: "2" }, "a")).toMatchObject({ number: 8 });
  expect(await create(tables, "Project", { id: "p4", code: "2" }, "b")).toMatchObject({ number: 4 });
  await expect(take(true, { id: "p1", orgId: "b", code: "1", number: 7 })).rejects.toMatchObject({ code: "READ_ONLY_FIELD" });
  await expect(take(false, { id: "p5", code: "5", number: 9 })).rejects.toMatchObject({ code: "VALIDATION_FAILED" });
});

test("what expires is gone for all tenants, whoever takes its place", async () => {
  const tables = tablesOf(open(), `
    type Offer @table { id: ID! @primaryKey name: String! @indexed(unique: true) until: DateTime @expiresAt }
    type Order @table(tenant: "orgId") { id: ID! @primaryKey orgId: ID! offerId: ID! offer: Offer! @relationship(from: "offerId", onDelete: CASCADE) }
    type Line @table(tenant: "orgId") { id: ID! @primaryKey orgId: ID! orderId: ID! order: Order! @relationship(from: "orderId", onDelete: CASCADE) }`);
  const until = new Date(clock.now() + 1_000).toISOString();
  await create(tables, "Offer", { id: "o1", name: "spring", until });
  await create(tables, "Offer", { id: "o2", name: "summer" });
  for (const tenant of ["a", "b"]) for (const offerId of ["o1", "o2"]) {
    await create(tables, "Order", { id: `${tenant}-${offerId}`, offerId }, tenant);
    await create(tables, "Line", { id: `${tenant}-${offerId}`, orderId: `${tenant}-${offerId}` }, tenant);
  }
  clock.advance(2_000);
  // Its name is free again: the old one goes with all that hangs on it.
  await create(tables, "Offer", { id: "o3", name: "spring" }, "b");
  expect([tables.get("Order", "a-o1"), tables.get("Line", "a-o1"), tables.get("Line", "b-o1")]).toEqual([null, null, null]);
  expect(tables.get("Line", "a-o2")).not.toBeNull();
  const remove = tables.commit((session) => session.write({ kind: "remove", table: "Offer", id: "o2", precondition: null }, { dialect: "code", authority: null, sent: null }), { actor: null, requestId: "r", confinement: { tenant: "b" } });
  await expect(remove).rejects.toMatchObject({ code: "REFERENCE_VIOLATION", message: "This record of Offer is still referred to." });
});

test("the tenant that is filled in fits the field as what is sent does", async () => {
  const tables = tablesOf(open(), `type Note @table(tenant: "org") { id: ID! @primaryKey org: ID! @length(max: 5) @pattern(regex: "^[a-z]+$") }`);
  expect(await create(tables, "Note", {}, "acme")).toMatchObject({ org: "acme" });
  for (const tenant of ["toolong", "A1"]) await expect(create(tables, "Note", {}, tenant)).rejects.toMatchObject({ code: "VALIDATION_FAILED" });
});
