// Slots are taken and given on in order; whoever waits too long, or with too many others, is told so.
import { expect, test } from "bun:test";
import { fakeClock } from "../base/clock.ts";
import type { AmbitError } from "../base/error.ts";
import { Remembered } from "./remembered.ts";
import { UpstreamSlots } from "./upstream-slots.ts";

const limits = { atOnce: 1, waiting: 2, waitMs: 100 };
const codeOf = (work: Promise<void>): Promise<string> => work.then(() => "taken", (error: unknown) => (error as AmbitError).code);

test("one after the other, in order; then OVERLOADED", async () => {
  const slots = new UpstreamSlots("T", fakeClock());
  const order: number[] = [];
  await slots.take(limits);
  const waiting = [1, 2].map((number) => slots.take(limits).then(() => order.push(number)));
  expect(await codeOf(slots.take(limits))).toBe("OVERLOADED");
  expect([slots.running, slots.waiting]).toEqual([1, 2]);
  slots.release();
  slots.release();
  await Promise.all(waiting);
  expect(order).toEqual([1, 2]);
  expect([slots.running, slots.waiting]).toEqual([1, 0]);
  slots.release();
  expect(slots.running).toBe(0);
});

test("who waited too long has no slot, and takes none from those behind", async () => {
  const clock = fakeClock();
  const slots = new UpstreamSlots("T", clock);
  await slots.take(limits);
  const late = codeOf(slots.take(limits));
  clock.advance(60);
  const next = codeOf(slots.take(limits));
  clock.advance(50);
  expect(await late).toBe("SOURCE_TIMEOUT");
  slots.release();
  expect(await next).toBe("taken");
  slots.release();
  expect(slots.running).toBe(0);
});

test("what is remembered ends with its time, and gives way to others", () => {
  const clock = fakeClock();
  const memory = new Remembered<number>(clock);
  const most = 2;
  memory.set("a 1", 1, { forMs: 10, most });
  memory.set("a 2", 2, { forMs: 20, most });
  expect([memory.get("a 1"), memory.get("a 2"), memory.get("b")]).toEqual([1, 2, undefined]);
  clock.advance(10);
  expect([memory.get("a 1"), memory.get("a 2"), memory.size]).toEqual([undefined, 2, 1]);
  memory.set("b", 3, { forMs: 20, most });
  memory.set("c", 4, { forMs: 20, most });
  expect([memory.get("a 2"), memory.get("b"), memory.get("c")]).toEqual([undefined, 3, 4]);
  memory.set("a 3", 5, { forMs: 20, most });
  memory.deleteAll("a ");
  memory.delete("b");
  expect(memory.size).toBe(1);
  memory.set("d", 6, { forMs: 0, most });
  memory.set("e", 7, { forMs: 5, most: 0 });
  expect([memory.get("d"), memory.get("e")]).toEqual([undefined, undefined]);
});
