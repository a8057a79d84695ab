// What a browser's localStorage keeps: each mutation by itself, under one name, beside whatever else is there. IndexedDB is tried in test/client/.
import { expect, test } from "bun:test";
import type { StoredMutation } from "./mutation-queue.ts";
import { localMutations, type TextStorage } from "./mutation-storage.ts";

function memory(): TextStorage & { readonly texts: Map<string, string> } {
  const texts = new Map<string, string>();
  return {
    texts,
    get length() { return texts.size; },
    key: (index) => [...texts.keys()][index] ?? null,
    getItem: (key) => texts.get(key) ?? null,
    setItem: (key, text) => { texts.set(key, text); },
    removeItem: (key) => { texts.delete(key); },
  };
}

const mutation = (key: string): StoredMutation => ({ key, at: 1, sentAt: null, method: "POST", path: "/Item", headers: { prefer: "x" }, body: "{}" });

test("put, load, remove; one account does not see another's", () => {
  const place = memory();
  place.setItem("other", "x");
  const [ann, bob] = [localMutations("ann", place), localMutations("bob", place)];
  ann.put(mutation("a"));
  ann.put(mutation("b"));
  ann.put({ ...mutation("a"), sentAt: 5 });
  bob.put(mutation("c"));
  expect([ann.load(), bob.load()]).toEqual([[{ ...mutation("a"), sentAt: 5 }, mutation("b")], [mutation("c")]]);
  ann.remove("a");
  ann.remove("nothing");
  expect([ann.load(), place.texts.size]).toEqual([[mutation("b")], 3]);
});

test("where there is none, it says so when it is used", () => {
  const storage = localMutations("ann");
  expect(() => storage.put(mutation("a"))).toThrow("no localStorage");
});
