// The billing backend's people: whoever signs up begins a company and owns it; invitations carry roles, count once, and expire. Over HTTP, as a real process.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Visitor } from "../accounts/visitor.ts";
import { startBilling, type Billing } from "./subscriptions-process.ts";

// The first request loads the library.
setDefaultTimeout(120_000);

const INVITATION_MS = 3_600_000;
const password = "correct horse";

let app: Billing;
beforeAll(async () => { app = await startBilling({ trialMs: 86_400_000, dunningMs: 86_400_000 }, { INVITATION_MS: `PT${INVITATION_MS / 1_000}S` }); }, 120_000);
afterAll(() => app?.stop());

async function signUp(fields: object): Promise<Visitor> {
  const visitor = new Visitor(app.url());
  const { status, text } = await visitor.post("/auth/sign-up/email", { password, ...fields });
  expect([status, text]).toEqual([200, expect.any(String)]);
  return visitor;
}
const one = async (visitor: Visitor, path: string): Promise<Record<string, unknown>> => (await visitor.get(path)).json as unknown as Record<string, unknown>;

test("sign-up makes a company and its owner, who sees nothing of another", async () => {
  const [ada, bea] = await Promise.all([signUp({ email: "ada@lamps.example", company: "Lamps" }), signUp({ email: "bea@chairs.example", company: "Chairs" })]);
  expect(await one(ada, "/Company?select=name")).toEqual([{ name: "Lamps" }] as never);
  expect(await one(bea, "/User?select=email,roles")).toEqual([{ email: "bea@chairs.example", roles: ["owner"] }] as never);
  const { json } = await ada.post("/subscribe", { planId: "team" });
  expect(json).toMatchObject({ status: "TRIALING" });
  expect((await bea.get(`/Contract/${json["id"]}`)).status).toBe(404);
  expect(await one(bea, "/Contract")).toEqual([] as never);
  // Neither another's company nor another role can be chosen.
  for (const fields of [{ companyId: json["companyId"] }, { roles: ["care"] }]) expect((await new Visitor(app.url()).post("/auth/sign-up/email", { email: "eve@example.com", password, ...fields })).status).toBe(400);
});

test("of many sign-ups with one address at once one begins a company", async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => new Visitor(app.url()).post("/auth/sign-up/email", { email: "same@example.com", password, company: "Same" })));
  expect(answers.filter(({ status }) => status === 200).length).toBe(1);
  expect((await app.administrator.get("/Company?name=eq.Same")).json<unknown[]>().length).toBe(1);
});

test("an invitation brings its roles, within the company, once; and expires", async () => {
  const owner = await signUp({ email: "olga@desks.example", company: "Desks" });
  const invite = async (email: string, roles: readonly string[]): Promise<string> => {
    const { status, json } = await owner.post("/auth/invite", { email, roles });
    expect(status).toBe(201);
    return json["invitation"]!;
  };
  // Nobody makes those who approve of what they get.
  for (const role of ["root", "care", "manager"]) {
    expect((await owner.post("/auth/invite", { email: "x@example.com", roles: ["member", role] })).status).toBe(403);
    expect((await owner.post("/User", { email: "x@example.com", roles: [role] })).status).toBe(403);
  }
  const late = await invite("late@desks.example", ["member"]);
  const invitation = await invite("mo@desks.example", ["meter"]);
  const mo = await signUp({ email: "mo@desks.example", invitation });
  expect((await mo.post("/UsageEvent", { eventId: "e1", meter: "calls", units: 3, at: "2026-01-01T00:00:00Z" })).status).toBe(201);
  expect(await one(owner, "/UsageEvent?select=units")).toEqual([{ units: 3 }] as never);
  expect((await mo.post("/auth/invite", { email: "y@example.com", roles: ["owner"] })).status).toBe(403);
  expect((await mo.post("/subscribe", { planId: "team" })).status).toBe(403);
  expect((await new Visitor(app.url()).post("/auth/sign-up/email", { email: "mo2@desks.example", password, invitation })).status).toBe(403);
  await app.forward(INVITATION_MS);
  expect((await new Visitor(app.url()).post("/auth/sign-up/email", { email: "late@desks.example", password, invitation: late })).status).toBe(403);
  expect(await one(owner, "/User?select=email&order=email")).toEqual([{ email: "mo@desks.example" }, { email: "olga@desks.example" }] as never);
}, 120_000);
