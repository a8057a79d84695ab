// One connection of graphql-transport-ws with a wire and an app of its own: the protocol's order and close codes, bounds, slow readers, tokens that
// end, reloads and stops.
import { expect, test } from "bun:test";
import { anonymousIdentity, subjectIdentity } from "../../access/identities.ts";
import type { Identity } from "../../access/identity.ts";
import { fakeClock, type FakeClock } from "../../base/clock.ts";
import { fault } from "../../base/error.ts";
import { defaultLimits, type Limits } from "../../base/limits.ts";
import { silentLog } from "../../base/log.ts";
import type { LiveFrame, LiveSink } from "../../resources/live-frame.ts";
import type { Exchange } from "../http/exchange.ts";
import { GraphqlConnection } from "./graphql-connection.ts";
import type { GraphqlServedApp, PortOperating } from "./graphql-port.ts";

interface Sent { readonly type: string; readonly id?: string; readonly payload?: unknown }
interface Followed { readonly sink: LiveSink; readonly subject: string | null; readonly reset: string | null; closed: boolean }

interface World {
  readonly clock: FakeClock;
  readonly sent: Sent[];
  readonly followed: Followed[];
  readonly closes: string[];
  readonly connection: GraphqlConnection;
  readonly signals: AbortSignal[];
  waiting: number;
  operate: (exchange: Exchange, query: string) => PortOperating | Promise<PortOperating>;
  identify: (credential: string | null) => Identity | Promise<Identity>;
  say(message: object): void;
  turn(): Promise<void>;
  /** What was sent since, in short. */
  told(): string[];
}

const subject = (name: string, expiresAtMs: number | null = null): Identity => subjectIdentity({ subject: name, roles: [], tenant: null, expiresAtMs });
const snapshot: LiveFrame = { op: "snapshot", at: 1, position: "p1", rows: "[]" };
const change = (at: number): LiveFrame => ({ op: "change", at, position: `p${at}`, changes: [] });
const answer = (text: string): PortOperating => ({ kind: "answer", text: JSON.stringify(text), errors: null });

function opened(options: { limits?: Partial<Limits>; header?: string | null; isSpoken?: boolean } = {}): World {
  const clock = fakeClock(0);
  const limits = { ...defaultLimits, connectionQueueBytes: 1_000, socketSubscriptions: 3, socketCalls: 2, answerBytes: 5_000, ...options.limits };
  const world = { clock, sent: [] as Sent[], followed: [] as Followed[], closes: [] as string[], signals: [] as AbortSignal[], waiting: 0 } as unknown as { -readonly [Name in keyof World]: World[Name] };
  const live = (exchange: Exchange): PortOperating => ({
    kind: "live", live: {
      follow(sink, reset) {
        const followed: Followed = { sink, subject: exchange.identity.subject, reset, closed: false };
        world.followed.push(followed);
        sink.take(snapshot);
        return { snapshot: () => sink.take(snapshot), close: () => { followed.closed = true; } };
      },
      text: (frame) => JSON.stringify(frame.op),
    },
  });
  world.operate = (exchange, query) => (query === "live" ? live(exchange) : answer(`${query} for ${exchange.identity.subject}`));
  world.identify = (credential) => {
    if (credential === null) return anonymousIdentity;
    if (credential.startsWith("bad")) throw fault("INVALID_TOKEN", "The token is not known.");
    return subject(credential);
  };
  const app = {
    limits, authenticator: { authenticate: (credential: string | null) => world.identify(credential) },
    graphql: {
      operate(exchange: Exchange, payload: { query: string }) {
        world.signals.push(exchange.signal);
        return world.operate(exchange, payload.query);
      },
    },
  } as unknown as GraphqlServedApp;
  world.connection = new GraphqlConnection({
    current: () => app, clock, log: silentLog(), name: "n", address: "", header: (name) => (name === "authorization" ? options.header ?? null : null), isSpoken: options.isSpoken ?? true,
    wire: {
      send: (text) => { world.sent.push(JSON.parse(text) as Sent); },
      waiting: () => world.waiting,
      soon: (outbox) => queueMicrotask(() => outbox.flush()),
      together: (work) => work(),
      close: (code, reason) => { world.closes.push(`${code} ${reason}`); },
    },
  });
  world.say = (message) => world.connection.receive(JSON.stringify(message));
  world.turn = async () => { for (let count = 0; count < 8; count++) await Promise.resolve(); };
  world.told = () => world.sent.splice(0).map(({ type, id, payload }) => [type, id, typeof payload === "string" ? payload : (payload as { extensions: { code: string } }[] | undefined)?.[0]?.extensions.code].filter((part) => part !== undefined).join(" "));
  return world;
}

