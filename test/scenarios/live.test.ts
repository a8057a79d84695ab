// Followed queries over real sockets: server-sent events and WebSockets say the same, under the rules of reads.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { EventClient, RawSocket, Rebuilt, SocketClient, type Frame } from "./live-clients.ts";
import { adminToken, keysFor, startTestApp, type StartedApp } from "./started-app.ts";
import { comesTrue } from "../processes/waits.ts";

const schema = `
type Item @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE])
  @allow(to: ["guest"], do: [READ], where: "record.open") {
  id: ID! @primaryKey
  open: Boolean! @default(value: false)
  price: Int! @default(value: 0)
  secret: String @allow(to: ["clerk"], do: [READ, CREATE, UPDATE])
  long: Long @allow(to: ["clerk"], do: [READ, CREATE, UPDATE])
  rise: Item! @action @allow(to: ["clerk"])
}
type Quiet @table @export(over: [REST]) @allow(to: ["clerk"], do: [READ, CREATE]) { id: ID! @primaryKey }
type Streamed @table @export(over: [SSE]) @allow(to: ["clerk"], do: [READ, CREATE]) { id: ID! @primaryKey }
type Board @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["clerk"], do: [CREATE]) { id: ID! @primaryKey }
type Hidden @table @export @allow(to: ["clerk"], do: [READ, CREATE]) { id: ID! @primaryKey text: String @allow(to: ["boss"], do: [READ]) }
type Endpoints {
  slow: Int! @http(path: "/slow") @export(over: [WS]) @allow(to: ["clerk"])
  late: Int! @http(path: "/late", transaction: NONE) @allow(to: ["clerk"])
  unheard: Int! @http(path: "/unheard") @allow(to: ["clerk"])
}`;
const resources = `/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints } from "ambit";
export class Item extends Table("Item") { async rise() { return this.update({ price: this.price + 1 }); } }
export const Endpoints = endpoints({ async slow() { return 1; }, async unheard() { return 1; },
  async late(ctx) { while (globalThis.isLateHeld) await new Promise((resolve) => setTimeout(resolve, 5)); await ctx.db.Item.create({ id: "late" }); return 1; } });
`;
const config = `${keysFor("clerk", "guest", "boss")}limits: { connectionQueueBytes: 100000, heartbeatMs: 300, socketSubscriptions: 5, subscriptionRows: 500, authMs: 300, socketCalls: 4 }\n`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, resources, config }); });
afterAll(() => app?.stop());

const bearer = (name: string): Record<string, string> => ({ authorization: `Bearer key-${name}` });
const admin = { authorization: `Bearer ${adminToken}` };

