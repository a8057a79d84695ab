// Credentials to identities: what is accepted, what is refused, and that refusals say nothing more than they must.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { fakeClock } from "../base/clock.ts";
import { AmbitError } from "../base/error.ts";
import { createAuthenticator, type AuthConfig, type Authenticator } from "./authenticate.ts";
import { administratorIdentity, administratorOf, subjectIdentity } from "./identities.ts";
import type { Identity } from "./identity.ts";
import type { JwtIssuer } from "./verify-token.ts";

const ISSUER = "https://id.example.com";
const SECRET = "a shared secret of more than thirty-two bytes";
const clock = fakeClock();
const shared: JwtIssuer = {
  issuer: ISSUER, audience: "shop", secret: SECRET, algorithms: ["HS256"],
  roles: { claim: "groups", map: { support: "agent" } }, tenant: { claim: "org.id" },
};
const folder = mkdtempSync(join(tmpdir(), "ambit-auth-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function authenticator(config: Partial<AuthConfig>, fetched?: () => Promise<Response>): Authenticator {
  return createAuthenticator({ adminToken: null, keys: [], jwt: [], ...config }, { clock, ...(fetched === undefined ? {} : { fetch: fetched }) });
}

function signed(claims: Record<string, unknown>, secret = SECRET, algorithm = "HS256"): Promise<string> {
  const now = Math.floor(clock.now() / 1000);
  return new SignJWT({ iss: ISSUER, aud: "shop", sub: "u1", exp: now + 60, ...claims }).setProtectedHeader({ alg: algorithm }).sign(new TextEncoder().encode(secret));
}

async function refusal(work: () => unknown): Promise<AmbitError> {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(AmbitError);
    return error as AmbitError;
  }
  throw new Error("was not refused");
}

describe("static tokens", () => {
  const access = authenticator({
    adminToken: "admin-token",
    keys: [{ token: "merchant-key", subject: "m1", roles: ["merchant"], tenant: "t1" }, { token: "", subject: "empty", roles: [] }],
  });

  test("nobody, the administrator and a key, all at once", () => {
    expect(access.authenticate(null)).toMatchObject({ kind: "anonymous", subject: null, roles: [] });
    expect(access.authenticate("Bearer admin-token")).toMatchObject({ kind: "administrator", subject: null });
    expect(access.authenticate("bearer  merchant-key")).toMatchObject({ kind: "subject", subject: "m1", roles: ["merchant"], tenant: "t1" });
    expect(access.authenticate("merchant-key")).toMatchObject({ subject: "m1" });
  });

  for (const credential of ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer wrong", "Bearer merchant-key2", `Bearer ${"x".repeat(20_000)}`]) {
    test(`refuses ${JSON.stringify(credential.slice(0, 30))}`, async () => {
      const error = await refusal(() => access.authenticate(credential));
      expect([error.code, error.status]).toEqual(["INVALID_TOKEN", 401]);
      expect(error.extras.headers?.["www-authenticate"]).toContain("Bearer");
      if (credential.length > 8) expect(error.message).not.toContain(credential.slice(8));
    });
  }

  test("without a configured token there is no administrator", async () => {
    for (const adminToken of [null, ""]) expect((await refusal(() => authenticator({ adminToken }).authenticate("Bearer "))).code).toBe("INVALID_TOKEN");
  });
});

