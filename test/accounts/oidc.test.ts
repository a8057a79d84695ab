// Sign-in with a provider of OpenID Connect, a real one on this machine: who comes back is who the provider has signed for, for the browser that went there.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from "jose";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { startIssuer, type Issuer } from "./issuer.ts";
import { Visitor } from "./visitor.ts";

// The first request loads the library.
setDefaultTimeout(30_000);

const schema = `
type User @table(tenant: "orgId") @export @account(signUp: OPEN) @allow(to: ["authenticated"], do: [READ], where: "record.id == auth.subject") {
  id: ID! @primaryKey
  orgId: ID!
  email: String! @indexed(unique: true, fold: true)
  name: String
  roles: [String!] @readOnly
}
type Endpoints { who: JSON! @http(method: GET) @allow(to: ["public"]) }
`;
const resources = `import { endpoints } from "ambit";
export const Endpoints = endpoints({ async who(ctx) { return { subject: ctx.auth.subject, roles: ctx.auth.roles, tenant: ctx.auth.tenant }; } });
`;

let issuer: Issuer;
let app: StartedApp;
beforeAll(async () => {
  // The provider must know where the app is, and the app where the provider is.
  const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const port = probe.port!;
  await probe.stop(true);
  issuer = await startIssuer([`http://127.0.0.1:${port}/auth/callback/acme`]);
  const config = `http: { port: ${port} }
auth:
  url: http://127.0.0.1:${port}
  oidc: [{ name: acme, issuer: "${issuer.url}", clientId: shop, clientSecret: shop-secret-shop-secret-shop-secret, roles: { claim: groups, map: { helpdesk: support } }, tenant: { claim: org } }]
`;
  app = await startTestApp({ schema, config, resources }, { port });
});
afterAll(async () => {
  await app?.stop();
  await issuer?.stop();
});

/** As a browser that follows where it is sent; the cookies of the provider are of its own. Answers where it ends. */
async function follow(visitor: Visitor, start: string): Promise<URL> {
  const there = new Visitor(issuer.url);
  there.origin = null;
  let place = start;
  for (let hops = 0; hops < 12; hops++) {
    const at = new URL(place);
    const here = at.origin === issuer.url ? there : visitor;
    if (at.origin === visitor.url && !at.pathname.startsWith("/auth/")) return at;
    const { headers, status, text } = await here.get(place, { headers: { "sec-fetch-mode": "navigate" } });
    const next = headers.get("location");
    if (next === null) throw new Error(`${place} ends with ${status} ${text.slice(0, 300)}`);
    place = new URL(next, place).toString();
  }
  throw new Error("went in circles");
}

async function begin(visitor: Visitor, person: string, more: object = {}): Promise<string> {
  const { json, status, text } = await visitor.post("/auth/sign-in/social", { provider: "acme", callbackURL: "/welcome", loginHint: person, ...more });
  expect([status, text]).toEqual([200, expect.stringContaining("url")]);
  return json["url"]!;
}

test("who comes back is a person of the app, with mapped roles and tenant", async () => {
  issuer.people.set("p1", { email: "p1@example.com", email_verified: true, name: "Pia", groups: ["helpdesk", "admins"], org: "t1" });
  const visitor = new Visitor(app.url);
  const start = await begin(visitor, "p1");
  const { searchParams } = new URL(start);
  expect([searchParams.get("code_challenge_method"), searchParams.get("state")!.length > 20, searchParams.get("nonce")!.length > 20]).toEqual(["S256", true, true]);
  expect((await follow(visitor, start)).pathname).toBe("/welcome");
  const who = (await visitor.get("/who")).json;
  expect(who as unknown).toEqual({ subject: expect.any(String), roles: ["support"], tenant: "t1" });
  expect((await visitor.get("/User")).json as unknown).toEqual([expect.objectContaining({ id: who["subject"], email: "p1@example.com", name: "Pia", orgId: "t1", roles: null })]);
  // The same person, the next time; roles are what the provider says by then.
  issuer.people.set("p1", { email: "p1@example.com", email_verified: true, groups: [], org: "t1" });
  const again = new Visitor(app.url);
  await follow(again, await begin(again, "p1"));
  expect((await again.get("/who")).json as unknown).toEqual({ subject: who["subject"], roles: [], tenant: "t1" });
});

