// Channels over GraphQL: publishing, following a topic or all of them, presence, rules, transactions, reloads; with the client graphql-ws and events.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createClient } from "graphql-ws";
import { within } from "../processes/app-process.ts";
import { keysFor, startTestApp, type StartedApp } from "./started-app.ts";
import { comesTrue, WAIT_MS } from "../processes/waits.ts";

const schema = `
enum Mood { GOOD BAD }
"""What is said in a room."""
type Room @channel(key: "roomId", presence: true) @export
  @allow(to: ["clerk", "guest"], do: [SUBSCRIBE], where: "record.mood == 'GOOD' || record.by == auth.subject") @allow(to: ["clerk", "guest"], do: [PUBLISH]) {
  roomId: ID!
  text: String! @length(min: 1, max: 20)
  mood: Mood! @default(value: GOOD)
  by: ID @createdBy
}
type Ticks @channel(key: "number") @export @allow(to: ["clerk"], do: [SUBSCRIBE, PUBLISH]) { number: Int! value: Long }
type Quiet @channel(key: "id") @export(over: [REST]) @allow(to: ["clerk"], do: [SUBSCRIBE, PUBLISH]) { id: ID! }
type RoomEvent @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey }`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, config: keysFor("clerk", "guest", "other") }); });
afterAll(() => app?.stop());

interface Result { readonly data: Readonly<Record<string, unknown>> | null; readonly errors?: readonly { readonly extensions: { readonly code: string } }[] }

