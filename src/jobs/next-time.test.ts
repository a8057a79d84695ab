import { expect, test } from "bun:test";
import { nextTimeMs } from "./next-time.ts";

/** The next `count` times after `from`. */
function times(cron: string, zone: string, from: string, count: number): string[] {
  const found: string[] = [];
  for (let at: number | null = Date.parse(from); found.length < count && (at = nextTimeMs({ cron, zone }, at)) !== null;) found.push(new Date(at).toISOString().replace(":00.000Z", "Z"));
  return found;
}

test("five fields, and six with seconds first", () => {
  expect(times("*/15 9-10 * * MON", "UTC", "2026-01-04T12:00:00Z", 3)).toEqual(["2026-01-05T09:00Z", "2026-01-05T09:15Z", "2026-01-05T09:30Z"]);
  expect(times("30 0 3 * * *", "UTC", "2026-01-01T03:00:30Z", 1)).toEqual(["2026-01-02T03:00:30.000Z"]);
  expect(times("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 2)).toEqual(["2028-02-29T00:00Z", "2032-02-29T00:00Z"]);
});

test("a day that is an hour short or long has its time once, in the zone's own time", () => {
  // Berlin: 29 March 2026 has no 02:30, 25 October 2026 has it twice.
  expect(times("0 3 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 3)).toEqual(["2026-03-28T02:00Z", "2026-03-29T01:00Z", "2026-03-30T01:00Z"]);
  const spring = times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2);
  expect(spring[0]).toMatch(/^2026-03-29T01:[03]0Z$/);
  expect(spring[1]).toBe("2026-03-30T00:30Z");
  const autumn = times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
  expect(autumn[0]).toMatch(/^2026-10-25T0[01]:30Z$/);
  expect(autumn[1]).toBe("2026-10-26T01:30Z");
});

test("every hour goes on through both, and every time is after the one before, in any zone", () => {
  for (const zone of ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]) {
    for (const cron of ["0 * * * *", "30 2 * * *", "15 1 * * SUN", "*/7 * * * *"]) {
      for (const from of ["2026-03-07T00:00:00Z", "2026-03-28T12:00:00Z", "2026-04-04T00:00:00Z", "2026-10-03T12:00:00Z", "2026-10-24T12:00:00Z", "2026-11-01T00:00:00Z"]) {
        const found = times(cron, zone, from, 60).map((time) => Date.parse(time));
        expect([zone, cron, from, found.length, found.every((time, index) => time > (found[index - 1] ?? Date.parse(from)))]).toEqual([zone, cron, from, 60, true]);
      }
    }
  }
});
