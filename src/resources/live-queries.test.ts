// Followed queries below the interfaces: time, expiry, sharing, bounds, positions that are too old, tenants, and what serves next.
import { afterEach, describe, expect, test } from "bun:test";
import { subjectIdentity } from "../access/identities.ts";
import type { Identity } from "../access/identity.ts";
import type { AmbitError } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import { trimLog } from "../changes/log.ts";
import type { LiveFrame, LiveSink, LiveSubscription } from "./live-frame.ts";
import { openApp, refusal, user, type AppOptions, type OpenApp } from "./testing/open-app.ts";

const sdl = `
type Item @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) @allow(to: ["own"], do: [READ], where: "record.owner == auth.subject")
  @allow(to: ["timed"], do: [READ], where: "record.from <= now()") @allow(to: ["blind"], do: [READ]) {
  id: ID! @primaryKey @allow(to: ["clerk", "own", "timed"], do: [READ, CREATE]) @allow(to: ["blind"], do: [READ], where: "record.price > 0")
  owner: String
  price: Int! @default(value: 0)
  from: DateTime @indexed
}
type Brief @table(expiration: "PT10S") @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE]) { id: ID! @primaryKey text: String }
type Note @table(tenant: "org") @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey org: ID! text: String }
type Loose @table(open: true) @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE]) { id: ID! @primaryKey name: String }
`;

const apps: OpenApp[] = [];
afterEach(async () => { for (const app of apps.splice(0)) await app.close(); });

function opened(options: AppOptions = {}): OpenApp {
  const app = openApp(sdl, options);
  app.tables.start();
  apps.push(app);
  return app;
}

class Listener implements LiveSink {
  readonly frames: LiveFrame[] = [];
  failure: AmbitError | null = null;
  renewals = 0;
  subscription: LiveSubscription | null = null;
  take(frame: LiveFrame): void { this.frames.push(frame); }
  fail(error: AmbitError): void { this.failure = error; }
  renew(): void { this.renewals++; }

  /** As short text, and forgotten. */
  told(): string[] {
    return this.frames.splice(0).map((frame) => {
      if (frame.op === "snapshot") return `snapshot ${frame.rows}`;
      if (frame.op === "change") return frame.changes.map((change) => `${change.type} ${change.key}`).join(", ") || "nothing";
      return frame.op === "reset" ? `reset ${frame.reason}` : frame.op;
    });
  }

  get position(): string {
    const last = this.frames.at(-1)!;
    return last.op === "snapshot" || last.op === "change" ? last.position : "";
  }
}

function follow(app: OpenApp, identity: Identity, table: string, query = "", since: string | null = null): Listener {
  const listener = new Listener();
  const limit = /limit=(\d+)/.exec(query)?.[1];
  const plan = app.as(identity).plan(table, query);
  listener.subscription = app.dispatcher.live.subscribe({ plan, limit: limit === undefined ? null : Number(limit), since }, app.access.rights(identity), listener);
  return listener;
}

const clerk = user("clerk", "clerk");
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

