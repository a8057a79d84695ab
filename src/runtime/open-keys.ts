// API keys of the data, tied to the app that serves: who holds one has the rights of their account by now, and an account that is deleted takes its keys along.
import { createStoredKeys, type StoredKeys } from "../access/stored-keys.ts";
import type { SignedIn } from "../access/signed-in.ts";
import type { Clock } from "../base/clock.ts";
import { describeError, type Log } from "../base/log.ts";
import type { Catalog } from "../schema/catalog.ts";
import { removeKeysOf } from "../storage/key-rows.ts";
import type { Storage } from "../storage/open-storage.ts";
import type { Tables } from "../tables/engine.ts";

/** `current`: what serves by then. One for all reloads. */
export function openKeys({ storage, clock, current }: { readonly storage: Storage; readonly clock: Clock; current(): { readonly catalog: Catalog; readonly signedIn: SignedIn } }): StoredKeys {
  return createStoredKeys({
    reader: storage.reader, clock,
    holderOf(subject) {
      const { catalog, signedIn } = current();
      return catalog.account === undefined ? undefined : signedIn.ofAccount(subject);
    },
  });
}

export function followAccounts(keys: StoredKeys, { catalog, tables, storage, log }: { readonly catalog: Catalog; readonly tables: Tables; readonly storage: Storage; readonly log: Log }): void {
  const { account } = catalog;
  if (account === undefined) return;
  tables.onCommitted(({ changes }) => {
    for (const { table, id, new: now } of changes) {
      if (table !== account.table) continue;
      const subject = String(id);
      keys.changed(subject);
      // Until then nobody is let in with one, as the account is not there; behind a crash they stay, and are good for nothing.
      if (now === null) void storage.commit((connection) => { removeKeysOf(connection, subject); }).catch((error: unknown) => { log.warn("keys-not-removed", describeError(error)); });
    }
  });
}
