// No transaction is open while a password is hashed or waits for its turn, and one that runs again hashes nothing twice.
import { expect, test } from "bun:test";
import { accountScope, scopeOf, type AccountScope } from "./account-scope.ts";
import type { AccountStore } from "./account-store.ts";
import { hashOutside, transactWithHashes } from "./hash-outside.ts";

/** A request whose store tells what happens, and runs each body that came to its end `conflicts` times more. */
function request({ conflicts = 0, hashFails = false } = {}): { readonly told: string[]; run<T>(work: (hash: (password: string) => Promise<string>, transact: <U>(body: () => Promise<U>) => Promise<U>) => Promise<T>): Promise<T> } {
  const told: string[] = [];
  let left = conflicts;
  const store = {
    async transaction<T>(body: () => Promise<T>): Promise<T> {
      for (;;) {
        told.push("begin");
        try {
          const value = await body();
          if (left-- > 0) { told.push("conflict"); continue; }
          told.push("commit");
          return value;
        } catch (error) {
          told.push("undone");
          throw error;
        }
      }
    },
  } as Partial<AccountStore> as AccountStore;
  const hashing = {
    async hash(password: string) { await Bun.sleep(0); told.push(`hash ${password}`); if (hashFails) throw new Error("no turn"); return `#${password}`; },
    verify: () => Promise.resolve(false),
  };
  const scope: AccountScope = { store, fields: {}, invitation: null, provider: null, refusal: null, namesSessions: false, own: null, isInTransaction: false, hashes: new Map() };
  return { told, run: (work) => accountScope.run(scope, () => work((password) => hashOutside(hashing, password), (body) => transactWithHashes(hashing, body))) };
}

test("a transaction that needs a hash begins again with it", async () => {
  const { told, run } = request();
  expect(await run((hash, transact) => transact(async () => `kept ${await hash("a")} ${await hash("b")}`))).toBe("kept #a #b");
  expect(told).toEqual(["begin", "undone", "hash a", "begin", "undone", "hash b", "begin", "commit"]);
});

test("a conflict costs no further hash; nor does a transaction within another", async () => {
  const { told, run } = request({ conflicts: 2 });
  expect(await run((hash, transact) => transact(() => transact(() => hash("a"))))).toBe("#a");
  expect(told.filter((one) => one.startsWith("hash"))).toEqual(["hash a"]);
});

test("outside of transactions it is just hashed, once", async () => {
  const { told, run } = request();
  expect(await run(async (hash) => [await hash("a"), await hash("a")])).toEqual(["#a", "#a"]);
  expect(told).toEqual(["hash a"]);
});

test("what goes wrong is told: in a body, and where no turn is free; afterwards no transaction is open", async () => {
  const wrong = request();
  await expect(wrong.run((_, transact) => transact(() => Promise.reject(new Error("wrong"))))).rejects.toThrow("wrong");
  const full = request({ hashFails: true });
  await full.run(async (hash, transact) => {
    await expect(transact(() => hash("a"))).rejects.toThrow("no turn");
    expect(scopeOf().isInTransaction).toBe(false);
  });
  expect(full.told).toEqual(["begin", "undone", "hash a"]);
});
