// Forgetting: what somebody was, said or caused is in no store of the app and in no byte of the data directory afterwards, another person's stays, the
// audit log verifies, and the receipt says what went.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { startApp } from "../../src/runtime/start-app.ts";
import { ambitHere } from "../processes/ambit-here.ts";
import { adminToken, startTestApp } from "../scenarios/started-app.ts";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";
import { comesTrue } from "../processes/waits.ts";

const schema = `type Advice { credit: Int! text: String }
type Facts { note: String @allow(to: ["support"]) }
type Customer @table(history: "P90D", trash: "P90D") @personal(of: "id") @search(fields: ["about"]) @export @allow(to: ["support", "ann", "bob"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  about: String @indexed(type: TEXT)
}
type Order @table @personal(of: "customer.id") @export @allow(to: ["support", "ann", "bob"], do: [READ, CREATE]) {
  id: ID! @primaryKey
  customerId: ID!
  customer: Customer! @relationship(from: "customerId")
  text: String
  lines: [Line!]! @relationship(to: "orderId")
}
type Line @table(history: "P90D") @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey orderId: ID! order: Order! @relationship(from: "orderId", onDelete: CASCADE) text: String }
type Photo @table @personal(of: "customerId") @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey customerId: ID! image: Blob }
type Account @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey name: String }
type Shelf @table @export @allow(to: ["support"], do: [READ, CREATE]) @allow(to: ["ann", "bob"], do: [READ]) { id: ID! @primaryKey free: Int!
  hold(who: String!): Boolean @action @allow(to: ["ann", "bob"])
  release: Boolean @action
  sell: Boolean @action }
type Promised @commitment(due: "timestamp(offer.by)", keptWhen: "offer.price > 10", remedy: "Account.create") { price: Int! by: DateTime! text: String }
type Jobs { note(text: String!): String }
type Endpoints {
  later(text: String!): Boolean @http @allow(to: ["ann", "bob"])
  removed(id: ID!): JSON @http @allow(to: ["support"])
  leave: JSON @http @allow(to: ["ann", "bob"])
  undone(subject: String!): JSON @http @allow(to: ["support"])
}
type Decisions {
  """Advise."""
  advise(customerId: ID!, said: String): Advice! @decision(mode: ENFORCE, subject: "'Customer:' + input.customerId") @export @allow(to: ["support"])
    @context(name: "customer", query: "Customer/{input.customerId}")
    @memory(about: "'Customer:' + customer.id", reads: ["note"], writes: ["note"]) @fallback(value: { credit: 0 })
  """Look at orders."""
  look(text: String!): Advice! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @context(name: "orders", query: "Order?order=id") @fallback(value: { credit: 0 })
  """Of a price."""
  bargain(shelf: ID!, said: String!): Promised! @decision(mode: ENFORCE, subject: "'Shelf:' + input.shelf") @export @allow(to: ["ann", "bob"])
    @mayWrite(operation: "Shelf.hold", set: { id: "input.shelf", who: "input.said" }, release: "Shelf.release", convert: "Shelf.sell", taint: ALLOW)
    @negotiates(rounds: 3, offerTtl: "P1D", exclusive: "input.shelf + input.said", taint: ALLOW)
    @fallback(value: { price: 9, by: "2100-01-01T00:00:00Z" })
  """Asks people."""
  favour(said: String!): Advice! @decision(mode: ENFORCE) @export @allow(to: ["bob"]) @approval(when: "true", by: ["support"], within: "P9D") @fallback(value: { credit: 0 })
  """Of an account."""
  account(accountId: ID!, said: String): Advice! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @memory(about: "'Account:' + input.accountId", reads: ["note"], writes: ["note"]) @fallback(value: { credit: 0 })
}`;
const resources = `import { jobs, endpoints, Table, type Ctx } from "ambit";
export class Shelf extends Table("Shelf") {
  async hold({ who }) { await this.update({ free: this.free - 1 }); return who !== ""; }
  async release() { await this.update({ free: this.free + 1 }); return true; }
  sell() { return true; }
}
export const Jobs = jobs({ note: async (_ctx, { text }) => text + " noted" });
export const Endpoints = endpoints({
  async later(ctx, { text }) { await ctx.enqueue("note", { text }); return true; },
  leave: (ctx) => ctx.forget(ctx.auth.subject!),
  async removed(ctx, { id }) { await ctx.system.Customer.remove(id); return ctx.forget(id); },
  async undone(ctx, { subject }) { await ctx.forget(subject); throw ctx.error("NO", "Not after all."); },
});
`;
const keys = ["ann", "bob"].map((name) => `    - { token: key-${name}, subject: ${name}, roles: [${name}] }\n`).join("");

