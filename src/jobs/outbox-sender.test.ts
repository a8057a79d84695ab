// The sender on a real data file, with a clock that the test moves and a network that answers as it says.
import { afterEach, expect, test } from "bun:test";
import { fakeClock, type FakeClock } from "../base/clock.ts";
import { dateTimeOf } from "../base/date-time.ts";
import { defaultLimits, type Limits } from "../base/limits.ts";
import { silentLog } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import type { Json } from "../base/value.ts";
import type { Storage } from "../storage/open-storage.ts";
import { addDelivery, findDelivery, type Delivery } from "../storage/outbox.ts";
import { openedStorage } from "../storage/testing/storage-fixture.ts";
import type { CallAnswer, CallOut, OutgoingCall } from "./delivery-attempt.ts";
import { createOutboxSender, type OutboxSender, type SenderSettings } from "./outbox-sender.ts";

interface Opened {
  readonly storage: Storage;
  readonly sender: OutboxSender;
  readonly clock: FakeClock;
  readonly calls: OutgoingCall[];
  /** Rejects what is called after it. */
  answer: (call: OutgoingCall) => Partial<CallAnswer> | Promise<Partial<CallAnswer>>;
  add(url: string, more?: { key?: string; order?: string | null; request?: object }): Promise<number>;
  row(number: number): Delivery;
  /** All that can happen without the clock has happened. */
  settled(): Promise<void>;
}

const opened: Opened[] = [];
afterEach(async () => {
  for (const { sender, storage } of opened.splice(0)) {
    await sender.stop(0);
    await storage.close();
  }
});

function open(limits: Partial<Limits> = {}, settings: Partial<SenderSettings> = {}): Opened {
  const { storage } = openedStorage();
  const clock = fakeClock(Date.UTC(2026, 0, 1));
  const calls: OutgoingCall[] = [];
  const call: CallOut = async (one) => {
    calls.push(one);
    return { status: 200, headers: {}, body: new Uint8Array(), truncated: false, ...await world.answer(one) };
  };
  const all = { ...defaultLimits, ...limits };
  const sender = createOutboxSender({
    storage, clock, random: seededRandom(3), log: silentLog(),
    settings: () => ({ limits: all, secrets: {}, mailUrl: null, call, callMail: call, tell: async () => {}, ...settings }),
  });
  const world: Opened = {
    storage, sender, clock, calls, answer: () => ({}),
    async add(url, { key = `k${calls.length}-${Math.trunc(performance.now() * 1_000)}`, order = null, request = {} } = {}) {
      const created = dateTimeOf(clock.now());
      const whole = { url, method: "POST", headers: {}, sign: null, bearer: null, attempts: null, giveUpOn: [410], then: null, ...request } as Json;
      const number = await storage.commit((connection) => {
        addDelivery(connection, { scope: "", key, order, host: new URL(url).host, dueMs: clock.now(), request: whole, body: null, sender: {}, created });
        return connection.values("SELECT last_insert_rowid()")[0]![0] as number;
      });
      sender.added();
      return number;
    },
    row: (number) => findDelivery(storage.reader, number)!,
    async settled() { for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => { setImmediate(resolve); }); },
  };
  opened.push(world);
  return world;
}