async function write(method: string, path: string, body?: unknown): Promise<void> {
  const response = await fetch(app.url + path, { method, headers: { "content-type": "application/json", ...bearer("clerk") }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}

beforeEach(async () => { await fetch(`${app.url}/Item?id=not.is.null`, { method: "DELETE", headers: bearer("clerk") }); });

describe("server-sent events", () => {
  test("a list: snapshot, then enter, update and leave, each with its position", async () => {
    await write("POST", "/Item", { id: "a", price: 1 });
    const client = await EventClient.open(`${app.url}/Item?price=gte.1&select=id,price`, bearer("clerk"));
    expect([client.response.status, client.response.headers.get("content-type"), client.response.headers.get("x-accel-buffering"), client.response.headers.get("cache-control")])
      .toEqual([200, "text/event-stream; charset=utf-8", "no", "private, no-store"]);
    const first = await client.next();
    expect(first).toMatchObject({ event: "snapshot", data: { op: "snapshot", rows: [{ id: "a", price: 1 }] } });
    expect(first.id).toBe(first.data.position!);
    await write("POST", "/Item", [{ id: "b", price: 2 }, { id: "c", price: 0 }]);
    expect(await client.next()).toMatchObject({ event: "enter", data: { changes: [{ type: "enter", key: "b", record: { id: "b", price: 2 } }] } });
    await write("PATCH", "/Item/b", { price: 3 });
    expect(await client.next()).toMatchObject({ event: "update", data: { changes: [{ type: "update", key: "b", record: { id: "b", price: 3 } }] } });
    await write("PATCH", "/Item/b", { secret: "not selected" });
    await write("PATCH", "/Item/b", { price: 0 });
    const left = await client.next();
    expect(left.data.changes).toEqual([{ type: "leave", key: "b" }]);
    await write("PATCH", "/Item/c", { price: 9 });
    const resumed = await EventClient.open(`${app.url}/Item?price=gte.1&select=id,price`, { ...bearer("clerk"), "last-event-id": left.id! });
    expect(await resumed.next()).toMatchObject({ event: "enter", data: { changes: [{ key: "c" }] } });
    client.close();
    resumed.close();
  });

  test("all changes of one entry are complete before its position is told", async () => {
    const client = await EventClient.open(`${app.url}/Item`, bearer("clerk"));
    await client.next();
    await write("POST", "/Item", [{ id: "a" }, { id: "b" }]);
    await write("POST", "/batch", { operations: [{ method: "DELETE", path: "/Item/a" }, { method: "POST", path: "/Item", body: { id: "c" } }, { method: "DELETE", path: "/Item/b" }] });
    expect((await client.next()).data.changes?.map(({ key }) => key)).toEqual(["a", "b"]);
    const told = [];
    while (told.at(-1)?.id === null || told.length === 0) told.push(await client.next());
    expect(told.flatMap(({ data }) => data.changes!.map(({ type, key }) => `${type} ${String(key)}`)).sort()).toEqual(["enter c", "leave a", "leave b"]);
    client.close();
  });

  test("one record, also before it is there", async () => {
    const client = await EventClient.open(`${app.url}/Item/later`, bearer("clerk"));
    expect((await client.next()).data.rows).toEqual([]);
    await write("POST", "/Item", { id: "other" });
    await write("PUT", "/Item/later", { price: 4 });
    expect(await client.next()).toMatchObject({ event: "enter", data: { changes: [{ key: "later" }] } });
    await write("POST", "/Item/later/rise", {});
    expect(await client.next()).toMatchObject({ event: "update", data: { changes: [{ record: { price: 5 } }] } });
    client.close();
  });

  test("an unknown position begins anew, and says so", async () => {
    for (const since of ["nonsense", "000000000000.0.1.abc"]) {
      const client = await EventClient.open(`${app.url}/Item?since=${since}`, bearer("clerk"));
      expect([(await client.next()).data, (await client.next()).event]).toEqual([{ op: "reset", reason: "query" }, "snapshot"]);
      client.close();
    }
    const client = await EventClient.open(`${app.url}/Item`, bearer("clerk"));
    const { id } = await client.next();
    client.close();
    const [epoch, partition, position, mark] = id!.split(".");
    for (const [since, reason] of [[`ffffffffffff.${partition}.${position}.${mark}`, "epoch"], [`${epoch}.${partition}.999999999.${mark}`, "ahead"]] as const) {
      const again = await EventClient.open(`${app.url}/Item`, { ...bearer("clerk"), "last-event-id": since });
      expect((await again.next()).data.reason).toBe(reason);
      again.close();
    }
    const other = await EventClient.open(`${app.url}/Item`, { ...bearer("guest"), "last-event-id": id! });
    expect((await other.next()).data.reason).toBe("query");
    other.close();
  });

  test("a quiet stream gives signs of life and tells how far the log is", async () => {
    const client = await EventClient.open(`${app.url}/Item?price=eq.77`, bearer("clerk"));
    const { id } = await client.next();
    await write("POST", "/Item", { id: "unrelated" });
    await Bun.sleep(800);
    expect(client.text).toContain(":");
    expect(client.lastId).not.toBe(id);
    client.close();
  });

  test("refusals are those of reads", async () => {
    for (const [path, headers, status, code] of [
      ["/Item", {}, 401, "UNAUTHENTICATED"], ["/Item", bearer("boss"), 403, "FORBIDDEN"], ["/Item?secret=eq.x", bearer("guest"), 400, "UNKNOWN_FIELD"], ["/Nothing", bearer("clerk"), 404, "NOT_FOUND"],
      ["/Quiet", bearer("clerk"), 406, "NOT_ACCEPTABLE"], ["/Item?explain=true", admin, 422, "NOT_LIVE"], ["/Item?select=id:price", bearer("clerk"), 422, "NOT_LIVE"], ["/Item?price=gt.x", bearer("clerk"), 400, "BAD_FILTER_VALUE"],
    ] as const) {
      const client = await EventClient.open(app.url + path, headers);
      expect([path, client.response.status, ((await client.response.json()) as { code: string }).code]).toEqual([path, status, code]);
    }
    expect((await fetch(`${app.url}/Item?since=x`, { headers: bearer("clerk") })).status).toBe(400);
  });

  test("a table exported over events alone answers to nothing else", async () => {
    const client = await EventClient.open(`${app.url}/Streamed`, bearer("clerk"));
    expect((await client.next()).event).toBe("snapshot");
    client.close();
    for (const [method, path] of [["GET", "/Streamed"], ["POST", "/Streamed"], ["GET", "/Streamed/x"], ["DELETE", "/Streamed/x"]] as const) {
      expect([method, (await fetch(app.url + path, { method, headers: bearer("clerk") })).status]).toEqual([method, method === "GET" ? 406 : 405]);
    }
    const batch = await fetch(`${app.url}/batch`, { method: "POST", headers: { "content-type": "application/json", ...bearer("clerk") }, body: JSON.stringify({ operations: [{ method: "GET", path: "/Streamed" }] }) });
    expect(batch.status).toBe(406);
  });

  test("closed streams are forgotten", async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => EventClient.open(`${app.url}/Item`, bearer("clerk"))));
    await Promise.all(clients.map((client) => client.next()));
    expect(app.running.live.stats()).toMatchObject({ subscriptions: 5, queries: 1 });
    for (const client of clients) client.close();
    await comesTrue(() => app.running.live.stats().subscriptions === 0);
    expect(app.running.live.stats()).toMatchObject({ subscriptions: 0, queries: 0 });
  });
});