describe("sharing", () => {
  test("equal queries are one and get one frame; callers are told apart where the rules look at them", async () => {
    const app = opened();
    const plan = app.as(clerk).plan("Item", "price=gt.1");
    const ask = (identity: Identity, asked = plan): Listener => {
      const listener = new Listener();
      listener.subscription = app.dispatcher.live.subscribe({ plan: asked, limit: null, since: null }, app.access.rights(identity), listener);
      return listener;
    };
    const [one, two] = [ask(clerk), ask(user("other", "clerk"))];
    expect(app.dispatcher.live.stats()).toMatchObject({ subscriptions: 2, queries: 1 });
    const own = app.as(user("ann", "own")).plan("Item", "");
    const [ann, bob] = [ask(user("ann", "own"), own), ask(user("bob", "own"), own)];
    expect(app.dispatcher.live.stats()).toMatchObject({ subscriptions: 4, queries: 3 });
    for (const listener of [one, two, ann, bob]) listener.told();
    await app.as(clerk).create("Item", { id: "a", owner: "ann", price: 5 });
    expect(one.frames[0]).toBe(two.frames[0]!);
    expect([one.told(), ann.told(), bob.told()]).toEqual([['enter "a"'], ['enter "a"'], []]);
    await app.as(clerk).update("Item", "a", { owner: "bob" });
    expect([one.told(), ann.told(), bob.told()]).toEqual([['update "a"'], ['leave "a"'], ['enter "a"']]);
    for (const listener of [one, two, ann, bob]) listener.subscription!.close();
    expect(app.dispatcher.live.stats()).toMatchObject({ subscriptions: 0, queries: 0 });
  });

  test("a subscriber that fails ends alone: not those of its query, nor of any other", async () => {
    const app = opened();
    const listeners = ["", "", "", "price=gt.1", "order=price&limit=2"].map((query) => follow(app, clerk, "Item", query));
    const [, broken] = listeners;
    for (const listener of listeners) listener.told();
    broken!.take = () => { throw new TypeError("broken"); };
    for (const id of ["a", "b"]) {
      await app.as(clerk).create("Item", { id, owner: "ann", price: 5 });
      await turn();
    }
    expect(listeners.filter((listener) => listener !== broken).map((listener) => listener.told())).toEqual(Array.from({ length: 4 }, () => ['enter "a"', 'enter "b"']));
    expect([broken!.failure?.code, app.dispatcher.live.stats().subscriptions]).toEqual(["INTERNAL", 4]);
  });

  test("undeclared fields of an open table are told as well", async () => {
    const app = opened();
    const listener = follow(app, clerk, "Loose");
    listener.told();
    await app.as(clerk).create("Loose", { id: "a", name: "n", extra: { deep: [1] } });
    const [frame] = listener.frames;
    expect(frame?.op === "change" && frame.changes[0]!.type === "enter" ? JSON.parse(frame.changes[0]!.record) as Json : null).toEqual({ id: "a", name: "n", extra: { deep: [1] } });
  });
});

describe("time", () => {
  test("what a rule lets in when its time comes enters then, though nothing is written", async () => {
    const app = opened();
    await app.as(clerk).create("Item", [{ id: "soon", from: "2026-01-01T00:00:05Z" }, { id: "later", from: "2026-01-01T00:01:00Z" }, { id: "past", from: "2025-01-01T00:00:00Z" }]);
    const listener = follow(app, user("t", "timed"), "Item", "select=id");
    expect(listener.told()).toEqual(['snapshot [{"id":"past"}]']);
    app.clock.advance(4_000);
    await turn();
    expect(listener.told()).toEqual([]);
    app.clock.advance(1_500);
    await turn();
    expect(listener.told()).toEqual(['enter "soon"']);
    app.clock.advance(60_000);
    await turn();
    expect(listener.told().filter((text) => text !== "nothing")).toEqual(['enter "later"']);
  });

  test("an expired record leaves", async () => {
    const app = opened();
    await app.as(clerk).create("Brief", { id: "a" });
    const [plain, first] = [follow(app, clerk, "Brief", "select=id"), follow(app, clerk, "Brief", "select=id&limit=1")];
    plain.told();
    first.told();
    app.clock.advance(10_001);
    await turn();
    expect(first.told()).toEqual(['leave "a"']);
    app.clock.advance(1_000);
    await turn();
    await turn();
    expect(plain.told()).toEqual(['leave "a"']);
  });

  test("a quiet query is told how far the log is", async () => {
    const app = opened({ limits: { heartbeatMs: 1_000 } });
    const listener = follow(app, clerk, "Item", "price=gt.5");
    const before = listener.position;
    listener.told();
    app.clock.advance(1_001);
    expect(listener.told()).toEqual([]);
    await app.as(clerk).create("Item", { id: "a", price: 1 });
    app.clock.advance(1_001);
    expect(listener.position).not.toBe(before);
    expect(listener.told()).toEqual(["nothing"]);
  });
});

