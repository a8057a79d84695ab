// Sign-in of the app that serves: who sessions and tokens stand for, and, loaded with the first request that needs it, the library behind `/auth`.
import { createHmac } from "node:crypto";
import { createOwnTokens, type OwnTokens } from "../access/own-tokens.ts";
import { SignedIn } from "../access/signed-in.ts";
import type { AccountPort } from "../access/accounts/account-store.ts";
import type { Clock } from "../base/clock.ts";
import { fault } from "../base/error.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { CookiePolicy } from "../interfaces/http/cookie-credential.ts";
import type { Storage } from "../storage/open-storage.ts";
import { readTokenKey, revokedAt, sessionOf, writeTokenKey } from "../storage/token-rows.ts";
import type { Tables } from "../tables/engine.ts";
import type { AppConfig } from "./config.ts";
import type { LoadedApp } from "./load-app.ts";
import { createPasswordHashing, type CountedHashing } from "./password-hashing.ts";

/** One for all reloads. */
export interface AccountService {
  readonly tokens: OwnTokens;
  readonly hashing: CountedHashing;
  /** The secret that cookies and links are signed with. */
  readonly secret: string;
}

export interface AccountParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const KEY_BYTES = 32;

/** The key is made once and kept with the data. */
export async function openAccounts({ storage, random }: Pick<AccountParts, "storage" | "random">, config: () => AppConfig): Promise<AccountService> {
  if (readTokenKey(storage.reader) === null) {
    const key = Buffer.from(random.bytes(KEY_BYTES)).toString("base64");
    await storage.commit((connection) => { if (readTokenKey(connection) === null) writeTokenKey(connection, key); });
  }
  const key = Buffer.from(readTokenKey(storage.reader)!, "base64");
  return { tokens: createOwnTokens(() => key), secret: createHmac("sha256", key).update("sign-in").digest("base64"), hashing: createPasswordHashing(() => config().limits) };
}

/** Who is signed in, by what is stored. */
export function signedInOf({ catalog }: LoadedApp, { tables, storage, clock, service }: { readonly tables: Tables; readonly storage: Storage; readonly clock: Clock; readonly service: AccountService }): SignedIn {
  const signedIn = new SignedIn({
    catalog, tokens: service.tokens, now: () => clock.now(),
    records: {
      get: (table, id) => tables.get(table, id)?.values ?? null,
      session: (hash) => sessionOf(storage.reader, hash),
      revokedAt: (subject) => revokedAt(storage.reader, subject),
    },
  });
  if (catalog.account !== undefined) tables.onCommitted(({ changes }) => signedIn.changed(changes));
  return signedIn;
}

/** Undefined where the schema has no @account. `url`: where the app listens. */
export function accountsOf({ catalog, config }: LoadedApp, { service, random, clock, log, url }: Pick<AccountParts, "random" | "clock" | "log"> & { readonly service: AccountService; url(): string }): (() => Promise<AccountPort>) | undefined {
  const { account } = catalog;
  if (account === undefined) return undefined;
  let port: Promise<AccountPort> | null = null;
  const open = async (): Promise<AccountPort> => {
    const { createAccounts } = await import("../access/accounts/create-accounts.ts");
    const { signIn } = config.auth;
    const place = signIn.url ?? reachable(url());
    if (place === "") throw fault("UNAVAILABLE", "The app is starting.", { retryAfterS: 1 });
    return createAccounts({
      account, tables: catalog.tables, oidc: signIn.oidc, url: place, origins: ownOrigins(config, place), secret: service.secret, hashing: service.hashing, limits: config.limits, clock, log,
      features: { password: signIn.password, mail: config.mailUrl !== null, passkeys: signIn.passkeys, totp: signIn.totp, organizations: signIn.organizations },
      token: () => Buffer.from(random.bytes(KEY_BYTES)).toString("base64url"),
    });
  };
  return () => {
    port ??= open();
    port.catch(() => { port = null; });
    return port;
  };
}

export function cookiesOf({ catalog, config }: LoadedApp, { secret }: AccountService): { readonly cookies?: CookiePolicy } {
  if (catalog.account === undefined) return {};
  const { url } = config.auth.signIn;
  const secure = url === null ? config.http.tls !== null : url.startsWith("https:");
  return { cookies: { secure, secret, origins: [...(url === null ? [] : [url]), ...config.http.corsOrigins.filter((origin) => origin !== "*")] } };
}

/** Pages that a link may lead back to. On this machine, by either of its names. */
function ownOrigins({ http }: AppConfig, place: string): string[] {
  const local = /^(https?):\/\/(?:127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.exec(place);
  const names = local === null ? [place] : ["127.0.0.1", "localhost", "[::1]"].map((name) => `${local[1]!}://${name}${local[2] ?? ""}`);
  return [...names, ...http.corsOrigins.filter((origin) => origin !== "*")];
}

/** Of an address that stands for all of a machine's. */
function reachable(url: string): string {
  return url.replace(/^(https?:\/\/)(?:0\.0\.0\.0|\[::\])/, "$1localhost");
}
