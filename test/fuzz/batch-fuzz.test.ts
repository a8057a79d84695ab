// Random batches against three copies of one app: straight, behind a call of code, and as the same operations in one body of code.
// The first two must agree in everything; whatever the third can do the batch does too, and it leaves the same data.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { createDice, type Dice } from "./dice.ts";

const BATCHES = process.env["AMBIT_TEST_SIZE"] === "long" ? 4_000 : 100;
const SEED = Number(process.env["AMBIT_TEST_SEED"] ?? 20_261_121);

const schema = `
type Group @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  code: String! @indexed(unique: true)
  size: Int! @default(value: 0) @range(min: 0, max: 20)
  stamp: DateTime! @updatedTime
  members: [Member!]! @relationship(to: "groupId")
}
type Member @table @export @allow(to: ["clerk"], do: [READ, CREATE, DELETE]) @allow(to: ["clerk"], do: [UPDATE], where: "record.group.size < 15") @check(rule: "record.rank < 90", message: "No.") {
  id: ID! @primaryKey
  groupId: ID @indexed
  group: Group @relationship(from: "groupId")
  rank: Int! @default(value: 1)
  note: Note @relationship(from: "noteId", onDelete: SET_NULL)
  noteId: ID @indexed
}
type Note @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  groupId: ID! @indexed
  group: Group! @relationship(from: "groupId", onDelete: CASCADE)
  text: String @indexed(unique: true)
}
type Endpoints {
  nothing: Boolean @http(path: "/nothing") @allow(to: ["clerk"])
  play(operations: JSON!): Boolean @http(path: "/play") @allow(to: ["clerk"])
}`;

const resources = `/// <reference path="./.ambit/types.d.ts" />
import { endpoints } from "ambit";
export const Endpoints = endpoints({
  async nothing() { return null; },
  async play(ctx, { operations }) {
    for (const { kind, table, id, input, filter } of operations) {
      const access = ctx.db[table];
      if (kind === "create") for (const one of Array.isArray(input) ? input : [input]) await access.create(one);
      else if (kind === "update") await access.update(id, input);
      else if (kind === "remove") await access.remove(id);
      else if (kind === "get") { if (await access.get(id) === null) throw ctx.error(404, "NOT_FOUND", "None."); }
      else if (kind === "list") await access.find(filter);
      else if (kind === "update-many") for (const one of await access.find(filter)) await access.update(one.id, input);
      else if (kind === "remove-many") for (const one of await access.find(filter)) await access.remove(one.id);
      else throw new Error("what is " + kind);
    }
    return null;
  },
});
`;

/** As a request and as a call of code, where there is one. */
interface Both { readonly request: { readonly method: string; readonly path: string; readonly body?: unknown; readonly headers?: Record<string, string> }; readonly call: object | null }

const ids = Array.from({ length: 6 }, (_, index) => `i${index}`);
const tables = ["Group", "Member", "Note"] as const;

function randomInput(dice: Dice, table: (typeof tables)[number], partial: boolean): { [field: string]: unknown } {
  const input: { [field: string]: unknown } = {};
  const put = (field: string, probability: number, value: unknown): void => { if (dice.chance(partial ? probability / 2 : probability)) input[field] = value; };
  if (table === "Group") {
    put("code", 1, dice.pick(Array.from({ length: 20 }, (_, code) => `c${code}`)));
    put("size", 0.5, dice.below(21));
  } else if (table === "Member") {
    put("groupId", 0.8, dice.chance(0.1) ? null : dice.pick(ids));
    put("rank", 0.4, dice.below(91));
    put("noteId", 0.2, dice.pick(ids));
  } else {
    put("groupId", 1, dice.pick(ids));
    put("text", 0.4, dice.chance(0.2) ? null : dice.pick(["t0", "t1", "t2", "t3", "t4", "t5"]));
  }
  return input;
}