describe("many who begin at once", () => {
  const count = (frames: readonly LiveFrame[]): number => new Set(frames).size;

  test("with the same query share what was read, until something is committed or a moment has passed", async () => {
    const app = opened();
    for (const id of ["a", "b"]) await app.as(clerk).create("Item", { id, price: 2 });
    const begin = (): Listener[] => Array.from({ length: 5 }, () => follow(app, clerk, "Item", "price=gt.1&select=id"));
    const first = begin();
    expect(count(first.map(({ frames }) => frames[0]!))).toBe(1);
    await app.as(clerk).create("Item", { id: "c", price: 0 });
    const later = begin();
    expect(count([...first, ...later].map(({ frames }) => frames[0]!))).toBe(2);
    await app.as(clerk).update("Item", "c", { price: 3 });
    expect(begin()[4]!.told()).toEqual(['snapshot [{"id":"a"},{"id":"b"},{"id":"c"}]']);
    expect([first, later].map((ones) => ones.map((one) => one.told().at(-1)))).toEqual([first, later].map((ones) => ones.map(() => 'enter "c"')));
    const before = begin()[0]!.frames[0]!;
    app.clock.advance(1_000);
    expect(begin()[0]!.frames[0]).not.toBe(before);
    expect(begin()[0]!.frames[0]).toEqual(before);
  });

  test("and go on from where they were share what the log says, each from its own place", async () => {
    const app = opened();
    const positions: string[] = [];
    const watcher = follow(app, clerk, "Item", "select=id");
    const all = ["a", "b", "c", "d", "e", "f"];
    for (const id of all) {
      positions.push(watcher.position);
      await app.as(clerk).create("Item", { id, price: 2 });
    }
    const told = (place: number): string[] => all.slice(place).map((id) => `enter "${id}"`);
    for (const place of [3, 5, 0, 4, 1, 2, 3]) {
      const [one, other] = [follow(app, clerk, "Item", "select=id", positions[place]!), follow(app, clerk, "Item", "select=id", positions[place]!)];
      expect(one.frames[0]).toBe(other.frames[0]!);
      expect([one.told(), other.told()]).toEqual([told(place), told(place)]);
    }
    await app.as(clerk).create("Item", { id: "g", price: 2 });
    expect(follow(app, clerk, "Item", "select=id", positions[5]!).told()).toEqual(['enter "f"', 'enter "g"']);
  });

  test("more than is kept for others is read for each", async () => {
    const app = opened({ limits: { resumeEntries: 5_000 } });
    const start = follow(app, clerk, "Item", "select=id").position;
    const rows = (batch: number): { id: string }[] => Array.from({ length: 7_000 }, (_, number) => ({ id: `${batch}-${number}` }));
    for (const batch of [0, 1, 2]) await app.as(clerk).create("Item", rows(batch));
    for (let time = 0; time < 2; time++) {
      const listener = follow(app, clerk, "Item", "select=id", start);
      expect(listener.frames.map((frame) => (frame.op === "change" ? frame.changes.length : 0))).toEqual([7_000, 7_000, 7_000]);
    }
  });

  test("where records expire everybody reads anew: time has a part in it", async () => {
    const app = opened();
    await app.as(clerk).create("Brief", { id: "a" });
    const [one, other] = [follow(app, clerk, "Brief"), follow(app, clerk, "Brief")];
    expect(one.frames[0]).not.toBe(other.frames[0]!);
    app.clock.advance(10_000);
    expect(follow(app, clerk, "Brief").told()[0]).toBe("snapshot []");
  });
});

describe("going on", () => {
  test("from where it was, or why not", async () => {
    const app = opened({ limits: { resumeEntries: 3 } });
    const first = follow(app, clerk, "Item", "price=gt.1&select=id");
    const start = first.position;
    for (const id of ["a", "b", "c"]) await app.as(clerk).create("Item", { id, price: 2 });
    expect(follow(app, clerk, "Item", "price=gt.1&select=id", start).told()).toEqual(['enter "a"', 'enter "b"', 'enter "c"']);
    expect(follow(app, clerk, "Item", "price=gt.0&select=id", start).told()[0]).toBe("reset query");
    const windowed = follow(app, clerk, "Item", "order=price.desc&limit=2&select=id");
    const at = windowed.position;
    await app.as(clerk).create("Item", { id: "zz", price: 0 });
    expect(follow(app, clerk, "Item", "order=price.desc&limit=2&select=id", at).told()).toEqual(["nothing"]);
    await app.as(clerk).update("Item", "a", { price: 9 });
    expect(follow(app, clerk, "Item", "order=price.desc&limit=2&select=id", at).told()[0]).toBe("reset changed");
    expect(follow(app, clerk, "Item", "price=gt.1&select=id", start).told()[0]).toBe("reset far");
    await app.storage.commit((connection) => trimLog(connection, "2030-01-01T00:00:00.000Z"));
    expect(follow(app, clerk, "Item", "order=price.desc&limit=2&select=id", at).told()[0]).toBe("reset trimmed");
  });

  test("with rights taken away in between: another query, as far as positions go", async () => {
    const app = opened();
    const ann = follow(app, user("ann", "own"), "Item");
    expect(follow(app, user("bob", "own"), "Item", "", ann.position).told()[0]).toBe("reset query");
    expect(follow(app, user("ann", "own"), "Item", "", ann.position).told()).toEqual(["nothing"]);
  });
});

