// Who is asking: turns a credential into an Identity, from the administrator's token, static keys and JSON Web Tokens.
import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { administratorIdentity, anonymousIdentity, subjectIdentity } from "./identities.ts";
import type { Identity } from "./identity.ts";
import { invalidToken } from "./invalid-token.ts";
import type { JwtIssuer, TokenVerifier } from "./verify-token.ts";

export interface StaticKey { readonly token: string; readonly subject: string; readonly roles: readonly string[]; readonly tenant?: string | null }

export interface AuthConfig {
  /** Null or empty: there is no administrator over the wire. */
  readonly adminToken: string | null;
  readonly keys: readonly StaticKey[];
  readonly jwt: readonly JwtIssuer[];
  /** Sessions, and tokens of the app's own. Absent: there are none. */
  readonly signedIn?: { find(token: string): Identity | null };
}

export interface AuthenticatorOptions {
  readonly clock: Clock;
  /** Where files of key sets are looked for: the app's folder. */
  readonly directory?: string;
  /** Claims that are each token's own. */
  readonly volatileClaims?: readonly string[];
  /** Asked in turn for tokens that are no static key. */
  readonly stores?: readonly CredentialStore[];
  /** For key sets; without it the platform's. */
  readonly fetch?: (url: string, init?: RequestInit) => Promise<Response>;
}

/** Credentials that stand in the data: keys, sessions. */
export interface CredentialStore {
  /** `digest`: SHA-256 of the token. Null: not one of these. Throws INVALID_TOKEN for one that has ended. */
  find(token: string, digest: Uint8Array): Identity | null;
}

export interface Authenticator {
  /** `credential`: an Authorization header's value, or a bare token. Null: anonymous. Throws INVALID_TOKEN. At once unless a token must be verified. */
  authenticate(credential: string | null): Identity | Promise<Identity>;
}

const TOKEN_LENGTH_MAX = 16_384;
const REMEMBERED_MAX = 10_000;
/** A verified token is verified again after this, and when keys may have become others, so that a withdrawn key ends. */
const REMEMBERED_MS = 300_000;

interface Remembered { readonly identity: Identity; readonly untilMs: number; readonly keysVersion: number }

export function createAuthenticator(config: AuthConfig, options: AuthenticatorOptions): Authenticator {
  const known = knownTokens(config);
  let loading: Promise<TokenVerifier> | null = null;
  let loaded: TokenVerifier | null = null;
  // Loaded with the first token: most apps start without, and sooner.
  const verifier = (): Promise<TokenVerifier> => loading ??= import("./verify-token.ts").then(({ createTokenVerifier }) => (loaded = createTokenVerifier(config.jwt, options)));
  const remembered = new Map<string, Remembered>();

  const { stores = [] } = options;
  const verify = async (token: string, digest: string): Promise<Identity> => {
    const verifying = await verifier();
    const { keysVersion } = verifying;
    const identity = await verifying.verify(token);
    const now = options.clock.now();
    if (remembered.size >= REMEMBERED_MAX) remembered.delete(remembered.keys().next().value!);
    remembered.set(digest, { identity, untilMs: Math.min(now + REMEMBERED_MS, identity.expiresAtMs ?? Infinity), keysVersion });
    return identity;
  };

  const signed = (token: string, digest: Buffer): Identity | Promise<Identity> => {
    if (config.jwt.length === 0 || !/^[\w-]+\.[\w-]*\.[\w-]*$/.test(token)) throw invalidToken("The token is not known.");
    const name = digest.toString("base64");
    const earlier = remembered.get(name);
    if (earlier !== undefined && options.clock.now() < earlier.untilMs && earlier.keysVersion === loaded?.keysVersion) return earlier.identity;
    remembered.delete(name);
    return verify(token, name);
  };

  return {
    authenticate(credential) {
      if (credential === null) return anonymousIdentity;
      const token = readToken(credential);
      const digest = createHash("sha256").update(token).digest();
      let found: Identity | null = null;
      // Every key is compared, so that the time says nothing about which one was near.
      for (const entry of known) if (timingSafeEqual(entry.digest, digest)) found ??= entry.identity;
      for (const store of stores) found ??= store.find(token, digest);
      return found ?? config.signedIn?.find(token) ?? signed(token, digest);
    },
  };
}

/** `Bearer TOKEN` (any case), or the token alone as MQTT and command lines pass it. */
function readToken(credential: string): string {
  const text = credential.trim();
  if (text.length > TOKEN_LENGTH_MAX) throw invalidToken("The token is too long.");
  const parts = text.split(/ +/);
  if (parts.length === 2 && parts[0]!.toLowerCase() === "bearer") return parts[1]!;
  if (parts.length === 1 && text !== "" && text.toLowerCase() !== "bearer") return text;
  throw invalidToken("The Authorization header is not of the form Bearer TOKEN.");
}

function knownTokens(config: AuthConfig): { digest: Buffer; identity: Identity }[] {
  const digest = (token: string): Buffer => createHash("sha256").update(token).digest();
  const known = config.keys.filter((key) => key.token !== "").map((key) => ({
    digest: digest(key.token),
    identity: subjectIdentity({ subject: key.subject, roles: key.roles, tenant: key.tenant ?? null, isOfKey: true }),
  }));
  if (config.adminToken !== null && config.adminToken !== "") known.unshift({ digest: digest(config.adminToken), identity: administratorIdentity });
  return known;
}
