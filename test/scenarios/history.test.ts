// History, asof and trash over HTTP: what comes back, to whom, and what never does.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { fakeClock, type FakeClock } from "../../src/base/clock.ts";
import { adminToken, keysFor, startTestApp, type StartedApp } from "./started-app.ts";

const schema = `
type Project @table(trash: "P30D") @export
  @allow(to: ["public"], do: [READ])
  @allow(to: ["staff"], do: [READ, CREATE, UPDATE, DELETE])
  @allow(to: ["owner"], do: [READ, UPDATE, DELETE], on: "record")
{ id: ID! @primaryKey name: String! members: [Member!]! @relationship(to: "projectId") }
type Member @table(trash: "P30D") @export @allow(to: ["staff"], do: [READ, CREATE, UPDATE, DELETE]) @grants(subject: "userId", role: "role", on: "projectId") @indexed(fields: ["userId", "projectId"], unique: true)
{ id: ID! @primaryKey userId: ID! projectId: ID! project: Project! @relationship(from: "projectId", onDelete: CASCADE) role: Part! }
enum Part { OWNER }
type Page @table(history: "P90D", trash: "P30D", open: true) @export
  @allow(to: ["public"], do: [READ], where: "record.live")
  @allow(to: ["staff", "editor"], do: [READ, CREATE, UPDATE, DELETE])
{
  id: ID! @primaryKey
  title: String! @indexed(unique: true)
  live: Boolean! @default(value: true)
  cost: Long @allow(to: ["staff"], do: [READ, CREATE, UPDATE])
  secret: String @internal
  shout: String @computed(rule: "upper(record.title)")
}
type Letter @table(trash: "P30D") @export @allow(to: ["staff"], do: [READ, CREATE, DELETE]) @allow(to: ["editor"], do: [DELETE]) @allow(to: ["editor"], do: [READ], where: "record.opened") @check(rule: "record.folder.locked == false")
{ id: ID! @primaryKey opened: Boolean! folderId: ID! folder: Folder! @relationship(from: "folderId") }
type Folder @table @export @allow(to: ["staff"], do: [READ, CREATE, UPDATE]) { id: ID! @primaryKey locked: Boolean! }
type Plain @table @export @allow(to: ["public"], do: [READ, CREATE, DELETE]) { id: ID! @primaryKey }`;

let app: StartedApp;
let clock: FakeClock;
beforeAll(async () => {
  clock = fakeClock();
  app = await startTestApp({ schema, config: `${keysFor("staff", "editor", "reader", "ann")}limits: { historyVersions: 20, answerBytes: 320000 }\n` }, { clock });
});
afterAll(() => app?.stop());

interface Answered { readonly status: number; readonly body: unknown; readonly headers: Headers; readonly text: string }

