// Keys of issuers that are somewhere else. They are asked for again when a token names one that is not known, so that a new key counts at once,
// but not as often as somebody invents names.
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from "jose";
import type { Clock } from "../base/clock.ts";
import { RateMeter } from "../base/rate-meter.ts";

export type RemoteKeySet = ReturnType<typeof createRemoteJWKSet>;

export interface KeySetOptions {
  readonly clock: Clock;
  /** Without it the platform's. */
  readonly fetch?: ((url: string, init?: RequestInit) => Promise<Response>) | undefined;
  /** The keys may be others from now on. */
  changed(): void;
}

const TIMEOUT_MS = 5_000;
/** Of asking again because of a token: so often at once, then as evenly. */
const ASKED_AGAIN = { count: 3, windowMs: 30_000 };

export function remoteKeySet(url: URL, { clock, fetch: fetching = fetch, changed }: KeySetOptions): JWTVerifyGetKey {
  return askingAgain(createRemoteJWKSet(url, {
    timeoutDuration: TIMEOUT_MS, cooldownDuration: Number.POSITIVE_INFINITY,
    [customFetch]: (address, init) => fetching(address, init as RequestInit).finally(changed),
  }), clock);
}

/** For a set of keys that the library itself asks again too late. */
export function askingAgain(keys: RemoteKeySet, clock: Clock): JWTVerifyGetKey {
  const meter = new RateMeter(0);
  const mayAsk = (): boolean => meter.take([{ limit: "keys", who: "", rate: ASKED_AGAIN, cost: 1 }], clock.now(), 1)?.isWithin === true;
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      // What is under way already is waited for, and costs nothing.
      if (!(error instanceof errors.JWKSNoMatchingKey) || (!keys.reloading && !mayAsk())) throw error;
      await keys.reload();
      return keys(header, token);
    }
  };
}
