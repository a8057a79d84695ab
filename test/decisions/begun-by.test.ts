// What waits for people was begun by somebody: by then they have the rights that their account or their key gives, no others and no fewer.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { adminToken } from "../scenarios/started-app.ts";
import { startApprovalsApp, type ApprovalsApp, type Shown } from "./approvals-app.ts";
import { answers } from "./bounds-app.ts";

const schema = `
type User @table(tenant: "orgId") @account(signUp: INVITED) @export @allow(to: ["support"], do: [READ]) {
  id: ID! @primaryKey orgId: ID! email: String! @indexed(unique: true, fold: true) roles: [String!] @allow(to: ["manager"], do: [READ, CREATE])
}
type Order @table(tenant: "orgId") @export @allow(to: ["support", "manager"], do: [READ, CREATE, DELETE]) { id: ID! @primaryKey orgId: ID! refunded: Int! @default(value: 0) }
type Refund { amount: Int! }
type Decisions {
  """Decide what to refund."""
  refund(orderId: ID!): Refund! @decision(mode: ENFORCE, inspect: ["manager"]) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @effect(operation: "Order.update", set: { id: "order.id", refunded: "out.amount" })
    @bound(name: "cap", rule: "out.amount <= 100") @approval(when: "out.amount > 50", by: ["manager"], within: "PT1H") @fallback(value: { amount: 0 })
}`;

interface Answer { readonly status: number; readonly body: { readonly [name: string]: unknown } }

let people: ApprovalsApp;
let manager: string;
beforeAll(async () => {
  people = await startApprovalsApp(schema, { config: "  password: true\n" });
  people.model.script = () => [answers({ amount: 80 })];
  manager = await keyOf("mo", "manager");
});
afterAll(async () => { await people?.stop(); });

async function send(token: string, method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(people.app.url + path, { method, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as Answer["body"] };
}

async function keyOf(subject: string, role: string): Promise<string> {
  const { body } = await send(adminToken, "POST", "/admin/keys", { name: subject, subject, roles: [role], tenant: "acme" });
  return String(body["token"]);
}

/** Signed in with a password. */
async function sessionOf(email: string): Promise<string> {
  const invited = await send(adminToken, "POST", "/auth/invite", { email, orgId: "acme", roles: ["support"] });
  expect(invited.body).toEqual({ invitation: expect.any(String) });
  const signedUp = await fetch(`${people.app.url}/auth/sign-up/email`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ email, password: "correct horse", name: "Ann", invitation: invited.body["invitation"] }) });
  const { token } = await signedUp.json() as { token: string };
  return token;
}

/** Approves of what this one asks for, once `meanwhile` is done; how the run ends. */
async function approved(token: string, order: string, meanwhile: () => Promise<unknown> = () => Promise.resolve()): Promise<unknown> {
  expect((await send(token, "POST", "/Order", { id: order })).status).toBe(201);
  const { status, body } = await send(token, "POST", "/decide/refund", { orderId: order });
  expect({ status, state: body["state"] }).toEqual({ status: 202, state: "AWAITING_APPROVAL" });
  const waiting = (await send(manager, "GET", "/approvals")).body as unknown as readonly Shown[];
  await meanwhile();
  await send(manager, "POST", `/approvals/${waiting[0]!.id}`, { verdict: "APPROVE", hash: waiting[0]!.hash });
  const [inspected, own] = await Promise.all([manager, token].map(async (one) => (await send(one, "GET", `/runs/${String(body["run"])}`)).body));
  return [inspected!["state"], inspected!["reason"], own!["reason"] ?? null, people.row("Order", order)?.["refunded"] ?? null];
}

test("somebody with an account in a tenant, and a machine with a key, get what was approved", async () => {
  expect(await approved(await sessionOf("ann@example.com"), "o1")).toEqual(["DECIDED_BY_HUMAN", null, null, 80]);
  expect(await approved(await keyOf("robot", "support"), "o2")).toEqual(["DECIDED_BY_HUMAN", null, null, 80]);
});

test("what they may not read any more, or what is gone, is said as the reason: with its name to who inspects", async () => {
  const token = await sessionOf("bob@example.com");
  expect(await approved(token, "o3", () => send(manager, "DELETE", "/Order/o3"))).toEqual(["REFUSED", "context_missing:order", "context_missing", null]);
  const robot = (await send(adminToken, "POST", "/admin/keys", { name: "r", subject: "r", roles: ["support"], tenant: "acme" })).body;
  expect(await approved(String(robot["token"]), "o4", () => send(adminToken, "DELETE", `/admin/keys/${String(robot["id"])}`))).toEqual(["REFUSED", "context_missing:order", null, 0]);
});
