// A model of what subscribers know: random writes, queries and interruptions; the state rebuilt from frames equals the answer of the
// same query at each position. AMBIT_TEST_SIZE=long does more.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { seededRandom } from "../base/random.ts";
import type { Json } from "../base/value.ts";
import type { Rights } from "../access/rights.ts";
import type { LiveFrame, LiveSink, LiveSubscription } from "./live-frame.ts";
import type { LiveQueries } from "./live-queries.ts";
import { openApp, user, type OpenApp } from "./testing/open-app.ts";

const STEPS = process.env["AMBIT_TEST_SIZE"] === "long" ? 5_000 : 300;
const SEED = Number(process.env["AMBIT_TEST_SEED"] ?? 20_261_121);

const sdl = `
type Item @table @export
  @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE])
  @allow(to: ["guest"], do: [READ], where: "record.open && record.owner != 'CANARY-ROW'")
  @allow(to: ["member"], do: [READ], where: "record.shelf.public == true") {
  id: ID! @primaryKey
  open: Boolean! @default(value: false)
  owner: String
  price: Int! @default(value: 0) @indexed
  long: Long
  double: Int @computed(rule: "record.price * 2")
  secret: String @allow(to: ["clerk"], do: [READ, CREATE, UPDATE]) @allow(to: ["guest"], do: [READ], where: "record.price > 5")
  shelfId: ID @indexed
  shelf: Shelf @relationship(from: "shelfId")
}
type Shelf @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) @allow(to: ["guest", "member"], do: [READ]) {
  id: ID! @primaryKey
  public: Boolean! @default(value: false)
  items: [Item!]! @relationship(to: "shelfId")
}`;

const queries: readonly (readonly [string, string, string])[] = [
  ["clerk", "Item", ""], ["guest", "Item", ""], ["member", "Item", ""],
  ["clerk", "Item", "price=gt.5"], ["guest", "Item", "price=gt.5&select=id,secret"], ["clerk", "Item", "owner=eq.ann&select=price,n:owner"],
  ["clerk", "Item", "order=price.desc&limit=3"], ["guest", "Item", "order=price,id&limit=2&offset=1"], ["member", "Item", "order=price&limit=4"],
  ["clerk", "Shelf", "select=id,public,items(id,price)"], ["guest", "Shelf", "select=id,items!inner(id,secret)"], ["clerk", "Item", "select=owner,price.sum(),count()"],
  ["clerk", "Item", "or=(owner.is.null,price.lt.3)"], ["guest", "Shelf", "public=is.true"], ["clerk", "Item", "shelf.public=is.true&select=id,shelf!inner(id)"], ["clerk", "Item", "select=count()"],
];

/** What one subscriber has heard, and a reader that is sometimes too slow. */
class Reader implements LiveSink {
  readonly #query: readonly [string, string, string];
  rows: Map<string, Json> | Json = new Map<string, Json>();
  position: string | null = null;
  at = -1;
  subscription: LiveSubscription | null = null;
  lagging = false;
  ended = false;

