import { afterEach, expect, test } from "bun:test";
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { ChannelFrame, ChannelSink, ChannelSubscription } from "./channel-frame.ts";
import { administrator, nobody, openApp, refusal, user, type AppOptions, type OpenApp } from "./testing/open-app.ts";
import type { Identity } from "../access/identity.ts";
import { keyOfText } from "./topic.ts";

const BOARD = `
type Board @channel(key: "boardId", presence: true) @export
  @allow(to: ["member"], do: [SUBSCRIBE, PUBLISH])
  @allow(to: ["guest"], do: [SUBSCRIBE], where: "record.boardId == 'lobby' && record.kind == 'NEWS'")
  @allow(to: ["guest"], do: [PUBLISH], where: "record.boardId == 'lobby' && input.kind != 'NEWS'")
  @allow(to: ["owner"], do: [SUBSCRIBE], where: "record.by == auth.subject")
{
  boardId: ID!
  kind: Kind! @default(value: CHAT)
  text: String! @length(max: 20)
  big: Long
  by: ID @createdBy
  at: DateTime @createdTime
}
enum Kind { CHAT NEWS }
type Silent @channel(key: "id") @export { id: ID! }
`;

class Listener implements ChannelSink {
  readonly frames: ChannelFrame[] = [];
  ended: string | null = null;
  take(frame: ChannelFrame): void { this.frames.push(frame); }
  fail(): void { this.ended = "failed"; }
  renew(): void { this.ended = "renewed"; }
  get messages(): Json[] { return this.frames.flatMap((frame) => (frame.op === "message" ? frame.messages.map(({ text }) => JSON.parse(text) as Json) : [])); }
  get texts(): unknown[] { return this.messages.map((message) => (message as { text: Json }).text); }
  get ops(): string[] { return this.frames.map(({ op }) => op); }
}

let app: OpenApp | null = null;
afterEach(async () => { await app?.close(); app = null; });
const open = (options: AppOptions = {}, more = ""): OpenApp => (app = openApp(BOARD + more, options));
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

function listen(on: Pick<OpenApp, "dispatcher">, identity: Identity, key: string | null, { channel = "Board", connection = {} as object | null, resumed = false } = {}): { listener: Listener; subscription: ChannelSubscription } {
  const listener = new Listener();
  const found = app!.catalog.channels.get(channel)!;
  const request = { channel: found, key: key === null ? null : keyOfText(found, key, app!.catalog), connection, resumed };
  return { listener, subscription: on.dispatcher.channels.subscribe(request, app!.access.rights(identity), listener) };
}

const publish = (identity: Identity, key: string | null, input: object): Promise<unknown> => app!.as(identity).send({ kind: "publish", channel: "Board", key, input: input as never });

test("a message is read, filled and told to all who subscribed to its topic, and to nobody else", async () => {
  open();
  const [one, two, other, all] = [listen(app!, user("m1", "member"), "42"), listen(app!, user("m2", "member"), "42"), listen(app!, user("m1", "member"), "7"), listen(app!, user("m1", "member"), null)];
  await publish(user("m1", "member"), "42", { text: "hello", big: "9007199254740993" });
  await turn();
  const told = { boardId: "42", kind: "CHAT", text: "hello", big: "9007199254740993", by: "m1", at: "2026-01-01T00:00:00.000Z" };
  expect(one.listener.messages).toEqual([told]);
  expect(two.listener.messages).toEqual([told]);
  expect(all.listener.messages).toEqual([told]);
  expect(other.listener.messages).toEqual([]);
  // One object for everybody: it is encoded once.
  expect(one.listener.frames.find(({ op }) => op === "message")).toBe(two.listener.frames.find(({ op }) => op === "message")!);
});

test("what is published within a turn comes by one call, in order", async () => {
  open();
  const { listener } = listen(app!, user("m1", "member"), "42");
  await turn();
  for (let index = 0; index < 50; index++) void publish(user("m1", "member"), "42", { text: String(index) });
  await turn();
  expect(listener.ops).toEqual(["snapshot", "message"]);
  expect(listener.texts).toEqual(Array.from({ length: 50 }, (_, index) => String(index)));
});

test("who comes in the midst of a turn gets what is published from then on", async () => {
  open();
  const first = listen(app!, user("m1", "member"), "42");
  void publish(user("m1", "member"), "42", { text: "before" });
  const second = listen(app!, user("m2", "member"), "42");
  void publish(user("m1", "member"), "42", { text: "after" });
  await turn();
  expect(first.listener.texts).toEqual(["before", "after"]);
  expect(second.listener.texts).toEqual(["after"]);
});

