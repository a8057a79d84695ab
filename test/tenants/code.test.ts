// Code of the app is held within its caller's tenant, under the caller's rules and without any.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { Probes } from "./probes.ts";
import { CANARY } from "./tenant-app.ts";

let probes: Probes;
let before = "";
beforeAll(async () => {
  probes = await Probes.start();
  before = await probes.stateOfA();
}, 120_000);
afterAll(() => probes?.stop());
afterEach(async () => {
  expect(await probes.stateOfA()).toBe(before);
});

const key = (name: string): string => `${CANARY}-${name}`;
type Call = readonly [table: string, method: string, ...given: unknown[]];

const reads: readonly Call[] = [
  ["Project", "get", key("p1")], ["Project", "get", "p1"], ["Org", "get", "a"], ["Role", "get", key("r1")], ["Project", "find", {}], ["Project", "find", { orgId: "a" }], ["Project", "find", { id: key("p1") }], ["Project", "find", { order: { number: "asc" }, limit: 2 }],
  ["Project", "find", { or: [{ orgId: "a" }, { code: "CODE-1" }] }], ["Project", "find", { country: { name: "Germany" }, select: ["id", "secret"] }], ["Project", "find", { tasks: { hours: { gt: 0 } } }], ["Project", "find", { org: { id: "a" } }],
  ["Project", "first", { order: { budget: "desc" } }], ["Project", "first", { secret: { like: `%${CANARY}%` } }], ["Project", "count", {}], ["Project", "count", { orgId: "a" }], ["Task", "count", { project: { open: true } }], ["Role", "find", {}], ["CountryRole", "count", {}],
  ["Country", "find", { projects: { budget: { gt: 0 } } }], ["Country", "count", { notes: { id: { like: "%" } } }], ["Task", "find", { select: ["id", "number", "inCountry", "budget"] }], ["ProjectTag", "find", { tagId: key("g1") }], ["Project", "query", { order: { budget: "desc" }, limit: 1 }],
];

/** About earlier moments: when the test begins, all is as it was seeded. */
const earlier = (): readonly Call[] => {
  const asof = new Date().toISOString();
  return [
    ["Project", "find", { asof, order: { number: "asc" } }], ["Project", "find", { asof, orgId: "a" }], ["Project", "count", { asof }], ["Task", "count", { asof, project: { open: true } }], ["Country", "find", { asof, projects: { budget: { gt: 0 } } }],
    ["Project", "first", { asof, id: key("p1") }],
  ];
};

const writes: readonly Call[] = [
  ["Project", "update", key("p1"), { title: "taken" }], ["Project", "update", key("p1"), { orgId: "b" }], ["Project", "remove", key("p1")], ["Project", "increment", key("p1"), "budget", 5], ["Project", "claim", { id: key("p2") }, { state: "DONE" }],
  ["Project", "claim", { orgId: "a" }, { state: "DONE" }], ["Org", "update", "a", { name: "taken" }], ["Org", "remove", "a"], ["Role", "remove", key("r1")], ["Role", "update", key("r1"), { userId: "bob" }],
  ["Task", "create", { projectId: key("p1"), text: "x" }], ["Task", "create", { projectId: "p1", parentId: key("t1"), text: "x" }], ["Task", "update", "t1", { projectId: key("p1") }], ["Task", "upsert", { id: "t1", projectId: key("p1"), text: "x" }],
  ["ProjectTag", "create", { projectId: "p1", tagId: key("g1") }], ["Role", "create", { userId: "u", projectId: key("p1"), role: "EDITOR" }], ["Project", "create", { code: "C1", title: "c1", orgId: "a" }], ["Project", "update", "p1", { orgId: "a" }],
  ["Project", "create", { code: "ONLY-a", title: "c2" }], ["Project", "create", { code: "C3", title: "c3" }], ["Task", "create", { projectId: "p1", text: "numbered", countryId: "de" }], ["Tag", "create", { name: "c" }], ["Project", "claim", { state: "OPEN" }, { region: "claimed" }],
  ["Project", "upsert", { id: "p1", code: "CODE-1", title: "c4" }], ["Org", "create", { name: "second" }], ["Org", "create", { id: "a", name: "second" }],
];

const callers = ["b", "none", "odd", "public", "admin:b"] as const;

test("reads and writes of ctx.db and ctx.system, in a transaction and outside", async () => {
  for (const path of ["/run", "/run-alone"]) for (const mode of ["system", "db"]) for (const who of path === "/run" ? callers : ["b", "none"]) for (const [table, method, ...given] of [...reads, ...earlier(), ...writes]) {
    await probes.probe(who, path, { method: "POST", body: { mode, table, method, given } });
  }
  expect(probes.report()).toEqual([]);
}, 120_000);

test("a key of another tenant is refused to code, too", async () => {
  for (const path of ["/run", "/run-alone"]) for (const mode of ["db", "system"]) for (const method of ["create", "upsert"]) {
    const answer = await probes.ask("b", path, { method: "POST", body: { mode, table: "Project", method, given: [{ id: key("p1"), code: `K-${path}-${mode}-${method}`, title: "k" }] } });
    expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
    expect(answer.text).not.toMatch(/canaryofa (lantern|place)/);
  }
});

test("who names no tenant passes as the administrator alone, and then everywhere", async () => {
  const run = async (who: string, table: string, method: string, ...given: unknown[]): Promise<unknown> =>
    (await probes.ask(who, "/run", { method: "POST", body: { mode: "system", table, method, given } })).json;
  expect(await run("admin", "Project", "count", { orgId: "a" })).toBe(4);
  expect(await run("admin", "Project", "get", key("p1"))).toMatchObject({ orgId: "a" });
  for (const who of ["none", "public", "admin:nobody"]) {
    expect(await run(who, "Project", "count", {}), who).toBe(0);
    expect(await run(who, "Project", "get", "p1"), who).toBeNull();
    expect(await run(who, "Country", "count", {}), who).toBe(5);
  }
  expect(await run("public", "Project", "create", { code: "P", title: "p" })).toMatchObject({ code: "FORBIDDEN" });
});

test("what another tenant writes repeats no transaction", async () => {
  const slow = probes.ask("b", "/slow", { method: "POST", body: { milliseconds: 60 } });
  const ids: string[] = [];
  for (let n = 0; n < 10; n++) {
    const made = await probes.ask("a", "/Project", { method: "POST", body: { code: `BUSY-${n}`, title: `busy ${n}` }, headers: { prefer: "return=representation" } });
    ids.push((made.json as { id: string }[])[0]!.id);
  }
  expect((await slow).text).toBe("1");
  for (const id of ids) expect((await probes.ask("a", `/Project/${id}`, { method: "DELETE" })).status).toBe(204);
  // The own tenant's do.
  const work = { running: true };
  const again = probes.ask("b", "/slow", { method: "POST", body: { milliseconds: 30 } }).finally(() => { work.running = false; });
  for (let n = 0; work.running && n < 200; n++) await probes.ask("b", "/Project/p1", { method: "PATCH", body: { state: n % 2 === 0 ? "DONE" : "OPEN" } });
  expect(Number((await again).text)).toBeGreaterThan(2);
});

test("what is about the whole app is refused to an administrator who names a tenant", async () => {
  expect((await probes.ask("admin", "/admin/describe")).status).toBe(200);
  for (const path of ["/admin/describe", "/admin/migrate", "/admin/import"]) expect((await probes.ask("admin:a", path)).status, path).toBe(403);
});
