// One socket for all that is followed: who it says it is before it asks for anything, how it comes back, when it gives up. The socket, the
// server and the time are stand-ins; test/client/ has real ones.
import { expect, test } from "bun:test";
import { Credentials, type TokenSource } from "./credentials.ts";
import type { Environment, SocketLike } from "./environment.ts";
import { FollowedQuery, type LiveHandlers } from "./live-query.ts";
import { LiveRows, rowOrder, type Row } from "./live-rows.ts";
import { LiveSocket } from "./live-socket.ts";

interface Wire { readonly sent: Record<string, unknown>[]; isClosed: boolean; open(): void; say(frame: object): void; lose(code?: number): void }

interface World {
  readonly wires: Wire[];
  readonly timers: Map<() => void, number>;
  readonly socket: LiveSocket;
  readonly statuses: string[];
  follow(query: string, handlers?: LiveHandlers<Row>): FollowedQuery;
  /** The timers that wait for so long at most. */
  pass(ms: number): Promise<void>;
}

const turn = async (): Promise<void> => { for (let count = 0; count < 20; count++) await Promise.resolve(); };

function world(token?: TokenSource): World {
  const timers = new Map<() => void, number>();
  const wires: Wire[] = [];
  const statuses: string[] = [];
  const openSocket = (): SocketLike => {
    const listeners = new Map<string, (event: never) => void>();
    const wire: Wire = {
      sent: [], isClosed: false,
      open: () => listeners.get("open")!(undefined as never),
      say: (frame) => listeners.get("message")!({ data: JSON.stringify(frame) } as never),
      lose: (code = 1006) => listeners.get("close")!({ code } as never),
    };
    wires.push(wire);
    return { send: (text) => { wire.sent.push(JSON.parse(text) as Record<string, unknown>); }, close: () => { wire.isClosed = true; }, addEventListener: (type: string, listener: (event: never) => void) => { listeners.set(type, listener); } };
  };
  const environment = { openSocket, random: () => 1, schedule: (delayMs: number, callback: () => void) => {
    timers.set(callback, delayMs);
    return () => { timers.delete(callback); };
  } } as unknown as Environment;
  const socket = new LiveSocket({ url: "ws://x/ws", credentials: new Credentials(token), environment, silenceMs: 25_000, onStatus: (status) => { statuses.push(status); } });
  return {
    wires, timers, socket, statuses,
    follow: (query, handlers = {}) => new FollowedQuery(socket, { path: query, shown: (rows) => rows }, new LiveRows("id", rowOrder({}, { key: "id" })), handlers),
    async pass(ms) {
      const due = [...timers].filter(([, delayMs]) => delayMs <= ms);
      for (const [callback] of due) {
        timers.delete(callback);
        callback();
      }
      await turn();
    },
  };
}

const snapshot = (id: string, position: string, ...ids: string[]): object => ({ op: "snapshot", id, position, rows: ids.map((one) => ({ id: one })) });

test("the token is taken before anything is asked; a loss is followed by the same from where it was", async () => {
  const own = world("t1");
  const query = own.follow("/Item");
  await turn();
  own.wires[0]!.open();
  expect(own.wires[0]!.sent).toEqual([{ op: "auth", id: "auth", token: "t1" }]);
  own.wires[0]!.say({ op: "result", id: "auth", status: 200, body: { subject: "ann", expiresIn: null } });
  expect(own.wires[0]!.sent[1]).toEqual({ op: "subscribe", id: query.id, query: "/Item" });
  own.wires[0]!.say(snapshot(query.id, "p1", "a"));
  own.wires[0]!.say({ op: "change", id: query.id, position: "p2", changes: [{ type: "enter", key: "b", record: { id: "b" } }] });
  expect([query.rows, query.isCurrent]).toEqual([[{ id: "a" }, { id: "b" }], true]);
  own.wires[0]!.lose();
  expect([query.isCurrent, query.rows.length]).toEqual([false, 2]);
  await own.pass(250);
  own.wires[1]!.open();
  own.wires[1]!.say({ op: "result", id: "auth", status: 200, body: { expiresIn: null } });
  expect(own.wires[1]!.sent[1]).toEqual({ op: "subscribe", id: query.id, query: "/Item", since: "p2" });
  own.wires[1]!.say({ op: "change", id: query.id, position: "p3", changes: [{ type: "leave", key: "a" }] });
  expect([query.rows, query.isCurrent, own.statuses]).toEqual([[{ id: "b" }], true, ["connecting", "connected", "waiting", "connecting", "connected"]]);
  query.close();
  expect([own.wires[1]!.sent.at(-1), own.wires[1]!.isClosed, own.socket.status, own.timers.size]).toEqual([{ op: "unsubscribe", id: query.id }, true, "idle", 0]);
});