describe("bounds", () => {
  test("too many rows: at the start, and later", async () => {
    const app = opened({ limits: { subscriptionRows: 2 } });
    const local = follow(app, clerk, "Item");
    const read = follow(app, clerk, "Item", "order=price&limit=100");
    await app.as(clerk).create("Item", [{ id: "a" }, { id: "b" }, { id: "c" }]);
    await turn();
    expect([local.failure, read.failure?.code]).toEqual([null, "TOO_MANY_ROWS"]);
    expect((await refusal(() => follow(app, clerk, "Item"))).code).toBe("TOO_MANY_ROWS");
    // Who fell behind cannot catch up; the others need not know.
    const behind = new Listener();
    const plan = app.as(clerk).plan("Item", "");
    await app.as(clerk).remove("Item", "c");
    behind.subscription = app.dispatcher.live.subscribe({ plan, limit: null, since: null }, app.access.rights(clerk), behind);
    await app.as(clerk).create("Item", { id: "c" });
    behind.subscription.snapshot();
    expect([behind.failure?.code, local.failure, app.dispatcher.live.stats().subscriptions]).toEqual(["TOO_MANY_ROWS", null, 1]);
  });

  test("too many queries, too much kept", async () => {
    const app = opened({ limits: { subscriptions: 1, subscriptionsBytes: 10 } });
    await app.as(clerk).create("Item", { id: "a", owner: "somebody" });
    expect((await refusal(() => follow(app, clerk, "Item", "limit=1"))).code).toBe("OVERLOADED");
    expect(app.dispatcher.live.stats()).toMatchObject({ subscriptions: 0, queries: 0, stateBytes: 0 });
    follow(app, clerk, "Item");
    expect((await refusal(() => follow(app, clerk, "Item"))).code).toBe("OVERLOADED");
  });

  test("what cannot be followed", async () => {
    const app = opened();
    expect((await refusal(() => follow(app, user("b", "blind"), "Item"))).code).toBe("NOT_LIVE");
    expect((await refusal(() => follow(app, clerk, "Item", "select=id:price"))).code).toBe("NOT_LIVE");
    expect((await refusal(() => follow(app, user("nobody"), "Item"))).code).toBe("FORBIDDEN");
  });
});

test("who begins while a batch of commits is being told hears nothing that the snapshot has", async () => {
  const app = opened();
  let listener: Listener | null = null;
  app.tables.onCommitted(() => { listener ??= follow(app, clerk, "Item", "select=id"); });
  await Promise.all([app.as(clerk).create("Item", { id: "a" }), app.as(clerk).create("Item", { id: "b" })]);
  expect((listener as Listener | null)!.told()).toEqual(['snapshot [{"id":"a"},{"id":"b"}]']);
});

describe("tenants", () => {
  test("nothing of another tenant is told", async () => {
    const app = opened();
    const of = (tenant: string | null): Identity => subjectIdentity({ subject: "c", roles: ["clerk"], tenant });
    const [one, two, none] = [follow(app, of("one"), "Note", "select=id"), follow(app, of("two"), "Note", "limit=5&select=id"), follow(app, of(null), "Note", "select=id")];
    for (const listener of [one, two, none]) expect(listener.told()).toEqual(["snapshot []"]);
    await app.as(of("one")).create("Note", { id: "a", text: "CANARY" });
    await turn();
    await app.as(of("two")).create("Note", { id: "b", text: "other" });
    await turn();
    await app.as(of("one")).remove("Note", "a");
    await turn();
    expect([one.told(), two.told(), none.told()]).toEqual([['enter "a"', 'leave "a"'], ['enter "b"'], []]);
  });
});

test("what served before hands over: its subscribers are sent on, and what it commits then is told", async () => {
  const app = opened();
  const listener = follow(app, clerk, "Item");
  listener.told();
  app.dispatcher.live.close();
  expect([listener.renewals, app.dispatcher.live.stats().subscriptions]).toEqual([1, 0]);
  await app.as(clerk).create("Item", { id: "a" });
  expect(listener.told()).toEqual([]);
  expect((await refusal(() => follow(app, clerk, "Item"))).code).toBe("UNAVAILABLE");
});