/** Ends where the provider sends the browser back to the app, without going there. */
async function callbackOf(visitor: Visitor, person: string): Promise<string> {
  const there = new Visitor(issuer.url);
  there.origin = null;
  let place = await begin(visitor, person);
  for (;;) {
    if (place.startsWith(`${app.url}/auth/callback/`)) return place;
    const next = (await there.get(place)).headers.get("location")!;
    place = new URL(next, place).toString();
  }
}
const isNobody = async (visitor: Visitor): Promise<void> => { expect((await visitor.get("/who")).json["subject"] as unknown).toBeNull(); };

test("what comes back counts in the browser that went, once", async () => {
  issuer.people.set("p2", { email: "p2@example.com", email_verified: true, org: "t1" });
  const [own, other] = [new Visitor(app.url), new Visitor(app.url)];
  const callback = await callbackOf(own, "p2");
  // Of somebody who is led there by a link of another.
  expect((await other.get(callback)).headers.get("location")).toContain("/auth/error?error=");
  await isNobody(other);
  // Nor in a browser that has begun something else.
  await begin(other, "p2");
  expect((await other.get(callback)).headers.get("location")).toContain("/auth/error?error=");
  await isNobody(other);
  const fresh = await callbackOf(own, "p2");
  const replayed = [...own.cookies];
  expect((await own.get(fresh)).headers.get("location")).toBe("/welcome");
  expect<unknown>((await own.get("/who")).json["tenant"]).toBe("t1");
  const thief = new Visitor(app.url);
  for (const [name, value] of replayed) thief.cookies.set(name, value);
  for (const again of [fresh, fresh.replace("code=", "code=x"), fresh.replace(/state=[^&]*/, "state=x"), fresh.replace(/[?&]state=[^&]*/, "")]) {
    expect((await thief.get(again)).headers.get("location")).not.toBe("/welcome");
    await isNobody(thief);
  }
});

test("a code of one browser is worth nothing in another: PKCE and the nonce bind it", async () => {
  issuer.people.set("mallory", { email: "mallory@example.com", email_verified: true, org: "t1" });
  const [mallory, victim] = [new Visitor(app.url), new Visitor(app.url)];
  const code = new URL(await callbackOf(mallory, "mallory")).searchParams.get("code")!;
  const callback = new URL(await callbackOf(victim, "p2"));
  callback.searchParams.set("code", code);
  expect((await victim.get(callback.toString())).headers.get("location")).toContain("/auth/error?error=invalid_code");
  await isNobody(victim);
});

test("only what the provider has signed, for this app and this request, is believed", async () => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const changed = (token: string, change: (claims: { [name: string]: unknown }) => object, header?: object): string => {
    const [head = "", body = "", signature = ""] = token.split(".");
    const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as { [name: string]: unknown };
    return `${header === undefined ? head : part(header)}.${part(change(claims))}.${header === undefined ? signature : ""}`;
  };
  const tampers: ((token: string) => string | undefined)[] = [
    (token) => changed(token, (claims) => ({ ...claims, sub: "p1" })),
    (token) => changed(token, (claims) => ({ ...claims, sub: "p1" }), { alg: "none", typ: "JWT" }),
    (token) => changed(token, (claims) => ({ ...claims, sub: "p1" }), { alg: "HS256", typ: "JWT" }),
    (token) => `${token.slice(0, -4)}AAAA`,
    () => undefined,
    () => "x.y.z",
  ];
  let last = "";
  for (const tamper of [...tampers, () => last]) {
    issuer.tamper = (answer) => {
      const token = tamper(answer["id_token"] as string);
      last = answer["id_token"] as string;
      return { ...answer, id_token: token };
    };
    const visitor = new Visitor(app.url);
    const answer = await visitor.get(await callbackOf(visitor, "p2"));
    issuer.tamper = null;
    expect([String(tamper), answer.headers.get("location")]).toEqual([String(tamper), expect.stringContaining("/auth/error?error=")]);
    await isNobody(visitor);
  }
});

