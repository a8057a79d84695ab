// The billing backend's promise 4, over HTTP against a process: of many who accept at once, as many come in as the company has seats.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Visitor } from "../accounts/visitor.ts";
import { startBilling, type Billing } from "./subscriptions-process.ts";

// Passwords are slow to hash on purpose.
setDefaultTimeout(120_000);
const INVITED = 20;
const FREE = 5;
const password = "correct horse";

let app: Billing;
beforeAll(async () => { app = await startBilling({ trialMs: 86_400_000, dunningMs: 86_400_000 }); });
afterAll(() => app?.stop());

async function signUp(fields: object): Promise<{ readonly visitor: Visitor; readonly status: number; readonly code: string | undefined }> {
  const visitor = new Visitor(app.url());
  const { status, json } = await visitor.post("/auth/sign-up/email", { password, ...fields });
  return { visitor, status, code: json?.["code"] };
}

async function read<T>(visitor: Visitor, path: string): Promise<T> {
  const { status, json } = await visitor.get(path);
  expect(status).toBe(200);
  return json as unknown as T;
}

/** Of the plan: 6 seats, of which the owner takes one. */
async function companyWithInvitations(name: string): Promise<{ readonly owner: Visitor; readonly invitations: readonly { readonly email: string; readonly invitation: string }[] }> {
  expect((await app.administrator.put("/Plan/six", { title: "Six", price: 5_000, includedUnits: 0, seats: FREE + 1 })).status).toBeLessThan(300);
  const { visitor: owner } = await signUp({ email: `owner@${name}.example`, company: name });
  expect((await owner.post("/subscribe", { planId: "six" })).status).toBe(200);
  const invitations = [];
  for (let index = 0; index < INVITED; index++) {
    const email = `p${index}@${name}.example`;
    const { status, json } = await owner.post("/auth/invite", { email, roles: ["member"] });
    expect(status).toBe(201);
    invitations.push({ email, invitation: json["invitation"]! });
  }
  return { owner, invitations };
}

test("4: of 20 who accept at once exactly 5 come in; a seat that gets free is for the next, by the same invitation", async () => {
  const { owner, invitations } = await companyWithInvitations("lamps");
  const answers = await Promise.all(invitations.map(signUp));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(FREE);
  expect(answers.filter(({ status, code }) => status === 409 && code === "NO_FREE_SEAT")).toHaveLength(INVITED - FREE);
  expect(await read<object[]>(owner, "/Company?select=seats,taken")).toEqual([{ seats: FREE + 1, taken: FREE + 1 }]);
  const members = await read<{ id: string }[]>(owner, "/User?roles=cs.{member}&select=id");
  expect(members).toHaveLength(FREE);
  // Who was refused is nobody: neither a record nor a session, and the invitation is as good as before.
  const late = answers.findIndex(({ status }) => status === 409);
  expect((await answers[late]!.visitor.get("/Company")).status).toBe(401);
  expect((await owner.ask("DELETE", `/User/${members[0]!.id}`)).status).toBe(204);
  expect((await signUp(invitations[late]!)).status).toBe(200);
  expect((await signUp(invitations[answers.findLastIndex(({ status }) => status === 409)]!)).status).toBe(409);
  expect(await read<object[]>(owner, "/Company?select=taken")).toEqual([{ taken: FREE + 1 }]);
});

test("4: nobody gives seats to themselves, nor takes those of another company", async () => {
  const { visitor: owner } = await signUp({ email: "owner@chairs.example", company: "chairs" });
  const [company] = await read<{ id: string; seats: number; taken: number }[]>(owner, "/Company");
  expect(company).toMatchObject({ seats: 5, taken: 1 });
  for (const change of [{ seats: 100 }, { taken: 0 }]) expect((await owner.ask("PATCH", `/Company/${company!.id}`, { body: change })).status).toBe(403);
  expect((await owner.post("/subscribe", { planId: "team" })).status).toBe(200);
  expect(await read<object[]>(owner, "/Company?select=seats,taken")).toEqual([{ seats: 25, taken: 1 }]);
  expect((await app.acme.owner.get(`/Company/${company!.id}`)).status).toBe(404);
});
