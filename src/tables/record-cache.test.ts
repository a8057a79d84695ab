// The cache of hot records by itself: what it finds again, what it forgets, and that it counts its bytes right in any order of events.
import { expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import type { StoredRow } from "../storage/record-codec.ts";
import { RecordCache } from "./record-cache.ts";
import type { RecordShape } from "./record-text.ts";

const name: RecordShape = { write: ({ name: value }) => JSON.stringify(value) };
const hidden: RecordShape = { write: () => null };
const row = (version: number, text: string, expires: string | null = null): StoredRow => ({ values: { name: text }, version, expires });

test("a text is kept without values until somebody asks for them", () => {
  const cache = new RecordCache(10_000);
  expect(cache.addText("T", "a", row(1, "x"), name)).toMatchObject({ text: '"x"', version: 1 });
  const known = cache.get("T", "a")!;
  expect([known.row, known.version, known.expiresAtMs]).toEqual([null, 1, Infinity]);
  expect(cache.text(known, name)).toMatchObject({ text: '"x"', version: 1 });
  expect(cache.text(known, hidden)).toBeUndefined();
  cache.addText("T", "a", row(1, "x"), hidden);
  expect(cache.text(cache.get("T", "a")!, hidden)).toMatchObject({ text: null, version: 1 });
  const before = cache.stats().bytes;
  cache.addValues("T", "a", row(1, "x"));
  expect(cache.get("T", "a")!.row).toEqual(row(1, "x"));
  expect(cache.stats().bytes).toBeGreaterThan(before);
  expect(cache.text(known, name)?.text).toBe('"x"');
});

test("a committed record takes the place of what was cached, in the form that was asked for", () => {
  const cache = new RecordCache(10_000);
  cache.replace("T", "a", row(1, "x"));
  expect(cache.get("T", "a")).toBeUndefined();
  cache.addText("T", "a", row(1, "x"), name);
  cache.addValues("T", "b", row(1, "x"));
  for (const id of ["a", "b"]) cache.replace("T", id, row(2, "y", "2026-01-01T00:00:00.000Z"));
  const [a, b] = [cache.get("T", "a")!, cache.get("T", "b")!];
  expect([cache.text(a, name)?.text, a.row, a.version, a.expiresAtMs]).toEqual(['"y"', null, 2, Date.UTC(2026, 0, 1)]);
  expect([cache.text(b, name), b.row?.values]).toEqual([undefined, { name: "y" }]);
  for (const id of ["a", "b"]) cache.replace("T", id, null);
  expect([cache.get("T", "a"), cache.get("T", "b"), cache.stats()]).toEqual([undefined, undefined, { records: 0, bytes: 0 }]);
});

test("what is read again after a commit by somebody else is the new version", () => {
  const cache = new RecordCache(10_000);
  cache.addText("T", "a", row(1, "x"), name);
  cache.addText("T", "a", row(2, "y"), hidden);
  const known = cache.get("T", "a")!;
  expect([known.version, cache.text(known, name)]).toEqual([2, undefined]);
});

test("a record larger than the cache is answered, not kept", () => {
  const cache = new RecordCache(1_000);
  expect(cache.addText("T", "big", row(1, "x".repeat(2_000)), name).text).toHaveLength(2_002);
  cache.addValues("T", "big", row(1, "x".repeat(2_000)));
  expect(cache.stats()).toEqual({ records: 0, bytes: 0 });
});

test("any order of events: bytes within bounds, nothing stale, what is used stays longer", () => {
  const seed = 20_261_121;
  const random = seededRandom(seed);
  const pick = (count: number): number => Math.floor(random.next() * count);
  const cache = new RecordCache(20_000);
  const versions = new Map<string, number>();
  const textOf = (id: string): string => `${id}.${versions.get(id) ?? 0}`.padEnd(20, "-");
  for (let step = 0; step < 20_000; step++) {
    const id = `r${pick(200)}`;
    const version = versions.get(id) ?? 0;
    const current = row(version, textOf(id));
    const event = pick(4);
    if (event === 0) cache.addText("T", id, current, name);
    else if (event === 1) cache.addValues("T", id, current);
    else if (event === 2) {
      versions.set(id, version + 1);
      cache.replace("T", id, pick(10) === 0 ? null : row(version + 1, textOf(id)));
    }
    const known = cache.get("T", id);
    if (known !== undefined) {
      const message = `seed ${seed} step ${step}`;
      expect(known.version, message).toBe(versions.get(id) ?? 0);
      expect(known.row?.values["name"] ?? textOf(id), message).toBe(textOf(id));
      expect(cache.text(known, name)?.text ?? JSON.stringify(textOf(id)), message).toBe(JSON.stringify(textOf(id)));
    }
    cache.get("T", "r0");
    expect(cache.stats().bytes, `seed ${seed} step ${step}`).toBeLessThanOrEqual(20_000);
  }
  expect(cache.stats().records).toBeGreaterThan(20);
  for (let index = 0; index < 200; index++) cache.replace("T", `r${index}`, null);
  expect(cache.stats()).toEqual({ records: 0, bytes: 0 });
});
