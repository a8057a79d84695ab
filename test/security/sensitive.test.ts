// @sensitive values are in no line of the log, whatever happens to a record that has them: canaries over everything that is logged.
import { expect, test } from "bun:test";
import { adminToken, startTestApp } from "../scenarios/started-app.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Person @table @export @allow(to: ["public"], do: [READ, CREATE, UPDATE, DELETE]) @check(rule: "record.mail != 'canary-check@example.com'", message: "No.") {
  id: ID! @primaryKey
  mail: String! @sensitive @indexed(unique: true) @length(max: 60)
  name: String
  address: Address
}
type Address { street: String @sensitive city: String }
input Contact { mail: String @sensitive name: String }
type Endpoints { breaks(contacts: [Contact!]!): Boolean @http(method: POST) @allow(to: ["public"]) told(mail: String @sensitive): Boolean @http(method: POST) @allow(to: ["public"]) }
type Jobs { failing(mail: String @sensitive): Boolean @retry(times: 0) }
`;
const resources = `
import { endpoints, jobs } from "ambit";
export const Endpoints = endpoints({ async breaks(_, { contacts }) { throw new TypeError(contacts[0].name + " has no " + contacts[0].mail); }, async told(ctx, { mail }) {
  const people = await ctx.system.Person.find({});
  ctx.log.info("people", { people, mail, plain: "stays", deep: { list: [{ mail, city: "Berlin" }] } });
  await ctx.enqueue("failing", { mail });
  return true;
} });
export const Jobs = jobs({ async failing(ctx, { mail }) { ctx.log.warn("failing", { mail }); throw new TypeError("broken"); } });
`;

test("no line of the log has a value of a @sensitive field", async () => {
  const app = await startTestApp({ schema, resources });
  try {
    const ask = async (method: string, path: string, body?: object): Promise<number> => (await fetch(app.url + path, { method, headers: { "content-type": "application/json", ...(path.startsWith("/admin") ? { authorization: `Bearer ${adminToken}` } : {}) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })).status;
    const mail = "canary-one@example.com";
    expect(await ask("POST", "/Person", { id: "1", mail, name: "Ann", address: { street: "canary-street 1", city: "Berlin" } })).toBe(201);
    expect(await ask("POST", "/Person", { id: "2", mail })).toBe(409);
    expect(await ask("POST", "/Person", { mail: "canary-check@example.com" })).toBe(422);
    expect(await ask("POST", "/Person", { mail: `canary-${"long".repeat(20)}@example.com` })).toBe(400);
    expect(await ask("GET", `/Person?mail=eq.${mail}&canary-parameter=eq.1`)).toBe(400);
    expect(await ask("PATCH", "/Person/1", { mail: 5, name: "canary-but-plain" })).toBe(400);
    expect(await ask("POST", "/graphql", { query: `{ personList(filter: { mail: { eq: "${mail}" } }) { rows { mail } } }` })).toBe(200);
    expect(await ask("POST", "/told", { mail })).toBe(200);
    expect(await ask("POST", "/breaks", { contacts: [{ mail, name: "Cleo" }] })).toBe(500);
    expect(await ask("DELETE", "/Person/canary-id")).toBe(404);
    await until(() => app.log.some((line) => line.includes('"job-failed"')), "the job fails");
    const log = app.log.join("\n");
    expect(log).not.toContain("canary");
    expect(log).toContain("Cleo has no [redacted]");
    expect(app.log.map((line) => JSON.parse(line) as { event: string; fields?: unknown }).find(({ event }) => event === "app-log")?.fields).toMatchObject({
      mail: "[redacted]", plain: "stays", deep: { list: [{ mail: "[redacted]", city: "Berlin" }] }, people: [{ id: "1", mail: "[redacted]", name: "Ann", address: { street: "[redacted]", city: "Berlin" } }],
    });
  } finally {
    await app.stop();
  }
});
