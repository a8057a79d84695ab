// Verifies JSON Web Tokens of the configured issuers and reads roles and tenant from their claims. Keeps no identities.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JSONWebKeySet, type JWTPayload, type JWTVerifyGetKey } from "jose";
import type { Clock } from "../base/clock.ts";
import { AmbitError, fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import { subjectIdentity } from "./identities.ts";
import type { Identity } from "./identity.ts";
import { invalidToken } from "./invalid-token.ts";
import { remoteKeySet } from "./key-sets.ts";
import { mappedRoles, mappedTenant } from "./mapped-claims.ts";

export interface JwtIssuer {
  readonly issuer: string;
  readonly audience?: string | null;
  /** URL or file of a JSON Web Key Set. Exactly one of `jwks` and `secret`. */
  readonly jwks?: string | null;
  /** Shared secret of HS256 and its like. */
  readonly secret?: string | null;
  readonly algorithms: readonly string[];
  /** `map` translates and, where given, lists all that may come from outside. */
  readonly roles: { readonly claim: string; readonly map?: Readonly<Record<string, string>> | null };
  readonly tenant?: { readonly claim: string } | null;
}

export interface TokenVerifier {
  /** Another one since the keys of an issuer may have become others. */
  readonly keysVersion: number;
  verify(token: string): Promise<Identity>;
}

export interface TokenVerifierOptions {
  readonly clock: Clock;
  /** Where files of key sets are looked for; without it, where the process stands. */
  readonly directory?: string;
  /** Claims that are each token's own. */
  readonly volatileClaims?: readonly string[];
  readonly fetch?: (url: string, init?: RequestInit) => Promise<Response>;
}

export function createTokenVerifier(issuers: readonly JwtIssuer[], options: TokenVerifierOptions): TokenVerifier {
  const keys = new Map<JwtIssuer, Promise<JWTVerifyGetKey | Uint8Array>>();
  let keysVersion = 0;
  const changed = (): void => { keysVersion++; };
  const keysOf = (issuer: JwtIssuer): Promise<JWTVerifyGetKey | Uint8Array> => {
    const known = keys.get(issuer);
    if (known !== undefined) return known;
    const loading = loadKeys(issuer, options, changed);
    keys.set(issuer, loading);
    loading.catch(() => keys.delete(issuer));
    return loading;
  };
  return {
    get keysVersion() { return keysVersion; },
    async verify(token) {
      const named = issuerOf(token);
      const candidates = issuers.filter((issuer) => issuer.issuer === named);
      let refusal: AmbitError = invalidToken("The token's issuer is not known here.");
      for (const issuer of candidates) {
        try {
          return identityOf(await payloadOf(token, issuer, await keysOf(issuer), options.clock), issuer, options.volatileClaims ?? []);
        } catch (error) {
          refusal = refusalOf(error);
        }
      }
      throw refusal;
    },
  };
}

function issuerOf(token: string): string | null {
  let algorithm: unknown;
  let issuer: unknown;
  try {
    algorithm = decodeProtectedHeader(token).alg;
    issuer = decodeJwt(token).iss;
  } catch (error) {
    throw invalidToken("The token cannot be read.", error);
  }
  if (typeof algorithm !== "string" || algorithm.toLowerCase() === "none") throw invalidToken("The token is not signed.");
  return typeof issuer === "string" ? issuer : null;
}

async function payloadOf(token: string, issuer: JwtIssuer, key: JWTVerifyGetKey | Uint8Array, clock: Clock): Promise<JWTPayload> {
  const options = {
    issuer: issuer.issuer, algorithms: algorithmsOf(issuer), currentDate: new Date(clock.now()),
    ...(issuer.audience === undefined || issuer.audience === null ? {} : { audience: issuer.audience }),
  };
  const result = typeof key === "function" ? await jwtVerify(token, key, options) : await jwtVerify(token, key, options);
  return result.payload;
}

/** A shared secret never verifies a public-key algorithm, nor the reverse: that confusion forges tokens. */
function algorithmsOf(issuer: JwtIssuer): string[] {
  const shared = typeof issuer.secret === "string";
  return issuer.algorithms.filter((algorithm) => algorithm.startsWith("HS") === shared && algorithm.toLowerCase() !== "none");
}

async function loadKeys(issuer: JwtIssuer, { clock, directory = "", fetch }: TokenVerifierOptions, changed: () => void): Promise<JWTVerifyGetKey | Uint8Array> {
  if (typeof issuer.secret === "string") return new TextEncoder().encode(issuer.secret);
  const place = issuer.jwks ?? "";
  if (!/^https?:/.test(place)) return createLocalJWKSet(JSON.parse(await readFile(resolve(directory, place), "utf8")) as JSONWebKeySet);
  return remoteKeySet(new URL(place), { clock, fetch, changed });
}

function identityOf(payload: JWTPayload, issuer: JwtIssuer, volatileClaims: readonly string[]): Identity {
  if (typeof payload.sub !== "string" || payload.sub === "") throw invalidToken("The token names no subject.");
  const claims = payload as { readonly [name: string]: Json };
  const tenant = issuer.tenant === undefined || issuer.tenant === null ? null : mappedTenant(claims, issuer.tenant.claim);
  return subjectIdentity({
    subject: payload.sub, roles: mappedRoles(claims, issuer.roles), tenant, claims, volatileClaims,
    expiresAtMs: typeof payload.exp === "number" ? payload.exp * 1_000 : null,
  });
}

/** The token's own defects are the caller's; keys that cannot be had are ours and pass. */
function refusalOf(error: unknown): AmbitError {
  if (error instanceof AmbitError) return error;
  if (error instanceof errors.JWTExpired) return invalidToken("The token has expired.", error);
  if (error instanceof errors.JWTClaimValidationFailed) return invalidToken(`The token's ${error.claim} is not accepted.`, error);
  const unreachable = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid || !(error instanceof errors.JOSEError) || error.code === "ERR_JOSE_GENERIC";
  if (unreachable) return fault("UNAVAILABLE", "The token cannot be verified at the moment.", { retryAfterS: 5, cause: error });
  return invalidToken("The token is not valid.", error);
}