/** Mostly what is possible; `present` is kept up to what the operation does if it is. */
function randomOperation(dice: Dice, present: Set<string>): Both {
  const table = dice.pick(tables);
  const kind = dice.pick(["create", "create", "create", "update", "update", "update", "remove", "get", "list", "update-many", "remove-many", "put", "upsert"] as const);
  const fitting = ids.filter((one) => present.has(`/${table}/${one}`) === (kind !== "create"));
  const id = dice.pick(fitting.length > 0 && dice.chance(0.97) ? fitting : ids);
  if (kind === "create") present.add(`/${table}/${id}`);
  if (kind === "remove") present.delete(`/${table}/${id}`);
  const headers = dice.chance(0.4) ? { prefer: "return=representation" } : {};
  const bound = dice.below(60);
  switch (kind) {
    case "create": {
      const one = (key: string): object => ({ id: key, ...randomInput(dice, table, false) });
      const input = dice.chance(0.2) ? [one(id), ...dice.some(fitting.filter((other) => other !== id), 0.2).map(one)] : one(id);
      return { request: { method: "POST", path: `/${table}`, body: input, headers }, call: { kind: "create", table, input } };
    }
    case "update": {
      const input = randomInput(dice, table, true);
      return { request: { method: "PATCH", path: `/${table}/${id}`, body: input, headers }, call: { kind: "update", table, id, input } };
    }
    case "remove": return { request: { method: "DELETE", path: `/${table}/${id}`, headers }, call: { kind: "remove", table, id } };
    case "put": return { request: { method: "PUT", path: `/${table}/${id}`, body: randomInput(dice, table, false), headers: { ...headers, ...(dice.chance(0.1) ? { "if-none-match": "*" } : {}) } }, call: null };
    case "upsert": {
      const body = [{ code: dice.pick(["c0", "c1", "c2"]), size: dice.below(21) }, { code: dice.pick(["c3", "c4", "c5"]), size: dice.below(21) }].map((one) => ({ ...one, id: `u${one.code}` }));
      const preference = dice.pick(["resolution=merge-duplicates", "resolution=ignore-duplicates"]);
      return { request: { method: "POST", path: "/Group?on_conflict=code&columns=code,size,id", body: body.slice(dice.below(2)), headers: { prefer: dice.chance(0.5) ? `${preference},return=representation` : preference } }, call: null };
    }
    case "get": return { request: { method: "GET", path: `/${table}/${id}` }, call: { kind: "get", table, id } };
    case "list": return { request: { method: "GET", path: "/Group?select=id,code,size,members(id,rank,note(text))&order=id&members.order=id" }, call: { kind: "list", table: "Group", filter: {} } };
    case "update-many": {
      const input = { rank: dice.below(95) };
      return { request: { method: "PATCH", path: `/Member?rank=gt.${bound}`, body: input, headers }, call: { kind: "update-many", table: "Member", input, filter: { rank: { gt: bound } } } };
    }
    case "remove-many": return { request: { method: "DELETE", path: `/Note?text=eq.t${bound % 4}`, headers }, call: { kind: "remove-many", table: "Note", filter: { text: `t${bound % 4}` } } };
  }
}

let apps: StartedApp[];
beforeAll(async () => { apps = await Promise.all([1, 2, 3].map(() => startTestApp({ schema, resources, config: keysFor("clerk") }))); });
afterAll(() => Promise.all((apps ?? []).map((app) => app.stop())));

interface Answer { readonly status: number; readonly json: { readonly results?: readonly { readonly status: number; readonly headers: Record<string, string>; readonly body: unknown }[]; readonly code?: string; readonly where?: string; readonly message?: string; readonly details?: unknown } }

async function send(app: StartedApp, path: string, body: unknown): Promise<Answer> {
  const response = await fetch(`${app.url}${path}`, { method: "POST", headers: { authorization: "Bearer key-clerk", "content-type": "application/json" }, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, json: (text === "" ? {} : JSON.parse(text)) as Answer["json"] };
}

async function dump(app: StartedApp): Promise<string> {
  const rows = await Promise.all(["Group?select=id,code,size", "Member", "Note"].map(async (query) => (await fetch(`${app.url}/${query}${query.includes("?") ? "&" : "?"}order=id`, { headers: { authorization: `Bearer ${adminToken}` } })).json()));
  return JSON.stringify(rows);
}

/** Without the times and numbers in which two apps differ. */
function comparable({ status, json }: Answer, skip: number): unknown {
  const { results, code, where, message, details } = json;
  const moved = where?.replace(/^operations\[(\d+)\]/, (_, index: string) => `operations[${Number(index) - skip}]`);
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null), (name, item: unknown) => (name === "stamp" ? "time" : item)) as unknown;
  return { status, code, where: moved, message: message?.replace(/Incident .*/, ""), details, results: results?.slice(skip).map((one) => ({ status: one.status, headers: { ...one.headers, etag: one.headers["etag"]?.replace(/^W\/".*"$/, "weak").replace(/^"v\d+"$/, "strong") }, body: plain(one.body) })) };
}

const LATE = new Set(["REFERENCE_VIOLATION", "UNIQUE_VIOLATION"]);

