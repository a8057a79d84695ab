// The same publications through each interface: told to the same subscribers in the same words, or refused with the same code.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { EventClient, SocketClient } from "./live-clients.ts";
import { keysFor, startTestApp, type StartedApp } from "./started-app.ts";

const schema = `
type Room @channel(key: "name") @export(name: "rooms")
  @allow(to: ["host"], do: [SUBSCRIBE, PUBLISH])
  @allow(to: ["guest"], do: [SUBSCRIBE], where: "record.mood == 'CALM'")
  @allow(to: ["guest"], do: [PUBLISH], where: "record.name == 'hall' && record.by == auth.subject")
{
  name: Name!
  text: String! @length(min: 1, max: 10) @pattern(regex: "^[a-z]+$")
  mood: Mood! @default(value: CALM)
  big: Long @range(min: "0")
  inner: Inner
  by: ID @createdBy
}
enum Mood { CALM LOUD }
enum Name { hall attic }
type Inner { words: [String!]! }
type Item @table @export @allow(to: ["host"], do: [READ]) { id: ID! @primaryKey }
`;

interface Row { readonly who: string | null; readonly key: string; readonly input: Record<string, unknown>; readonly code: string | null; readonly guestHears?: boolean }

const rows: readonly Row[] = [
  { who: "host", key: "hall", input: { text: "hello" }, code: null, guestHears: true },
  { who: "host", key: "hall", input: { text: "psst", mood: "LOUD" }, code: null, guestHears: false },
  { who: "host", key: "attic", input: { text: "up" }, code: null },
  { who: "host", key: "hall", input: { text: "all", mood: "CALM", big: "9007199254740993", inner: { words: ["a", "b"] } }, code: null, guestHears: true },
  { who: "guest", key: "hall", input: { text: "mine" }, code: null, guestHears: true },
  { who: "guest", key: "attic", input: { text: "up" }, code: "FORBIDDEN" },
  { who: null, key: "hall", input: { text: "x" }, code: "UNAUTHENTICATED" },
  { who: "stranger", key: "hall", input: { text: "x" }, code: "FORBIDDEN" },
  { who: "host", key: "hall", input: { text: "" }, code: "VALIDATION_FAILED" },
  { who: "host", key: "hall", input: { text: "UPPER" }, code: "VALIDATION_FAILED" },
  { who: "host", key: "hall", input: { text: "x", big: "-1" }, code: "VALIDATION_FAILED" },
];

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, config: keysFor("host", "guest", "stranger") }); });
afterAll(() => app?.stop());

const tokenOf = (who: string | null): Record<string, string> => (who === null ? {} : { authorization: `Bearer key-${who}` });

/** Answers the code of a refusal; null: it was published. */
type Publish = (row: Row) => Promise<string | null>;

async function send(path: string, who: string | null, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(app.url + path, { method: "POST", headers: { "content-type": "application/json", ...tokenOf(who) }, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) as Record<string, unknown> };
}

async function overSocket(who: string | null, frame: object): Promise<string | null> {
  const client = await SocketClient.open(app.url, tokenOf(who));
  const answer = await client.ask(frame);
  client.close();
  return answer.problem?.code ?? (answer.status === 204 ? null : (answer.body as { code: string }).code);
}

const interfaces: Readonly<Record<string, Publish>> = {
  "REST, by the path": async ({ who, key, input }) => (await send(`/rooms/${key}`, who, input)).body["code"] as string ?? null,
  "REST, by the message": async ({ who, key, input }) => (await send("/rooms", who, { ...input, name: key })).body["code"] as string ?? null,
  "a batch": async ({ who, key, input }) => (await send("/batch", who, { operations: [{ method: "POST", path: `/rooms/${key}`, body: input }] })).body["code"] as string ?? null,
  "WebSocket": ({ who, key, input }) => overSocket(who, { op: "publish", id: "p", topic: `rooms/${key}`, message: input }),
  "WebSocket, by a call": ({ who, key, input }) => overSocket(who, { op: "call", id: "c", method: "POST", path: `/rooms/${key}`, body: input }),
  async GraphQL({ who, key, input }) {
    const { body } = await send("/graphql", who, { query: "mutation ($input: RoomInput!) { publishRoom(input: $input) }", variables: { input: { ...input, name: key } } });
    const [error] = (body["errors"] ?? []) as { extensions: { code: string } }[];
    return error?.extensions.code ?? null;
  },
};

for (const [name, publish] of Object.entries(interfaces)) {
  test(`over ${name}`, async () => {
    const host = await SocketClient.open(app.url, tokenOf("host"));
    const guest = await SocketClient.open(app.url, tokenOf("guest"));
    for (const client of [host, guest]) expect(await client.ask({ op: "subscribe", id: "s", query: "/rooms/hall" })).toMatchObject({ op: "snapshot" });
    const stream = await EventClient.open(`${app.url}/rooms`, tokenOf("host"));
    expect((await stream.next()).event).toBe("snapshot");
    for (const row of rows) {
      const { who, key, input, guestHears } = row;
      // Who may call nothing of it does not see the mutation.
      const code = row.code !== null && name === "GraphQL" && (who === null || who === "stranger") ? expect.any(String) : row.code;
      expect([row, await publish(row)]).toEqual([row, code]);
      if (row.code !== null) continue;
      const told = { name: key, mood: "CALM", big: null, inner: null, by: who, ...input };
      expect((await stream.next()).data as unknown).toEqual(told);
      if (guestHears !== undefined) expect((await host.next()).messages).toEqual([told]);
      if (guestHears === true) expect((await guest.next()).messages).toEqual([told]);
    }
    const heard = guest.frames.items.flatMap(({ messages = [] }) => messages.map(({ text }) => text));
    expect(heard).toEqual(rows.filter((row) => row.guestHears === true).map(({ input }) => input["text"]));
    for (const client of [host, guest, stream]) client.close();
  });
}
