// Lanes: one after the other, nobody in two, what comes too late is given back.
import { expect, test } from "bun:test";
import { ConflictLanes, LanePlace } from "./conflict-lanes.ts";

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

test("one after the other, in order; lanes that nobody is in are forgotten", async () => {
  const lanes = new ConflictLanes();
  const order: number[] = [];
  await Promise.all([0, 1, 2].map(async (index) => {
    const place = new LanePlace(lanes);
    await place.move("hot");
    order.push(index);
    await turn();
    place.leave();
  }));
  expect([order, lanes.size]).toEqual([[0, 1, 2], 0]);
});

test("who stands in a lane does not join another one; who moves leaves the one before", async () => {
  const lanes = new ConflictLanes();
  const [first, second] = [new LanePlace(lanes), new LanePlace(lanes)];
  expect(first.join("a")).toBeNull();
  await first.move("a");
  await second.move("b");
  expect(second.join("a")).toBeNull();
  await first.move("c");
  expect(lanes.isBusy("a")).toBe(false);
  second.leave();
  const third = new LanePlace(lanes);
  const waiting = third.join("c");
  expect(waiting).not.toBeNull();
  first.leave();
  await waiting;
  expect(lanes.isBusy("c")).toBe(true);
  third.leave();
  expect(lanes.size).toBe(0);
});

test("a turn that comes after it has left for good is given back", async () => {
  const lanes = new ConflictLanes();
  const [first, late] = [new LanePlace(lanes), new LanePlace(lanes)];
  await first.move("a");
  const waiting = late.move("a");
  late.leave();
  first.leave();
  await waiting;
  expect(lanes.size).toBe(0);
});

test("several first reads at once wait in one lane; who goes elsewhere meanwhile gives its turn back", async () => {
  const lanes = new ConflictLanes();
  const [first, other, both] = [new LanePlace(lanes), new LanePlace(lanes), new LanePlace(lanes)];
  await first.move("a");
  await other.move("b");
  const waiting = [both.join("a"), both.join("b")];
  other.leave();
  expect(lanes.isBusy("b")).toBe(false);
  first.leave();
  await Promise.all(waiting);
  both.leave();
  await first.move("a");
  const given = both.join("a");
  await both.move("c");
  first.leave();
  await given;
  expect([lanes.isBusy("a"), lanes.isBusy("c")]).toEqual([false, true]);
  both.leave();
  expect(lanes.size).toBe(0);
});