let bounds: BoundsApp;
beforeAll(async () => { bounds = await startBoundsApp(schema, { resources, config: `${keys}limits: { fileGraceMs: 100 }\n` }); });
afterAll(async () => { await bounds?.stop(); });

async function send(method: string, path: string, body: unknown, { as = "support", headers = {} }: { readonly as?: string; readonly headers?: Record<string, string> } = {}): Promise<{ status: number; body: never; run: string }> {
  const isFile = typeof body === "string";
  const response = await fetch(`${bounds.app.url}${path}`, {
    method, headers: { "content-type": isFile ? "text/plain" : "application/json", authorization: `Bearer ${as === "admin" ? adminToken : `key-${as}`}`, ...headers }, ...(body === null ? {} : { body: isFile ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as never, run: response.headers.get("ambit-run") ?? "" };
}

/** Marks of somebody, a different one in each store. */
const MARKS = ["about", "former", "order", "line", "picture", "job", "key", "input", "answer", "fact", "posted", "context"];
const marked = (name: string, mark: string): string => `${name}secret${mark}`;

async function leaveTraces(name: string): Promise<readonly string[]> {
  const mark = (of: string): string => marked(name, of);
  const statuses = [
    await send("PUT", `/Customer/${name}`, { about: mark("former") }),
    await send("PUT", `/Customer/${name}`, { about: `${mark("about")} ${mark("context")}` }),
    await send("POST", "/Order", { id: `order-${name}`, customerId: name, text: mark("order") }),
    await send("POST", "/Line", { id: `line-${name}`, orderId: `order-${name}`, text: mark("line") }),
    await send("POST", "/later", { text: mark("job") }, { as: name }),
    await send("POST", "/Customer", { id: `${name}-2`, about: mark("key") }, { as: name, headers: { "idempotency-key": "abc", prefer: "return=representation" } }),
    await send("POST", `/memory/Customer/${name}`, { note: mark("posted") }),
  ];
  const upload = await send("POST", "/files/Photo/image", mark("picture"));
  statuses.push(upload, await send("POST", "/Photo", { id: `photo-${name}`, customerId: name, image: (upload.body as { url: string }).url }));
  expect(statuses.map(({ status }) => status).filter((status) => status >= 300)).toEqual([]);
  bounds.model.script = () => [{ name: "remember", arguments: { predicate: "note", value: mark("fact") } }, answers({ credit: 1, text: mark("answer") })];
  const about = await send("POST", "/decide/advise", { customerId: name, said: mark("input") }, { headers: { "idempotency-key": `run-${name}` } });
  bounds.model.script = () => [answers({ credit: 1 })];
  const looked = await send("POST", "/decide/look", { text: "all" });
  await settled();
  return [about.run, looked.run];
}

async function settled(): Promise<void> {
  for (;;) {
    const { body } = await send("GET", "/admin/jobs", null, { as: "admin" });
    if ((body as { runs: { state: string }[] }).runs.every(({ state }) => state === "SUCCEEDED")) return;
    await Bun.sleep(20);
  }
}

/** Marks that some file of the data directory holds. */
function onDisk(marks: readonly string[]): readonly string[] {
  const files = (folder: string): string[] => readdirSync(folder).flatMap((name) => (statSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory() === true ? files(join(folder, name)) : [join(folder, name)]));
  const contents = files(join(bounds.app.directory, "data")).filter((path) => statSync(path).isFile()).map((path) => readFileSync(path));
  return marks.filter((mark) => contents.some((bytes) => bytes.includes(mark)));
}

async function gone(marks: readonly string[]): Promise<readonly string[]> {
  await comesTrue(() => onDisk(marks).length === 0);
  return onDisk(marks);
}

const ofAnn = MARKS.map((mark) => marked("ann", mark));
const ofBob = MARKS.map((mark) => marked("bob", mark));
interface Store { readonly store: string; readonly erased: number; readonly left: number }
let runs: readonly string[] = [];

test("the administrator forgets a person: no byte is left of them, all of the other one's", async () => {
  await leaveTraces("bob");
  runs = await leaveTraces("ann");
  expect(onDisk([...ofAnn, ...ofBob])).toEqual([...ofAnn, ...ofBob]);
  // Their second record is nobody's whose key is another one's.
  await send("DELETE", "/Customer/ann-2", null);
  const { status, body } = await send("POST", "/admin/forget", { subject: "ann" }, { as: "admin" });
  expect([status, body]).toMatchObject([200, { subject: "ann", compacted: true }]);
  const stores = Object.fromEntries((body as { stores: Store[] }).stores.map(({ store, erased }) => [store, erased]));
  expect(stores).toMatchObject({ records: 3, answers: 1, jobs: 1, files: expect.any(Number) as number, runs: expect.any(Number) as number, memory: expect.any(Number) as number });
  expect((body as { stores: Store[] }).stores.every(({ left }) => left === 0)).toBe(true);
  expect(await gone(ofAnn.filter((mark) => mark !== marked("ann", "key")))).toEqual([]);
  // Both have been looked at by one run.
  expect(onDisk(ofBob)).toEqual(ofBob);
  expect([(await send("GET", "/Customer/ann", null)).status, (await send("GET", "/Line/line-ann", null)).status, (await send("GET", "/Line/line-bob", null)).status]).toEqual([404, 404, 200]);
  expect((await send("POST", "/Customer/ann/restore", {})).status).toBe(404);
  expect((await send("GET", "/Customer?search=annsecretabout", null)).body as unknown).toEqual([]);
  expect((await send("GET", "/Customer?search=bobsecretabout", null)).body as unknown).toHaveLength(1);
});

test("a record of theirs that is in the trash by then is found by its key", async () => {
  await send("POST", "/admin/forget", { subject: "Customer:ann-2" }, { as: "admin" });
  expect(await gone(ofAnn)).toEqual([]);
});

test("keys do nothing twice: their answers are gone", async () => {
  const again = await send("POST", "/Customer", { id: "ann-2", about: marked("ann", "key") }, { as: "ann", headers: { "idempotency-key": "abc", prefer: "return=representation" } });
  expect([again.status, again.body]).toMatchObject([410, { code: "ANSWER_ERASED" }]);
  const asked = await send("POST", "/decide/advise", { customerId: "ann", said: marked("ann", "input") }, { headers: { "idempotency-key": "run-ann" } });
  expect([asked.status, asked.body]).toMatchObject([410, { code: "DECISION_ERASED" }]);
});

test("the audit log verifies, and a replay says that it was erased", async () => {
  const data = join(bounds.app.directory, "data");
  expect(await ambitHere(["audit", "verify", "--data", data, "--json"])).toMatchObject({ code: 0 });
  const copied = join(bounds.app.directory, "copy.db");
  expect((await ambitHere(["backup", copied, "--data", data])).code).toBe(0);
  for (const run of runs) expect(bounds.values(`SELECT count(*) FROM "$audit" WHERE "run" = '${run}' AND ("salts" IS NOT NULL OR "payloads" IS NOT NULL)`)).toEqual([[0]]);
});

test("who follows goes on from a position before that with a snapshot", async () => {
  const events = async (since: string | null): Promise<string> => {
    const abort = new AbortController();
    const response = await fetch(`${bounds.app.url}/Order`, { headers: { accept: "text/event-stream", authorization: "Bearer key-support", ...(since === null ? {} : { "last-event-id": since }) }, signal: abort.signal });
    let text = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) if ((text += chunk).endsWith("\n\n") && /event: (snapshot|leave)/.test(text)) break;
    abort.abort();
    return text;
  };
  await send("PUT", "/Customer/eve", { about: "x" });
  await send("POST", "/Order", { id: "order-eve", customerId: "eve" });
  const before = /^id: (.+)$/m.exec(await events(null))![1]!;
  await send("POST", "/admin/forget", { subject: "eve" }, { as: "admin" });
  const after = await events(before);
  expect(after).toContain("event: reset");
  expect(after).not.toContain("order-eve");
});

test("code forgets in its transaction, or not at all; the bytes go with the next start", async () => {
  expect((await send("POST", "/undone", { subject: "bob" })).status).toBeGreaterThanOrEqual(400);
  expect([(await send("GET", "/Customer/bob", null)).status, onDisk(ofBob)]).toEqual([200, ofBob]);
  const { status, body } = await send("POST", "/leave", {}, { as: "bob" });
  expect(status).toBe(200);
  expect((body as { stores: Store[] }).stores[0]).toEqual({ store: "records", erased: 3, left: 0 });
  expect((await send("GET", "/Customer/bob", null)).status).toBe(404);
  expect(bounds.values(`SELECT count(*) FROM "$log" WHERE "entry" LIKE '%bobsecretorder%'`)).toEqual([[0]]);
  expect(bounds.values(`SELECT "value" FROM "$meta" WHERE "key" = 'compaction'`)).toEqual([["due"]]);
});

test("what the same transaction has deleted of them before is erased with the rest", async () => {
  await send("PUT", "/Customer/zoe", { about: "zoewasherebefore" });
  expect((await send("POST", "/removed", { id: "zoe" })).status).toBe(200);
  expect(bounds.values(`SELECT (SELECT count(*) FROM "$log" WHERE "entry" LIKE '%zoewashere%') + (SELECT count(*) FROM "Customer$history" WHERE "about" LIKE '%zoewashere%')`)).toEqual([[0]]);
});

test("of a record that is nobody's, what is known of it is forgotten, and it stays", async () => {
  for (const id of ["a1", "a2"]) {
    await bounds.write("Account", id, { name: "n" });
    bounds.model.script = () => [{ name: "remember", arguments: { predicate: "note", value: `knowledge-of-${id}` } }, answers({ credit: 1 })];
    await send("POST", "/decide/account", { accountId: id });
  }
  expect((await send("POST", "/admin/forget", { subject: "Account:a1" }, { as: "admin" })).status).toBe(200);
  bounds.model.requests.length = 0;
  for (const id of ["a1", "a2"]) await send("POST", "/decide/account", { accountId: id });
  const shown = bounds.model.requests.map((request) => JSON.stringify(request).includes("knowledge-of"));
  expect([shown, (await send("GET", "/Account/a1", null)).status]).toEqual([[false, true], 200]);
});

test("negotiations: what was asked, said, offered, held and agreed is gone; what was held is free, and another one's stands", async () => {
  const marks = (name: string): readonly string[] => ["wanted", "words", "terms", "agreed"].map((of) => marked(name, of));
  const states = (): unknown => bounds.values(`SELECT n."state", o."state", c."state" FROM "$negotiation" n JOIN "$offer" o ON o."negotiation" = n."id" LEFT JOIN "$commitment" c ON c."offer" = o."id" ORDER BY o."number"`);
  const began = async (name: string, shelf: string, wanted: string): Promise<{ id: string; offer: { id: string; hash: string } }> => {
    const { status, body } = await send("POST", "/negotiations", { decision: "bargain", input: { shelf, said: wanted } }, { as: name });
    expect([status, (body as { offer: unknown }).offer]).toMatchObject([201, { state: "OPEN", terms: { price: 5 } }]);
    return body;
  };
  for (const name of ["dan", "eli"]) {
    const as = name === "dan" ? "ann" : "bob";
    await send("POST", "/Shelf", { id: name, free: 2 });
    bounds.model.script = (_, count) => (count % 2 === 1 ? [{ name: "Shelf_hold", arguments: {} }] : [answers({ price: 5, by: "2100-01-01T00:00:00Z", text: marked(name, "terms") })]);
    bounds.model.requests.length = 0;
    const { offer } = await began(as, name, marked(name, "agreed"));
    expect((await send("POST", `/offers/${offer.id}/accept`, { hash: offer.hash }, { as })).status).toBe(200);
    const { id } = await began(as, name, marked(name, "wanted"));
    expect((await send("POST", `/negotiations/${id}/counter`, { terms: { text: marked(name, "words") }, message: marked(name, "words") }, { as })).body as unknown).toMatchObject({ state: "OPEN", round: 2 });
  }
  expect(onDisk([...marks("dan"), ...marks("eli")])).toEqual([...marks("dan"), ...marks("eli")]);
  const kept = [["AGREED", "ACCEPTED", "ACTIVE"], ["OPEN", "COUNTERED", null], ["OPEN", "OPEN", null]];
  expect(states()).toEqual([...kept, ...kept]);
  const forget = async (subject = "ann"): Promise<Store> => ((await send("POST", "/admin/forget", { subject }, { as: "admin" })).body as { stores: Store[] }).stores.find(({ store }) => store === "negotiations")!;
  expect(await forget()).toEqual({ store: "negotiations", erased: 1, left: 1 });
  expect(states()).toEqual([["AGREED", "ACCEPTED", "RELEASED"], ["DECLINED", "COUNTERED", null], ["DECLINED", "DECLINED", null], ...kept]);
  await comesTrue(() => bounds.row("Shelf", "dan")!["free"] === 1);
  expect([bounds.row("Shelf", "dan"), bounds.row("Shelf", "eli")]).toMatchObject([{ free: 1 }, { free: 0 }]);
  expect(await forget()).toEqual({ store: "negotiations", erased: 1, left: 0 });
  expect([await gone(marks("dan")), onDisk(marks("eli"))]).toEqual([[], marks("eli")]);
  expect(await forget()).toEqual({ store: "negotiations", erased: 0, left: 0 });
  // What is forgotten of a record leaves what binds another one, until it is over.
  const before = states();
  expect([await forget("Shelf:eli"), states(), onDisk(marks("eli"))]).toEqual([{ store: "negotiations", erased: 0, left: 2 }, before, marks("eli")]);
  const [[offer], [commitment]] = [...bounds.values(`SELECT "id" FROM "$offer" WHERE "state" = 'OPEN'`), ...bounds.values(`SELECT "id" FROM "$commitment" WHERE "state" = 'ACTIVE'`)] as [[string], [string]];
  expect([(await send("POST", `/offers/${offer}/decline`, {}, { as: "bob" })).status, (await send("POST", `/commitments/${commitment}/release`, {}, { as: "bob" })).status]).toEqual([200, 200]);
  expect([await forget("Shelf:eli"), await gone(marks("eli"))]).toEqual([{ store: "negotiations", erased: 2, left: 0 }, []]);
}, 120_000);

test("what waits for people ends and goes, too: nobody is asked about who is forgotten", async () => {
  const marks = [marked("bob", "wish"), marked("bob", "favour")];
  bounds.model.script = () => [answers({ credit: 1, text: marks[1]! })];
  const ask = (): Promise<{ status: number; body: unknown }> => send("POST", "/decide/favour", { said: marks[0] }, { as: "bob", headers: { "idempotency-key": "favour-of-bob" } });
  const { status, body } = await ask();
  const queue = async (): Promise<unknown> => (await send("GET", "/approvals", null)).body;
  expect([status, await queue(), onDisk(marks)]).toMatchObject([202, [{ run: (body as { run: string }).run }], marks]);
  expect((await send("POST", "/admin/forget", { subject: "bob" }, { as: "admin" })).body as unknown).toMatchObject({ stores: expect.arrayContaining([{ store: "runs", erased: expect.any(Number), left: 0 }]) as unknown });
  expect([await queue(), await gone(marks), await ask()]).toMatchObject([[], [], { status: 410, body: { code: "DECISION_ERASED" } }]);
});

test("others than the administrator forget nobody", async () => {
  expect((await send("POST", "/admin/forget", { subject: "bob" })).status).toBe(403);
  expect((await send("POST", "/admin/forget", {}, { as: "admin" })).status).toBe(400);
});

test("what code forgot leaves the file with the next start", async () => {
  const app = await startTestApp({
    schema: `type Person @table(history: "P9D") @personal(of: "id") @search(fields: ["text"]) @export @allow(to: ["public"], do: [READ, CREATE, UPDATE]) { id: ID! @primaryKey text: String @indexed(type: TEXT) }
      type Endpoints { leave(id: ID!): JSON @http @allow(to: ["public"]) }`,
    resources: `import { endpoints } from "ambit"; export const Endpoints = endpoints({ leave: (ctx, { id }) => ctx.forget(id) });`,
  });
  const call = (method: string, path: string, body: object): Promise<Response> => fetch(`${app.url}${path}`, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const holds = (word: string): boolean => readdirSync(join(app.directory, "data")).some((name) => name.startsWith("data.db") && readFileSync(join(app.directory, "data", name)).includes(word));
  try {
    for (const text of ["rememberedearlier", "rememberedlately"]) for (const id of ["gone", "stays"]) await call("PUT", `/Person/${id}`, { text: `${text} by ${id}person` });
    expect((await call("POST", "/leave", { id: "gone" })).status).toBe(200);
    await app.running.stop();
    const { loaded } = app.running;
    const again = await startApp({
      directory: app.directory, dataDirectory: join(app.directory, "data"), port: 0, environment: {}, adminToken, development: false, seed: null, loaded,
      clock: systemClock(), random: systemRandom(), log: silentLog(), forbidOutbound: true, onFatal: (error) => { throw error; },
    });
    const found = [holds("goneperson"), holds("staysperson"), again.storage.isCompactionDue, ((await (await fetch(`${again.url}/Person?search=rememberedlately`)).json()) as { id: string }[]).map(({ id }) => id)];
    await again.stop();
    expect(found).toEqual([false, true, false, ["stays"]]);
  } finally {
    await app.stop();
  }
});

test("somebody with more records than a transaction may write: by the administrator, not in one of code", async () => {
  const app = await startTestApp({
    schema: `type Thing @table(history: "P9D") @personal(of: "owner") @export @allow(to: ["public"], do: [READ, CREATE, UPDATE]) { id: ID! @primaryKey owner: String! text: String }
      type Endpoints { leave(id: ID!): JSON @http @allow(to: ["public"]) }`,
    resources: `import { endpoints } from "ambit"; export const Endpoints = endpoints({ leave: (ctx, { id }) => ctx.forget(id) });`,
    config: "limits: { transactionWrites: 300 }\n",
  });
  try {
    const call = async (method: string, path: string, body: object | null): Promise<{ status: number; body: unknown }> => {
      const response = await fetch(`${app.url}${path}`, { method, headers: { "content-type": "application/json", ...(path.startsWith("/admin") ? { authorization: `Bearer ${adminToken}` } : {}) }, ...(body === null ? {} : { body: JSON.stringify(body) }) });
      return { status: response.status, body: await response.json().catch(() => null) };
    };
    for (const owner of ["many", "few"]) for (let page = 0; page < (owner === "many" ? 5 : 1); page++) await call("POST", "/Thing", Array.from({ length: 200 }, (_, index) => ({ id: `${owner}${page}-${index}`, owner })));
    // Former versions of records that are there count once.
    await call("PATCH", "/Thing?owner=eq.many", { text: "changed" });
    expect(await call("POST", "/leave", { id: "many" })).toMatchObject({ status: 422, body: { code: "TOO_MANY_ROWS" } });
    expect(await call("POST", "/admin/forget", { subject: "many" })).toMatchObject({ status: 200, body: { compacted: true, stores: expect.arrayContaining([{ store: "records", erased: 1_000, left: 0 }]) as unknown } });
    expect((await call("GET", "/Thing?select=owner,count()", null)).body).toEqual([{ owner: "few", count: 200 }]);
  } finally {
    await app.stop();
  }
});

test("tenants: a person of one is forgotten there alone", async () => {
  const app = await startTestApp({
    schema: `type Person @table(tenant: "team") @personal(of: "id") @export @allow(to: ["member"], do: [READ, CREATE]) { id: ID! @primaryKey team: String! who: String }
      type Facts { note: String }
      type Endpoints { forget(who: String!): JSON @http @allow(to: ["member"]) known(who: String!, note: String): JSON @http @allow(to: ["member"]) }`,
    resources: `import { endpoints } from "ambit";
      export const Endpoints = endpoints({
        forget: (ctx, { who }) => ctx.forget(who),
        async known(ctx, { who, note }) { return note == null ? (await ctx.memory.recall(\`Person:\${who}\`))?.facts.map(({ value }) => value) ?? null : ctx.memory.remember(\`Person:\${who}\`, { note }); },
      });`,
    config: `auth:\n  keys:\n${["red", "blue"].map((team) => `    - { token: key-${team}, subject: s, tenant: ${team}, roles: [member] }\n`).join("")}`,
  });
  try {
    const call = async (team: string, path: string, body: unknown): Promise<unknown> => (await fetch(`${app.url}${path}`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer key-${team}` }, body: JSON.stringify(body) })).json().catch(() => null);
    for (const team of ["red", "blue"]) {
      await call(team, "/Person", { id: `p-${team}`, who: team });
      await call(team, "/known", { who: `p-${team}`, note: team });
    }
    await call("blue", "/forget", { who: "p-red" });
    expect([await call("red", "/known", { who: "p-red" }), await call("blue", "/known", { who: "p-blue" })]).toEqual([["red"], ["blue"]]);
    await call("red", "/forget", { who: "p-red" });
    expect([await call("red", "/known", { who: "p-red" }), await call("blue", "/known", { who: "p-blue" })]).toEqual([null, ["blue"]]);
  } finally {
    await app.stop();
  }
});
