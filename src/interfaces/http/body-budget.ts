// How many bytes of bodies one listener holds at the same time: many slow or large ones together must not fill the memory.
import { fault } from "../../base/error.ts";

export interface BodyBudget {
  /** Throws OVERLOADED when they do not fit beside what is held. */
  take(bytes: number, bytesMax: number): void;
  give(bytes: number): void;
}

/** `what`: the bodies, as OVERLOADED names them. */
export function createBodyBudget(what: string): BodyBudget {
  let held = 0;
  return {
    take(bytes, bytesMax) {
      // One alone always fits: it has a bound of its own.
      if (held > 0 && held + bytes > bytesMax) {
        throw fault("OVERLOADED", `${what} are too large together.`, { retryAfterS: 1, headers: { connection: "close" } });
      }
      held += bytes;
    },
    give(bytes) { held -= bytes; },
  };
}