test(`a batch is its operations in one body, seed ${SEED}`, async () => {
  const dice = createDice(SEED);
  const [straight, coded, inCode] = apps as [StartedApp, StartedApp, StartedApp];
  const seen = { done: 0, refused: 0, moreThanCode: 0 };
  let before = await dump(straight);
  for (let round = 0; round < BATCHES; round++) {
    const existing = new Set(await present(straight));
    const both = Array.from({ length: 1 + dice.below(dice.chance(0.2) ? 14 : 5) }, () => randomOperation(dice, existing));
    const operations = both.map(({ request }) => request);
    const label = JSON.stringify({ seed: SEED, round, before, operations });
    const [first, second, third] = await Promise.all([
      send(straight, "/batch", { operations }), send(coded, "/batch", { operations: [{ method: "POST", path: "/nothing" }, ...operations] }), both.every(({ call }) => call !== null) ? send(inCode, "/play", { operations: both.map(({ call }) => call) }) : send(inCode, "/batch", { operations }),
    ]);
    expect([label, comparable(second, 1)]).toEqual([label, comparable(first, 0)]);
    const [after, afterCoded] = [await dump(straight), await dump(coded)];
    expect([label, afterCoded]).toEqual([label, after]);
    const isDone = first.status === 200;
    if (!isDone) {
      seen.refused++;
      expect([label, after, third.status >= 300]).toEqual([label, before, true]);
    } else {
      seen.done++;
      if (third.status >= 300) {
        seen.moreThanCode++;
        // Code is refused at the call what holds in the end, and has no bulk whose order does not matter.
        const isBulk = operations.some(({ body }) => Array.isArray(body)) || operations.some(({ path }) => path.includes("?"));
        expect([label, third.json.code, isBulk || LATE.has(third.json.code!)]).toEqual([label, third.json.code, true]);
        expect([label, (await send(inCode, "/batch", { operations })).status]).toEqual([label, 200]);
      }
    }
    expect([label, await dump(inCode)]).toEqual([label, after]);
    before = after;
  }
  expect([seen, Math.min(seen.done, seen.refused) > BATCHES / 10, seen.moreThanCode > 0]).toEqual([seen, true, true]);
}, 600_000);

test(`constraints do not look at the order, seed ${SEED + 1}`, async () => {
  const dice = createDice(SEED + 1);
  const [straight, coded] = apps as [StartedApp, StartedApp];
  // From what the other test has left, it may be that nothing random fits.
  for (const app of [straight, coded]) expect((await send(app, "/batch", { operations: tables.toReversed().map((table) => ({ method: "DELETE", path: `/${table}?id=not.is.null` })) })).status).toBe(200);
  let done = 0;
  for (let round = 0; round < BATCHES; round++) {
    // Each record is written once, and nothing looks at others but constraints: then order is all that could make a difference.
    const existing = new Set(await present(straight));
    const written = tables.flatMap((table) => ids.map((id) => ({ table, path: `/${table}/${id}` }))).filter(() => dice.chance(0.25)).map(({ table, path }) => {
      const isThere = existing.has(path);
      // A note goes with its group, so it may be gone by the time; a member is changed under a rule.
      if (isThere && (table === "Member" || (table === "Group" && dice.chance(0.4)))) return { method: "DELETE", path };
      return { method: "PUT", path, body: putInput(dice, table) };
    });
    // What a cascade meets depends on when it comes.
    const operations = written.filter(({ path, body }) => !path.startsWith("/Note") || !written.some((other) => other.method === "DELETE" && other.path === `/Group/${String(body?.["groupId"])}`));
    const shuffled = operations.map((operation) => ({ operation, key: dice.below(1_000_000) })).sort((left, right) => left.key - right.key).map(({ operation }) => operation);
    const label = JSON.stringify({ seed: SEED + 1, round, operations, shuffled });
    const [first, second] = [await send(straight, "/batch", { operations }), await send(coded, "/batch", { operations: [{ method: "POST", path: "/nothing" }, ...shuffled] })];
    expect([label, second.status, second.json.code ?? ""]).toEqual([label, first.status, expect.any(String)]);
    expect([label, await dump(coded)]).toEqual([label, await dump(straight)]);
    if (first.status === 200) done++;
  }
  expect(done).toBeGreaterThan(BATCHES / 10);
}, 600_000);

function putInput(dice: Dice, table: (typeof tables)[number]): { readonly [field: string]: unknown } {
  if (table === "Group") return { code: dice.pick(["c0", "c1", "c2", "c3", "c4", "c5"]), size: dice.below(14) };
  if (table === "Member") return { groupId: dice.chance(0.3) ? null : dice.pick(ids), noteId: null };
  return { groupId: dice.pick(ids), text: dice.chance(0.5) ? null : dice.pick(["t0", "t1", "t2", "t3"]) };
}

async function present(app: StartedApp): Promise<string[]> {
  const found = await Promise.all(tables.map(async (table) => (await (await fetch(`${app.url}/${table}?select=id`, { headers: { authorization: `Bearer ${adminToken}` } })).json() as { id: string }[]).map(({ id }) => `/${table}/${id}`)));
  return found.flat();
}
