// Channels over real sockets: messages, presence, refusals and what nobody may see, over WebSocket, server-sent events, REST and code.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { EventClient, RawSocket, Rebuilt, SocketClient, type Frame } from "./live-clients.ts";
import { adminToken, keysFor, startTestApp, type StartedApp } from "./started-app.ts";
import { comesTrue } from "../processes/waits.ts";

const schema = `
type Board @channel(key: "boardId", presence: true) @export
  @allow(to: ["clerk"], do: [SUBSCRIBE, PUBLISH])
  @allow(to: ["guest"], do: [SUBSCRIBE], where: "record.boardId == 'open' && record.secret == null")
  @allow(to: ["guest"], do: [PUBLISH], where: "record.boardId == 'open'")
{
  boardId: ID!
  text: String! @length(max: 2000)
  secret: String
  by: ID @createdBy
  at: DateTime @createdTime
}
type Feed @channel(key: "number") @export(name: "feeds") @allow(to: ["clerk", "guest"], do: [SUBSCRIBE, PUBLISH]) { number: Int! text: String! }
type Quiet @channel(key: "id") @export(over: [REST]) @allow(to: ["clerk"], do: [SUBSCRIBE, PUBLISH]) { id: ID! }
type Streamed @channel(key: "id") @export(over: [SSE]) @allow(to: ["clerk"], do: [SUBSCRIBE, PUBLISH]) { id: ID! }
type Unseen @channel(key: "id") @export { id: ID! }
type Item @table @export @allow(to: ["clerk"], do: [READ, CREATE]) { id: ID! @primaryKey }
type Endpoints { tell(text: String!): Int! @http(path: "/tell") @allow(to: ["clerk"]) }
`;
const resources = `/// <reference path="./.ambit/types.d.ts" />
import { endpoints } from "ambit";
export const Endpoints = endpoints({ async tell(ctx, { text }) {
  await ctx.publish("Feed/7", { text });
  await ctx.publish("Feed", { number: 7, text: text + "!" });
  if (text === "fail") throw ctx.error(409, "NO", "No.");
  return 1;
} });
`;
const config = `${keysFor("clerk", "guest")}    - { token: key-nobody, subject: nobody, roles: [] }\nlimits: { connectionQueueBytes: 100000, messageBytes: 4000, heartbeatMs: 300, socketCalls: 4 }\n`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, resources, config }); });
afterAll(() => app?.stop());