test("tries are further and further apart; a sign of a network begins at once", async () => {
  const own = world();
  const query = own.follow("/Item");
  const delays: number[] = [];
  for (let count = 0; count < 9; count++) {
    await turn();
    own.wires[count]!.lose();
    delays.push(Math.max(...own.timers.values()));
    if (count < 8) await own.pass(20_000);
  }
  expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
  own.socket.wake();
  await turn();
  own.wires[9]!.open();
  own.wires[9]!.say(snapshot(query.id, "p", "a"));
  own.wires[9]!.lose();
  expect(Math.max(...own.timers.values())).toBe(250);
});

test("a token that has ended: the next one goes on; where there is no other, all is over", async () => {
  const tokens = ["t1", "t2", "t2"];
  const own = world(() => tokens.shift()!);
  const errors: string[] = [];
  const query = own.follow("/Item", { onError: ({ code }) => { errors.push(code); } });
  await turn();
  own.wires[0]!.open();
  own.wires[0]!.say({ op: "result", id: "auth", status: 200, body: { expiresIn: 60 } });
  own.wires[0]!.say(snapshot(query.id, "p1", "a"));
  own.wires[0]!.lose(4401);
  await own.pass(250);
  own.wires[1]!.open();
  expect(own.wires[1]!.sent[0]).toEqual({ op: "auth", id: "auth", token: "t2" });
  own.wires[1]!.say({ op: "error", id: "auth", problem: { status: 401, code: "INVALID_TOKEN", message: "No." } });
  await own.pass(1_000);
  expect([errors, own.socket.status, own.wires.length]).toEqual([["INVALID_TOKEN"], "idle", 2]);
});

test("a token that ended meanwhile: the next one goes over the same connection, at once; refused again, it takes its time", async () => {
  const tokens = ["t1", "t2", "t3"];
  const own = world(() => tokens.shift()!);
  const refuse = (): void => own.wires[0]!.say({ op: "error", id: "auth", problem: { status: 401, code: "INVALID_TOKEN", message: "No." } });
  const query = own.follow("/Item");
  await turn();
  own.wires[0]!.open();
  refuse();
  await turn();
  expect(own.wires[0]!.sent.map(({ token }) => token)).toEqual(["t1", "t2"]);
  refuse();
  await turn();
  expect([own.wires[0]!.isClosed, own.socket.status]).toEqual([true, "waiting"]);
  await own.pass(250);
  own.wires[1]!.open();
  own.wires[1]!.say({ op: "result", id: "auth", status: 200, body: { expiresIn: null } });
  expect(own.wires[1]!.sent).toEqual([{ op: "auth", id: "auth", token: "t3" }, { op: "subscribe", id: query.id, query: "/Item" }]);
});

test("a token is renewed on the same connection before it ends", async () => {
  const tokens = ["t1", "t2"];
  const own = world(() => tokens.shift()!);
  const query = own.follow("/Item");
  await turn();
  own.wires[0]!.open();
  own.wires[0]!.say({ op: "result", id: "auth", status: 200, body: { expiresIn: 100 } });
  own.wires[0]!.say(snapshot(query.id, "p1", "a"));
  expect([...own.timers.values()]).toContain(80_000);
  await own.pass(80_000);
  expect(own.wires[0]!.sent.filter(({ op }) => op === "auth").map(({ token }) => token)).toEqual(["t1", "t2"]);
  own.wires[0]!.say({ op: "result", id: "auth", status: 200, body: { expiresIn: 100 } });
  expect([own.wires.length, own.wires[0]!.sent.filter(({ op }) => op === "subscribe").length, query.isCurrent]).toEqual([1, 1, true]);
});

test("who gives tokens is not there: that is no end", async () => {
  let tries = 0;
  const own = world(async () => {
    if (++tries < 3) throw new TypeError("fetch failed");
    return "t1";
  });
  const query = own.follow("/Item");
  await turn();
  for (let count = 0; count < 2; count++) await own.pass(20_000);
  expect([tries, own.wires.length]).toEqual([3, 1]);
  own.wires[0]!.open();
  expect(own.wires[0]!.sent[0]).toEqual({ op: "auth", id: "auth", token: "t1" });
  query.close();
});

