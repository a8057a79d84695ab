// Names each request: the client's own name when it is harmless, else one of ours that is unique and cheap.
import type { Random } from "../../base/random.ts";

export interface RequestIds {
  /** `sent`: the X-Request-Id header. */
  of(sent: string | null): string;
}

const HARMLESS = /^[A-Za-z0-9._:-]{1,64}$/;

export function createRequestIds(random: Random): RequestIds {
  // Chance once for each start, then a counter: unique without asking for chance at every request.
  const prefix = Buffer.from(random.bytes(6)).toString("hex");
  let count = 0;
  return {
    of: (sent) => (sent !== null && HARMLESS.test(sent) ? sent : `${prefix}-${++count}`),
  };
}