test("somebody else's address, unconfirmed on either side, opens no account", async () => {
  const admin = { headers: { authorization: `Bearer ${adminToken}` } };
  const visitor = new Visitor(app.url);
  // The person exists, made by somebody else than the address's owner.
  expect((await visitor.post("/User", { email: "q1@example.com", orgId: "t1" }, admin)).status).toBe(201);
  for (const [id, email_verified] of [["evil", false], ["other", true]] as const) {
    issuer.people.set(id, { email: "q1@example.com", email_verified, org: "t1" });
    const browser = new Visitor(app.url);
    const place = await browser.get(await callbackOf(browser, id));
    expect([id, place.headers.get("location")]).toEqual([id, expect.stringContaining("/auth/error?error=account_not_linked")]);
    await isNobody(browser);
  }
  // The same address in another tenant is another person.
  issuer.people.set("q1-t2", { email: "q1@example.com", email_verified: true, org: "t2" });
  const elsewhere = new Visitor(app.url);
  await follow(elsewhere, await begin(elsewhere, "q1-t2"));
  expect<unknown>((await elsewhere.get("/who")).json["tenant"]!).toBe("t2");
  // A confirmed one is linked, whichever provider's account it comes from.
  issuer.people.set("q1-new", { email: "q1@example.com", email_verified: true, org: "t2" });
  const linked = new Visitor(app.url);
  await follow(linked, await begin(linked, "q1-new"));
  expect<unknown>((await linked.get("/who")).json["subject"]).toBe((await elsewhere.get("/who")).json["subject"]!);
});

test("a key that the provider has changed to counts at once; a token that somebody else has asked for does not", async () => {
  const { privateKey, publicKey } = await generateKeyPair("RS256");
  issuer.keys = [{ ...(await exportJWK(publicKey)), kid: "changed", alg: "RS256", use: "sig" }];
  const signedAnew = (more: object) => async (answer: { [name: string]: unknown }) => ({ ...answer, id_token: await new SignJWT({ ...decodeJwt(answer["id_token"] as string), ...more }).setProtectedHeader({ alg: "RS256", kid: "changed" }).sign(privateKey) });
  const placeAfter = async (more: object): Promise<string | null> => {
    issuer.tamper = signedAnew(more);
    const visitor = new Visitor(app.url);
    return (await visitor.get(await callbackOf(visitor, "p2"))).headers.get("location");
  };
  try {
    expect(await placeAfter({})).toBe("/welcome");
    expect(await placeAfter({ aud: ["shop", "other"], azp: "shop" })).toBe("/welcome");
    for (const more of [{ azp: "other" }, { aud: ["shop", "other"], azp: "other" }, { aud: ["shop", "other"] }]) expect(await placeAfter(more)).toContain("/auth/error?error=");
  } finally {
    [issuer.tamper, issuer.keys] = [null, null];
  }
});

test("nobody is sent to places of others, whatever is asked for", async () => {
  const visitor = new Visitor(app.url);
  for (const place of ["https://evil.example/", "//evil.example", "/\\evil.example", `${app.url}.evil.example/`, "javascript:alert(1)"]) for (const name of ["callbackURL", "errorCallbackURL", "newUserCallbackURL"]) {
    const { status } = await visitor.post("/auth/sign-in/social", { provider: "acme", callbackURL: "/welcome", [name]: place });
    expect([name, place, status]).toEqual([name, place, 403]);
  }
  for (const more of [{ idToken: { token: "x.y.z" } }, { scopes: ["admin"] }, { additionalParams: { prompt: "none", redirect_uri: "https://evil.example" } }, { additionalData: { link: { userId: "x" } } }]) {
    const { json } = await visitor.post("/auth/sign-in/social", { provider: "acme", callbackURL: "/welcome", ...more });
    expect(json["url"]!).toStartWith(issuer.url);
    expect(json["url"]!).not.toMatch(/evil|admin|prompt/);
  }
});
