// One line per event, levels, and nothing that a log may not keep.
import { expect, test } from "bun:test";
import { fakeClock } from "./clock.ts";
import { createLog, type LogLevel } from "./log.ts";

function collect(level?: LogLevel): { lines: string[]; log: ReturnType<typeof createLog> } {
  const lines: string[] = [];
  return { lines, log: createLog({ clock: fakeClock(), sink: (line) => lines.push(line), ...(level === undefined ? {} : { level }) }) };
}

test("one JSON object per line, with time, level and event first", () => {
  const { lines, log } = collect();
  log.info("request-finished", { requestId: "r1", status: 200, text: "two\nlines" });
  expect(lines).toEqual(['{"time":"2026-01-01T00:00:00.000Z","level":"info","event":"request-finished","requestId":"r1","status":200,"text":"two\\nlines"}']);
});

test("members that are text already, at the lowest level only", () => {
  const { lines, log } = collect();
  log.infoText("request-answered", '"requestId":"r1","status":200');
  log.warn("request-answered", { status: 500 });
  expect(lines).toEqual([
    '{"time":"2026-01-01T00:00:00.000Z","level":"info","event":"request-answered","requestId":"r1","status":200}',
    '{"time":"2026-01-01T00:00:00.000Z","level":"warn","event":"request-answered","status":500}',
  ]);
  const quiet = collect("warn");
  quiet.log.infoText("a", '"b":1');
  expect(quiet.lines).toEqual([]);
});

test("the time moves on", () => {
  const lines: string[] = [];
  const clock = fakeClock();
  const log = createLog({ clock, sink: (line) => lines.push(line) });
  for (let step = 0; step < 3; step++) {
    log.info("a");
    clock.advance(1);
  }
  expect(lines.map((line) => JSON.parse(line).time)).toEqual(["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z", "2026-01-01T00:00:00.002Z"]);
});

test("levels below the lowest are dropped", () => {
  const { lines, log } = collect("warn");
  log.info("a");
  log.warn("b");
  log.error("c");
  expect(lines.map((line) => JSON.parse(line).event)).toEqual(["b", "c"]);
});

test("fields cannot replace time, level or event", () => {
  const { lines, log } = collect();
  log.info("a", { event: "forged", level: "error" });
  expect(JSON.parse(lines[0]!)).toMatchObject({ event: "a", level: "info" });
});

test("credentials are hidden by name, at any depth", () => {
  const { lines, log } = collect();
  log.info("a", { authorization: "Bearer x", headers: { cookie: "x", "x-api-key": "x" }, adminToken: "x", kept: "k" });
  expect(lines[0]).not.toContain('"x"');
  expect(lines[0]).not.toContain("Bearer");
  expect(lines[0]).toContain('"kept":"k"');
});

test("anything can be logged: bigint, errors, cycles, long text", () => {
  const { lines, log } = collect();
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  log.error("a", { big: 9007199254740993n, failure: new TypeError("no"), cycle, long: "x".repeat(100_000), missing: undefined, bad: new Date(Number.NaN) });
  const entry = JSON.parse(lines[0]!);
  expect(entry.big).toBe("9007199254740993");
  expect(entry.failure).toMatchObject({ error: "TypeError", message: "no" });
  expect(entry.long.length).toBeLessThan(5_000);
  expect(entry.missing).toBeNull();
});