test("it waits longer after each failure, as long as the receiver says, never longer than limits say; then it is dead", async () => {
  const world = open({ outboxDelayMs: 1_000, outboxDelayMaxMs: 60_000, outboxAttempts: 5, outboxBreakerFailures: 1_000 });
  const retryAfter = ["", "30", new Date(Date.UTC(2026, 0, 1, 0, 10)).toUTCString(), "never", ""];
  world.answer = () => ({ status: 503, headers: { "retry-after": retryAfter[world.calls.length - 1]! } });
  world.sender.start();
  const number = await world.add("http://a/");
  const waits: number[] = [];
  for (let attempt = 1; attempt < 5; attempt++) {
    await world.settled();
    expect([world.calls.length, world.row(number).state]).toEqual([attempt, "waiting"]);
    waits.push(world.row(number).dueMs! - world.clock.now());
    world.clock.advance(waits.at(-1)! - 1);
    await world.settled();
    expect(world.calls.length).toBe(attempt);
    world.clock.advance(1);
  }
  await world.settled();
  expect(world.row(number)).toMatchObject({ state: "dead", attempts: 5, dueMs: null, problem: "it answered 503" });
  expect(waits[0]!).toBeWithin(750, 1_251);
  expect([waits[1], waits[2]]).toEqual([30_000, 60_000]);
  expect(waits[3]!).toBeWithin(6_000, 10_001);
  expect(world.sender.stats()).toMatchObject({ unfinished: 0, dead: 1, failedAttempts: 5 });
  // From the beginning again.
  world.answer = () => ({});
  expect(await world.sender.replay(number)).toBe(true);
  await world.settled();
  expect(world.row(number)).toMatchObject({ state: "delivered", attempts: 1 });
  expect(await world.sender.replay(number)).toBe(false);
});

test("no more at once than limits say; a host with much to do hides no other", async () => {
  const world = open({ outboxConcurrency: 3, outboxPerHost: 2 });
  const release: (() => void)[] = [];
  world.answer = () => new Promise((resolve) => { release.push(() => resolve({})); });
  for (let index = 0; index < 400; index++) await world.add("http://busy/", { key: `b${index}` });
  await world.add("http://other/", { key: "o" });
  world.sender.start();
  await world.settled();
  expect(world.calls.map(({ url }) => url.host).toSorted()).toEqual(["busy", "busy", "other"]);
  expect(world.sender.stats().underWay).toBe(3);
  for (let done = 0; done < 401; done++) {
    expect(release.length).toBeLessThanOrEqual(done + 3);
    release[done]!();
    await world.settled();
  }
  expect(world.sender.stats()).toMatchObject({ unfinished: 0, delivered: 401, underWay: 0 });
});

test("hosts that are left alone hide no others, however many they are", async () => {
  const world = open({ outboxBreakerFailures: 1, outboxBreakerMs: 60_000 });
  world.answer = ({ url }) => ({ status: url.host.startsWith("bad") ? 500 : 200 });
  world.sender.start();
  for (let host = 0; host < 150; host++) await world.add(`http://bad${host}/`, { key: `x${host}` });
  await world.settled();
  for (let host = 0; host < 150; host++) await world.add(`http://bad${host}/`, { key: `y${host}` });
  const good = await world.add("http://zzz/", { key: "z" });
  for (let round = 0; round < 5; round++) {
    await world.settled();
    world.clock.advance(0);
  }
  await world.settled();
  expect(world.row(good).state).toBe("delivered");
});

test("of one order the next begins when the one before it has ended, also when that is given up or taken up again", async () => {
  const world = open({ outboxAttempts: 2, outboxDelayMs: 100, outboxDelayMaxMs: 100 });
  const [first, second, third] = [await world.add("http://a/1", { order: "o", key: "1" }), await world.add("http://a/2", { order: "o", key: "2" }), await world.add("http://a/3", { order: "o", key: "3" })];
  expect([first, second, third].map((number) => world.row(number).dueMs === null)).toEqual([false, true, true]);
  world.answer = ({ url }) => ({ status: url.pathname === "/1" ? 400 : 200 });
  world.sender.start();
  await world.settled();
  expect(world.calls.length).toBe(1);
  world.clock.advance(200);
  await world.settled();
  expect(world.calls.map(({ url }) => url.pathname)).toEqual(["/1", "/1", "/2", "/3"]);
  expect([first, second, third].map((number) => world.row(number).state)).toEqual(["dead", "delivered", "delivered"]);
  const fourth = await world.add("http://a/4", { order: "o", key: "4" });
  await world.sender.replay(first);
  await world.settled();
  expect([world.row(fourth).state, world.row(first).state]).toEqual(["delivered", "waiting"]);
  // While the first is tried again, whatever comes after it waits.
  const fifth = await world.add("http://a/5", { order: "o", key: "5" });
  await world.settled();
  expect(world.row(fifth).dueMs).toBeNull();
  expect(await world.sender.cancel(first)).toBe(true);
  await world.settled();
  expect([world.row(first).state, world.row(first).problem, world.row(fifth).state]).toEqual(["dead", "cancelled", "delivered"]);
});

