// Negotiations and approvals of tenants: somebody of the same name in another one sees and reaches nothing of them, and is in nobody's way.
import { expect, test } from "bun:test";
import { EventClient, type Told } from "../scenarios/live-clients.ts";
import { adminToken, startTestApp } from "../scenarios/started-app.ts";

const schema = `
type Terms @commitment(due: "timestamp(offer.by)", keptWhen: "offer.price > 10", remedy: "Credit.create") { orderId: ID! price: Int! by: DateTime! }
type Order @table(tenant: "team") @export @allow(to: ["buyer"], do: [READ, CREATE]) { id: ID! @primaryKey team: String! price: Int! }
type Credit @table(tenant: "team") @export @allow(to: ["buyer"], do: [READ]) { id: ID! @primaryKey team: String! orderId: ID! }
type Decisions {
  """Negotiate the price."""
  deal(orderId: ID!): Terms! @decision(mode: ENFORCE) @export @allow(to: ["buyer"])
    @context(name: "order", query: "Order/{input.orderId}")
    @negotiates(rounds: 4, offerTtl: "PT1H", exclusive: "'one at a time'")
    @fallback(call: "firm")
}`;

test("a party of another tenant sees and reaches nothing", async () => {
  const app = await startTestApp({
    schema, resources: `import { fallbacks } from "ambit"; export const Fallbacks = fallbacks({ firm: ({ orderId }, { order }) => ({ orderId, price: order.price, by: "2100-01-01T00:00:00Z" }) });`,
    config: `auth:\n  keys:\n${["red", "blue"].map((team) => `    - { token: key-${team}, subject: s, tenant: ${team}, roles: [buyer] }\n`).join("")}`,
  });
  try {
    const call = async (team: string, method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<{ status: number; body: unknown }> => {
      const response = await fetch(app.url + path, { method, headers: { "content-type": "application/json", authorization: `Bearer ${team === "admin" ? adminToken : `key-${team}`}`, ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      return { status: response.status, body: await response.json().catch(() => null) };
    };
    const begin = (team: string, orderId: string): ReturnType<typeof call> => call(team, "POST", "/negotiations", { decision: "deal", input: { orderId } });
    for (const team of ["red", "blue"]) expect((await call(team, "POST", "/Order", { id: `of-${team}`, price: 5 })).status).toBe(201);
    expect((await begin("blue", "of-red")).status).toBe(404);
    const red = await begin("red", "of-red");
    // What is exclusive is so in its tenant.
    expect([red.status, (await begin("blue", "of-blue")).status, (await begin("red", "of-red")).status]).toEqual([201, 201, 409]);
    const { id, offer } = red.body as { id: string; offer: { id: string; hash: string } };
    const reach = async (team: string): Promise<number[]> => (await Promise.all([
      call(team, "GET", `/negotiations/${id}`), call(team, "POST", `/negotiations/${id}/counter`, { terms: { price: 1 } }), call(team, "GET", `/offers/${offer.id}`),
      call(team, "POST", `/offers/${offer.id}/accept`, { hash: offer.hash }), call(team, "POST", `/offers/${offer.id}/decline`, {}),
    ])).map(({ status }) => status);
    expect(await reach("blue")).toEqual([404, 404, 404, 404, 404]);
    const followed = await Promise.all(["red", "blue"].map((team) => EventClient.open(`${app.url}/negotiations/${id}`, { authorization: `Bearer key-${team}` })));
    expect(followed.map(({ response }) => response.status)).toEqual([200, 404]);
    followed[0]!.close();
    const accepted = await call("red", "POST", `/offers/${offer.id}/accept`, { hash: offer.hash });
    const commitment = (accepted.body as { commitment: { id: string } }).commitment.id;
    expect([accepted.status, await reach("blue")]).toEqual([200, [404, 404, 404, 404, 404]]);
    expect([(await call("blue", "GET", `/commitments/${commitment}`)).status, (await call("blue", "POST", `/commitments/${commitment}/release`)).status]).toEqual([404, 404]);
    // Nor by pages: behind another one's there is nothing.
    expect([(await call("blue", "GET", "/commitments")).body, (await call("blue", "GET", `/commitments?after=${commitment}`)).body]).toEqual([[], []]);
    expect((await call("red", "GET", "/commitments")).body).toMatchObject([{ id: commitment, state: "ACTIVE" }]);
    const asAdmin = (team: string): ReturnType<typeof call> => call("admin", "GET", `/commitments/${commitment}`, undefined, { "x-ambit-tenant": team });
    expect([(await asAdmin("red")).status, (await asAdmin("blue")).status]).toEqual([200, 404]);
    expect((await call("red", "POST", `/commitments/${commitment}/release`)).status).toBe(200);
  } finally {
    await app.stop();
  }
});

test("what waits in one tenant is told to nobody of another with the same role, but to the administrator of all", async () => {
  const app = await startTestApp({
    schema: `type Decisions { ruled(amount: Int!): Int! @decision(kind: RULE) @export @allow(to: ["buyer"]) @approval(when: "out > 50", by: ["lead"], within: "PT1H") @fallback(call: "ruled") }`,
    resources: `import { fallbacks } from "ambit"; export const Fallbacks = fallbacks({ ruled: ({ amount }) => amount });`,
    config: `auth:\n  keys:\n${["red", "blue"].flatMap((team) => ["buyer", "lead"].map((role) => `    - { token: ${team}-${role}, subject: ${role}, tenant: ${team}, roles: [${role}] }\n`)).join("")}`,
  });
  const open: EventClient[] = [];
  try {
    const follow = async (token: string, headers: Record<string, string> = {}): Promise<EventClient> => {
      const client = await EventClient.open(`${app.url}/approvals`, { authorization: `Bearer ${token}`, ...headers });
      open.push(client);
      expect((await client.next()).data).toMatchObject({ op: "snapshot", rows: [] });
      return client;
    };
    const [red, blue, all, asBlue] = [await follow("red-lead"), await follow("blue-lead"), await follow(adminToken), await follow(adminToken, { "x-ambit-tenant": "blue" })];
    const ask = async (team: string, amount: number): Promise<unknown> => {
      const response = await fetch(`${app.url}/decide/ruled`, { method: "POST", headers: { "content-type": "application/json", "authorization": `Bearer ${team}-buyer` }, body: JSON.stringify({ amount }) });
      return (await response.json() as { run: unknown }).run;
    };
    const [ofRed, ofBlue] = [await ask("red", 61), await ask("blue", 62)];
    const runOf = ({ data: { changes } }: Told): unknown => changes![0]!.record!["run"];
    expect([runOf(await red.next()), runOf(await blue.next()), runOf(await asBlue.next()), runOf(await all.next()), runOf(await all.next())]).toEqual([ofRed, ofBlue, ofBlue, ofRed, ofBlue]);
    // Nor by pages: behind another one's there is nothing that anybody could know of.
    const page = async (token: string, after = ""): Promise<{ status: number; body: { id: string }[] }> => {
      const response = await fetch(`${app.url}/approvals${after}`, { headers: { authorization: `Bearer ${token}` } });
      return { status: response.status, body: await response.json() as { id: string }[] };
    };
    const { id } = (await page("red-lead")).body[0]!;
    expect((await Promise.all([page("red-lead", `?after=${id}`), page("blue-lead", `?after=${id}`), page("blue-lead", "?after=none")])).map(({ status }) => status)).toEqual([200, 400, 400]);
    for (const one of [red, blue, asBlue]) expect(one.text.filter((block) => block.includes("event: enter"))).toHaveLength(1);
  } finally {
    for (const client of open) client.close();
    await app.stop();
  }
});
