// Names each request: the client's own name when it is harmless, else one of ours that is unique and cheap.
import type { Random } from "../../base/random.ts";

export interface RequestIds {
  /** `sent`: the X-Request-Id header. */
  of(sent: string | null): string;
}

const HARMLESS = /^[A-Za-z0-9._:-]{1,64}$/;
/** The last two digits, so that a number is written out only once in so many requests. */
const ENDINGS = Array.from({ length: 36 * 36 }, (_, count) => count.toString(36).padStart(2, "0"));

export function createRequestIds(random: Random): RequestIds {
  // Chance once for each start, then a counter: unique without asking for chance at every request.
  const start = Buffer.from(random.bytes(6)).toString("hex");
  let round = 0;
  let ending = 0;
  let beginning = `${start}-`;
  const next = (): string => {
    if (++ending === ENDINGS.length) {
      ending = 0;
      beginning = `${start}-${(++round).toString(36)}`;
    }
    return beginning + ENDINGS[ending]!;
  };
  return { of: (sent) => (sent !== null && HARMLESS.test(sent) ? sent : next()) };
}
