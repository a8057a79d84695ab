// One connection with a wire and an app of its own: order, bounds, slow readers, tokens that end, what happens at a stop.
import { expect, test } from "bun:test";
import { anonymousIdentity, subjectIdentity } from "../../access/identities.ts";
import type { Identity } from "../../access/identity.ts";
import { fakeClock, type FakeClock } from "../../base/clock.ts";
import { fault } from "../../base/error.ts";
import { defaultLimits, type Limits } from "../../base/limits.ts";
import { silentLog } from "../../base/log.ts";
import type { LiveFrame, LiveSink } from "../../resources/live-frame.ts";
import type { Answer, Exchange } from "../http/exchange.ts";
import type { SocketServedApp } from "../http/served-app.ts";
import { SocketConnection } from "./socket-connection.ts";

interface Sent { readonly op: string; readonly id?: string | null; readonly status?: number; readonly body?: unknown; readonly reason?: string; readonly problem?: { readonly code: string } }

interface Followed { readonly sink: LiveSink; readonly query: string; readonly subject: string | null; readonly since: string | null; closed: boolean }

interface World {
  readonly clock: FakeClock;
  readonly sent: Sent[];
  readonly writes: number[];
  readonly followed: Followed[];
  readonly closes: number[];
  readonly connection: SocketConnection;
  waiting: number;
  publish: (topic: string, subject: string | null) => void | Promise<void>;
  /** Of topics: what was shown, by whom. */
  readonly shown: unknown[];
  answer: (exchange: Exchange) => Answer | Promise<Answer>;
  identify: (credential: string | null) => Identity | Promise<Identity>;
  say(frame: object): void;
  turn(): Promise<void>;
  /** What was sent since, in short. */
  told(): string[];
}

const subject = (name: string, expiresAtMs: number | null = null): Identity => subjectIdentity({ subject: name, roles: [], tenant: null, expiresAtMs });

function opened(options: { identity?: Identity | null; limits?: Partial<Limits> } = {}): World {
  const clock = fakeClock(0);
  const limits = { ...defaultLimits, connectionQueueBytes: 1_000, socketSubscriptions: 3, socketCalls: 2, answerBytes: 5_000, ...options.limits };
  const world = { clock, sent: [] as Sent[], writes: [] as number[], followed: [] as Followed[], closes: [] as number[], shown: [] as unknown[], waiting: 0, publish: () => {} } as unknown as { -readonly [Name in keyof World]: World[Name] };
  world.answer = ({ method, path }) => ({ status: 200, headers: { "content-type": "application/json", etag: '"v1"', "x-other": "no" }, body: JSON.stringify(`${method} ${path}`) });
  world.identify = (credential) => {
    if (credential === null) return anonymousIdentity;
    if (credential.startsWith("bad")) throw fault("INVALID_TOKEN", "The token is not known.");
    return subject(credential);
  };
  const app = {
    limits, authenticator: { authenticate: (credential: string | null) => world.identify(credential) },
    socket: {
      handler: { handle: (exchange: Exchange) => world.answer(exchange), methods: () => [] },
      follow(exchange: Exchange, { since, sink, reset }: { since: string | null; sink: LiveSink; reset: string | null }) {
        if (exchange.path === "/Nothing") throw fault("NOT_FOUND", "Nothing.");
        const followed: Followed = { sink, query: `${exchange.path}?${exchange.query}`, subject: exchange.identity.subject, since, closed: false };
        world.followed.push(followed);
        if (reset !== null) sink.take({ op: "reset", reason: reset as "rights" });
        sink.take(snapshot);
        const subscription = { snapshot: () => sink.take(snapshot), close: () => { followed.closed = true; } };
        if (exchange.path !== "/Talk/1") return subscription;
        return { ...subscription, topic: "Talk/1", setPresence(state: unknown) {
          if (state === "bad") throw fault("BODY_TOO_LARGE", "Too large.");
          world.shown.push([exchange.identity.subject, state]);
          return "{}";
        } };
      },
      publish: ({ topic, identity }: { topic: string; identity: Identity }) => world.publish(topic, identity.subject),
    },
  } as unknown as SocketServedApp;
  world.connection = new SocketConnection({
    current: () => app, clock, log: silentLog(), name: "n", address: "", header: () => null, identity: options.identity === undefined ? subject("ann") : options.identity,
    wire: {
      send: (text) => { world.sent.push(JSON.parse(text) as Sent); },
      waiting: () => world.waiting,
      soon: (outbox) => queueMicrotask(() => outbox.flush()),
      together: (work) => {
        world.writes.push(1);
        work();
      },
      close: (code) => { world.closes.push(code); },
    },
  });
  world.say = (frame) => world.connection.receive(JSON.stringify(frame));
  world.turn = async () => { for (let count = 0; count < 5; count++) await Promise.resolve(); };
  world.told = () => world.sent.splice(0).map(({ op, id, problem, reason, status }) => [op, id, problem?.code ?? reason ?? status].filter((part) => part !== undefined && part !== null).join(" "));
  return world;
}