async function initialised(options: Parameters<typeof opened>[0] = {}, authorization = "ann"): Promise<World> {
  const world = opened(options);
  world.say({ type: "connection_init", payload: { authorization } });
  await world.turn();
  expect(world.told()).toEqual(["connection_ack"]);
  return world;
}

const subscribe = (id: string, query = "live"): object => ({ type: "subscribe", id, payload: { query } });

test("operations in their order: answers complete by themselves, followed queries when the client has enough", async () => {
  const world = await initialised();
  world.say(subscribe("a"));
  world.say(subscribe("b", "question"));
  world.say({ type: "ping", payload: { n: 1 } });
  world.say({ type: "pong" });
  world.followed[0]!.sink.take(change(2));
  await world.turn();
  expect(world.sent.map(({ payload }) => payload)[3]).toEqual({ n: 1 });
  expect(world.told()).toEqual(["next a snapshot", "next b question for ann", "complete b", "pong", "next a change"]);
  world.say({ type: "complete", id: "a" });
  world.say({ type: "complete", id: "unknown" });
  world.followed[0]!.sink.take(change(3));
  await world.turn();
  expect([world.told(), world.followed[0]!.closed, world.connection.subscriptions]).toEqual([[], true, 0]);
  world.say(subscribe("a"));
  await world.turn();
  expect(world.told()).toEqual(["next a snapshot"]);
});

const wrong: readonly (readonly [name: string, messages: readonly unknown[], close: string])[] = [
  ["what is no JSON", ["{"], "4400 Invalid message received"],
  ["a list", [[]], "4400 Invalid message received"],
  ["an unknown type", [{ type: "dance" }], "4400 Invalid message received"],
  ["a subscribe without id", [{ type: "subscribe", payload: { query: "live" } }], "4400 Invalid message received"],
  ["a long id", [{ type: "subscribe", id: "x".repeat(101), payload: { query: "live" } }], "4400 Invalid message received"],
  ["a subscribe without payload", [{ type: "subscribe", id: "a" }], "4400 Invalid message received"],
  ["a payload that is a text", [{ type: "connection_init", payload: "x" }], "4400 Invalid message received"],
  ["a key twice", ['{"type":"ping","type":"pong"}'], "4400 Invalid message received"],
  ["an operation before it is acknowledged", [subscribe("a")], "4401 Unauthorized"],
  ["an id that is in use", [{ type: "connection_init" }, subscribe("a"), subscribe("a")], "4409 Subscriber for a already exists"],
  ["two initialisations", [{ type: "connection_init" }, { type: "connection_init" }], "4429 Too many initialisation requests"],
  ["a token that nobody knows", [{ type: "connection_init", payload: { authorization: "bad" } }], "4403 INVALID_TOKEN: The token is not known."],
  ["a token that is no text", [{ type: "connection_init", payload: { authorization: 5 } }], "4403 authorization is a text"],
];
test.each(wrong)("%s ends the connection", async (_name, messages, close) => {
  const world = opened();
  for (const message of messages) world.connection.receive(typeof message === "string" ? message : JSON.stringify(message));
  await world.turn();
  expect(world.closes).toEqual([close]);
  world.say(subscribe("z"));
  await world.turn();
  expect([world.closes.length, world.connection.subscriptions, world.followed.every(({ closed }) => closed)]).toEqual([1, 0, true]);
});