test("a message is held to its declaration, as a record's input is", async () => {
  open();
  const as = user("m1", "member");
  expect(await refusal(publish(as, "42", {}))).toMatchObject({ code: "VALIDATION_FAILED", where: "text" });
  expect(await refusal(publish(as, "42", { text: "x".repeat(21) }))).toMatchObject({ code: "VALIDATION_FAILED", details: [{ path: "text", code: "TOO_LONG" }] });
  expect(await refusal(publish(as, "42", { text: "x", color: 1 }))).toMatchObject({ code: "VALIDATION_FAILED", details: [{ path: "color", code: "UNKNOWN_FIELD" }] });
  expect(await refusal(publish(as, "42", { text: "x", by: "m2" }))).toMatchObject({ code: "READ_ONLY_FIELD", where: "by" });
  expect(await refusal(publish(as, "42", { text: "x", boardId: "7" }))).toMatchObject({ code: "VALIDATION_FAILED", where: "boardId" });
  expect(await refusal(publish(as, null, { text: "x" }))).toMatchObject({ code: "VALIDATION_FAILED", details: [{ path: "boardId", code: "REQUIRED" }] });
  expect(await refusal(publish(as, null, { text: "x", boardId: "" }))).toMatchObject({ code: "VALIDATION_FAILED", where: "boardId" });
  expect(await publish(as, null, { text: "x", boardId: "42", by: "m1" })).toMatchObject({ status: 204 });
});

test("rules: default deny, roles, what the topic decides at once and what each message decides", async () => {
  open();
  expect(await refusal(() => listen(app!, nobody, "42"))).toMatchObject({ code: "UNAUTHENTICATED" });
  expect(await refusal(() => listen(app!, user("u"), "42"))).toMatchObject({ code: "FORBIDDEN" });
  expect(await refusal(() => listen(app!, user("m", "member"), "1", { channel: "Silent" }))).toMatchObject({ code: "FORBIDDEN" });
  expect(await refusal(publish(nobody, "lobby", { text: "x" }))).toMatchObject({ code: "UNAUTHENTICATED" });
  // Decided by the key alone.
  expect(await refusal(() => listen(app!, user("g", "guest"), "42"))).toMatchObject({ code: "FORBIDDEN" });
  const { listener: guest } = listen(app!, user("g", "guest"), "lobby");
  const { listener: owner } = listen(app!, user("o", "owner"), "lobby");
  const { listener: everywhere } = listen(app!, user("g", "guest"), null);
  const { listener: whole } = listen(app!, administrator, "lobby");
  await publish(user("m", "member"), "lobby", { text: "secret" });
  await publish(user("m", "member"), "lobby", { text: "open", kind: "NEWS" });
  await publish(user("m", "member"), "42", { text: "elsewhere", kind: "NEWS" });
  await publish(user("o", "member"), "lobby", { text: "mine" });
  await turn();
  expect(guest.texts).toEqual(["open"]);
  expect(everywhere.texts).toEqual(["open"]);
  expect(owner.texts).toEqual(["mine"]);
  expect(whole.texts).toEqual(["secret", "open", "mine"]);
});

test("PUBLISH looks at the message and at what was sent of it", async () => {
  open();
  const { listener } = listen(app!, administrator, "lobby");
  const guest = user("g", "guest");
  expect(await refusal(publish(guest, "42", { text: "x", kind: "CHAT" }))).toMatchObject({ code: "FORBIDDEN" });
  expect(await refusal(publish(guest, "lobby", { text: "x", kind: "NEWS" }))).toMatchObject({ code: "FORBIDDEN" });
  // Nothing sent: unknown, which denies.
  expect(await refusal(publish(guest, "lobby", { text: "x" }))).toMatchObject({ code: "FORBIDDEN" });
  await publish(guest, "lobby", { text: "x", kind: "CHAT" });
  await turn();
  expect(listener.texts).toEqual(["x"]);
});

test("presence: an entry for each connection, gone with its last subscription", async () => {
  open();
  const mine = {};
  const { listener, subscription } = listen(app!, user("m1", "member"), "42", { connection: mine });
  await turn();
  expect(listener.ops).toEqual(["snapshot"]);
  const again = listen(app!, user("m1", "member"), "42", { connection: mine });
  const other = listen(app!, user("m2", "member"), "42");
  subscription.setPresence({ typing: true });
  await turn();
  const rows = JSON.parse((other.listener.frames[0] as { rows: string }).rows) as { connection: string; subject: string; state: Json }[];
  expect(rows.map(({ subject, state }) => ({ subject, state }))).toEqual([{ subject: "m1", state: { typing: true } }, { subject: "m2", state: null }]);
  expect(changesOf(listener)).toEqual([["update", "m1"], ["enter", "m2"]].toSorted());
  again.subscription.close();
  await turn();
  expect(changesOf(other.listener)).toEqual([]);
  subscription.close();
  await turn();
  expect(other.listener.frames.at(-1)).toMatchObject({ op: "change", changes: [{ type: "leave", key: JSON.stringify(rows[0]!.connection) }] });
});