describe("shared secret", () => {
  const access = authenticator({ jwt: [shared] });
  const authenticate = async (claims: Record<string, unknown>): Promise<Identity> => access.authenticate(`Bearer ${await signed(claims)}`);

  test("roles by map, tenant by path, claims and expiry", async () => {
    const identity = await authenticate({ groups: ["support", "unknown"], org: { id: "t9" }, level: 3 });
    expect(identity).toMatchObject({ kind: "subject", subject: "u1", roles: ["agent"], tenant: "t9", claims: { level: 3 }, expiresAtMs: clock.now() + 60_000 });
  });

  test("a tenant is text or a whole number, else there is none", async () => {
    for (const [id, tenant] of [["t9", "t9"], [42, "42"], ["", null], ["\ud800", null], ["a\u0000b", null], [1.5, null], [["t9"], null], [{ t9: true }, null], [true, null], [null, null]] as const) {
      expect((await authenticate({ org: { id } })).tenant).toBe(tenant);
    }
    expect((await authenticate({ org: "t9" })).tenant).toBeNull();
    expect((await authenticate({})).tenant).toBeNull();
  });

  test("a verified token is remembered until it expires, not longer", async () => {
    const token = await signed({ jti: "once" });
    await access.authenticate(token);
    expect(access.authenticate(token)).not.toBeInstanceOf(Promise);
    clock.advance(61_000);
    expect((await refusal(() => access.authenticate(token))).message).toContain("expired");
  });

  const refused: [string, () => Promise<string>][] = [
    ["another issuer", () => signed({ iss: "https://evil.example" })],
    ["another audience", () => signed({ aud: "other" })],
    ["an expired one", () => signed({ exp: Math.floor(clock.now() / 1000) - 1 })],
    ["one not yet valid", () => signed({ nbf: Math.floor(clock.now() / 1000) + 60 })],
    ["another secret", () => signed({}, "another secret of more than thirty-two bytes")],
    ["an algorithm that is not listed", () => signed({}, SECRET.repeat(2), "HS512")],
    ["no subject", () => signed({ sub: undefined })],
    ["an empty subject", () => signed({ sub: "" })],
    ["alg none", async () => new UnsecuredJWT({ iss: ISSUER, aud: "shop", sub: "u1" }).encode()],
    ["a cut signature", async () => (await signed({})).split(".").slice(0, 2).join(".") + "."],
    ["a changed payload", async () => (await signed({})).replace(/\.[^.]+\./, `.${btoa(JSON.stringify({ iss: ISSUER, aud: "shop", sub: "root" })).replace(/=+$/, "")}.`)],
    ["nonsense", async () => "a.b.c"],
  ];
  for (const [name, make] of refused) {
    test(`refuses ${name}`, async () => {
      const error = await refusal(async () => access.authenticate(`Bearer ${await make()}`));
      expect([error.code, error.status]).toEqual(["INVALID_TOKEN", 401]);
    });
  }

  test("implied roles and those of decisions never come from a token", async () => {
    const open = authenticator({ jwt: [{ ...shared, roles: { claim: "groups" } }] });
    const identity = await open.authenticate(await signed({ groups: ["public", "authenticated", "decision:refund", "shop admin", "", 7] }));
    expect(identity.roles).toEqual(["shop admin"]);
  });
});

