import { afterEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeClock } from "../base/clock.ts";
import { seededRandom } from "../base/random.ts";
import { diskFiles } from "./disk-files.ts";
import type { FileContent } from "./file-content.ts";
import { FileStore } from "./file-store.ts";

const folders: string[] = [];
afterEach(() => { for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true }); });

function opened(wrap: (content: FileContent) => FileContent = (content) => content) {
  const directory = mkdtempSync(join(tmpdir(), "ambit-files-"));
  folders.push(directory);
  const clock = fakeClock();
  const store = new FileStore({ directory, content: wrap(diskFiles(join(directory, "files"))), random: seededRandom(1), clock });
  return { store, clock, directory, incoming: (): string[] => readdirSync(join(directory, "files", "incoming")) };
}

const bounds = { bytes: 1_000, atOnce: 2, signal: new AbortController().signal };
const source = (...texts: string[]): ReadableStream<Uint8Array> => new Blob(texts).stream();
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
const code = async (work: Promise<unknown>): Promise<unknown> => work.then(() => "done", (error: { code?: string }) => error.code);

test("what comes in is hashed, measured and kept under its hash", async () => {
  const { store, directory, incoming } = opened();
  const received = await store.receive(source("some ", "words"), bounds);
  expect([received.hash, received.size, new TextDecoder().decode(received.head)]).toEqual([hash("some words"), 10, "some words"]);
  const order: string[] = [];
  await store.keep(received, async () => { order.push(existsSync(join(directory, "files", received.hash.slice(0, 2))) ? "after" : "before"); });
  expect([order, incoming()]).toEqual([["before"], []]);
  expect(readFileSync(join(directory, "files", received.hash.slice(0, 2), received.hash), "utf8")).toBe("some words");
  const stream = await store.open(received.hash, { start: 5, end: 10 });
  expect(await new Response(stream).text()).toBe("words");
  expect(await code(store.open(hash("other"), { start: 0, end: 1 }))).toBe("DATA_DAMAGED");
});

test("too large, aborted, broken, too many: nothing is left", async () => {
  const { store, incoming } = opened();
  expect(await code(store.receive(source("x".repeat(1_001)), bounds))).toBe("BODY_TOO_LARGE");
  const late = new AbortController();
  const never = new ReadableStream<Uint8Array>({ start(controller) { controller.enqueue(Uint8Array.of(1)); } });
  const waiting = code(store.receive(never, { ...bounds, signal: late.signal }));
  await Bun.sleep(20);
  late.abort(Object.assign(new Error("late"), { code: "LATE" }));
  expect(await waiting).toBe("LATE");
  const broken = new ReadableStream<Uint8Array>({ pull(controller) { controller.error(new Error("gone")); } });
  expect(await code(store.receive(broken, bounds))).toBe("MALFORMED_BODY");
  const stop = new AbortController();
  const two = [1, 2].map(() => code(store.receive(new ReadableStream<Uint8Array>({}), { ...bounds, signal: stop.signal })));
  expect(await code(store.receive(source("third"), bounds))).toBe("OVERLOADED");
  stop.abort(Object.assign(new Error("stop"), { code: "STOP" }));
  expect([await Promise.all(two), incoming()]).toEqual([["STOP", "STOP"], []]);
  expect(await code(store.receive(source("fourth"), bounds))).toBe("done");
});

test("a note that fails keeps nothing; a put that fails leaves the note to the sweep", async () => {
  const { store, directory, incoming } = opened();
  expect(await code(store.keep(await store.receive(source("a"), bounds), async () => { throw Object.assign(new Error("no"), { code: "NO" }); }))).toBe("NO");
  expect([incoming(), readdirSync(join(directory, "files"))]).toEqual([[], ["incoming"]]);
  const failing = opened((content) => ({ ...content, put: async () => { throw Object.assign(new Error("full"), { code: "ENOSPC" }); } }));
  let noted = false;
  expect(await code(failing.store.keep(await failing.store.receive(source("a"), bounds), async () => { noted = true; }))).toBe("STORAGE_FULL");
  expect([noted, failing.incoming()]).toEqual([true, []]);
});

test("a content that is put while it is being removed is there afterwards", async () => {
  for (let round = 0; round < 50; round++) {
    const { store } = opened();
    const used = new Set<string>();
    const [first, second] = [await store.receive(source("same"), bounds), await store.receive(source("same"), bounds)];
    await store.keep(first, async () => {});
    await Promise.all([store.removeUnused(first.hash, () => used.has(first.hash)), store.keep(second, async () => { used.add(second.hash); })]);
    expect(await store.has(first.hash)).toBe(true);
    used.clear();
    expect([await store.removeUnused(first.hash, () => false), await store.has(first.hash)]).toEqual([true, false]);
  }
});

test("what comes with a record is not removed before its time", async () => {
  const { store, clock } = opened();
  const received = await store.receive(source("of code"), bounds);
  await store.keep(received, null);
  expect(await store.removeUnused(received.hash, () => false)).toBe(false);
  expect(store.takeUnnoted(1_000)).toEqual([]);
  clock.advance(1_000);
  expect(store.takeUnnoted(1_000)).toEqual([received.hash]);
  expect(await store.removeUnused(received.hash, () => false)).toBe(true);
});

test("what an earlier process was receiving is cleared", () => {
  const { directory } = opened();
  mkdirSync(join(directory, "files", "incoming"), { recursive: true });
  writeFileSync(join(directory, "files", "incoming", "half"), "half");
  const store = new FileStore({ directory, content: diskFiles(join(directory, "files")), random: seededRandom(1), clock: fakeClock() });
  expect(store.stats().receiving).toBe(0);
  expect(readdirSync(join(directory, "files", "incoming"))).toEqual([]);
});