const snapshot: LiveFrame = { op: "snapshot", at: 1, position: "p1", rows: "[]" };
const change = (at: number, size = 1): LiveFrame => ({ op: "change", at, position: `p${at}`, changes: [{ type: "enter", key: "1", record: JSON.stringify("x".repeat(size)) }] });

test("frames of one turn are one write, in order", async () => {
  const world = opened();
  world.say({ op: "subscribe", id: "a", query: "/Item?x=1", since: "p0" });
  world.say({ op: "subscribe", id: "b", query: "/Item" });
  world.followed[0]!.sink.take(change(2));
  world.say({ op: "call", id: "c", method: "GET", path: "/Item/1" });
  world.say({ op: "unsubscribe", id: "a" });
  await world.turn();
  expect(world.told()).toEqual(["snapshot a", "snapshot b", "change a", "result c 200", "done a"]);
  expect([world.writes.length, world.followed.map(({ query, since, subject: who, closed }) => [query, since, who, closed])]).toEqual([1, [["/Item?x=1", "p0", "ann", true], ["/Item?", null, "ann", false]]]);
  world.followed[0]!.sink.take(change(3));
  await world.turn();
  expect(world.told()).toEqual([]);
});

test("a slow reader's changes are left out, and it gets a snapshot when it has read", async () => {
  const world = opened();
  world.say({ op: "subscribe", id: "a", query: "/Item" });
  world.say({ op: "subscribe", id: "b", query: "/Item" });
  await world.turn();
  world.told();
  world.waiting = 2_000;
  for (let at = 2; at < 500; at++) for (const { sink } of world.followed) sink.take(change(at));
  await world.turn();
  expect(world.told()).toEqual([]);
  world.waiting = 500;
  world.connection.drained();
  expect(world.told()).toEqual([]);
  world.waiting = 0;
  world.connection.drained();
  await world.turn();
  expect(world.told()).toEqual(["gap a", "snapshot a", "gap b", "snapshot b"]);
  world.followed[0]!.sink.take(change(500));
  await world.turn();
  expect(world.told()).toEqual(["change a"]);
});

test("more in one turn than may wait, all of which the socket takes: nobody will say that there is room", async () => {
  const world = opened();
  world.say({ op: "subscribe", id: "a", query: "/Item" });
  await world.turn();
  world.told();
  for (let at = 2; at < 6; at++) world.followed[0]!.sink.take(change(at, 600));
  await world.turn();
  await world.turn();
  expect(world.told()).toEqual(["change a", "change a", "gap a", "snapshot a"]);
});

test("who sends on without reading is closed", () => {
  const world = opened();
  world.waiting = 10_000;
  world.say({ op: "call", id: "c", method: "GET", path: "/Item" });
  expect(world.closes).toEqual([1008]);
});

