// Argon2id for passwords, beside the event loop and bounded: what it costs is what makes guessing slow, so it must not stop everything else.
import { fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import type { PasswordHashing } from "../access/accounts/account-store.ts";

type HashLimits = Pick<Limits, "passwordMemoryKib" | "passwordPasses" | "passwordHashes" | "passwordHashesWaiting">;

export interface CountedHashing extends PasswordHashing {
  /** How many passwords were hashed, to keep or to compare. */
  readonly count: number;
}

export function createPasswordHashing(limits: () => HashLimits): CountedHashing {
  const waiting: (() => void)[] = [];
  let running = 0;
  let count = 0;
  const turn = async <T>(work: () => Promise<T>): Promise<T> => {
    const { passwordHashes, passwordHashesWaiting } = limits();
    if (running >= passwordHashes) {
      if (waiting.length >= passwordHashesWaiting) throw fault("OVERLOADED", "Too many sign in just now.", { retryAfterS: 1 });
      // Whoever ends gives its place on.
      await new Promise<void>((resolve) => { waiting.push(resolve); });
    } else running++;
    count++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
  return {
    get count() { return count; },
    hash: (password) => turn(() => {
      const { passwordMemoryKib, passwordPasses } = limits();
      return Bun.password.hash(password.normalize("NFKC"), { algorithm: "argon2id", memoryCost: passwordMemoryKib, timeCost: passwordPasses });
    }),
    verify: (password, hash) => turn(async () => {
      try {
        return await Bun.password.verify(password.normalize("NFKC"), hash);
      } catch {
        // No hash of ours: nobody's password.
        return false;
      }
    }),
  };
}