test("who leaves and comes again within a turn has not moved for the others", async () => {
  open();
  const connection = {};
  const { listener } = listen(app!, user("m2", "member"), "42");
  const { subscription } = listen(app!, user("m1", "member"), "42", { connection });
  await turn();
  const before = listener.frames.length;
  subscription.close();
  listen(app!, user("m1", "member"), "42", { connection });
  await turn();
  expect(listener.frames.length).toBe(before);
});

test("bounds of messages, states, entries and subscriptions", async () => {
  open({ limits: { messageBytes: 200, presenceBytes: 10, presenceEntries: 2, channelSubscriptions: 3 } });
  expect(await refusal(publish(user("m1", "member"), "4".repeat(200), { text: "x" }))).toMatchObject({ code: "BODY_TOO_LARGE" });
  const { subscription } = listen(app!, user("m1", "member"), "42");
  expect(await refusal(() => subscription.setPresence("0123456789"))).toMatchObject({ code: "BODY_TOO_LARGE" });
  listen(app!, user("m2", "member"), "42");
  expect(await refusal(() => listen(app!, user("m3", "member"), "42"))).toMatchObject({ code: "OVERLOADED" });
  listen(app!, user("m3", "member"), "43");
  expect(await refusal(() => listen(app!, user("m3", "member"), "44"))).toMatchObject({ code: "OVERLOADED" });
  expect(app!.dispatcher.channels.stats()).toMatchObject({ subscriptions: 3, topics: 2 });
});

test("what nobody follows any more leaves nothing behind", async () => {
  open();
  for (let round = 0; round < 100; round++) listen(app!, user(`u${round}`, "owner"), String(round)).subscription.close();
  await turn();
  expect(app!.dispatcher.channels.stats()).toMatchObject({ subscriptions: 0, topics: 0 });
});

test("who comes again is told that messages may be missing", async () => {
  open();
  const { listener } = listen(app!, user("m1", "member"), "42", { resumed: true });
  await turn();
  expect(listener.ops).toEqual(["gap", "snapshot"]);
});

test("a reload: what was published is delivered, everybody is sent to the next, which also tells what ends here", async () => {
  open();
  const { listener } = listen(app!, user("m1", "member"), "42");
  void publish(user("m1", "member"), "42", { text: "last" });
  const next = app!.reloaded();
  app!.dispatcher.channels.close(next.dispatcher.channels);
  expect(listener.texts).toEqual(["last"]);
  expect(listener.ended).toBe("renewed");
  const { listener: there } = listen(next, user("m1", "member"), "42");
  await publish(user("m1", "member"), "42", { text: "late" });
  await turn();
  expect(there.texts).toEqual(["late"]);
});

test("for whoever asks, a message is stored in the commit with which it is published, or not published at all", async () => {
  open();
  const { listener } = listen(app!, user("m1", "member"), "42");
  const stored: string[] = [];
  const end = app!.dispatcher.channels.onStore({
    wants: ({ key }) => key === "42",
    store(session, { text }) {
      stored.push(text);
      if (text.includes("full")) throw fault("OVERLOADED", "No room.");
      expect(session.now).toBe("2026-01-01T00:00:00.000Z");
    },
  });
  await publish(user("m1", "member"), "42", { text: "kept" });
  expect(await refusal(publish(user("m1", "member"), "42", { text: "full" }))).toMatchObject({ code: "OVERLOADED" });
  await publish(user("m1", "member"), "7", { text: "other" });
  end();
  await publish(user("m1", "member"), "42", { text: "not kept" });
  await turn();
  expect(stored.map((text) => (JSON.parse(text) as { text: string }).text)).toEqual(["kept", "full"]);
  expect(listener.texts).toEqual(["kept", "not kept"]);
});

function changesOf({ frames }: Listener): string[][] {
  return frames.flatMap((frame) => (frame.op === "change" ? frame.changes.map((change) => [change.type, change.type === "leave" ? change.key : (JSON.parse(change.record) as { subject: string }).subject]) : [])).toSorted();
}

test("a subscriber that fails ends alone, and everybody else is told", async () => {
  open();
  const member = user("m1", "member");
  const [before, broken, after, elsewhere] = ["42", "42", "42", "7"].map((key) => listen(app!, member, key));
  await turn();
  broken!.listener.take = () => { throw new TypeError("broken"); };
  for (const text of ["one", "two"]) {
    await publish(member, "42", { text });
    await publish(member, "7", { text });
    await turn();
  }
  expect([before, after, elsewhere].map((one) => one!.listener.texts)).toEqual([["one", "two"], ["one", "two"], ["one", "two"]]);
  expect([broken!.listener.ended, app!.dispatcher.channels.stats().subscriptions]).toEqual(["failed", 3]);
  broken!.subscription.close();
  expect(app!.dispatcher.channels.stats().subscriptions).toBe(3);
});