test("calls under way are bounded; answers come as they are ready", async () => {
  const world = opened();
  const ready: (() => void)[] = [];
  world.answer = () => new Promise((resolve) => { ready.push(() => resolve({ status: 204, headers: {}, body: null })); });
  for (const id of ["a", "b", "c"]) world.say({ op: "call", id, method: "POST", path: "/Item", body: { x: 1 } });
  await world.turn();
  expect(world.told()).toEqual(["error c OVERLOADED"]);
  ready[1]!();
  await world.turn();
  expect(world.told()).toEqual(["result b 204"]);
  const drained = world.connection.drain();
  world.say({ op: "call", id: "late", method: "GET", path: "/Item" });
  ready[0]!();
  await drained;
  expect(world.told()).toEqual(["result a 204"]);
});

test("publishing: at once or later, answered where it has an id, refused in any case; what is under way is bounded", async () => {
  const world = opened();
  const published: unknown[] = [];
  world.publish = (topic, who) => {
    published.push([topic, who]);
    if (topic === "Talk/0") throw fault("FORBIDDEN", "No.");
  };
  world.say({ op: "publish", id: "a", topic: "Talk/1", message: {} });
  world.say({ op: "publish", topic: "Talk/1", message: {} });
  world.say({ op: "publish", id: "b", topic: "Talk/0", message: {} });
  world.say({ op: "publish", topic: "Talk/0", message: {} });
  await world.turn();
  expect(world.told()).toEqual(["result a 204", "error b FORBIDDEN", "error FORBIDDEN"]);
  expect(published).toEqual([["Talk/1", "ann"], ["Talk/1", "ann"], ["Talk/0", "ann"], ["Talk/0", "ann"]]);
  const ready: ((error?: Error) => void)[] = [];
  world.publish = () => new Promise((resolve, reject) => { ready.push((error) => (error === undefined ? resolve() : reject(error))); });
  for (const id of ["c", "d", "e"]) world.say({ op: "publish", id, topic: "Talk/1", message: {} });
  await world.turn();
  expect(world.told()).toEqual(["error e OVERLOADED"]);
  const drained = world.connection.drain();
  ready[0]!();
  ready[1]!(new TypeError("CANARY"));
  await drained;
  expect(JSON.stringify(world.sent)).not.toContain("CANARY");
  expect(world.told()).toEqual(["result c 204", "error d INTERNAL"]);
});

test("presence: of topics that are followed, and shown again where they are followed anew", async () => {
  const world = opened();
  world.say({ op: "presence", id: "a", topic: "Talk/1", state: 1 });
  world.say({ op: "subscribe", id: "t", query: "/Talk/1" });
  world.say({ op: "subscribe", id: "l", query: "/Item" });
  world.say({ op: "presence", id: "b", topic: "Talk/1", state: { x: 1 } });
  world.say({ op: "presence", id: "c", topic: "Talk/1", state: "bad" });
  world.say({ op: "presence", id: "d", topic: "Item", state: 1 });
  await world.turn();
  expect(world.told()).toEqual(["error a NOT_FOUND", "snapshot t", "snapshot l", "result b 200", "error c BODY_TOO_LARGE", "error d NOT_FOUND"]);
  world.followed.find(({ query }) => query === "/Talk/1?")!.sink.renew();
  world.identify = () => subject("ann");
  await world.turn();
  expect(world.shown).toEqual([["ann", { x: 1 }], ["ann", { x: 1 }]]);
  world.identify = () => subject("bob");
  world.say({ op: "auth", token: "bob" });
  await world.turn();
  expect(world.shown).toHaveLength(2);
});

test("a fault in a call or a subscription is told as a problem", async () => {
  const world = opened();
  world.answer = () => { throw new TypeError("CANARY"); };
  world.say({ op: "call", id: "c", method: "GET", path: "/Item" });
  world.say({ op: "subscribe", id: "s", query: "/Nothing" });
  world.say({ op: "subscribe", id: "t", query: "Item" });
  await world.turn();
  expect(JSON.stringify(world.sent)).not.toContain("CANARY");
  expect(world.told()).toEqual(["result c 500", "error s NOT_FOUND", "error t MALFORMED_URL"]);
});

