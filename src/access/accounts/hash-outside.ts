// Hashing a password takes long on purpose and waits its turn; a transaction may take neither time. So one that needs a hash ends without a trace,
// and begins again once the hash is there; where it runs again for a conflict, nothing is hashed twice.
import { scopeOf } from "./account-scope.ts";
import type { PasswordHashing } from "./account-store.ts";

class HashNeeded extends Error {
  readonly password: string;
  constructor(password: string) {
    super("a hash is needed first");
    this.password = password;
  }
}

/** The hash of a password that this request keeps; within a transaction it ends that one (`transactWithHashes`). */
export async function hashOutside(hashing: PasswordHashing, password: string): Promise<string> {
  const scope = scopeOf();
  const known = scope.hashes.get(password);
  if (known !== undefined) return known;
  if (scope.isInTransaction) {
    const needed = new HashNeeded(password);
    scope.refusal = needed;
    throw needed;
  }
  const hash = await hashing.hash(password);
  scope.hashes.set(password, hash);
  return hash;
}

/** A transaction of this request that may call `hashOutside`. */
export async function transactWithHashes<T>(hashing: PasswordHashing, run: () => Promise<T>): Promise<T> {
  const scope = scopeOf();
  if (scope.isInTransaction) return scope.store.transaction(run);
  for (;;) {
    scope.isInTransaction = true;
    try {
      return await scope.store.transaction(run);
    } catch (error) {
      if (!(error instanceof HashNeeded)) throw error;
      scope.isInTransaction = false;
      await hashOutside(hashing, error.password);
    } finally {
      scope.isInTransaction = false;
    }
  }
}
