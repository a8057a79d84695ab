// Which share of all something falls into: by a hash, so that the same falls into the same each time, whoever asks and wherever.
import { createHash } from "node:crypto";

const BYTES = 6;

/** At least 0, below 1. `salt` keeps shares of different things apart. */
export function shareOf(salt: string, sticky: string): number {
  return createHash("sha256").update(JSON.stringify([salt, sticky])).digest().readUIntBE(0, BYTES) / 2 ** (8 * BYTES);
}
