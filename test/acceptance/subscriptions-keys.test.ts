// The billing backend's promise 12, over HTTP alone: API keys with a scope and the plan's rate, kept as a hash, gone with their revocation.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { countAnswers, httpCaller, type HttpCaller } from "../processes/http-caller.ts";
import { expectStatus } from "./store-process.ts";
import { type Billing, startBilling, subscribe } from "./subscriptions-process.ts";

setDefaultTimeout(60_000);
const NEVER_MS = 86_400_000;

let billing: Billing;
beforeAll(async () => {
  billing = await startBilling({ trialMs: NEVER_MS, dunningMs: NEVER_MS });
  await subscribe(billing.acme);
});
afterAll(() => billing?.stop());

interface MadeKey { readonly id: string; readonly token: string }
const asKey = ({ token }: MadeKey): HttpCaller => httpCaller(() => billing.url(), token);
const usage = (eventId: string): object => ({ eventId, meter: "calls", units: 1, at: "2026-03-04T10:00:00Z" });

/** As staff make it for a company: for its meter, at the rate of its plan. */
async function keyOf(): Promise<MadeKey> {
  const [contract] = expectStatus(await billing.acme.owner.get("/Contract?select=plan(apiRate)"), 200).json<{ plan: { apiRate: string } }[]>();
  return expectStatus(await billing.administrator.post("/admin/keys", { name: "till", subject: "acme-till", tenant: "acme", roles: ["meter"], only: ["UsageEvent:CREATE"], rate: contract!.plan.apiRate }), 200).json<MadeKey>();
}

test("12: it does what its scope says, within its company, and nothing else", async () => {
  const key = asKey(await keyOf());
  expectStatus(await key.post("/UsageEvent", usage("by-key")), 201);
  expect((await billing.acme.owner.get("/UsageEvent?eventId=eq.by-key")).json<unknown[]>()).toHaveLength(1);
  expect((await billing.globex.owner.get("/UsageEvent?eventId=eq.by-key")).json<unknown[]>()).toHaveLength(0);
  for (const refused of [await key.get("/UsageEvent"), await key.get("/Contract"), await key.post("/subscribe", { planId: "team" }), await key.post("/auth/keys", { name: "more" })]) expect([401, 403, 404]).toContain(refused.status);
});

test("12: it is told once, listed without it, and not kept", async () => {
  const made = await keyOf();
  const listed = expectStatus(await billing.administrator.get("/admin/keys?subject=acme-till"), 200);
  expect(listed.text).toContain(made.id);
  expect(listed.text).not.toContain(made.token);
  expect(billing.hasOnDisk(made.token)).toBe(false);
});

test("12: revoked, it ends at the next request", async () => {
  const made = await keyOf();
  const key = asKey(made);
  expectStatus(await key.post("/UsageEvent", usage("before")), 201);
  expectStatus(await billing.administrator.delete(`/admin/keys/${made.id}`), 200);
  expectStatus(await key.post("/UsageEvent", usage("after")), 401);
});

test("12: beyond the plan's rate it is told when to come again; another key is not", async () => {
  expectStatus(await billing.administrator.patch("/Plan/team", { apiRate: "5/min" }), 204);
  const [first, second] = [asKey(await keyOf()), asKey(await keyOf())];
  const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => first.post("/UsageEvent", usage(`rate-${index}`))));
  expect(countAnswers(answers)).toEqual({ 201: 5, "429 TOO_MANY_REQUESTS": 7 });
  const late = answers.find(({ status }) => status === 429)!;
  expect(Number(late.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(late.headers.get("ratelimit")).not.toBeNull();
  expectStatus(await second.post("/UsageEvent", usage("other")), 201);
});