test("what was given up while it was under way stays so", async () => {
  const world = open();
  let release = (): void => {};
  world.answer = () => new Promise((resolve) => { release = () => resolve({}); });
  world.sender.start();
  const number = await world.add("http://a/");
  await world.settled();
  expect(await world.sender.cancel(number)).toBe(true);
  release();
  await world.settled();
  expect([world.row(number).state, world.sender.stats().unfinished]).toEqual(["dead", 0]);
  expect(await world.sender.cancel(number)).toBe(false);
});

test("a stop waits for what is under way, then leaves it for the next start", async () => {
  const world = open();
  world.answer = () => new Promise(() => {});
  const { storage, clock } = world;
  const waiting: CallOut = (_, signal) => new Promise((_resolve, reject) => { signal.addEventListener("abort", () => reject(new Error("aborted"))); });
  const sender = createOutboxSender({ storage, clock, random: seededRandom(1), log: silentLog(), settings: () => ({ limits: defaultLimits, secrets: {}, mailUrl: null, call: waiting, callMail: waiting, tell: async () => {} }) });
  const number = await world.add("http://a/");
  sender.added();
  sender.start();
  await world.settled();
  expect(sender.stats().underWay).toBe(1);
  const stopped = sender.stop(1_000);
  await world.settled();
  clock.advance(1_000);
  await stopped;
  expect(world.row(number)).toMatchObject({ state: "waiting", attempts: 0 });
  expect(world.row(number).dueMs).not.toBeNull();
});

test("what cannot be called is no failure of its host", async () => {
  const world = open({ outboxAttempts: 3, outboxDelayMs: 10, outboxDelayMaxMs: 10, outboxBreakerFailures: 1 });
  world.sender.start();
  const mail = await world.add("http://a/", { key: "mail", request: { url: null } });
  const unsigned = await world.add("http://a/", { key: "sign", request: { sign: "gone" } });
  await world.settled();
  expect([world.row(mail).problem, world.row(unsigned).problem, world.sender.stats().hostsLeftAlone]).toEqual(["mail.url is not set", "the secret gone is not set", 0]);
});

test("the app is told of a failure although the host is left alone", async () => {
  const told: number[] = [];
  const world = open({ outboxBreakerFailures: 1, outboxBreakerMs: 60_000 }, { tell: async ({ number }, _request, settle) => { told.push(number); await world.storage.commit((connection) => settle(connection, dateTimeOf(world.clock.now()))); } });
  world.answer = () => ({ status: 500 });
  world.sender.start();
  const number = await world.add("http://a/", { request: { attempts: 1, then: { call: "answered", input: {} } } });
  await world.settled();
  expect([told, world.row(number).state, world.row(number).attempts, world.sender.stats()]).toEqual([[number], "dead", 1, expect.objectContaining({ unfinished: 0, hostsLeftAlone: 1, dead: 1 })]);
});

test("an endpoint that keeps failing is told as often as limits say, and the request not sent again", async () => {
  let told = 0;
  const world = open({ outboxAttempts: 3, outboxDelayMs: 10, outboxDelayMaxMs: 10 }, { tell: async () => { told++; throw new Error("broken"); } });
  world.sender.start();
  const number = await world.add("http://a/", { request: { then: { call: "answered", input: {} } } });
  for (let round = 0; round < 6; round++) {
    await world.settled();
    world.clock.advance(20);
  }
  await world.settled();
  expect([told, world.calls.length, world.row(number).state, world.row(number).problem]).toEqual([3, 1, "dead", "answered failed: Error: broken"]);
  expect(world.sender.stats().unfinished).toBe(0);
});