async function ask(query: string, role = "clerk"): Promise<Result> {
  const response = await fetch(`${app.url}/graphql`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer key-${role}` }, body: JSON.stringify({ query }) });
  return await response.json() as Result;
}

/** The events of one subscription over a connection of its own. */
function following(query: string, role = "clerk"): { next(): Promise<unknown>; stop(): Promise<void> } {
  const client = createClient({ url: `${app.url.replace("http", "ws")}/graphql`, connectionParams: { authorization: `Bearer key-${role}` }, retryAttempts: 0 });
  const events = client.iterate({ query });
  return {
    async next() {
      const { value } = await within(WAIT_MS, "the next event", events.next());
      return Object.values((value as { data: object }).data)[0];
    },
    async stop() {
      await events.return?.();
      await client.dispose();
    },
  };
}

const publish = (roomId: string, text: string, more = "", role = "clerk"): Promise<Result> => ask(`mutation { publishRoom(input: { roomId: "${roomId}", text: "${text}" ${more} }) }`, role);

test("who follows a topic hears who is there and what is said, as selected", async () => {
  const events = following("subscription { room(roomId: \"a\") { op position messages { __typename said: text mood by } rows { subject state } changes { type record { subject } } } }");
  expect(await events.next()).toMatchObject({ op: "SNAPSHOT", messages: null, rows: [{ subject: "clerk", state: null }], changes: null });
  const other = following("subscription { room(roomId: \"a\") { op } }", "guest");
  expect(await other.next()).toEqual({ op: "SNAPSHOT" });
  expect(await events.next()).toMatchObject({ op: "CHANGE", rows: null, changes: [{ type: "ENTER", record: { subject: "guest" } }] });
  expect(await publish("a", "hello")).toEqual({ data: { publishRoom: true } });
  expect(await events.next()).toEqual({ op: "MESSAGE", position: null, messages: [{ __typename: "Room", said: "hello", mood: "GOOD", by: "clerk" }], rows: null, changes: null });
  expect(await other.next()).toEqual({ op: "MESSAGE" });
  await other.stop();
  expect(await events.next()).toMatchObject({ op: "CHANGE", changes: [{ type: "LEAVE", record: null }] });
  await events.stop();
});

test("all topics of a channel; keys and values of their types", async () => {
  const events = following("subscription { ticks { op messages { number value } } }");
  expect(await events.next()).toEqual({ op: "SNAPSHOT", messages: null });
  await ask("mutation { a: publishTicks(input: { number: 1, value: 9007199254740993 }) b: publishTicks(input: { number: 2 }) }");
  const told: unknown[] = [];
  while (told.length < 2) told.push(...((await events.next()) as { messages: unknown[] }).messages);
  expect(told).toEqual([{ number: 1, value: "9007199254740993" }, { number: 2, value: null }]);
  await events.stop();
});

test("a rule over the message decides who hears it", async () => {
  const [clerk, guest] = [following("subscription { room(roomId: \"r\") { op messages { text } } }"), following("subscription { room(roomId: \"r\") { op messages { text } } }", "guest")];
  await clerk.next();
  await guest.next();
  await publish("r", "secret", "mood: BAD");
  await publish("r", "open");
  const heard = async (events: typeof clerk): Promise<string> => {
    for (;;) {
      const { messages } = await events.next() as { messages: { text: string }[] | null };
      if (messages !== null && messages.some(({ text }) => text === "open")) return messages.map(({ text }) => text).join();
      if (messages !== null) return `${messages.map(({ text }) => text).join()},${await heard(events)}`;
    }
  };
  expect([await heard(clerk), await heard(guest)]).toEqual(["secret,open", "open"]);
  await Promise.all([clerk.stop(), guest.stop()]);
});

test("what is wrong, and what is not for the caller", async () => {
  const codeOf = async (query: string, role?: string): Promise<string | undefined> => (await ask(query, role)).errors?.[0]?.extensions.code;
  expect(await codeOf("mutation { publishRoom(input: { roomId: \"a\", text: \"\" }) }")).toBe("VALIDATION_FAILED");
  expect(await codeOf("mutation { publishRoom(input: { roomId: \"a\", text: \"x\", by: \"guest\" }) }")).toBe("INVALID_DOCUMENT");
  expect(await codeOf("mutation { publishQuiet(input: { id: \"a\" }) }")).toBe("INVALID_DOCUMENT");
  expect(await codeOf("mutation { publishTicks(input: { number: 1 }) }", "guest")).toBe("INVALID_DOCUMENT");
  expect(await codeOf("subscription { ticks { op } }", "guest")).toBe("INVALID_DOCUMENT");
  expect(await codeOf("{ room { op } }")).toBe("INVALID_DOCUMENT");
  const types = (await ask("{ event: __type(name: \"RoomEvent\") { fields { name } } told: __type(name: \"RoomEvent_\") { fields { name } } input: __type(name: \"RoomInput\") { inputFields { name type { kind } } } }")).data as Record<string, { fields: { name: string }[]; inputFields: unknown }>;
  expect(types["event"]!.fields.map(({ name }) => name)).toEqual(["id"]);
  expect(types["told"]!.fields.map(({ name }) => name)).toEqual(["op", "position", "reason", "messages", "rows", "changes"]);
  expect(types["input"]!.inputFields).toEqual([{ name: "roomId", type: { kind: "NON_NULL" } }, { name: "text", type: { kind: "NON_NULL" } }, { name: "mood", type: { kind: "ENUM" } }]);
});

test("what a transaction publishes is told if it commits, and only then", async () => {
  const events = following("subscription { ticks(number: 9) { op messages { value } } }");
  await events.next();
  const failed = await ask("mutation @transaction { a: publishTicks(input: { number: 9, value: 1 }) b: publishTicks(input: { number: 9, value: \"none\" }) }");
  expect([failed.data, failed.errors?.[0]?.extensions.code]).toEqual([null, "VALIDATION_FAILED"]);
  expect(await ask("mutation @transaction { a: publishTicks(input: { number: 9, value: 2 }) b: publishTicks(input: { number: 9, value: 3 }) }")).toEqual({ data: { a: true, b: true } });
  expect(await events.next()).toEqual({ op: "MESSAGE", messages: [{ value: "2" }, { value: "3" }] });
  await events.stop();
});

test("as events, and again after a reload with a sign that messages may have been missed", async () => {
  const events = following("subscription { ticks(number: 5) { op reason messages { value } } }");
  expect(await events.next()).toMatchObject({ op: "SNAPSHOT" });
  const response = await fetch(`${app.url}/graphql`, { method: "POST", headers: { "content-type": "application/json", accept: "text/event-stream", authorization: "Bearer key-clerk" }, body: JSON.stringify({ query: "subscription { ticks(number: 5, since: \"earlier\") { op messages { value } } }" }) });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const told = async (word: string): Promise<void> => { while (!text.includes(word)) text += (await within(WAIT_MS, word, reader.read())).value ?? ""; };
  await told("\"op\":\"GAP\"");
  await told("SNAPSHOT");
  await ask("mutation { publishTicks(input: { number: 5, value: 1 }) }");
  await told("event: next\ndata: {\"data\":{\"ticks\":{\"op\":\"MESSAGE\",\"messages\":[{\"value\":\"1\"}]}}}\n\n");
  expect(await events.next()).toMatchObject({ op: "MESSAGE", messages: [{ value: "1" }] });
  await reader.cancel();
  expect(await app.running.reload({ typeCheck: false })).toEqual([]);
  expect([await events.next(), await events.next()]).toMatchObject([{ op: "RESET", reason: "reload" }, { op: "SNAPSHOT" }]);
  await ask("mutation { publishTicks(input: { number: 5, value: 2 }) }");
  expect(await events.next()).toMatchObject({ op: "MESSAGE", messages: [{ value: "2" }] });
  await events.stop();
  await comesTrue(() => app.running.channels.stats().subscriptions === 0);
  expect(app.running.channels.stats()).toMatchObject({ subscriptions: 0, topics: 0 });
});
