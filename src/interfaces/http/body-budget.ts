// How many bytes of bodies one listener holds at the same time: many slow or large requests together must not fill the memory.
import { fault } from "../../base/error.ts";

export interface BodyBudget {
  /** Throws OVERLOADED when they do not fit beside what is held. */
  take(bytes: number, bytesMax: number): void;
  give(bytes: number): void;
}

export function createBodyBudget(): BodyBudget {
  let held = 0;
  return {
    take(bytes, bytesMax) {
      // One alone always fits: its own bound is limits.bodyBytes.
      if (held > 0 && held + bytes > bytesMax) {
        throw fault("OVERLOADED", "The bodies of all requests under way are too large together.", { retryAfterS: 1, headers: { connection: "close" } });
      }
      held += bytes;
    },
    give(bytes) { held -= bytes; },
  };
}
