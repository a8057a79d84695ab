// Each defence switched off in a copy of the server: the attack that it is against succeeds, which its test notices. Short runs take a few,
// chosen by the day of the month, so that all come round; AMBIT_TEST_SIZE=long takes all.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { MutatedCopy } from "../processes/mutated-copy.ts";

interface Weakness { readonly name: string; readonly file: string; readonly from: string; readonly to: string; /** The file and the name of the test that must fail. */ readonly test: string; readonly named: string }

const ATTACKS = "test/security/attacks.test.ts";
const COOKIES = "test/accounts/cookies.test.ts";
const weaknesses: readonly Weakness[] = [
  { name: "rules of reading (id guessing)", file: "src/access/role-rights.ts", from: "const verb = (wanted: Verb): Permission => permissionOf(", to: 'const verb = (wanted: Verb): Permission => wanted === "READ" || permissionOf(', test: ATTACKS, named: "id guessing" },
  { name: "fields that are not theirs (mass assignment)", file: "src/tables/judge.ts", from: "if (wrong.length > 0) throw readOnly(model, wrong);", to: "", test: ATTACKS, named: "mass assignment" },
  { name: "bound values (filter injection)", file: "src/storage/expression-sql.ts", from: 'const placeholder = scope.bind({ kind: "value", value: toSqlValue(value, type) });', to: 'const placeholder = typeof value === "string" ? `\'${value}\'` : scope.bind({ kind: "value", value: toSqlValue(value, type) });', test: ATTACKS, named: "filter injection" },
  { name: "the signature of a token", file: "src/access/verify-token.ts", from: 'const result = typeof key === "function" ? await jwtVerify(token, key, options) : await jwtVerify(token, key, options);', to: "const result = { payload: decodeJwt(token), key, options };", test: ATTACKS, named: "tokens" },
  { name: "the algorithms of an issuer", file: "src/access/verify-token.ts", from: "algorithms: algorithmsOf(issuer),", to: "", test: ATTACKS, named: "tokens" },
  { name: "harmless request ids (header injection)", file: "src/interfaces/http/request-id.ts", from: "/^[A-Za-z0-9._:-]{1,64}$/", to: "/./", test: ATTACKS, named: "headers" },
  { name: "names of pages (path traversal)", file: "src/interfaces/http/system-routes.ts", from: "Object.hasOwn(errorRegistry, code) ?", to: 'code !== "" ?', test: ATTACKS, named: "paths" },
  { name: "the size of what is unpacked (decompression bombs)", file: "src/interfaces/http/read-body.ts", from: "gunzipSync(bytes, { maxOutputLength: limits.bodyBytes })", to: "gunzipSync(bytes)", test: ATTACKS, named: "decompression bombs" },
  { name: "the time of a body (slow-loris)", file: "src/interfaces/http/read-body.ts", from: "cancel = clock.schedule(limits.requestMs,", to: "cancel = clock.schedule(limits.requestMs * 1_000,", test: ATTACKS, named: "slow requests" },
  { name: "the origin of a page (CSRF)", file: "src/interfaces/http/cookie-credential.ts", from: "if (!isOwn(origin, request, policy)) throw refused();", to: "", test: COOKIES, named: "a page of another" },
  { name: "the place of a session (session fixation)", file: "src/access/accounts/session-cookie.ts", from: "part.slice(0, at).trim() !== name", to: '!/session/.test(part)', test: COOKIES, named: "nobody is given a session of another's choice" },
  { name: "the hash of nobody's password", file: "src/access/accounts/create-accounts.ts", from: "hash: (password) => hashOutside(hashing, password)", to: 'hash: (password) => Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 })', test: "test/accounts/password.test.ts", named: "an unknown person costs the same hash" },
  { name: "places that links lead to (redirect abuse)", file: "src/access/accounts/create-accounts.ts", from: "trustedOrigins: [...origins]", to: 'trustedOrigins: [...origins, "http://*", "https://*", "*.example"]', test: "test/accounts/mail.test.ts", named: "links lead back" },
  { name: "the guesses at keys", file: "src/resources/guess-guard.ts", from: "if (!this.#right.has(name)) this.#parts.meter.require(this.#wrongFrom(address));", to: "", test: "test/security/guesses.test.ts", named: "wrong credentials" },
  { name: "the guesses at passwords", file: "src/resources/guess-guard.ts", from: "this.#parts.meter.take(questions);", to: "", test: "test/security/guesses.test.ts", named: "wrong passwords" },
  { name: "the end of a key", file: "src/resources/key-operations.ts", from: "storedKeys?.ended(id);", to: "", test: "test/security/keys.test.ts", named: "a key that is revoked" },
  { name: "the scope of a key", file: "src/access/role-rights.ts", from: "only.covers(name, verb) && permission", to: "permission", test: "test/security/keys.test.ts", named: "is narrowed" },
  { name: "the rates of @limit", file: "src/resources/usage-limits.ts", from: "this.#meter.take(ratesOf(counted));", to: "", test: "test/limits/limits.test.ts", named: "a rate" },
];

const SHORT = 2;
let copy: MutatedCopy;
beforeAll(() => { copy = new MutatedCopy(); });
afterAll(() => copy.remove());

const isLong = process.env["AMBIT_TEST_SIZE"] === "long";
const first = (new Date().getUTCDate() * SHORT) % weaknesses.length;
const chosen = isLong ? weaknesses : [...weaknesses, ...weaknesses].slice(first, first + SHORT);

test("each weakness changes what it names", () => {
  for (const { name, file, from } of weaknesses) expect([name, copy.has(file, from)]).toEqual([name, true]);
});

test.each(chosen.map((weakness) => [weakness.name, weakness] as const))("without %s an attack succeeds", async (_, weakness) => {
  expect(await copy.passes(weakness.test, weakness.named)).toBe(true);
  expect(await copy.changed(weakness, () => copy.passes(weakness.test, weakness.named))).toBe(false);
}, 180_000);
