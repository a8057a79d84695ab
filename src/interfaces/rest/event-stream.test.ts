// A stream of events to a client that reads when it likes: order, bounds, gaps, ends. The followed query is a stand-in.
import { expect, test } from "bun:test";
import { fakeClock, type FakeClock } from "../../base/clock.ts";
import { fault } from "../../base/error.ts";
import { defaultLimits } from "../../base/limits.ts";
import type { LiveFrame, LiveSink } from "../../resources/live-frame.ts";
import { EventStream, type StreamTally } from "./event-stream.ts";

interface Opened {
  readonly clock: FakeClock;
  readonly stream: EventStream;
  cancel(): Promise<void>;
  readonly abort: AbortController;
  readonly closed: number[];
  read(): Promise<string | null>;
}

function opened({ expiresAtMs = null, snapshot = 1, tally = { open: 0, waitingBytes: 0 } }: { expiresAtMs?: number | null; snapshot?: number; tally?: StreamTally } = {}): Opened {
  const clock = fakeClock(0);
  const abort = new AbortController();
  const closed: number[] = [];
  const stream = new EventStream({ limits: { ...defaultLimits, connectionQueueBytes: 500, heartbeatMs: 1_000 }, clock, requestId: "r", signal: abort.signal, identity: { expiresAtMs }, tally });
  const whole = (sink: LiveSink): void => sink.take({ op: "snapshot", at: 1, position: "p1", rows: `["${"s".repeat(snapshot)}"]` });
  stream.follow((sink) => {
    whole(sink);
    return { snapshot: () => whole(sink), close: () => { closed.push(1); } };
  });
  const reader = stream.readable().getReader();
  return {
    clock, stream, abort, closed,
    cancel: () => reader.cancel(),
    async read() {
      const { value, done } = await reader.read();
      return done ? null : new TextDecoder().decode(value);
    },
  };
}

const change = (at: number, size = 1): LiveFrame => ({ op: "change", at, position: `p${at}`, changes: [{ type: "enter", key: String(at), record: `"${"x".repeat(size)}"` }] });

test("what came in one turn is one piece, in order; the position comes last", async () => {
  const { stream, read } = opened();
  expect(await read()).toBe('retry: 1000\n\nid: p1\nevent: snapshot\ndata: {"op":"snapshot","position":"p1","rows":["s"]}\n\n');
  stream.take(change(2));
  stream.take({ op: "change", at: 3, position: "p3", changes: [{ type: "leave", key: "1" }, { type: "leave", key: "2" }, { type: "update", key: "3", record: "{}" }] });
  expect(await read()).toBe([
    'id: p2\nevent: enter\ndata: {"op":"change","position":"p2","changes":[{"type":"enter","key":2,"record":"x"}]}\n\n',
    'event: leave\ndata: {"op":"change","position":"p3","changes":[{"type":"leave","key":1},{"type":"leave","key":2}]}\n\n',
    'id: p3\nevent: update\ndata: {"op":"change","position":"p3","changes":[{"type":"update","key":3,"record":{}}]}\n\n',
  ].join(""));
  stream.take({ op: "change", at: 4, position: "p4", changes: [] });
  expect(await read()).toBe("id: p4\n\n");
});

test("what waits is counted with all streams, until it is taken, left out or given up", async () => {
  const tally = { open: 0, waitingBytes: 0 };
  const { stream, read, cancel } = opened({ tally });
  await read();
  expect(tally).toEqual({ open: 1, waitingBytes: 0 });
  stream.take(change(2, 100));
  expect(tally.waitingBytes).toBeGreaterThan(100);
  for (let at = 3; at < 20; at++) stream.take(change(at, 100));
  expect(tally.waitingBytes).toBeLessThan(600);
  await read();
  expect(tally).toEqual({ open: 1, waitingBytes: 0 });
  stream.take(change(30));
  await cancel();
  expect(tally).toEqual({ open: 0, waitingBytes: 0 });
});

test("line breaks inside of data stay data", async () => {
  const { stream, read } = opened();
  await read();
  stream.take({ op: "snapshot", at: 2, position: "p2", rows: '[{"id":\n1}]' });
  expect(await read()).toContain('rows":[{"id":\ndata: 1}]}\n\n');
});

test("more than may wait is left out: a gap, then all rows, however many they are", async () => {
  const { stream, read } = opened({ snapshot: 2_000 });
  for (let at = 2; at < 50; at++) stream.take(change(at, 100));
  const text = await read();
  expect(text!.startsWith('event: gap\ndata: {"op":"gap"}\n\nid: p1\nevent: snapshot')).toBe(true);
  stream.take(change(60));
  expect(await read()).toContain("id: p60");
});

test("signs of life where nothing waits", async () => {
  const { clock, read } = opened();
  await read();
  const next = read();
  clock.advance(1_000);
  expect(await next).toBe(":\n\n");
});

test("it ends: by the token, by a failure after what it told, by a reload, by either side", async () => {
  const expiring = opened({ expiresAtMs: 5_000 });
  await expiring.read();
  expiring.clock.advance(5_000);
  expect(await expiring.read()).toContain('"code":"INVALID_TOKEN"');
  expect([await expiring.read(), expiring.closed.length > 0]).toEqual([null, true]);

  const failing = opened();
  failing.stream.fail(fault("TOO_MANY_ROWS", "Too many."));
  const text = await failing.read();
  expect([text!.includes("event: snapshot"), text!.includes('event: error\ndata: {"op":"error","problem":{"type":"/docs/errors/TOO_MANY_ROWS"'), await failing.read()]).toEqual([true, true, null]);

  const reloaded = opened();
  await reloaded.read();
  reloaded.stream.renew();
  expect(await reloaded.read()).toBeNull();

  const left = opened();
  await left.read();
  await left.cancel();
  expect(left.closed).toEqual([1]);
  left.stream.take(change(2));

  const gone = opened();
  gone.abort.abort();
  expect(gone.closed).toEqual([1]);
  expect(await gone.read()).toBeNull();
});
