// When a host is left alone, for how long, and how it comes back.
import { expect, test } from "bun:test";
import { HostBreaker } from "./host-breaker.ts";

const breaker = (): HostBreaker => new HostBreaker(() => ({ outboxPerHost: 2, outboxBreakerFailures: 3, outboxBreakerMs: 1_000 }));

function run(hosts: HostBreaker, host: string, isHealthy: boolean | null, nowMs: number): void {
  hosts.started(host);
  hosts.ended(host, isHealthy, nowMs);
}

test("so many at once for one host, whatever others do", () => {
  const hosts = breaker();
  hosts.started("a");
  expect(hosts.mayStart("a", 0)).toBe(true);
  hosts.started("a");
  expect([hosts.mayStart("a", 0), hosts.mayStart("b", 0)]).toEqual([false, true]);
  hosts.ended("a", true, 0);
  expect(hosts.mayStart("a", 0)).toBe(true);
});

test("failures in a row leave it alone; one request tries it; each failure more doubles the pause, to ten times at most", () => {
  const hosts = breaker();
  for (const nowMs of [1, 2]) run(hosts, "a", false, nowMs);
  expect(hosts.mayStart("a", 2)).toBe(true);
  run(hosts, "a", false, 3);
  expect([hosts.mayStart("a", 1_002), hosts.nextOpening(3), hosts.openCount(3)]).toEqual([false, 1_003, 1]);
  expect(hosts.mayStart("a", 1_003)).toBe(true);
  hosts.started("a");
  expect(hosts.mayStart("a", 1_003)).toBe(false);
  hosts.ended("a", false, 1_003);
  expect(hosts.nextOpening(1_003)).toBe(3_003);
  let nowMs = 3_003;
  for (const pause of [4_000, 8_000, 10_000, 10_000]) {
    run(hosts, "a", false, nowMs);
    expect(hosts.nextOpening(nowMs)).toBe(nowMs + pause);
    nowMs += pause;
  }
  run(hosts, "a", true, nowMs);
  expect([hosts.mayStart("a", nowMs), hosts.nextOpening(0), hosts.openCount(0)]).toEqual([true, null, 0]);
});

test("failures of so many hosts are remembered, and no more", () => {
  const hosts = breaker();
  for (let host = 0; host <= 10_000; host++) for (let time = 0; time < 3; time++) run(hosts, `h${host}`, false, 1);
  expect([hosts.openCount(1), hosts.mayStart("h0", 1), hosts.mayStart("h10000", 1)]).toEqual([10_000, false, true]);
});

test("a success between them, or what says nothing of the host, is no row of failures", () => {
  const hosts = breaker();
  for (const isHealthy of [false, false, true, false, null, false]) run(hosts, "a", isHealthy, 1);
  expect(hosts.mayStart("a", 1)).toBe(true);
  run(hosts, "a", false, 1);
  expect(hosts.mayStart("a", 1)).toBe(false);
});