test("who says nothing, or speaks another protocol, is closed", async () => {
  const silent = opened({ limits: { authMs: 500 } });
  silent.clock.advance(499);
  expect(silent.closes).toEqual([]);
  silent.clock.advance(1);
  expect(silent.closes).toEqual(["4408 Connection initialisation timeout"]);
  expect(opened({ isSpoken: false }).closes).toEqual(["4406 Subprotocol not acceptable"]);
});

test("the header of the upgrade signs in where the first message does not; a slow identity is waited for", async () => {
  const world = opened({ header: "ben" });
  let known = (_identity: Identity): void => {};
  world.identify = (credential) => new Promise((resolve) => { known = () => resolve(subject(credential!)); });
  world.say({ type: "connection_init" });
  await world.turn();
  expect(world.told()).toEqual([]);
  known(anonymousIdentity);
  await world.turn();
  world.say(subscribe("a", "who"));
  await world.turn();
  expect(world.told()).toEqual(["connection_ack", "next a who for ben", "complete a"]);
});

test("operations and calls under way are bounded", async () => {
  const world = await initialised();
  const ready: (() => void)[] = [];
  world.operate = (exchange, query) => new Promise((resolve) => { ready.push(() => resolve(answer(`${query} ${exchange.method}`))); });
  for (const id of ["a", "b", "c"]) world.say(subscribe(id, "slow"));
  await world.turn();
  expect(world.told()).toEqual(["error c OVERLOADED"]);
  ready.forEach((now) => now());
  await world.turn();
  expect(world.told()).toEqual(["next a slow POST", "complete a", "next b slow POST", "complete b"]);
  const other = await initialised();
  for (const id of ["a", "b", "c", "d"]) other.say(subscribe(id));
  await other.turn();
  expect(other.told()).toEqual(["next a snapshot", "next b snapshot", "next c snapshot", "error d OVERLOADED"]);
});

test("a message is no larger than a body may be", async () => {
  const world = await initialised({ limits: { bodyBytes: 200 } });
  world.say({ type: "subscribe", id: "a", payload: { query: "live", variables: { text: "x".repeat(200) } } });
  world.say(subscribe("b"));
  await world.turn();
  expect(world.told()).toEqual(["error a BODY_TOO_LARGE", "next b snapshot"]);
});

test("what a client no longer waits for is not told, and its code hears of it", async () => {
  const world = await initialised();
  let done = (): void => {};
  world.operate = () => new Promise((resolve) => { done = () => resolve(answer("late")); });
  world.say(subscribe("a", "slow"));
  world.say({ type: "complete", id: "a" });
  expect(world.signals[0]!.aborted).toBe(true);
  done();
  await world.turn();
  expect(world.told()).toEqual([]);
});

test("faults: of one operation they end it alone, with an incident", async () => {
  const world = await initialised();
  world.operate = (_exchange, query) => {
    if (query === "refused") throw fault("MALFORMED_BODY", "The request has no document.");
    if (query === "wrong") return { kind: "answer", text: "{}", errors: JSON.stringify([{ message: "m", extensions: { code: "INVALID_DOCUMENT" } }]) };
    throw new Error("secret");
  };
  for (const query of ["refused", "wrong", "broken"]) world.say(subscribe(query, query));
  await world.turn();
  expect([JSON.stringify(world.sent).includes("secret"), world.told()]).toEqual([false, ["error refused MALFORMED_BODY", "error wrong INVALID_DOCUMENT", "error broken INTERNAL"]]);
  expect(world.closes).toEqual([]);
});

