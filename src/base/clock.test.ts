// Times that are farther away than a timer of a runtime can hold.
import { expect, test } from "bun:test";
import { fakeClock, scheduleAt } from "./clock.ts";

const DAY_MS = 86_400_000;

test("a far time comes when it comes, and not before; one that is over comes at once; both can be cancelled", () => {
  const clock = fakeClock(0);
  const told: string[] = [];
  scheduleAt(clock, 400 * DAY_MS, () => told.push("far"));
  scheduleAt(clock, -5, () => told.push("over"));
  const cancel = scheduleAt(clock, 100 * DAY_MS, () => told.push("cancelled"));
  clock.advance(0);
  expect(told).toEqual(["over"]);
  clock.advance(50 * DAY_MS);
  cancel();
  clock.advance(350 * DAY_MS - 1);
  expect(told).toEqual(["over"]);
  clock.advance(1);
  expect(told).toEqual(["over", "far"]);
});
