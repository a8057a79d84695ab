// What waits is sent in order under keys of its own, kept before it goes, given back when it is refused, and never sent when nobody could
// tell any more whether it was carried out. The server, the time and the storage are stand-ins.
import { expect, test } from "bun:test";
import { AmbitError, disconnected } from "./ambit-error.ts";
import type { Environment } from "./environment.ts";
import type { HttpSender, WireAnswer, WireRequest } from "./http-sender.ts";
import { MutationQueue, type MutationStorage, type OfflineOptions, type Settled, type StoredMutation } from "./mutation-queue.ts";

interface World {
  readonly sent: string[];
  readonly kept: Map<string, StoredMutation>;
  readonly settled: string[];
  readonly delays: number[];
  now: number;
  answer: (request: WireRequest) => Promise<WireAnswer> | WireAnswer;
  refuseStorage: boolean;
  queue(options?: OfflineOptions): MutationQueue;
  /** Lets the pause that is under way end. */
  tick(): Promise<void>;
}

const fine = (body: unknown = null): WireAnswer => ({ status: 200, header: () => null, body });
const refusal = (status: number, code: string, retry = false): AmbitError => new AmbitError({ status, code, message: code, retry });
const turn = async (): Promise<void> => { for (let count = 0; count < 20; count++) await Promise.resolve(); };

function world(): World {
  let keys = 0;
  const timers: (() => void)[] = [];
  const own: World = {
    sent: [], kept: new Map(), settled: [], delays: [], now: 1_000_000, refuseStorage: false,
    answer: () => fine(),
    queue(options = {}) {
      const sender = { send: async (request: WireRequest) => {
        own.sent.push(`${request.headers["idempotency-key"]} ${request.path}`);
        return own.answer(request);
      } } as unknown as HttpSender;
      const environment = { now: () => own.now, random: () => 1, key: () => `k${++keys}`, schedule: (delayMs: number, callback: () => void) => {
        own.delays.push(delayMs);
        timers.push(callback);
        return () => { timers.splice(timers.indexOf(callback), 1); };
      } } as unknown as Environment;
      return new MutationQueue(sender, environment, { onSettled: (one) => { own.settled.push(shown(one)); }, ...options });
    },
    async tick() {
      await turn();
      for (const timer of timers.splice(0)) timer();
      await turn();
    },
  };
  return own;
}

function shown(settled: Settled): string {
  return `${settled.mutation.path} ${"error" in settled ? settled.error.code : settled.status}`;
}

function storageOf(own: World): MutationStorage {
  return {
    load: () => [...own.kept.values()],
    async put(mutation) {
      await Promise.resolve();
      if (own.refuseStorage) throw new Error("full");
      own.kept.set(mutation.key, mutation);
    },
    async remove(key) { own.kept.delete(key); },
  };
}

const request = (path: string): WireRequest => ({ method: "POST", path, headers: {}, body: "{}" });
const codeOf = (error: unknown): string => (error instanceof AmbitError ? error.code : String(error));

test("in order, one at a time, the same key each time", async () => {
  const own = world();
  const queue = own.queue();
  own.answer = () => { throw disconnected(); };
  const answers = ["/a", "/b"].map((path) => queue.send(request(path)));
  await own.tick();
  await own.tick();
  expect([own.sent, queue.pending]).toEqual([["k1 /a", "k1 /a", "k1 /a"], 2]);
  own.answer = ({ path }) => fine(path);
  queue.wake();
  expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(["/a", "/b"]);
  expect([own.sent.slice(3), queue.pending, own.delays.slice(0, 2)]).toEqual([["k1 /a", "k2 /b"], 0, [250, 500]]);
});

test("a refusal is its maker's, and the next goes on", async () => {
  const own = world();
  const queue = own.queue();
  own.answer = ({ path }) => { if (path === "/a") throw refusal(412, "PRECONDITION_FAILED"); return fine(); };
  const [first, second] = [queue.send(request("/a")).catch(codeOf), queue.send(request("/b"))];
  expect([await first, (await second).status, own.settled]).toEqual(["PRECONDITION_FAILED", 200, ["/a PRECONDITION_FAILED", "/b 200"]]);
});

test("what says nothing about the request is tried again: a proxy, too much at once, somebody else's try, a token that has ended", async () => {
  const own = world();
  const told: string[] = [];
  const queue = own.queue({ onWaiting: ({ code }) => { told.push(code); } });
  const refusals = [refusal(401, "INVALID_TOKEN"), refusal(502, "NOT_AMBIT"), refusal(429, "RATE_LIMITED"), refusal(409, "IDEMPOTENCY_IN_PROGRESS", true), refusal(503, "OVERLOADED", true), disconnected()];
  own.answer = () => { const next = refusals.shift(); if (next !== undefined) throw next; return fine(); };
  const answer = queue.send(request("/a"));
  for (let count = 0; count < 6; count++) await own.tick();
  expect([(await answer).status, own.sent.length, told]).toEqual([200, 7, ["INVALID_TOKEN", "NOT_AMBIT", "RATE_LIMITED", "IDEMPOTENCY_IN_PROGRESS", "OVERLOADED", "DISCONNECTED"]]);
});