test("nobody follows any more when the token comes: no connection is made", async () => {
  let give = (_token: string): void => {};
  const own = world(() => new Promise((resolve) => { give = resolve; }));
  const query = own.follow("/Item");
  await turn();
  query.close();
  give("t1");
  await turn();
  expect([own.wires.length, own.socket.status, own.timers.size]).toEqual([0, "idle", 0]);
});

test("where no socket can be opened, it says why", async () => {
  const own = world();
  own.wires.push = () => { throw new TypeError("There is no WebSocket here."); };
  const query = own.follow("/Item");
  expect(await query.ready.catch((error: { code: string; fix: string; cause: Error }) => [error.code, error.cause.message, error.fix.includes("connect({ WebSocket })")])).toEqual(["DISCONNECTED", "There is no WebSocket here.", true]);
});

test("silence: a sign of life is asked for, and a connection without one is left", async () => {
  const own = world();
  const query = own.follow("/Item");
  await turn();
  own.wires[0]!.open();
  own.wires[0]!.say(snapshot(query.id, "p1", "a"));
  await own.pass(25_000);
  expect(own.wires[0]!.sent.at(-1)).toEqual({ op: "ping", id: "ping" });
  own.wires[0]!.say({ op: "pong", id: "ping" });
  await own.pass(25_000);
  await own.pass(25_000);
  expect([own.wires[0]!.isClosed, own.socket.status]).toEqual([true, "waiting"]);
});

test("what is refused ends alone; what may go later is begun again on the same connection", async () => {
  const own = world();
  const errors: string[] = [];
  const [refused, later] = [own.follow("/Nope", { onError: ({ code }) => { errors.push(code); } }), own.follow("/Item")];
  await turn();
  own.wires[0]!.open();
  own.wires[0]!.say({ op: "error", id: refused.id, problem: { status: 404, code: "NOT_FOUND", message: "No.", retry: false } });
  own.wires[0]!.say({ op: "error", id: later.id, problem: { status: 503, code: "OVERLOADED", message: "Later.", retry: true } });
  expect([errors, await refused.ready.catch(({ code }: { code: string }) => code)]).toEqual([["NOT_FOUND"], "NOT_FOUND"]);
  await own.pass(2_000);
  expect(own.wires[0]!.sent.filter(({ id }) => id === later.id).length).toBe(2);
  own.wires[0]!.say(snapshot(later.id, "p", "a"));
  expect(await later.ready).toEqual([{ id: "a" }]);
});

test("gap and reset keep the old rows until the new ones are there; a frame that tells nothing moves the position alone", async () => {
  const own = world();
  const told: number[] = [];
  const query = own.follow("/Item", { onRows: (rows) => { told.push(rows.length); } });
  await turn();
  own.wires[0]!.open();
  own.wires[0]!.say(snapshot(query.id, "p1", "a"));
  own.wires[0]!.say({ op: "gap", id: query.id });
  expect([query.rows.length, query.isCurrent]).toEqual([1, false]);
  own.wires[0]!.say(snapshot(query.id, "p2", "a", "b"));
  own.wires[0]!.say({ op: "change", id: query.id, position: "p9", changes: [] });
  expect([told, query.isCurrent]).toEqual([[1, 2], true]);
  own.wires[0]!.lose();
  await own.pass(250);
  own.wires[1]!.open();
  expect(own.wires[1]!.sent[0]!["since"]).toBe("p9");
});

test("a loop over the rows gets the last state, however slow it is; it ends with the query", async () => {
  const own = world();
  const query = own.follow("/Item");
  await turn();
  own.wires[0]!.open();
  const seen: number[] = [];
  const loop = (async () => { for await (const rows of query) seen.push(rows.length); })();
  own.wires[0]!.say(snapshot(query.id, "p1"));
  await turn();
  for (let count = 1; count <= 5; count++) own.wires[0]!.say({ op: "change", id: query.id, position: `q${count}`, changes: [{ type: "enter", key: String(count), record: { id: String(count) } }] });
  await turn();
  own.socket.close();
  await loop;
  expect(seen).toEqual([0, 5]);
});
