import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { AmbitError } from "../base/error.ts";
import { insertKey, type KeyRow } from "../storage/key-rows.ts";
import { openedStorage } from "../storage/testing/storage-fixture.ts";
import { createStoredKeys, tokenOf, type HolderOf } from "./stored-keys.ts";

const token = tokenOf(new Uint8Array(32).fill(7));
const digest = createHash("sha256").update(token).digest();

async function opened(row: Partial<KeyRow>, holderOf: HolderOf = () => undefined) {
  const { storage, clock } = openedStorage();
  await storage.commit((connection) => insertKey(connection, {
    id: "k1", digest: digest.toString("base64url"), name: null, subject: "ann", roles: ["a", "b"], tenant: "t1", only: ["Product:READ"], rate: "5/min", bound: "NONE", createdMs: 1, expiresMs: clock.now() + 5_000, ...row,
  }));
  return { clock, storage, keys: createStoredKeys({ reader: storage.reader, clock, holderOf }) };
}

test("a key is who it was made for, until it ends; another text of the form is refused, any other is none of these", async () => {
  const { clock, keys, storage } = await opened({});
  expect(keys.find(token, digest)).toMatchObject({ subject: "ann", roles: ["a", "b"], tenant: "t1", only: ["Product:READ"], rate: { count: 5, windowMs: 60_000 },  credential: "key:k1" });
  expect(keys.find(token, digest)).toBe(keys.find(token, digest));
  const other = tokenOf(new Uint8Array(32).fill(8));
  expect(() => keys.find(other, createHash("sha256").update(other).digest())).toThrow(AmbitError);
  expect(keys.find("eyJ.a.b", digest)).toBeNull();
  clock.advance(5_000);
  expect(() => keys.find(token, digest)).toThrow("ended");
  expect(keys.renew("key:k1")).toBeNull();
  await storage.close();
});

test("whoever goes on with it is told that it has ended, or that its holder may do something else", async () => {
  let holder: ReturnType<HolderOf> = { roles: ["b", "c"], tenant: "t2" };
  const { keys, storage } = await opened({ bound: "ROLES" }, () => holder);
  const first = keys.find(token, digest)!;
  expect([first.roles, first.tenant]).toEqual([["b"], "t2"]);
  holder = { roles: ["a"], tenant: "t2" };
  keys.changed("ann");
  expect([first.lease!.isOver, keys.find(token, digest)!.roles]).toEqual([true, ["a"]]);
  holder = null;
  keys.changed("ann");
  expect(() => keys.find(token, digest)).toThrow("ended");
  expect(keys.renew("key:k1")).toBeNull();
  await storage.close();
});

test("the administrator's key for an account has its own roles, and ends with the account", async () => {
  let holder: ReturnType<HolderOf> = { roles: [], tenant: null };
  const { keys, storage } = await opened({ bound: "ACCOUNT" }, () => holder);
  expect(keys.find(token, digest)).toMatchObject({ roles: ["a", "b"], tenant: "t1" });
  holder = null;
  keys.changed("ann");
  expect(() => keys.find(token, digest)).toThrow("ended");
  await storage.close();
});