describe("WebSocket", () => {
  test("subscribe, changes, unsubscribe", async () => {
    const client = await SocketClient.open(app.url, bearer("clerk"));
    const snapshot = await client.ask({ op: "subscribe", id: "s1", query: "/Item?order=price.desc&limit=2&select=id,price" });
    expect(snapshot).toMatchObject({ op: "snapshot", id: "s1", rows: [] });
    await write("POST", "/Item", [{ id: "a", price: 1 }, { id: "b", price: 2 }]);
    expect((await client.next()).changes?.map(({ key }) => key)).toEqual(["b", "a"]);
    await write("POST", "/Item", { id: "c", price: 3 });
    expect((await client.next()).changes).toEqual([{ type: "leave", key: "a" }, { type: "enter", key: "c", record: { id: "c", price: 3 } }]);
    expect(await client.ask({ op: "unsubscribe", id: "s1" })).toEqual({ op: "done", id: "s1" });
    await write("DELETE", "/Item/c");
    expect(await client.ask({ op: "call", id: "c1", method: "GET", path: "/Item?select=id" })).toMatchObject({ op: "result", id: "c1", status: 200, body: [{ id: "a" }, { id: "b" }] });
    client.close();
  });

  test("calls are requests: write, action, endpoint, batch, errors", async () => {
    const client = await SocketClient.open(app.url, bearer("clerk"));
    const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Frame> => client.ask({ op: "call", id: "x", method, path, ...(body === undefined ? {} : { body }), ...(headers === undefined ? {} : { headers }) });
    expect(await call("POST", "/Item", { id: "a" })).toMatchObject({ status: 201, headers: { location: "/Item/a" } });
    expect(await call("PATCH", "/Item/a", { price: 5 }, { prefer: "return=representation" })).toMatchObject({ status: 200, body: { price: 5 } });
    expect(await call("POST", "/Item/a/rise")).toMatchObject({ status: 200, body: { price: 6 } });
    expect(await call("POST", "/slow")).toMatchObject({ status: 200, body: 1 });
    expect(await call("POST", "/unheard")).toMatchObject({ status: 404 });
    expect(await call("GET", "/Quiet")).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
    expect(await call("POST", "/Item", { id: "a" })).toMatchObject({ status: 409, body: { code: "UNIQUE_VIOLATION" } });
    expect(await call("PATCH", "/Item/a", { price: 7 }, { "if-match": "\"v1\"" })).toMatchObject({ status: 412 });
    expect(await call("POST", "/batch", { operations: [{ method: "DELETE", path: "/Item/a" }] })).toMatchObject({ status: 200 });
    client.socket.send('{"op":"call","id":"x","method":"POST","path":"/Item?select=long","headers":{"prefer":"return=representation"},"body":{"id":"long","long":9007199254740993}}');
    expect(await client.next()).toMatchObject({ status: 201, body: [{ long: "9007199254740993" }] });
    expect(await call("POST", "/Item?columns=id,price", "id,price\ncsv,3\n", { "content-type": "text/csv" })).toMatchObject({ status: 201 });
    expect(await call("BREW", "/Item")).toMatchObject({ status: 405 });
    expect(await call("GET", "Item")).toMatchObject({ status: 400 });
    client.close();
  });

  test("who signs in by the first frame is that subject; a new token begins anew", async () => {
    await write("POST", "/Item", [{ id: "a", open: true, secret: "canary" }, { id: "b", secret: "canary" }]);
    const client = await SocketClient.open(app.url);
    expect(await client.ask({ op: "auth", token: "key-guest" })).toMatchObject({ op: "result", status: 200, body: { subject: "guest" } });
    expect(await client.ask({ op: "subscribe", id: "s", query: "/Item" })).toMatchObject({ rows: [{ id: "a" }] });
    expect(await client.ask({ op: "auth", token: "wrong" })).toMatchObject({ op: "error", problem: { code: "INVALID_TOKEN" } });
    client.send({ op: "auth", token: "key-clerk" });
    const frames = [await client.next(), await client.next(), await client.next()];
    expect(frames).toMatchObject([{ op: "reset", reason: "rights" }, { op: "snapshot", rows: [{ id: "a" }, { id: "b" }] }, { op: "result" }]);
    client.close();
  });

  test("nobody signed in reads what is public; who says nothing is closed", async () => {
    const client = await SocketClient.open(app.url);
    expect(await client.ask({ op: "subscribe", id: "s", query: "/Board" })).toMatchObject({ op: "snapshot" });
    expect(await client.ask({ op: "subscribe", id: "t", query: "/Item" })).toMatchObject({ op: "error", id: "t", problem: { code: "UNAUTHENTICATED" } });
    const silent = await SocketClient.open(app.url);
    await comesTrue(() => silent.closed !== null);
    expect([silent.closed?.code, client.closed]).toEqual([1008, null]);
    client.close();
    await expect(SocketClient.open(app.url, { authorization: "Bearer wrong" })).rejects.toThrow();
  });

  test("frames are read strictly, and refused one by one", async () => {
    const client = await SocketClient.open(app.url, bearer("clerk"));
    for (const [frame, id, code] of [
      ["{", null, "MALFORMED_JSON"], ["[]", null, "VALIDATION_FAILED"], ['{"op":"dance","id":"d"}', "d", "VALIDATION_FAILED"], ['{"op":"subscribe","id":"s","query":5}', "s", "VALIDATION_FAILED"],
      ['{"op":"subscribe","id":"s","query":"/Item","more":1}', "s", "VALIDATION_FAILED"], ['{"op":"subscribe","query":"/Item"}', null, "VALIDATION_FAILED"], ['{"op":"unsubscribe","id":"s"}', "s", "NOT_FOUND"],
      ['{"op":"subscribe","id":"s","query":"/Item/a/rise"}', "s", "NOT_FOUND"], ['{"op":"subscribe","id":"s","query":"/Quiet"}', "s", "NOT_FOUND"], ['{"op":"subscribe","id":"s","query":"/Item?nope=eq.1"}', "s", "UNKNOWN_FIELD"],
    ] as const) {
      client.socket.send(frame);
      expect([frame, await client.next()]).toMatchObject([frame, { op: "error", id, problem: { code } }]);
    }
    for (let count = 0; count < 5; count++) expect((await client.ask({ op: "subscribe", id: `q${count}`, query: "/Item" })).op).toBe("snapshot");
    expect((await client.ask({ op: "subscribe", id: "q0", query: "/Item" })).problem?.code).toBe("VALIDATION_FAILED");
    expect((await client.ask({ op: "subscribe", id: "more", query: "/Item" })).problem?.code).toBe("OVERLOADED");
    client.close();
  });

  test("rows and fields that a role may not see are in no frame", async () => {
    const client = await SocketClient.open(app.url, bearer("guest"));
    await client.ask({ op: "subscribe", id: "s", query: "/Item" });
    await write("POST", "/Item", [{ id: "CANARY1", secret: "CANARY2" }, { id: "a", open: true, secret: "CANARY3" }]);
    expect((await client.next()).changes).toEqual([{ type: "enter", key: "a", record: { id: "a", open: true, price: 0 } }]);
    await write("PATCH", "/Item/a", { secret: "CANARY4" });
    await write("PATCH", "/Item/a", { open: false, price: 4711 });
    expect((await client.next()).changes).toEqual([{ type: "leave", key: "a" }]);
    await write("PATCH", "/Item/CANARY1", { price: 4711 });
    await Bun.sleep(50);
    expect(/CANARY|4711/.test(JSON.stringify(client.frames.items))).toBe(false);
    client.close();
  });

  test("a hot reload keeps the connection and begins each query anew", async () => {
    await write("POST", "/Item", { id: "a" });
    const client = await SocketClient.open(app.url, bearer("clerk"));
    const events = await EventClient.open(`${app.url}/Item`, bearer("clerk"));
    await events.next();
    await client.ask({ op: "subscribe", id: "s", query: "/Item" });
    expect(await app.running.reload({ typeCheck: false })).toEqual([]);
    expect([await client.next(), await client.next()]).toMatchObject([{ op: "reset", reason: "reload" }, { op: "snapshot", rows: [{ id: "a" }] }]);
    await events.ended();
    await write("POST", "/Item", { id: "b" });
    expect((await client.next()).changes?.[0]).toMatchObject({ type: "enter", key: "b" });
    // What the old app was still at is told by the new one.
    const held = globalThis as { isLateHeld?: boolean };
    held.isLateHeld = true;
    const late = write("POST", "/late");
    await Bun.sleep(50);
    await app.running.reload({ typeCheck: false });
    held.isLateHeld = false;
    expect([(await client.next()).op, (await client.next()).op]).toEqual(["reset", "snapshot"]);
    await late;
    expect((await client.next()).changes?.[0]).toMatchObject({ type: "enter", key: "late" });
    client.close();
  });

  test("no more sockets than permitted; a stop ends calls first, then sockets and streams, at once", async () => {
    const other = await startTestApp({ schema, resources, config: config.replace("authMs", "sockets: 2, authMs") });
    const [client, silent] = [await SocketClient.open(other.url, bearer("clerk")), await SocketClient.open(other.url, bearer("clerk"))];
    await expect(SocketClient.open(other.url, bearer("clerk"))).rejects.toThrow();
    const events = await EventClient.open(`${other.url}/Item`, bearer("clerk"));
    await events.next();
    await client.ask({ op: "subscribe", id: "s", query: "/Item" });
    client.send({ op: "call", id: "c", method: "POST", path: "/Item", body: { id: "last" } });
    await Bun.sleep(20);
    await other.stop();
    await events.ended();
    await Promise.all([client.frames.ended(), silent.frames.ended()]);
    expect([client.closed?.code, silent.closed?.code, client.frames.items.some(({ op, status }) => op === "result" && status === 201)]).toEqual([1001, 1001, true]);
  });

  test("the administrator follows everything, within a tenant where one is named; numbers are in the metrics", async () => {
    const client = await SocketClient.open(app.url, admin);
    await write("POST", "/Item", { id: "a", secret: "s" });
    expect(await client.ask({ op: "subscribe", id: "s", query: "/Item?id=eq.a" })).toMatchObject({ rows: [{ id: "a", secret: "s" }] });
    const metrics = await (await fetch(`${app.url}/metrics`, { headers: admin })).text();
    expect([/^ambit_live_subscriptions [1-9]/m.test(metrics), /^ambit_sockets_open [1-9]/m.test(metrics), /^ambit_live_frames_total [1-9]/m.test(metrics)]).toEqual([true, true, true]);
    client.close();
  });

  test("who reads slowly gets a gap and a snapshot, and memory stays bounded", async () => {
    const text = "x".repeat(20_000);
    const slow = await RawSocket.open(app.port, "key-clerk");
    const frames: Frame[] = [];
    const state = new Rebuilt();
    slow.onFrame = (frame) => {
      frames.push(frame);
      state.apply(frame);
    };
    slow.send({ op: "subscribe", id: "s", query: "/Item" });
    await Bun.sleep(50);
    slow.pause();
    for (let round = 0; round < 60; round++) await write("PUT", `/Item/i${round % 7}`, { price: round, secret: text });
    // More than a socket's buffers hold.
    for (let round = 0; round < 400; round++) await write("PUT", `/Item/i${round % 7}`, { price: 1_000 + round, secret: text });
    slow.resume();
    await comesTrue(() => [...state.rows.values()].some((row) => row["price"] === 1_399));
    expect(frames.some(({ op }) => op === "gap")).toBe(true);
    expect([...state.rows.values()].map((row) => row["price"]).sort()).toEqual([1_393, 1_394, 1_395, 1_396, 1_397, 1_398, 1_399]);
    slow.close();
  });
});