test("a followed query that ends by itself is an error of its own", async () => {
  const world = await initialised();
  world.say(subscribe("a"));
  world.followed[0]!.sink.fail(fault("TOO_MANY_ROWS", "Too many."));
  world.followed[0]!.sink.fail(fault("TOO_MANY_ROWS", "Too many."));
  await world.turn();
  expect([world.told(), world.connection.subscriptions]).toEqual([["next a snapshot", "error a TOO_MANY_ROWS"], 0]);
});

test("a slow reader's changes are left out, and it gets a gap and a snapshot when it has read", async () => {
  const world = await initialised();
  for (const id of ["a", "b"]) world.say(subscribe(id));
  await world.turn();
  world.told();
  world.waiting = 1_001;
  for (let at = 2; at < 100; at++) for (const { sink } of world.followed) sink.take(change(at));
  await world.turn();
  expect(world.told()).toEqual([]);
  world.waiting = 0;
  world.connection.drained();
  await world.turn();
  expect(world.told()).toEqual(["next a gap", "next a snapshot", "next b gap", "next b snapshot"]);
  world.followed[0]!.sink.take(change(100));
  await world.turn();
  expect(world.told()).toEqual(["next a change"]);
});

test("who sends and never reads is not served on", async () => {
  const world = await initialised();
  world.waiting = 6_001;
  world.say({ type: "ping" });
  expect(world.closes).toEqual(["4400 The client does not read"]);
});

test("a token's end closes the connection, so that the client comes again with another", async () => {
  const world = opened();
  world.identify = () => subject("ann", 5_000);
  world.say({ type: "connection_init", payload: { authorization: "short" } });
  world.say(subscribe("a"));
  world.clock.advance(4_999);
  expect(world.closes).toEqual([]);
  world.clock.advance(1);
  expect([world.closes, world.followed[0]!.closed]).toEqual([["4403 INVALID_TOKEN: The token has expired."], true]);
});

test("a reload asks for the holder of the token and for each followed query again", async () => {
  const world = await initialised();
  for (const id of ["a", "b"]) world.say(subscribe(id));
  await world.turn();
  world.told();
  for (const { sink } of world.followed.slice()) sink.renew();
  await world.turn();
  expect([world.told(), world.followed.slice(2).map(({ reset, subject: who }) => `${reset} ${who}`)]).toEqual([["next a snapshot", "next b snapshot"], ["reload ann", "reload ann"]]);
  world.operate = () => ({ kind: "answer", text: "{}", errors: JSON.stringify([{ message: "gone", extensions: { code: "INVALID_DOCUMENT" } }]) });
  for (const { sink } of world.followed.slice(2)) sink.renew();
  await world.turn();
  expect(world.told()).toEqual(["error a INVALID_DOCUMENT", "error b INVALID_DOCUMENT"]);
  const other = await initialised();
  other.say(subscribe("a"));
  other.identify = () => { throw fault("INVALID_TOKEN", "The token is not known."); };
  other.followed[0]!.sink.renew();
  await other.turn();
  expect(other.closes).toEqual(["4403 INVALID_TOKEN: The token is not known."]);
});

test("a stop waits for what is under way, takes nothing more, and follows no app that comes after", async () => {
  const world = await initialised();
  world.say(subscribe("a"));
  let done = (): void => {};
  const { operate } = world;
  world.operate = () => new Promise((resolve) => { done = () => resolve(answer("last")); });
  world.say(subscribe("b", "slow"));
  let isIdle = false;
  const drained = (async () => {
    await world.connection.drain();
    isIdle = true;
  })();
  world.operate = operate;
  world.say(subscribe("c"));
  world.followed[0]!.sink.renew();
  await world.turn();
  expect([isIdle, world.told()]).toEqual([false, ["next a snapshot"]]);
  done();
  await world.turn();
  expect([isIdle, world.told(), world.followed.length]).toEqual([true, ["next b last", "complete b"], 1]);
  await drained;
  world.connection.close(1001, "the server stops");
  world.connection.closed();
  expect(world.closes).toEqual(["1001 the server stops"]);
});