test("a token ends; another one goes on; somebody else begins anew", async () => {
  const world = opened({ identity: subject("ann", 5_000) });
  world.say({ op: "subscribe", id: "a", query: "/Item" });
  await world.turn();
  world.told();
  world.identify = () => subject("ann", 20_000);
  world.say({ op: "auth", token: "renewed" });
  await world.turn();
  expect(world.told()).toEqual(["result 200"]);
  world.clock.advance(6_000);
  expect(world.closes).toEqual([]);
  world.identify = async () => subject("bob", 30_000);
  world.say({ op: "auth", token: "other" });
  world.say({ op: "subscribe", id: "b", query: "/Item" });
  await world.turn();
  await world.turn();
  expect(world.told()).toEqual(["reset a rights", "snapshot a", "result 200", "snapshot b"]);
  expect(world.followed.map(({ subject: who, closed }) => [who, closed])).toEqual([["ann", true], ["bob", false], ["bob", false]]);
  world.clock.advance(25_000);
  await world.turn();
  expect([world.told(), world.closes, world.followed.every(({ closed }) => closed)]).toEqual([["error INVALID_TOKEN"], [4401], true]);
});

test("a refused token changes nothing", async () => {
  const world = opened();
  world.say({ op: "auth", id: "x", token: "bad" });
  world.say({ op: "subscribe", id: "a", query: "/Item" });
  await world.turn();
  expect([world.told(), world.followed[0]!.subject]).toEqual([["error x INVALID_TOKEN", "snapshot a"], "ann"]);
});

test("another app: who is known there goes on, who is not is closed", async () => {
  for (const isKnown of [true, false]) {
    const world = opened({ identity: null });
    world.say({ op: "auth", token: "ann" });
    world.say({ op: "subscribe", id: "a", query: "/Item" });
    await world.turn();
    world.told();
    world.identify = (credential) => {
      if (!isKnown) throw fault("INVALID_TOKEN", "Not known.");
      return subject(String(credential));
    };
    world.followed[0]!.sink.renew();
    await world.turn();
    expect([world.told(), world.closes]).toEqual(isKnown ? [["reset a reload", "snapshot a"], []] : [["error INVALID_TOKEN"], [4401]]);
  }
});

test("after its end nothing is sent and everything is let go", async () => {
  const world = opened();
  world.say({ op: "subscribe", id: "a", query: "/Item" });
  world.connection.closed();
  world.followed[0]!.sink.take(change(2));
  world.say({ op: "call", id: "c", method: "GET", path: "/Item" });
  await world.turn();
  expect([world.sent, world.followed[0]!.closed]).toEqual([[], true]);
});

test("what comes after several tokens is their last holder's, in order, however long each takes", async () => {
  const world = opened({ identity: null, limits: { socketCalls: 4 } });
  const asked: string[] = [];
  world.answer = ({ identity }) => {
    asked.push(String(identity.subject));
    return { status: 200, headers: {}, body: null };
  };
  world.identify = async (credential) => subject(credential ?? "nobody");
  for (const token of ["ann", "bob"]) world.say({ op: "auth", id: token, token });
  world.say({ op: "subscribe", id: "s", query: "/Item" });
  world.say({ op: "call", id: "c", method: "GET", path: "/Item" });
  for (let count = 0; count < 5; count++) await world.turn();
  expect(world.told()).toEqual(["result ann 200", "result bob 200", "snapshot s", "result c 200"]);
  expect([asked, world.followed.map((followed) => followed.subject)]).toEqual([["bob"], ["bob"]]);
});

test("a token that ends in a year does not end in a month", () => {
  const DAY_MS = 86_400_000;
  const world = opened({ identity: subject("ann", 365 * DAY_MS) });
  world.clock.advance(364 * DAY_MS);
  expect(world.closes).toEqual([]);
  world.clock.advance(DAY_MS);
  expect(world.closes).toEqual([4401]);
});