describe("key sets", () => {
  let token = "";
  let keySet = "";
  beforeAll(async () => {
    const pair = await generateKeyPair("ES256");
    keySet = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), alg: "ES256", kid: "k1", use: "sig" }] });
    token = await new SignJWT({ iss: ISSUER, sub: "u2", scope: "read write" }).setProtectedHeader({ alg: "ES256", kid: "k1" }).sign(pair.privateKey);
  });
  const issuer = (jwks: string): JwtIssuer => ({ issuer: ISSUER, jwks, algorithms: ["ES256", "HS256"], roles: { claim: "scope" } });

  test("from a file", async () => {
    const path = join(folder, "keys.json");
    writeFileSync(path, keySet);
    expect(await authenticator({ jwt: [issuer(path)] }).authenticate(token)).toMatchObject({ subject: "u2", roles: ["read", "write"], expiresAtMs: null });
    const beside = createAuthenticator({ adminToken: null, keys: [], jwt: [issuer("keys.json")] }, { clock, directory: folder });
    expect(await beside.authenticate(token)).toMatchObject({ subject: "u2" });
  });

  test("from a URL, fetched once and only when needed", async () => {
    let fetches = 0;
    const access = authenticator({ jwt: [issuer("https://id.example.com/jwks")] }, async () => { fetches++; return new Response(keySet); });
    expect(fetches).toBe(0);
    await access.authenticate(token);
    // Not the last one: some of its bits are padding.
    const other = token.replace(/.(?=.{10}$)/, (one) => (one === "A" ? "B" : "A"));
    await refusal(() => access.authenticate(other));
    expect(fetches).toBe(1);
  });

  test("a key set never verifies a shared-secret token made from the public key", async () => {
    const access = authenticator({ jwt: [issuer("https://id.example.com/jwks")] }, async () => new Response(keySet));
    expect((await refusal(async () => access.authenticate(await signed({}, keySet)))).code).toBe("INVALID_TOKEN");
  });

  test("a key that is new counts at once, and one that is gone no more, also for a token seen before; keys that are not there have the set fetched seldom", async () => {
    const [first, second] = [await generateKeyPair("ES256"), await generateKeyPair("ES256")];
    const setOf = async (...pairs: readonly (readonly [string, typeof first])[]): Promise<string> => JSON.stringify({ keys: await Promise.all(pairs.map(async ([kid, pair]) => ({ ...(await exportJWK(pair.publicKey)), alg: "ES256", kid }))) });
    let served = await setOf(["a", first]);
    let fetches = 0;
    const time = fakeClock();
    const access = createAuthenticator({ adminToken: null, keys: [], jwt: [issuer("https://id.example.com/jwks")] }, { clock: time, fetch: async () => { fetches++; return new Response(served); } });
    const named = (kid: string, pair: typeof first, subject = "u3"): Promise<string> => new SignJWT({ iss: ISSUER, sub: subject }).setProtectedHeader({ alg: "ES256", kid }).sign(pair.privateKey);
    const former = await named("a", first);
    for (let turn = 0; turn < 3; turn++) expect(await access.authenticate(former)).toMatchObject({ subject: "u3" });
    expect(fetches).toBe(1);
    served = await setOf(["b", second]);
    expect(await access.authenticate(await named("b", second))).toMatchObject({ subject: "u3" });
    expect(fetches).toBe(2);
    expect((await refusal(async () => access.authenticate(former))).code).toBe("INVALID_TOKEN");
    expect((await refusal(async () => access.authenticate(await named("a", first, "u4")))).code).toBe("INVALID_TOKEN");
    const before = fetches;
    await Promise.all(Array.from({ length: 50 }, async (_, index) => refusal(async () => access.authenticate(await named(`invented-${index}`, second)))));
    expect(fetches - before).toBeLessThanOrEqual(1);
    // Invented names keep a new key waiting for no longer than this.
    served = await setOf(["c", first]);
    expect((await refusal(async () => access.authenticate(await named("c", first)))).code).toBe("INVALID_TOKEN");
    time.advance(10_001);
    expect(await access.authenticate(await named("c", first))).toMatchObject({ subject: "u3" });
  });

  test("an unreachable key set is our trouble, not the caller's", async () => {
    for (const answer of [async () => { throw new Error("refused"); }, async () => new Response("no", { status: 500 }), async () => new Response("{")]) {
      const error = await refusal(() => authenticator({ jwt: [issuer("https://id.example.com/jwks")] }, answer).authenticate(token));
      expect([error.code, error.status]).toEqual(["UNAVAILABLE", 503]);
    }
  });
});

test("the identity key is over subject, roles, tenant and claims, whatever their order", () => {
  const base = { subject: "u1", roles: ["a", "b"], tenant: null, claims: { x: 1, y: { p: 1, q: 2 } } };
  const same = subjectIdentity({ ...base, roles: ["b", "a", "a"], claims: { y: { q: 2, p: 1 }, x: 1 } });
  expect(subjectIdentity(base).key).toBe(same.key);
  for (const change of [{ subject: "u2" }, { roles: ["a"] }, { tenant: "t" }, { claims: { x: 2 } }]) {
    expect(subjectIdentity({ ...base, ...change }).key).not.toBe(same.key);
  }
});

test("an empty name is no tenant, and the administrator has one only where it is named", () => {
  expect(subjectIdentity({ subject: "ann", roles: [], tenant: "" }).tenant).toBeNull();
  expect(subjectIdentity({ subject: "ann", roles: [], tenant: "" }).key).toBe(subjectIdentity({ subject: "ann", roles: [], tenant: null }).key);
  expect(administratorOf("t1")).toMatchObject({ kind: "administrator", tenant: "t1" });
  expect(administratorOf("t1").key).not.toBe(administratorIdentity.key);
});
