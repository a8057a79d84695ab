// How each host that requests are sent to is doing: how many are under way, and for how long it is left alone after failures in a row.
// Afterwards one request tries it. Remembers hosts that are busy or failing, no others.
import type { Limits } from "../base/limits.ts";

interface HostState {
  underWay: number;
  failures: number;
  /** Not before then. */
  openAtMs: number;
}

export type BreakerLimits = Pick<Limits, "outboxPerHost" | "outboxBreakerFailures" | "outboxBreakerMs">;

/** Failures of more are not remembered. */
const HOSTS_MAX = 10_000;
/** How often the pause doubles, at most ten times as long. */
const PAUSE_FACTOR_MAX = 10;

export class HostBreaker {
  readonly #limits: () => BreakerLimits;
  readonly #hosts = new Map<string, HostState>();

  constructor(limits: () => BreakerLimits) {
    this.#limits = limits;
  }

  mayStart(host: string, nowMs: number): boolean {
    const state = this.#hosts.get(host);
    if (state === undefined) return true;
    const { outboxPerHost, outboxBreakerFailures } = this.#limits();
    const width = state.failures >= outboxBreakerFailures ? 1 : outboxPerHost;
    return state.openAtMs <= nowMs && state.underWay < width;
  }

  started(host: string): void {
    this.#state(host).underWay++;
  }

  /** `isHealthy` null: it says nothing of the host. */
  ended(host: string, isHealthy: boolean | null, nowMs: number): void {
    const state = this.#state(host);
    const { outboxBreakerFailures, outboxBreakerMs } = this.#limits();
    state.underWay--;
    if (isHealthy === true) state.failures = 0;
    else if (isHealthy === false && ++state.failures >= outboxBreakerFailures) {
      state.openAtMs = nowMs + outboxBreakerMs * Math.min(2 ** (state.failures - outboxBreakerFailures), PAUSE_FACTOR_MAX);
    }
    if (state.underWay === 0 && (state.failures === 0 || this.#hosts.size > HOSTS_MAX)) this.#hosts.delete(host);
  }

  /** When the next host is tried again after `nowMs`; null: none is left alone. */
  nextOpening(nowMs: number): number | null {
    const times = [...this.#hosts.values()].map(({ openAtMs }) => openAtMs).filter((atMs) => atMs > nowMs);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Hosts that are left alone. */
  openCount(nowMs: number): number {
    return [...this.#hosts.values()].filter(({ openAtMs }) => openAtMs > nowMs).length;
  }

  #state(host: string): HostState {
    let state = this.#hosts.get(host);
    if (state === undefined) this.#hosts.set(host, state = { underWay: 0, failures: 0, openAtMs: 0 });
    return state;
  }
}