test("what the server takes up and does not get done is given back after some tries", async () => {
  const own = world();
  const queue = own.queue();
  own.answer = () => { throw refusal(409, "TRANSACTION_CONFLICT", true); };
  const answer = queue.send(request("/a")).catch(codeOf);
  for (let count = 0; count < 10; count++) await own.tick();
  expect([await answer, own.sent.length]).toEqual(["TRANSACTION_CONFLICT", 8]);
});

test("more than may wait is refused", async () => {
  const own = world();
  const queue = own.queue({ limit: 2 });
  own.answer = () => new Promise(() => {});
  for (const path of ["/a", "/b"]) queue.send(request(path)).catch(() => {});
  expect(await queue.send(request("/c")).catch(codeOf)).toBe("QUEUE_FULL");
});

test("what has not been sent can be taken back, what has been cannot", async () => {
  const own = world();
  const storage = storageOf(own);
  const queue = own.queue({ storage });
  let release = (): void => {};
  own.answer = () => new Promise((resolve) => { release = () => resolve(fine()); });
  const [first, second] = [new AbortController(), new AbortController()];
  const answers = [queue.send(request("/a"), { signal: first.signal }), queue.send(request("/b"), { signal: second.signal }).catch((error: unknown) => error)];
  await turn();
  second.abort("no");
  first.abort("no");
  release();
  expect([(await answers[0] as WireAnswer).status, await answers[1]]).toEqual([200, "no"]);
  await turn();
  expect([own.sent, own.kept.size]).toEqual([["k1 /a"], 0]);
});

test("the next page sends what waits, before all else, and says what became of it", async () => {
  const own = world();
  const storage = storageOf(own);
  const before = own.queue({ storage });
  own.answer = () => { throw disconnected(); };
  for (const path of ["/a", "/b"]) before.send(request(path)).catch(() => {});
  await own.tick();
  expect([...own.kept.values()].map(({ path, sentAt }) => [path, sentAt])).toEqual([["/a", 1_000_000], ["/b", null]]);
  before.close();
  own.sent.length = 0;
  own.answer = ({ path }) => { if (path === "/b") throw refusal(409, "UNIQUE_VIOLATION"); return fine(); };
  const after = own.queue({ storage });
  await after.send(request("/c"));
  expect([own.sent, own.settled, own.kept.size]).toEqual([["k1 /a", "k2 /b", "k3 /c"], ["/a 200", "/b UNIQUE_VIOLATION", "/c 200"], 0]);
});

test("what was sent and then waited for longer than keys are known is not sent again; what was not sent yet is", async () => {
  const own = world();
  const storage = storageOf(own);
  const before = own.queue({ storage });
  own.answer = () => { throw disconnected(); };
  for (const path of ["/a", "/b"]) before.send(request(path)).catch(() => {});
  await own.tick();
  before.close();
  own.sent.length = 0;
  own.now += 23 * 3_600_000 + 1;
  own.answer = () => fine();
  own.queue({ storage });
  await turn();
  expect([own.sent, own.settled]).toEqual([["k2 /b"], ["/a OUTCOME_UNKNOWN", "/b 200"]]);
});

test("what another page has sent meanwhile is over here, or as old as it is there", async () => {
  const own = world();
  const storage = storageOf(own);
  for (const [key, at] of [["x", 1], ["y", 2], ["z", 3]] as const) own.kept.set(key, { ...request(`/${key}`), key, at, sentAt: null });
  let release = (): void => {};
  own.answer = ({ path }) => (path === "/x" ? new Promise((resolve) => { release = () => resolve(fine()); }) : fine());
  own.queue({ storage });
  await turn();
  own.kept.delete("y");
  own.kept.set("z", { ...request("/z"), key: "z", at: 3, sentAt: 500_000 });
  own.now += 24 * 3_600_000;
  release();
  await turn();
  await turn();
  expect([own.sent, own.settled, own.kept.size]).toEqual([["x /x"], ["/x 200", "/z OUTCOME_UNKNOWN"], 0]);
});

test("what cannot be kept is not sent", async () => {
  const own = world();
  const queue = own.queue({ storage: storageOf(own) });
  own.refuseStorage = true;
  expect([await queue.send(request("/a")).catch(codeOf), own.sent, queue.pending]).toEqual(["STORAGE_FAILED", [], 0]);
  own.refuseStorage = false;
  expect((await queue.send(request("/b"))).status).toBe(200);
  const unreadable = own.queue({ storage: { ...storageOf(own), load: () => { throw new Error("damaged"); } } });
  expect(await unreadable.send(request("/c")).catch(codeOf)).toBe("STORAGE_FAILED");
});

test("a closed queue answers that it is", async () => {
  const own = world();
  const queue = own.queue();
  own.answer = () => { throw disconnected(); };
  const waiting = queue.send(request("/a")).catch(codeOf);
  await turn();
  queue.close();
  expect([await waiting, await queue.send(request("/b")).catch(codeOf)]).toEqual(["CLOSED", "CLOSED"]);
  await own.tick();
  expect(own.sent.length).toBe(1);
});
