import { expect, test } from "bun:test";
import { fault } from "../base/error.ts";
import { type IdempotencyId, type IdempotencyMark, expireIdempotency, findIdempotency, forgetIdempotency, startIdempotency, storeAnswer } from "./idempotency.ts";
import { codeOf, openedStorage } from "./testing/storage-fixture.ts";

const id: IdempotencyId = { scope: "ann POST /Item", key: "k-1" };
const mark: IdempotencyMark = { fingerprint: "f", run: "run-1", expires: "2026-01-02T00:00:00.000Z" };
const answer = { status: 201, headers: { location: "/Item/1" }, body: `{"id":"1"}` };
const now = "2026-01-01T00:00:00.000Z";

test("started, then answered, then expired", async () => {
  const { storage } = openedStorage();
  const find = (at = now) => findIdempotency(storage.reader, id, at);
  expect(find()).toBeNull();
  await storage.commit((connection) => startIdempotency(connection, id, mark));
  expect(find()).toEqual({ ...mark, answer: null });
  await storage.commit((connection) => storeAnswer(connection, id, mark, answer));
  expect(find()).toEqual({ ...mark, answer });
  expect(find("2026-01-02T00:00:00.000Z")).toBeNull();
  expect(findIdempotency(storage.reader, { ...id, scope: "bob POST /Item" }, now)).toBeNull();
});

test("bodies of bytes and none at all are kept as they are", async () => {
  const { storage } = openedStorage();
  for (const body of [new Uint8Array([0, 255, 10]), null, ""]) {
    await storage.commit((connection) => storeAnswer(connection, id, mark, { ...answer, body }));
    expect(findIdempotency(storage.reader, id, now)!.answer!.body).toEqual(body);
  }
});

test("an answer stands if and only if its writes do", async () => {
  const { storage } = openedStorage();
  expect(await codeOf(() => storage.commit((connection) => {
    storeAnswer(connection, id, mark, answer);
    throw fault("CHECK_FAILED", "no");
  }))).toBe("CHECK_FAILED");
  expect(findIdempotency(storage.reader, id, now)).toBeNull();
});

test("two requests of one batch with one key: the second sees the first", async () => {
  const { storage } = openedStorage();
  const once = () => storage.commit((connection) => {
    if (findIdempotency(connection, id, now) !== null) return "replayed";
    storeAnswer(connection, id, mark, answer);
    return "done";
  });
  expect(await Promise.all([once(), once(), once()])).toEqual(["done", "replayed", "replayed"]);
});

test("keys are forgotten, replaced when they have expired, and swept in bounded steps", async () => {
  const { storage } = openedStorage();
  await storage.commit((connection) => {
    for (let index = 0; index < 5; index++) startIdempotency(connection, { ...id, key: `k-${index}` }, { ...mark, expires: `2026-01-0${index + 1}T00:00:00.000Z` });
  });
  const count = (): unknown => storage.reader.values(`SELECT count(*) FROM "$idempotency"`)[0]![0];
  await storage.commit((connection) => forgetIdempotency(connection, { ...id, key: "k-4" }));
  expect(count()).toBe(4);
  expect(await storage.commit((connection) => expireIdempotency(connection, "2026-01-03T00:00:00.000Z", 2))).toBe(2);
  expect(await storage.commit((connection) => expireIdempotency(connection, "2026-01-03T00:00:00.000Z", 2))).toBe(1);
  await storage.commit((connection) => startIdempotency(connection, { ...id, key: "k-3" }, { ...mark, run: "run-2" }));
  expect(findIdempotency(storage.reader, { ...id, key: "k-3" }, now)!.run).toBe("run-2");
  expect(count()).toBe(1);
});
