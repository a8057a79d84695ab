// Rows that are followed: told by what has moved, equal sources once, a window that is refilled, ends.
import { beforeEach, expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { fakeClock } from "../base/clock.ts";
import { systemRandom } from "../base/random.ts";
import { FollowedRows, type RowsSource } from "./followed-rows.ts";
import type { LiveFrame, LiveSink } from "./live-frame.ts";

let rows: Map<string, string>;
let reads: string[];
let hub: FollowedRows;
beforeEach(() => {
  rows = new Map([["a", "1"], ["b", "2"]]);
  reads = [];
  hub = made();
});

const made = (): FollowedRows => new FollowedRows({ clock: fakeClock(), random: systemRandom(), limits: { rowFollowers: 3 } });
const textOf = (key: string): string => `{"id":"${key}","value":${rows.get(key)!}}`;
const source = (rowsMax = 10, name = "all"): RowsSource => ({
  topic: "things", name, rowsMax,
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

const follow = (client: Client, asked = source(), from = hub): ReturnType<FollowedRows["follow"]> => from.follow(asked, client, null);
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
  expect(next.follow(source(), after, "reload")).toBeDefined();
  rows.set("c", "3");
  moved("c");
  expect(after.told).toEqual(["reset reload", 'snapshot [{"id":"a","value":1},{"id":"b","value":2}]', 'enter "c"']);
});
