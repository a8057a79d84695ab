// A context of one record is answered from records at hand, one of a list by the database: what is recorded of both is the same, before and after
// the effect of the run, whatever the types of the fields and wherever relations lead.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { seededRandom } from "../../src/base/random.ts";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";

const RECORDS = process.env["AMBIT_TEST_SIZE"] === "long" ? 2_000 : 60;

const members = "id,words,status,small,large,ratio,price,exact,active,madeAt,madeOn,lasts,fromId";
const schema = `
enum Status { DRAFT LIVE GONE }
type Given { amount: Int! }
type Maker @table @export @allow(to: ["support"], do: [READ, CREATE, UPDATE]) { id: ID! @primaryKey name: String weight: Float bossId: ID @indexed boss: Maker @relationship(from: "bossId") }
type Thing @table @export @allow(to: ["support"], do: [READ, CREATE, UPDATE]) {
  id: ID! @primaryKey words: String @untrusted status: Status small: Int large: Long ratio: Float price: Money @currency(code: "EUR") exact: Decimal active: Boolean
  madeAt: DateTime madeOn: Date lasts: Duration tags: [String!] data: JSON fromId: ID @indexed from: Maker @relationship(from: "fromId")
}
type Decisions {
  look(id: ID!, small: Int): Given! @decision(kind: RULE) @export @allow(to: ["support"])
    @context(name: "one", query: "Thing/{input.id}?select=${members},from(*,boss(id,name,weight))")
    @context(name: "many", query: "Thing?id=eq.{one.id}&select=${members},from(*,boss(id,name,weight))", maxRows: 2)
    @effect(operation: "Thing.update", set: { id: "one.id", small: "input.small" }) @acknowledge(rule: "UNBOUNDED_WRITE", reason: "What it reads is tested.")
    @fallback(value: { amount: 1 })
}`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, config: keysFor("support") }); });
afterAll(async () => { await app?.stop(); });

const headers = { "content-type": "application/json", authorization: "Bearer key-support" };
const put = async (table: string, record: Readonly<Record<string, unknown>> & { readonly id: string }): Promise<void> => {
  const response = await fetch(`${app.url}/${table}/${encodeURIComponent(record.id)}`, { method: "PUT", headers, body: JSON.stringify(record) });
  if (!response.ok) throw new Error(`${JSON.stringify(record)}: ${await response.text()}`);
};

type Read = Readonly<Record<"contexts" | "after", { one: Record<string, unknown>[]; many: Record<string, unknown>[] }>>;

async function recorded(input: object): Promise<Read> {
  const response = await fetch(`${app.url}/decide/look`, { method: "POST", headers, body: JSON.stringify(input) });
  expect([response.status, await response.text()]).toEqual([200, '{"amount":1}']);
  using file = new Database(join(app.directory, "data", "data.db"), { readonly: true });
  const [[payloads]] = file.query(`SELECT "payloads" FROM "$audit" WHERE "run" = ?1`).values(response.headers.get("ambit-run")!) as [[string]];
  const { contexts, after } = JSON.parse(payloads) as Read;
  return { contexts, after };
}

test("by key and as a list, before and after", async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
  console.log(`seed ${seed}`);
  const random = seededRandom(seed);
  const one = <Item>(...items: readonly Item[]): Item => items[Math.floor(random.next() * items.length)]!;
  for (const id of ["m0", "m1", "m2"]) await put("Maker", { id, name: one(null, "", "é\u{1F600}", "null"), weight: one(null, 0, -0.5, 1e21, 1), bossId: one(null, "m0", id === "m0" ? null : "m1", id === "m2" ? "m0" : null) });
  for (let index = 0; index < RECORDS; index++) {
    const id = one(`t${index}`, `ü ${index}`, `${index}`, `a'b"${index}`);
    await put("Thing", {
      id, words: one(null, "", "x\n\t\\\"", "\u2028", "日本"), status: one(null, "DRAFT", "LIVE"), small: one(null, 0, -2147483648, 2147483647), large: one(null, "9223372036854775807", "-1", "0"),
      ratio: one(null, 0, 1, -1.5, 1e-7, 1e300, 0.1), price: one(null, 0, -5, 9007199254740991), exact: one(null, "0", "1.50", "-12345678901234567890.123"), active: one(null, true, false),
      madeAt: one(null, "2026-01-01T00:00:00Z", "1999-12-31T23:59:59.999+02:00"), madeOn: one(null, "2026-02-28"), lasts: one(null, "PT1H30M", "P1D"), tags: one(null, ["a"]), data: one(null, { b: 1, a: [] }), fromId: one(null, "m0", "m1", "m2"),
    });

    const { contexts, after } = await recorded({ id, small: index });
    expect([seed, id, contexts.one]).toEqual([seed, id, contexts.many]);
    expect([seed, id, [after.one].flat()]).toEqual([seed, id, after.many]);
    const { "@key": mark, ...before } = contexts.one[0]!;
    expect([mark, after.many[0]!["small"]]).toEqual([id, index]);
    const response = await fetch(`${app.url}/Thing/${encodeURIComponent(id)}?select=${members},from(*,boss(id,name,weight))`, { headers });
    expect({ ...before, small: index }).toMatchObject(await response.json() as Record<string, unknown>);
  }
}, 120_000);
