// Rows that are followed: told by what has moved, equal sources once, a window that is refilled, ends.
import { beforeEach, expect, test } from "bun:test";
import { anonymousIdentity, subjectIdentity } from "../access/identities.ts";
import { AmbitError } from "../base/error.ts";
import { FollowedRows, oneRow, type RowsFollower, type RowsSource } from "./followed-rows.ts";
import type { LiveFrame, LiveSink } from "./live-frame.ts";

let rows: Map<string, string>;
let reads: string[];
let hub: FollowedRows;
beforeEach(() => {
  rows = new Map([["a", "1"], ["b", "2"]]);
  reads = [];
  hub = made();
});

const made = (): FollowedRows => new FollowedRows({ limits: { rowFollowers: 3, rowFollowersOfSubject: 2 } });
const textOf = (key: string): string => `{"id":"${key}","value":${rows.get(key)!}}`;
const source = (rowsMax = 10, name = "all"): RowsSource => ({
  topic: "things", name, rowsMax, newest: "last",
  page() {
    reads.push("page");
    return [...rows.keys()].slice(0, rowsMax).map((key) => ({ key, text: textOf(key) }));
  },
  row(key) {
    reads.push(key);
    return rows.has(key) ? textOf(key) : null;
  },
});

class Client implements LiveSink {
  readonly told: string[] = [];
  readonly frames: LiveFrame[] = [];
  take(frame: LiveFrame): void {
    this.frames.push(frame);
    this.told.push(frame.op === "snapshot" ? `snapshot ${frame.rows}` : frame.op === "change" ? frame.changes.map((change) => `${change.type} ${change.key}`).join(", ") : frame.op === "reset" ? `reset ${frame.reason}` : frame.op);
  }
  fail(): void { this.told.push("failed"); }
  renew(): void { this.told.push("renewed"); }
}

let subjects = 0;
/** As somebody else each time. */
const follow = (client: Client, asked = source(), more: Partial<RowsFollower> = {}, from = hub): ReturnType<FollowedRows["follow"]> =>
  from.follow(asked, { identity: who(String(++subjects)), sink: client, since: null, reset: null, ...more });
const who = (subject: string): RowsFollower["identity"] => subjectIdentity({ subject, roles: [], tenant: null });
const positionOf = (client: Client): string => (client.frames.at(-1) as { position: string }).position;
const moved = (...keys: string[]): void => hub.changed("things", () => keys);

test("a snapshot, then what differs, and nothing for what does not", () => {
  const client = new Client();
  follow(client);
  rows.set("c", "3").set("a", "9").delete("b");
  moved("a", "b", "c", "d");
  moved("a", "b", "c", "d");
  expect(client.told).toEqual(['snapshot [{"id":"a","value":1},{"id":"b","value":2}]', 'update "a", leave "b", enter "c"']);
  expect(client.frames[1]).toMatchObject({ changes: [{ type: "update", key: '"a"', record: '{"id":"a","value":9}' }, { type: "leave" }, { type: "enter" }] });
});

test("equal sources are read once and told by the same frame; who comes later begins with what there is by then", () => {
  const [first, second, other] = [new Client(), new Client(), new Client()];
  follow(first);
  follow(other, source(10, "other"));
  rows.set("c", "3");
  moved("c");
  follow(second);
  reads.length = 0;
  rows.set("c", "4");
  moved("c");
  expect(reads).toEqual(["c", "c"]);
  expect(first.frames.at(-1)).toBe(second.frames.at(-1)!);
  expect(first.frames.at(-1)).not.toBe(other.frames.at(-1)!);
  expect(second.told).toEqual(['snapshot [{"id":"a","value":1},{"id":"b","value":2},{"id":"c","value":3}]', 'update "c"']);
});

test("of more rows than are shown another takes the place of one that goes; what comes behind them is not read", () => {
  const client = new Client();
  rows.set("c", "3");
  follow(client, source(2));
  reads.length = 0;
  rows.set("d", "4");
  moved("d");
  expect(reads).toEqual([]);
  rows.delete("a");
  moved("a");
  expect(client.told.slice(1)).toEqual(['leave "a", enter "c"']);
});

test("what has moved and is not said yet is told with the snapshot of whoever comes, and not again when it is said", () => {
  const [first, second] = [new Client(), new Client()];
  follow(first);
  rows.set("c", "3");
  follow(second);
  moved("c");
  expect(first.told.slice(1)).toEqual(['enter "c"']);
  expect(second.told).toEqual(['snapshot [{"id":"a","value":1},{"id":"b","value":2},{"id":"c","value":3}]']);
});

test("no more rows than the most are told, however many come at once", () => {
  const client = new Client();
  follow(client, source(3));
  rows.set("c", "3").set("d", "4");
  moved("c", "d");
  expect(client.told.slice(1)).toEqual(['enter "c"']);
});

test("where nobody follows nothing is asked; whoever has left hears nothing; a client that was slow has all rows again", () => {
  hub.changed("things", () => { throw new Error("nobody asks"); });
  const client = new Client();
  const following = follow(client);
  rows.delete("a");
  following.snapshot();
  following.close();
  following.close();
  following.snapshot();
  moved("a");
  expect(client.told.slice(1)).toEqual(['leave "a"', 'snapshot [{"id":"b","value":2}]']);
});