const bearer = (name: string): Record<string, string> => ({ authorization: `Bearer key-${name}` });
const post = (name: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(app.url + path, { method: "POST", headers: { "content-type": "application/json", ...bearer(name), ...headers }, body: JSON.stringify(body) });

async function subscribed(name: string, query: string, id = "b"): Promise<SocketClient> {
  const client = await SocketClient.open(app.url, bearer(name));
  expect(await client.ask({ op: "subscribe", id, query })).toMatchObject({ op: "snapshot", id });
  return client;
}

async function messagesOf(client: SocketClient, count: number): Promise<unknown[]> {
  const texts: unknown[] = [];
  while (texts.length < count) {
    const frame = await client.next();
    if (frame.op === "message") texts.push(...frame.messages!.map(({ text }) => text));
    else if (frame.op === "error") throw new Error(JSON.stringify(frame));
  }
  return texts;
}

describe("WebSocket", () => {
  test("subscribe, publish, message, unsubscribe", async () => {
    const one = await subscribed("clerk", "/feeds/1");
    const two = await subscribed("guest", "/feeds/1", "other");
    expect(await one.ask({ op: "publish", id: "p1", topic: "feeds/1", message: { text: "hello" } })).toEqual({ op: "result", id: "p1", status: 204 });
    expect(await one.next()).toEqual({ op: "message", id: "b", messages: [{ number: 1, text: "hello" }] });
    expect(await two.next()).toEqual({ op: "message", id: "other", messages: [{ number: 1, text: "hello" }] });
    // Without an id nothing is answered; the key may stand in the message instead.
    one.send({ op: "publish", topic: "feeds", message: { number: 1, text: "again" } });
    expect(await two.next()).toMatchObject({ op: "message", messages: [{ text: "again" }] });
    expect(await two.ask({ op: "unsubscribe", id: "other" })).toEqual({ op: "done", id: "other" });
    one.send({ op: "publish", topic: "feeds/1", message: { text: "unheard" } });
    expect(await two.ask({ op: "subscribe", id: "x", query: "/feeds/2" })).toMatchObject({ op: "snapshot", rows: [] });
    one.close();
    two.close();
  });

  test("a call of POST does the same, and all topics can be followed at once", async () => {
    const all = await subscribed("clerk", "/feeds");
    const caller = await SocketClient.open(app.url, bearer("guest"));
    expect(await caller.ask({ op: "call", id: "c", method: "POST", path: "/feeds/3", body: { text: "by call" } })).toEqual({ op: "result", id: "c", status: 204 });
    await post("clerk", "/feeds", { number: 4, text: "by REST" });
    expect(await messagesOf(all, 2)).toEqual(["by call", "by REST"]);
    all.close();
    caller.close();
  });

  test("what a client sends together arrives whole and in order", async () => {
    const client = await subscribed("clerk", "/feeds/5");
    const sender = await SocketClient.open(app.url, bearer("clerk"));
    for (let index = 0; index < 500; index++) sender.send({ op: "publish", topic: "feeds/5", message: { text: String(index) } });
    expect(await messagesOf(client, 500)).toEqual(Array.from({ length: 500 }, (_, index) => String(index)));
    client.close();
    sender.close();
  });

  test("refusals", async () => {
    const client = await SocketClient.open(app.url, bearer("guest"));
    const refused = async (frame: object): Promise<unknown> => (await client.ask(frame)).problem?.code;
    expect(await refused({ op: "subscribe", id: "a", query: "/Board/closed" })).toBe("FORBIDDEN");
    expect(await refused({ op: "subscribe", id: "a", query: "/Unseen/1" })).toBe("FORBIDDEN");
    expect(await refused({ op: "subscribe", id: "a", query: "/Quiet/1" })).toBe("NOT_FOUND");
    expect(await refused({ op: "subscribe", id: "a", query: "/feeds/one" })).toBe("NOT_FOUND");
    expect(await refused({ op: "subscribe", id: "a", query: "/feeds/1?select=text" })).toBe("VALIDATION_FAILED");
    expect(await refused({ op: "publish", id: "a", topic: "Board/closed", message: { text: "x" } })).toBe("FORBIDDEN");
    expect(await refused({ op: "publish", topic: "Nothing/1", message: { text: "x" } })).toBe("NOT_FOUND");
    expect(await refused({ op: "publish", id: "a", topic: "Quiet/1", message: {} })).toBe("NOT_FOUND");
    expect(await refused({ op: "publish", id: "a", topic: "feeds/1", message: { text: 1 } })).toBe("VALIDATION_FAILED");
    expect(await refused({ op: "publish", id: "a", topic: "feeds/1", message: "text" })).toBe("VALIDATION_FAILED");
    expect(await refused({ op: "publish", id: "a", topic: "feeds/1" })).toBe("VALIDATION_FAILED");
    expect(await refused({ op: "publish", id: "a", topic: "Board/open", message: { text: "x".repeat(1_990), secret: "x".repeat(2_100) } })).toBe("BODY_TOO_LARGE");
    expect(await refused({ op: "presence", id: "a", topic: "Board/open", state: 1 })).toBe("NOT_FOUND");
    expect(await refused({ op: "publish", id: "a", topic: "feeds/1", message: { text: "x" }, more: 1 })).toBe("VALIDATION_FAILED");
    client.close();
    const anonymous = await SocketClient.open(app.url);
    expect((await anonymous.ask({ op: "subscribe", id: "a", query: "/feeds/1" })).problem?.code).toBe("UNAUTHENTICATED");
    expect((await anonymous.ask({ op: "publish", id: "a", topic: "feeds/1", message: { text: "x" } })).problem?.code).toBe("UNAUTHENTICATED");
    anonymous.close();
  });

  test("hostile topics, messages and states are refused or harmless, never a fault", async () => {
    const client = await subscribed("clerk", "/Board/hostile");
    const deep = `${"[".repeat(60)}${"]".repeat(60)}`;
    const topics = ["", "/", "Board", "Board/", "Board//", "Board/a/b", "Board/..", "Board/\u0000", `Board/${"x".repeat(20_000)}`, "__proto__/x", "constructor", "Board/\ud800", "feeds/1e3", "feeds/99999999999", "feeds/ 1", "#", "+/+", "Board/#"];
    const bodies = [`{"text":"x"}`, `{"text":"x","__proto__":{"by":"eve"}}`, `{"text":"x","constructor":1}`, `{"text":{"toString":"x"}}`, `{"text":"\\ud800"}`, `{"text":null}`, "null", "[]", `"x"`, "1e999", `{"text":${deep}}`, `{"text":"x","boardId":{"a":1}}`];
    const raw: string[] = topics.flatMap((topic) => [`{"op":"publish","id":"h","topic":${JSON.stringify(topic)},"message":{"text":"x"}}`, `{"op":"presence","id":"h","topic":${JSON.stringify(topic)},"state":1}`]);
    raw.push(...bodies.map((body) => `{"op":"publish","id":"h","topic":"Board/hostile","message":${body}}`), ...bodies.map((body) => `{"op":"presence","id":"h","topic":"Board/hostile","state":${body}}`));
    const codes = new Set<unknown>();
    for (const text of raw) {
      client.socket.send(text);
      let frame = await client.next();
      while (frame.op === "message" || frame.op === "change") frame = await client.next();
      codes.add(frame.problem?.code ?? frame.status);
      expect(frame.problem?.status ?? 200).toBeLessThan(500);
    }
    expect([...codes].map(String).toSorted()).toEqual(["200", "204", "BODY_TOO_LARGE", "MALFORMED_JSON", "NOT_FOUND", "VALIDATION_FAILED"]);
    const subscribe = async (query: string): Promise<unknown> => {
      client.send({ op: "subscribe", id: "q", query });
      let frame = await client.next();
      while (frame.op === "message" || frame.op === "change") frame = await client.next();
      if (frame.op === "snapshot") await client.ask({ op: "unsubscribe", id: "q" });
      return frame.problem?.code ?? frame.op;
    };
    expect([await subscribe("/Board/"), await subscribe("/Board/a/b"), await subscribe("/Board/%2e%2e"), await subscribe("/Board/%00"), await subscribe("/Board/%ff"), await subscribe(`/Board/${"x".repeat(3_000)}`)])
      .toEqual(["NOT_FOUND", "NOT_FOUND", "snapshot", "MALFORMED_URL", "MALFORMED_URL", "snapshot"]);
    client.close();
  });

  test("what a rule hides from a subscriber never reaches it", async () => {
    const guest = await subscribed("guest", "/Board/open");
    const clerk = await subscribed("clerk", "/Board/open");
    for (let index = 0; index < 20; index++) await post("clerk", "/Board/open", { text: `m${index}`, ...(index % 2 === 0 ? { secret: "canary-5d1f" } : {}) });
    await post("clerk", "/Board/closed", { text: "canary-5d1f" });
    expect(await messagesOf(clerk, 20)).toEqual(Array.from({ length: 20 }, (_, index) => `m${index}`));
    expect(await messagesOf(guest, 10)).toEqual(Array.from({ length: 10 }, (_, index) => `m${2 * index + 1}`));
    expect(JSON.stringify(guest.frames.items)).not.toContain("canary");
    guest.close();
    clerk.close();
  });

  test("somebody else from now on: what they may not follow ends, and their name is the new one", async () => {
    const client = await subscribed("clerk", "/Board/closed");
    const other = await subscribed("clerk", "/feeds/9", "f");
    client.send({ op: "auth", id: "again", token: "key-guest" });
    const frames = [await client.next(), await client.next()];
    expect(frames.map(({ op, problem, id }) => [op, id, problem?.code])).toEqual([["error", "b", "FORBIDDEN"], ["result", "again", undefined]]);
    other.send({ op: "auth", id: "again", token: "key-guest" });
    expect([await other.next(), await other.next(), await other.next()].map(({ op, reason }) => [op, reason])).toEqual([["reset", "rights"], ["snapshot", undefined], ["result", undefined]]);
    client.close();
    other.close();
  });
});

describe("presence", () => {
  test("who is there, with their state, until the connection is gone, however it ends", async () => {
    const watcher = await SocketClient.open(app.url, bearer("clerk"));
    const known = new Rebuilt();
    const follow = async (until: (rows: Frame["rows"]) => boolean): Promise<unknown[]> => {
      while (!until([...known.rows.values()])) known.apply(await watcher.next(), "connection");
      return [...known.rows.values()].map(({ subject, state }) => [subject, state]);
    };
    watcher.send({ op: "subscribe", id: "w", query: "/Board/open" });
    expect(await follow((rows) => rows!.length === 1)).toEqual([["clerk", null]]);
    const guest = await RawSocket.open(app.port, "key-guest");
    guest.send({ op: "subscribe", id: "g", query: "/Board/open" });
    guest.send({ op: "presence", topic: "Board/open", state: { typing: true } });
    expect(await follow((rows) => rows!.some(({ state }) => state !== null))).toEqual([["clerk", null], ["guest", { typing: true }]]);
    // The client is gone without a word.
    guest.close();
    expect(await follow((rows) => rows!.length === 1)).toEqual([["clerk", null]]);
    const other = await subscribed("guest", "/Board/open");
    expect(await other.ask({ op: "presence", id: "p", topic: "Board/open", state: "here" })).toMatchObject({ op: "result", id: "p", status: 200, body: { subject: "guest", state: "here" } });
    await follow((rows) => rows!.length === 2);
    await other.ask({ op: "unsubscribe", id: "b" });
    expect(await follow((rows) => rows!.length === 1)).toEqual([["clerk", null]]);
    other.close();
    watcher.close();
  });

  test("the loss of rights takes the entry away", async () => {
    const watcher = await subscribed("clerk", "/Board/closed");
    const clerk = await subscribed("clerk", "/Board/closed");
    expect(await watcher.next()).toMatchObject({ op: "change", changes: [{ type: "enter" }] });
    clerk.send({ op: "auth", token: "key-guest" });
    expect(await watcher.next()).toMatchObject({ op: "change", changes: [{ type: "leave" }] });
    watcher.close();
    clerk.close();
  });
});

describe("server-sent events and REST", () => {
  test("messages and presence as events, one message in each", async () => {
    const client = await EventClient.open(`${app.url}/Board/events`, bearer("clerk"));
    expect(client.response.status).toBe(200);
    expect(await client.next()).toMatchObject({ event: "snapshot", data: { op: "snapshot", rows: [{ subject: "clerk", state: null }] } });
    expect((await post("clerk", "/Board/events", { text: "one" })).status).toBe(204);
    expect(await client.next()).toMatchObject({ event: "message", id: null, data: { boardId: "events", text: "one", secret: null, by: "clerk" } });
    const again = await EventClient.open(`${app.url}/Board/events`, { ...bearer("clerk"), "last-event-id": client.lastId! });
    expect((await again.next()).event).toBe("gap");
    expect(await again.next()).toMatchObject({ event: "snapshot" });
    expect(await client.next()).toMatchObject({ event: "enter", data: { op: "change" } });
    again.close();
    expect(await client.next()).toMatchObject({ event: "leave", data: { op: "change" } });
    client.close();
  });

  test("methods, media types, who may, and what is not exported", async () => {
    const status = async (name: string, method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<unknown[]> => {
      const response = await fetch(app.url + path, { method, headers: { ...bearer(name), ...headers }, ...(body === undefined ? {} : { body }) });
      const problem = response.status >= 400 ? await response.json() as { code: string } : null;
      if (problem === null) await response.body?.cancel();
      return [response.status, problem?.code ?? null];
    };
    const events = { accept: "text/event-stream" };
    const json = { "content-type": "application/json" };
    expect(await status("clerk", "GET", "/Board/1")).toEqual([406, "NOT_ACCEPTABLE"]);
    expect(await status("clerk", "PUT", "/Board/1", json, "{}")).toEqual([405, "METHOD_NOT_ALLOWED"]);
    expect(await status("clerk", "GET", "/Quiet/1", events)).toEqual([405, "METHOD_NOT_ALLOWED"]);
    expect(await status("clerk", "POST", "/Streamed/1", json, "{}")).toEqual([405, "METHOD_NOT_ALLOWED"]);
    expect(await status("clerk", "GET", "/Streamed/1", events)).toEqual([200, null]);
    expect(await status("clerk", "POST", "/Board/1/2", json, "{}")).toEqual([404, "NOT_FOUND"]);
    expect(await status("nobody", "GET", "/Board/1", events)).toEqual([403, "FORBIDDEN"]);
    expect(await status("guest", "GET", "/Board/1", events)).toEqual([403, "FORBIDDEN"]);
    expect(await status("nobody", "POST", "/Board/1", json, `{"text":"x"}`)).toEqual([403, "FORBIDDEN"]);
    expect(await status("guest", "POST", "/Board/1", json, `{"text":"x"}`)).toEqual([403, "FORBIDDEN"]);
    expect(await status("clerk", "POST", "/Board/1", json, `[{"text":"x"}]`)).toEqual([400, "VALIDATION_FAILED"]);
    expect(await status("clerk", "POST", "/Board/1", { "content-type": "text/csv" }, "text\nx")).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
    expect(await status("clerk", "POST", "/Board/1", json, `{"text":"x","unknown":1}`)).toEqual([400, "VALIDATION_FAILED"]);
  });

  test("in a batch: with the rest, or not at all", async () => {
    const client = await subscribed("clerk", "/feeds/8");
    const batch = (text: string, id: string): Promise<Response> => post("clerk", "/batch", { operations: [
      { method: "POST", path: "/feeds/8", body: { text } }, { method: "POST", path: "/Item", body: { id } },
    ] });
    expect((await batch("first", "i1")).status).toBe(200);
    expect((await batch("twice", "i1")).status).toBe(409);
    expect((await batch("last", "i2")).status).toBe(200);
    expect(await messagesOf(client, 2)).toEqual(["first", "last"]);
    client.close();
  });
});

test("code publishes with its transaction", async () => {
  const client = await subscribed("guest", "/feeds/7");
  expect((await post("clerk", "/tell", { text: "fail" })).status).toBe(409);
  expect((await post("clerk", "/tell", { text: "well" })).status).toBe(200);
  expect(await messagesOf(client, 2)).toEqual(["well", "well!"]);
  client.close();
});

test("who reads too slowly is left behind: gap and snapshot, and then on from there", async () => {
  const slow = await RawSocket.open(app.port, "key-clerk");
  const ops: string[] = [];
  const texts: unknown[] = [];
  let heard = (): void => {};
  slow.onFrame = (frame) => {
    if (ops.at(-1) !== frame.op) ops.push(frame.op);
    for (const { text } of frame.messages ?? []) texts.push(text);
    heard();
  };
  const until = async (is: () => boolean): Promise<void> => { while (!is()) await new Promise<void>((resolve) => { heard = resolve; }); };
  slow.send({ op: "subscribe", id: "s", query: "/feeds/6" });
  await until(() => ops.includes("snapshot"));
  slow.pause();
  const sender = await SocketClient.open(app.url, bearer("clerk"));
  for (let index = 0; index < 6_000; index++) {
    const frame = { op: "publish", id: String(index), topic: "feeds/6", message: { text: `${index} ${"x".repeat(3_000)}` } };
    if (index % 20 === 19) await sender.ask(frame);
    else sender.send({ ...frame, id: undefined });
  }
  slow.resume();
  await until(() => ops.includes("gap") && ops.at(-1) === "snapshot");
  await sender.ask({ op: "publish", id: "end", topic: "feeds/6", message: { text: "end" } });
  await until(() => texts.at(-1) === "end");
  expect(ops).toEqual(["snapshot", "message", "gap", "snapshot", "message"]);
  expect(texts.length).toBeLessThan(6_000);
  const numbers = texts.slice(0, -1).map((text) => Number(String(text).split(" ")[0]));
  expect(numbers).toEqual(numbers.map((_, index) => index));
  slow.close();
  sender.close();
}, 120_000);

test("a reload keeps the socket and what it shows of itself; it says that messages may be missing", async () => {
  const watcher = await subscribed("clerk", "/Board/reload");
  const client = await subscribed("clerk", "/Board/reload");
  expect(await client.ask({ op: "presence", id: "p", topic: "Board/reload", state: 5 })).toMatchObject({ status: 200 });
  await app.running.reload({ typeCheck: false });
  const seen: Frame[] = [];
  while (seen.at(-1)?.op !== "snapshot" || seen.at(-1)!.rows!.length < 2) seen.push(await watcher.next());
  expect(seen.some(({ op, reason }) => op === "reset" && reason === "reload")).toBe(true);
  expect(seen.at(-1)!.rows!.map(({ state }) => state).toSorted()).toEqual([5, null]);
  await post("clerk", "/Board/reload", { text: "after" });
  expect(await messagesOf(client, 1)).toEqual(["after"]);
  watcher.close();
  client.close();
});

test("metrics count topics and what was told on them", async () => {
  const client = await subscribed("clerk", "/feeds/99");
  await post("clerk", "/feeds/99", { text: "counted" });
  expect(await messagesOf(client, 1)).toEqual(["counted"]);
  const text = await (await fetch(`${app.url}/metrics`, { headers: { authorization: `Bearer ${adminToken}` } })).text();
  const value = (name: string): number => Number(new RegExp(`^ambit_channels_${name} (\\d+)`, "m").exec(text)?.[1]);
  expect([value("subscriptions"), value("topics")].every((count) => count >= 1)).toBe(true);
  expect(value("delivered_total")).toBeGreaterThan(value("published_total") / 2);
  client.close();
});

test("nothing is left behind when all have gone", async () => {
  const { channels } = app.running;
  await comesTrue(() => channels.stats().subscriptions === 0);
  expect(channels.stats()).toMatchObject({ subscriptions: 0, topics: 0 });
});
