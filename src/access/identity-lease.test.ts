import { expect, test } from "bun:test";
import { fakeClock } from "../base/clock.ts";
import { EndableLease, isLapsed, watchIdentity } from "./identity-lease.ts";

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

test("who watches is told once when the lease is over, and of no expiry then", async () => {
  const clock = fakeClock(0);
  const lease = new EndableLease();
  const told: string[] = [];
  watchIdentity(clock, { expiresAtMs: 1_000, lease }, { expired: () => told.push("expired"), over: () => told.push("over") });
  lease.end();
  expect([lease.isOver, told]).toEqual([true, []]);
  lease.end();
  await turn();
  clock.advance(2_000);
  expect(told).toEqual(["over"]);
});

test("who stopped watching hears nothing, and who begins late hears at once", async () => {
  const lease = new EndableLease();
  const told: string[] = [];
  const cancel = watchIdentity(fakeClock(0), { expiresAtMs: null, lease }, { expired: () => {}, over: () => told.push("early") });
  cancel();
  lease.end();
  watchIdentity(fakeClock(0), { expiresAtMs: null, lease }, { expired: () => {}, over: () => told.push("late") });
  await turn();
  expect(told).toEqual(["late"]);
});

test("an identity has lapsed at its end, or when its lease is over", () => {
  const lease = new EndableLease();
  expect([isLapsed({ expiresAtMs: 5, lease }, 4), isLapsed({ expiresAtMs: 5, lease }, 5), isLapsed({ expiresAtMs: null }, 1e15)]).toEqual([false, true, false]);
  lease.end();
  expect(isLapsed({ expiresAtMs: null, lease }, 0)).toBe(true);
});