  constructor(query: readonly [string, string, string]) { this.#query = query; }
  get query(): readonly [string, string, string] { return this.#query; }

  take(frame: LiveFrame): void {
    if (this.lagging || frame.op === "reset" || frame.op === "gap") return;
    expect(frame.at).toBeGreaterThanOrEqual(this.at);
    this.position = frame.position;
    this.at = frame.at;
    if (frame.op === "snapshot") {
      const rows = JSON.parse(frame.rows) as { id?: string }[];
      this.rows = this.#query[2].includes("count()") ? rows as Json : new Map(rows.map((row) => [row.id!, row as Json]));
      return;
    }
    const known = this.rows as Map<string, Json>;
    for (const change of frame.changes) {
      const key = JSON.parse(change.key) as string;
      expect([change.type, known.has(key)]).toEqual([change.type, change.type !== "enter"]);
      if (change.type === "leave") known.delete(key);
      else known.set(key, JSON.parse(change.record) as Json);
    }
  }

  fail(error: Error): void { throw error; }
  renew(): void { this.ended = true; }
}

let app: OpenApp;
beforeAll(() => { app = openApp(sdl); });
afterAll(() => app.close());

const random = seededRandom(SEED);
const below = (count: number): number => Math.floor(random.next() * count);
const pick = <One>(of: readonly One[]): One => of[below(of.length)]!;
const rightsOf = (role: string): Rights => app.access.rights(user(role, role));

function follow(live: LiveQueries, reader: Reader, since: string | null, reset: "reload" | null = null): void {
  const [role, table, query] = reader.query;
  const plan = app.as(user(role, role)).plan(table, query);
  const limit = /limit=(\d+)/.exec(query)?.[1];
  reader.subscription = live.subscribe({ plan, limit: limit === undefined ? null : Number(limit), since }, rightsOf(role), reader, reset);
}

async function write(): Promise<void> {
  const clerk = app.as(user("clerk", "clerk"));
  const id = `i${below(12)}`;
  const fields = { open: pick([true, false]), owner: pick(["ann", "bob", "CANARY-ROW", null]), price: below(10), long: pick([null, "9007199254740993"]), secret: pick([null, "s", `t${below(5)}`]), shelfId: pick([null, "s1", "s2", "s3"]) };
  const some = Object.fromEntries(Object.entries(fields).filter(() => random.next() < 0.5));
  const choice = below(10);
  try {
    if (choice < 3) await clerk.create("Item", { id, ...fields });
    else if (choice < 6) await clerk.update("Item", id, some);
    else if (choice < 8) await clerk.remove("Item", id);
    else if (choice < 9) await clerk.updateMany("Item", `price=gt.${below(8)}`, some);
    else await clerk.replace("Shelf", `s${1 + below(3)}`, { public: pick([true, false]) });
  } catch (error) {
    if (!(error instanceof AmbitError) || !["UNIQUE_VIOLATION", "NOT_FOUND"].includes(error.code)) throw error;
  }
}

async function expected(reader: Reader): Promise<Json | Map<string, Json>> {
  const [role, table, query] = reader.query;
  const { body } = await app.as(user(role, role)).list(table, query);
  const withKey = query.startsWith("owner=eq.ann") ? (await app.as(user(role, role)).list(table, `${query},id`)).body : body;
  return query.includes("count()") ? body as Json : new Map((withKey as { id: string }[]).map((row) => [row.id, row as Json]));
}

test(`readers know what the table has, through ${STEPS} steps`, async () => {
  for (const id of ["s1", "s2", "s3"]) await app.as(user("clerk", "clerk")).create("Shelf", { id });
  const { live: first } = app.dispatcher;
  let live = first;
  let reloads = 0;
  app.tables.onCommitted((entry) => { if (live !== first) live.committed(entry); });
  const readers = queries.flatMap((query) => [new Reader(query), new Reader(query)]);
  const log = `seed ${SEED}`;
  let checked = 0;
  for (let step = 0; step < STEPS; step++) {
    await Promise.all(Array.from({ length: 1 + below(3) }, write));
    if (below(60) === 0) {
      // What is written goes on through what served before.
      const before = live;
      live = app.reloaded().dispatcher.live;
      before.close();
      reloads++;
      for (const reader of readers.filter(({ ended }) => ended)) {
        reader.ended = false;
        reader.lagging = false;
        follow(live, reader, reader.position, "reload");
      }
    }
    for (const reader of readers) {
      const choice = below(12);
      if (reader.subscription === null) {
        if (choice < 5) follow(live, reader, random.next() < 0.8 ? reader.position : null);
      } else if (reader.lagging) {
        if (choice < 6) {
          reader.lagging = false;
          reader.subscription.snapshot();
        }
      } else if (choice === 0) {
        reader.subscription.close();
        reader.subscription = null;
      } else if (choice === 1) reader.lagging = true;
    }
    await new Promise((resolve) => { setImmediate(resolve); });
    if (step % 6 !== 0) continue;
    for (const reader of readers) {
      if (reader.subscription === null || reader.lagging) continue;
      checked++;
      expect([log, step, reader.query, reader.rows]).toEqual([log, step, reader.query, await expected(reader)]);
    }
  }
  expect(reloads).toBeGreaterThan(0);
  expect(checked).toBeGreaterThan(STEPS / 2);
  for (const reader of readers) {
    expect(JSON.stringify(reader.rows instanceof Map ? [...reader.rows] : reader.rows).includes("CANARY") && reader.query[0] === "guest").toBe(false);
    reader.subscription?.close();
  }
  expect(live.stats()).toMatchObject({ subscriptions: 0, queries: 0, stateBytes: 0 });
}, 600_000);
