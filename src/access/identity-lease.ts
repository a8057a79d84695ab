// How long an identity is what its credential says: sessions are signed out of and keys revoked while connections are open with them.
import { scheduleAt, type Clock } from "../base/clock.ts";
import type { Identity } from "./identity.ts";

/** Of a credential that may end, or come to mean something else, before its time. */
export interface IdentityLease {
  readonly isOver: boolean;
  /** Told once, soon after it is over: the credential must be asked for again. Answers how to be told no more. Must not throw. */
  onOver(listener: () => void): () => void;
}

/** A lease and its end. */
export class EndableLease implements IdentityLease {
  #isOver = false;
  readonly #listeners = new Set<() => void>();

  get isOver(): boolean {
    return this.#isOver;
  }

  onOver(listener: () => void): () => void {
    // One that asks late is told, too.
    if (this.#isOver) queueMicrotask(() => { if (this.#listeners.delete(listener)) listener(); });
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  /** Who asks from now on is told it is over; who waits hears of it when the commit that ended it is told. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    queueMicrotask(() => {
      // A copy: a listener may listen again, and is not told twice.
      const listeners = Array.from(this.#listeners);
      for (const listener of listeners) if (this.#listeners.delete(listener)) listener();
    });
  }
}

/** Until either happens. Answers how to stop. */
export function watchIdentity(clock: Clock, { expiresAtMs, lease }: Pick<Identity, "expiresAtMs" | "lease">, then: { /** Its time is up. */ expired(): void; /** Its credential must be asked for again. */ over(): void }): () => void {
  const cancelTimer = expiresAtMs === null ? null : scheduleAt(clock, expiresAtMs, then.expired);
  const cancelLease = lease?.onOver(() => {
    cancelTimer?.();
    then.over();
  });
  return () => {
    cancelTimer?.();
    cancelLease?.();
  };
}

/** As if it had never been given out. */
export function isLapsed({ expiresAtMs, lease }: Pick<Identity, "expiresAtMs" | "lease">, nowMs: number): boolean {
  return lease?.isOver === true || nowMs >= (expiresAtMs ?? Infinity);
}
