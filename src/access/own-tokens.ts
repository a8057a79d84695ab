// Tokens that the app signs for itself, as for a visitor without an account: JSON Web Tokens under one key that is made once and kept with the
// data (HS256: nobody else verifies them). Signed and verified at once; knows nothing of who was revoked.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Json } from "../base/value.ts";

export interface TokenFacts {
  readonly subject: string;
  readonly roles: readonly string[];
  readonly tenant: string | null;
  readonly claims: { readonly [name: string]: Json };
  readonly issuedMs: number;
  readonly expiresMs: number;
}

export interface OwnTokens {
  sign(facts: TokenFacts, id: string): string;
  /** Null: not one of these. Says nothing of its time. */
  read(token: string): TokenFacts | null;
}

const ISSUER = "ambit";
const HEADER = encode({ alg: "HS256", typ: "JWT" });

interface Payload { readonly iss: string; readonly sub: string; readonly roles: string[]; readonly tenant: string | null; readonly claims: { [name: string]: Json }; readonly at: number; readonly iat: number; readonly exp: number; readonly jti: string }

export function createOwnTokens(key: () => Uint8Array | null): OwnTokens {
  const signatureOf = (text: string): Buffer | null => {
    const known = key();
    return known === null ? null : createHmac("sha256", known).update(text).digest();
  };
  return {
    sign({ subject, roles, tenant, claims, issuedMs, expiresMs }, id) {
      const payload: Payload = { iss: ISSUER, sub: subject, roles: [...roles], tenant, claims, at: issuedMs, iat: Math.floor(issuedMs / 1_000), exp: Math.ceil(expiresMs / 1_000), jti: id };
      const text = `${HEADER}.${encode(payload)}`;
      return `${text}.${signatureOf(text)!.toString("base64url")}`;
    },
    read(token) {
      const parts = token.split(".");
      // One form alone: what another header would say is never looked at.
      if (parts.length !== 3 || parts[0] !== HEADER) return null;
      const expected = signatureOf(`${parts[0]}.${parts[1]!}`);
      const given = Buffer.from(parts[2]!, "base64url");
      if (expected === null || given.length !== expected.length || !timingSafeEqual(given, expected) || given.toString("base64url") !== parts[2]) return null;
      const { iss, sub, roles, tenant, claims, at, exp } = JSON.parse(Buffer.from(parts[1]!, "base64url").toString("utf8")) as Payload;
      return iss === ISSUER ? { subject: sub, roles, tenant, claims, issuedMs: at, expiresMs: exp * 1_000 } : null;
    },
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