async function ask(method: string, path: string, { as = "staff", body, headers = {} }: { as?: string | null; body?: unknown; headers?: Record<string, string> } = {}): Promise<Answered> {
  const token = as === "admin" ? adminToken : `key-${as}`;
  const response = await fetch(app.url + path, { method, headers: { ...(as === null ? {} : { authorization: `Bearer ${token}` }), "content-type": "application/json", ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  const isJson = (response.headers.get("content-type") ?? "").endsWith("json");
  return { status: response.status, headers: response.headers, text, body: text !== "" && isJson ? JSON.parse(text) : text };
}
const code = ({ status, body }: Answered): string => `${status} ${(body as { code?: string }).code}`;
const told = ({ body }: Answered): unknown[] => (body as { change: string; cause: string; actor: string | null; changes: unknown }[]).map(({ change, cause, actor, changes }) => [change, cause, actor, changes]);

let id = "";
let count = 0;
beforeEach(() => { id = `p${++count}`; clock.advance(60_000); });

/** created, changed by two people, deleted, restored, hidden. One minute each. */
async function lived(): Promise<void> {
  const step = async (...request: Parameters<typeof ask>): Promise<void> => {
    const done = await ask(...request);
    expect(done.status, done.text).toBeLessThan(300);
    clock.advance(60_000);
  };
  await step("POST", "/Page", { body: { id, title: `one ${id}`, cost: "9007199254740993", extra: 1 } });
  await step("PATCH", `/Page/${id}`, { as: "editor", body: { title: `two ${id}`, extra: null } });
  await step("PATCH", `/Page/${id}`, { body: { cost: "5" } });
  await step("DELETE", `/Page/${id}`, { as: "editor" });
  await step("POST", `/Page/${id}/restore`, { as: "editor" });
  await step("PATCH", `/Page/${id}`, { body: { live: false } });
}

test("the history says what changed from what to what, newest first", async () => {
  await lived();
  const { status, body, headers } = await ask("GET", `/Page/${id}/history`);
  expect(status).toBe(200);
  expect(told({ body } as Answered)).toEqual([
    ["updated", "write", "staff", { live: { from: true, to: false } }],
    ["restored", "write", null, {}],
    ["deleted", "write", null, {}],
    ["updated", "write", "staff", { cost: { from: "9007199254740993", to: "5" } }],
    ["updated", "write", null, { title: { from: `one ${id}`, to: `two ${id}` }, extra: { from: 1, to: null } }],
    ["created", "write", "staff", { id: { from: null, to: id }, title: { from: null, to: `one ${id}` }, live: { from: null, to: true }, cost: { from: null, to: "9007199254740993" }, extra: { from: null, to: 1 } }],
  ]);
  expect(headers.get("cache-control")).toBe("private, no-cache");
  const again = await ask("GET", `/Page/${id}/history`, { headers: { "if-none-match": headers.get("etag")! } });
  expect(again.status).toBe(304);
  expect((told(await ask("GET", `/Page/${id}/history`, { as: "admin" })) as unknown[][]).map((entry) => entry[2])).toEqual(["staff", "editor", "editor", "staff", "editor", "staff"]);
});

test("each version stands under READ and the rules of fields", async () => {
  await lived();
  const seen = await ask("GET", `/Page/${id}/history`, { as: "reader" });
  expect(seen.text).not.toContain("cost");
  expect(seen.text).not.toContain("secret");
  expect(seen.text).not.toContain("9007199254740993");
  // The last version is hidden from everyone.
  expect(told(seen).map((entry) => (entry as unknown[])[0])).toEqual(["restored", "deleted", "updated", "updated", "created"]);
  expect(seen.text).not.toContain("editor");
  await ask("POST", "/Page", { body: { id: `${id}h`, title: `h ${id}`, live: false } });
  expect(code(await ask("GET", `/Page/${id}h/history`, { as: "reader" }))).toBe("404 NOT_FOUND");
  await ask("PATCH", `/Page/${id}h`, { body: { live: true } });
  // What was hidden before may have been anything.
  expect(told(await ask("GET", `/Page/${id}h/history`, { as: null }))).toEqual([["updated", "write", null, { id: { to: `${id}h` }, title: { to: `h ${id}` }, live: { to: true } }]]);
  expect(code(await ask("GET", "/Page/nobody/history"))).toBe("404 NOT_FOUND");
  expect(code(await ask("GET", "/Plain/x/history"))).toBe("404 NOT_FOUND");
});

test("pages of a history fit together, whatever their size", async () => {
  await lived();
  const whole = (await ask("GET", `/Page/${id}/history`)).body as unknown[];
  for (const limit of [1, 2, 4]) {
    const rows: unknown[] = [];
    let path: string | null = `/Page/${id}/history?limit=${limit}`;
    while (path !== null) {
      const page: Answered = await ask("GET", path);
      expect((page.body as unknown[]).length).toBeLessThanOrEqual(limit);
      rows.push(...page.body as unknown[]);
      path = /^<(.*)>/.exec(page.headers.get("link") ?? "")?.[1] ?? null;
    }
    expect(rows).toEqual(whole);
  }
  for (const query of ["limit=0", "limit=x", "select=id", "after=3", "limit=1&limit=2"]) expect((await ask("GET", `/Page/${id}/history?${query}`)).status).toBe(400);
});

test("asof by the position that the history names, and by time", async () => {
  await lived();
  const history = (await ask("GET", `/Page/${id}/history`)).body as { position: string; time: string }[];
  const titles = await Promise.all(history.map(async ({ position, time }) => {
    const [one, other] = await Promise.all([ask("GET", `/Page/${id}?asof=${position}`), ask("GET", `/Page/${id}?asof=${time}`)]);
    expect(one.body).toEqual(other.status === 404 ? one.body : other.body);
    expect(one.status).toBe(other.status);
    return one.status === 200 ? (one.body as { title: string; shout: string }).shout : one.status;
  }));
  const [first, second] = [`ONE ${id}`, `TWO ${id}`].map((text) => text.toUpperCase());
  expect(titles).toEqual([second!, second!, 404, second!, second!, first!]);
  const list = await ask("GET", `/Page?id=eq.${id}&select=*&asof=${history.at(-1)!.time}`);
  expect(list.body).toMatchObject([{ title: `one ${id}`, extra: 1 }]);
  expect(list.headers.get("etag")).toStartWith("W/");
  // Public readers see what was live then.
  expect((await ask("GET", `/Page/${id}?asof=${history[1]!.time}`, { as: null })).status).toBe(200);
  expect((await ask("GET", `/Page/${id}`, { as: null })).status).toBe(404);
  expect((await ask("GET", `/Page/${id}?asof=${history[0]!.time}`, { as: null })).status).toBe(404);
});

test("asof stands on reads of tables with a history only", async () => {
  const time = new Date(clock.now()).toISOString();
  expect(code(await ask("PATCH", `/Page?id=eq.x&asof=${time}`, { body: { live: true } }))).toBe("400 MALFORMED_QUERY");
  expect(code(await ask("DELETE", `/Page/x?asof=${time}`))).toBe("400 MALFORMED_QUERY");
  expect(code(await ask("POST", `/Page?asof=${time}`, { body: { title: "t" } }))).toBe("400 MALFORMED_QUERY");
  expect(code(await ask("GET", `/Plain?asof=${time}`))).toBe("400 NO_HISTORY");
  expect(code(await ask("GET", `/Project?asof=${time}`))).toBe("400 NO_HISTORY");
  expect(code(await ask("GET", "/Page?asof=2000-01-01T00:00:00Z"))).toBe("410 HISTORY_GONE");
  expect(code(await ask("GET", `/Page?asof=${time}&asof=${time}`))).toBe("400 MALFORMED_QUERY");
  expect(code(await ask("POST", "/batch", { body: { operations: [{ method: "GET", path: `/Page?asof=${time}` }] } }))).toContain("NOT_IN_BATCH");
});

test("whoever may delete the record once it is back may restore it, also by a role that went with it", async () => {
  await ask("POST", "/Project", { body: { id, name: "P" } });
  await ask("POST", "/Member", { body: { id, userId: "ann", projectId: id, role: "OWNER" } });
  expect((await ask("DELETE", `/Project/${id}`, { as: "ann" })).status).toBe(204);
  expect((await ask("GET", `/Project/${id}`)).status).toBe(404);
  expect(code(await ask("POST", `/Project/${id}/restore`, { as: null }))).toBe("401 UNAUTHENTICATED");
  // Everyone may read it, once it is there; to delete it, one must own it.
  expect(code(await ask("POST", `/Project/${id}/restore`, { as: "reader" }))).toBe("403 FORBIDDEN");
  expect((await ask("GET", `/Project/${id}`)).status).toBe(404);
  const back = await ask("POST", `/Project/${id}/restore?select=name`, { as: "ann" });
  expect([back.status, back.body]).toEqual([200, { name: "P" }]);
  expect((await ask("GET", `/Project/${id}?select=members(userId)`)).body).toEqual({ members: [{ userId: "ann" }] });
  expect(code(await ask("POST", `/Project/${id}/restore`))).toBe("404 NOT_FOUND");
  expect((await ask("POST", `/Plain/x/restore`)).status).toBe(404);
});

test("what may not be read cannot be restored, and nothing is told of it", async () => {
  await ask("POST", "/Folder", { body: { id, locked: false } });
  await ask("POST", "/Letter", { body: [{ id: `${id}o`, opened: true, folderId: id }, { id: `${id}c`, opened: false, folderId: id }] });
  for (const letter of ["o", "c"]) expect((await ask("DELETE", `/Letter/${id}${letter}`)).status).toBe(204);
  await ask("PATCH", `/Folder/${id}`, { body: { locked: true } });
  expect(code(await ask("POST", `/Letter/${id}o/restore`, { as: "editor" }))).toBe("422 CHECK_FAILED");
  expect(code(await ask("POST", `/Letter/${id}c/restore`, { as: "editor" }))).toBe("404 NOT_FOUND");
  await ask("PATCH", `/Folder/${id}`, { body: { locked: false } });
  expect(code(await ask("POST", `/Letter/${id}c/restore`, { as: "editor" }))).toBe("404 NOT_FOUND");
  expect((await ask("POST", `/Letter/${id}o/restore`, { as: "editor" })).status).toBe(200);
  expect((await ask("POST", `/Letter/${id}c/restore`)).status).toBe(200);
});

test("restoring: return=minimal, keys of idempotency, collisions", async () => {
  await ask("POST", "/Page", { body: { id, title: id } });
  await ask("DELETE", `/Page/${id}`);
  await ask("POST", "/Page", { body: { id: `${id}b`, title: id } });
  expect(code(await ask("POST", `/Page/${id}/restore`))).toBe("409 UNIQUE_VIOLATION");
  await ask("DELETE", `/Page/${id}b`);
  const key = { "idempotency-key": `restore-${id}`, prefer: "return=minimal" };
  expect((await ask("POST", `/Page/${id}/restore`, { headers: key })).status).toBe(204);
  const again = await ask("POST", `/Page/${id}/restore`, { headers: key });
  expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([204, "true"]);
  expect((await ask("GET", `/Page/${id}`)).status).toBe(200);
  expect((await ask("OPTIONS", `/Page/${id}/restore`)).headers.get("allow")).toContain("POST");
});

test("a history of many versions is told in pieces, each bounded", async () => {
  await ask("POST", "/Page", { body: { id, title: id, live: false } });
  for (let cost = 1; cost <= 45; cost++) await ask("PATCH", `/Page/${id}`, { body: { cost: String(cost) } });
  const whole = (await ask("GET", `/Page/${id}/history`)).body as { changes: { cost?: { to: string } } }[];
  const rows: unknown[] = [];
  let path: string | null = `/Page/${id}/history?limit=30`;
  for (let pages = 0; path !== null; pages++) {
    expect(pages).toBeLessThan(10);
    const page: Answered = await ask("GET", path);
    rows.push(...page.body as unknown[]);
    path = /^<(.*)>/.exec(page.headers.get("link") ?? "")?.[1] ?? null;
  }
  expect(rows.map((row) => (row as typeof whole[number]).changes.cost?.to)).toEqual([...Array.from({ length: 45 }, (_, index) => String(45 - index)), undefined]);
  // Where nothing within the bound may be seen, it is as if there were no record.
  await ask("PATCH", `/Page/${id}`, { body: { live: true } });
  for (let cost = 1; cost <= 25; cost++) await ask("PATCH", `/Page/${id}`, { body: { cost: String(cost), live: false } });
  expect(code(await ask("GET", `/Page/${id}/history`, { as: "reader" }))).toBe("404 NOT_FOUND");
});

test("a page of long versions ends before it is too long", async () => {
  await ask("POST", "/Page", { body: { id, title: id } });
  for (let round = 0; round < 9; round++) await ask("PATCH", `/Page/${id}`, { body: { extra: String(round).repeat(4_000) } });
  const lengths: number[] = [];
  let path: string | null = `/Page/${id}/history`;
  while (path !== null) {
    const page: Answered = await ask("GET", path);
    lengths.push((page.body as unknown[]).length);
    path = /^<(.*)>/.exec(page.headers.get("link") ?? "")?.[1] ?? null;
  }
  expect(lengths).toEqual([3, 3, 3, 1]);
});

test("other representations", async () => {
  await ask("POST", "/Page", { body: { id, title: id } });
  const csv = await ask("GET", `/Page/${id}/history`, { headers: { accept: "text/csv" } });
  expect(csv.text).toStartWith("position,time,actor,cause,change,changes\n");
  const lines = await ask("GET", `/Page/${id}/history`, { headers: { accept: "application/x-ndjson" } });
  expect(JSON.parse(lines.text)).toMatchObject({ change: "created" });
  expect((await ask("HEAD", `/Page/${id}/history`)).text).toBe("");
  expect((await ask("POST", `/Page/${id}/history`)).status).toBe(405);
});