test("no more than the limit; a source that cannot be read takes no place", () => {
  const followed = [new Client(), new Client(), new Client()].map((client) => follow(client));
  expect(() => follow(new Client())).toThrow(AmbitError);
  followed[0]!.close();
  expect(() => follow(new Client(), { ...source(), name: "broken", page: () => { throw new Error("broken"); } })).toThrow("broken");
  expect(follow(new Client())).toBeDefined();
});

test("nor than those of one subject, who does not keep others out; all who are not signed in are one", () => {
  const mine = [new Client(), new Client()].map((client) => follow(client, source(), { identity: who("me") }));
  expect(() => follow(new Client(), source(), { identity: who("me") })).toThrow("You follow too many");
  const other = follow(new Client(), source(), { identity: who("you") });
  expect(() => follow(new Client(), source(), { identity: who("you") })).toThrow("Too many");
  for (const one of [...mine, other]) one.close();
  const nobodys = [new Client(), new Client()].map((client) => follow(client, source(), { identity: anonymousIdentity }));
  expect(() => follow(new Client(), source(), { identity: anonymousIdentity })).toThrow("You follow too many");
  nobodys[0]!.close();
  nobodys[0]!.close();
  expect(follow(new Client(), source(), { identity: anonymousIdentity })).toBeDefined();
  expect(() => follow(new Client(), source(), { identity: anonymousIdentity })).toThrow("You follow too many");
});

test("who comes again with the position of what is there goes on, in another process too; with another one begins anew and is told why", () => {
  const client = new Client();
  follow(client).close();
  const position = positionOf(client);
  const [same, elsewhere, other, changed, nothing] = [new Client(), new Client(), new Client(), new Client(), new Client()];
  follow(same, source(), { since: position }).close();
  expect(same.frames).toMatchObject([{ op: "change", position, changes: [] }]);
  follow(elsewhere, source(), { since: position }, made()).close();
  expect(elsewhere.frames).toMatchObject([{ op: "change", position, changes: [] }]);
  follow(other, source(10, "other"), { since: position }).close();
  follow(nothing, source(), { since: "none" }).close();
  for (const one of [other, nothing]) expect(one.told).toEqual(["reset query", 'snapshot [{"id":"a","value":1},{"id":"b","value":2}]']);
  rows.set("a", "9");
  follow(changed, source(), { since: position }).close();
  expect(changed.told[0]).toBe("reset changed");
  expect(changed.told[1]).toStartWith('snapshot [{"id":"a","value":9}');
});

test("a position is that of what was told: by change or at once, it is the same", () => {
  const [slow, late] = [new Client(), new Client()];
  follow(slow);
  rows.set("c", "3");
  moved("c");
  rows.set("a", "7");
  moved("a");
  follow(late);
  expect(positionOf(late)).toBe(positionOf(slow));
});

test("where the newest stand first, one that comes takes the place of the oldest, also where several come at once; what is behind is no news", () => {
  const client = new Client();
  const newestFirst: RowsSource = { ...source(2), newest: "first", page: () => [...rows.keys()].reverse().slice(0, 2).map((key) => ({ key, text: textOf(key) })) };
  rows.delete("b");
  follow(client, newestFirst);
  rows.set("c", "3").set("d", "4");
  moved("c", "d");
  rows.set("a", "9");
  moved("a");
  rows.set("e", "5");
  moved("e");
  rows.delete("e");
  moved("e");
  expect(client.told.slice(1)).toEqual(['leave "a", enter "d", enter "c"', 'leave "c", enter "e"', 'leave "e", enter "c"']);
});

test("one row alone: there, another, gone", () => {
  const client = new Client();
  follow(client, oneRow("c", { topic: "things", name: "c", text: () => (rows.has("c") ? textOf("c") : null) }));
  rows.set("c", "3").set("d", "4");
  moved("c", "d");
  rows.delete("c");
  moved("c");
  expect(client.told).toEqual(["snapshot []", 'enter "c"', 'leave "c"']);
});

test("what can be read no more begins anew, alone", () => {
  const [broken, well] = [new Client(), new Client()];
  follow(broken, { ...source(), name: "broken", row: () => { throw new Error("gone"); } });
  follow(well);
  rows.set("c", "3");
  moved("c");
  expect([broken.told.slice(1), well.told.slice(1)]).toEqual([["renewed"], ['enter "c"']]);
});

test("handed over, whoever follows comes again, and what moves here is told there", () => {
  const [before, after] = [new Client(), new Client()];
  follow(before);
  const next = made();
  hub.handOver(() => next);
  expect(before.told.slice(1)).toEqual(["renewed"]);
  expect(() => follow(new Client())).toThrow("being replaced");
  expect(follow(after, source(), { reset: "reload" }, next)).toBeDefined();
  rows.set("c", "3");
  moved("c");
  expect(after.told).toEqual(["reset reload", 'snapshot [{"id":"a","value":1},{"id":"b","value":2}]', 'enter "c"']);
});
