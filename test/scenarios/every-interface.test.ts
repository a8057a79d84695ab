// One row is one step of one caller, and goes through every interface: the same answer, the same refusal, the same records afterwards,
// and the same word of it to whoever follows them.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { graphqlDriver, mqttDriver, restDriver, socketDriver, type Driver, type Step } from "./interface-drivers.ts";
import { followers, MARK, type Follower } from "./interface-followers.ts";
import type { Row } from "./live-clients.ts";
import { keysFor, startTestApp, type StartedApp } from "./started-app.ts";

const schema = `
enum Status { DRAFT LIVE GONE }
input Line { sku: String! quantity: Int! @range(min: 1, max: 9) }
type Item @table @export
  @allow(to: ["public"], do: [READ], where: "record.status == 'LIVE'")
  @allow(to: ["staff"], do: [READ, CREATE, UPDATE, DELETE])
  @allow(to: ["clerk"], do: [READ, UPDATE], where: "record.price < 100")
  @check(rule: "record.price >= record.cost", message: "Not below cost.") {
  id: ID! @primaryKey
  sku: String! @indexed(unique: true) @pattern(regex: "^[A-Z0-9-]{1,20}$") @fixed
  title: String! @length(min: 1, max: 50)
  status: Status! @default(value: DRAFT)
  price: Money! @currency(code: "EUR") @range(min: 0)
  cost: Money! @currency(code: "EUR") @default(value: 0) @allow(to: ["staff"], do: [READ, CREATE, UPDATE])
  tags: [String!]
  inner: String @internal
  parts: [Part!]! @relationship(to: "itemId")
  rename(title: String! @length(min: 1, max: 50)): Item! @action @allow(to: ["staff"])
}
type Part @table @allow(to: ["staff"], do: [READ]) { id: ID! @primaryKey itemId: ID! @indexed item: Item! @relationship(from: "itemId") }
type Sum { total: Int! count: Int! }
type Endpoints {
  order(lines: [Line!]!): Sum! @http(path: "/order") @export @allow(to: ["authenticated"])
}`;

const resources = `/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints } from "ambit";
export class Item extends Table("Item") {
  async rename({ title }) {
    if (title === this.title) throw this.ctx.error(409, "SAME_TITLE", "It has this title.");
    return this.update({ title });
  }
  static async create(ctx, input) {
    return super.create(ctx, { ...input, title: input.title.trim() });
  }
}
export const Endpoints = endpoints({
  async order(ctx, { lines }) { return { total: lines.reduce((sum, line) => sum + line.quantity, 0), count: lines.length }; },
});
`;

const anvil = { id: "a", sku: "A-1", title: "Anvil", status: "LIVE", price: 500, tags: ["x", "y"] };
const brush = { id: "b", sku: "B-1", title: "Brush", status: "DRAFT", price: 5, tags: null };
const crate = { id: "c", sku: "C-1", title: "Crate", status: "LIVE", price: 50, tags: null };

interface Scenario {
  readonly name: string;
  readonly as: "staff" | "clerk" | null;
  readonly step: Step;
  readonly answers?: unknown;
  readonly refused?: string;
  /** What the caller's role can never do is no word of their GraphQL schema. */
  readonly unknownToGraphql?: true;
  readonly where?: string;
  /** Of the records, what is other than before; null: gone. */
  readonly leaves?: Readonly<Record<string, Row | null>>;
}

const scenarios: readonly Scenario[] = [
  { name: "a record is read", as: null, step: { do: "get", id: "a" }, answers: anvil },
  { name: "a hidden one is not there", as: null, step: { do: "get", id: "b" }, refused: "NOT_FOUND" },
  { name: "nor is one that never was", as: "staff", step: { do: "get", id: "zz" }, refused: "NOT_FOUND" },
  { name: "a list has what the caller may read", as: null, step: { do: "list", where: { status: "LIVE" } }, answers: [anvil, crate] },
  { name: "the hidden are in nobody's list", as: null, step: { do: "list", where: { status: "DRAFT" } }, answers: [] },
  { name: "rules hold record by record", as: "clerk", step: { do: "list", where: { status: "LIVE" } }, answers: [anvil, crate] },
  { name: "a field that the caller may not read cannot be asked about", as: null, step: { do: "list", where: { cost: 1 } }, refused: "UNKNOWN_FIELD", unknownToGraphql: true },
  { name: "a record is created, by the code of the app", as: "staff", step: { do: "create", input: { id: "n", sku: "N-1", title: " New ", price: 1 } }, answers: { id: "n", sku: "N-1", title: "New", status: "DRAFT", price: 1, tags: null }, leaves: { n: { title: "New", cost: 0 } } },
  { name: "nobody creates without a right", as: null, step: { do: "create", input: { sku: "N-1", title: "N", price: 1 } }, refused: "UNAUTHENTICATED", unknownToGraphql: true },
  { name: "a role without it neither", as: "clerk", step: { do: "create", input: { sku: "N-1", title: "N", price: 1 } }, refused: "FORBIDDEN", unknownToGraphql: true },
  { name: "unique is unique", as: "staff", step: { do: "create", input: { sku: "A-1", title: "N", price: 1 } }, refused: "UNIQUE_VIOLATION" },
  { name: "a text has its pattern", as: "staff", step: { do: "create", input: { sku: "a 1", title: "N", price: 1 } }, refused: "VALIDATION_FAILED", where: "sku" },
  { name: "a number has its range", as: "staff", step: { do: "create", input: { sku: "N-1", title: "N", price: -1 } }, refused: "VALIDATION_FAILED", where: "price" },
  { name: "a check holds", as: "staff", step: { do: "create", input: { sku: "N-1", title: "N", price: 1, cost: 2 } }, refused: "CHECK_FAILED" },
  { name: "a record is replaced", as: "staff", step: { do: "replace", id: "c", input: { sku: "C-1", title: "Cask", price: 7 } }, answers: { ...crate, title: "Cask", status: "DRAFT", price: 7 }, leaves: { c: { title: "Cask", status: "DRAFT", price: 7 } } },
  { name: "or made by it", as: "staff", step: { do: "replace", id: "q", input: { sku: "Q-1", title: "Quill", price: 7 } }, answers: { id: "q", sku: "Q-1", title: "Quill", status: "DRAFT", price: 7, tags: null }, leaves: { q: { title: "Quill" } } },
  { name: "fields are set", as: "staff", step: { do: "update", id: "b", patch: { status: "LIVE", tags: ["z"] } }, answers: { ...brush, status: "LIVE", tags: ["z"] }, leaves: { b: { status: "LIVE", tags: ["z"] } } },
  { name: "only where the rule holds before", as: "clerk", step: { do: "update", id: "a", patch: { title: "Mine" } }, refused: "FORBIDDEN" },
  { name: "and after", as: "clerk", step: { do: "update", id: "c", patch: { price: 100 } }, refused: "FORBIDDEN" },
  { name: "a hidden one is not there to be written", as: "clerk", step: { do: "update", id: "zz", patch: { title: "Mine" } }, refused: "NOT_FOUND" },
  { name: "what is set once stays", as: "staff", step: { do: "update", id: "a", patch: { sku: "A-2" } }, refused: "READ_ONLY_FIELD", unknownToGraphql: true },
  { name: "a field needs its own right", as: "clerk", step: { do: "update", id: "c", patch: { cost: 1 } }, refused: "VALIDATION_FAILED", unknownToGraphql: true },
  { name: "a record is removed", as: "staff", step: { do: "remove", id: "a" }, answers: anvil, leaves: { a: null } },
  { name: "not while another refers to it", as: "staff", step: { do: "remove", id: "c" }, refused: "REFERENCE_VIOLATION" },
  { name: "not without the right", as: "clerk", step: { do: "remove", id: "c" }, refused: "FORBIDDEN", unknownToGraphql: true },
  { name: "an action is called", as: "staff", step: { do: "rename", id: "a", title: "Amboss" }, answers: { ...anvil, title: "Amboss" }, leaves: { a: { title: "Amboss" } } },
  { name: "and refuses in its own words", as: "staff", step: { do: "rename", id: "a", title: "Anvil" }, refused: "SAME_TITLE" },
  { name: "its arguments are checked", as: "staff", step: { do: "rename", id: "a", title: "" }, refused: "VALIDATION_FAILED", where: "title" },
  { name: "nobody calls it without a right", as: null, step: { do: "rename", id: "a", title: "Mine" }, refused: "UNAUTHENTICATED", unknownToGraphql: true },
  { name: "an endpoint is called", as: "clerk", step: { do: "order", quantity: 3 }, answers: { total: 3, count: 1 } },
  { name: "nested arguments are checked", as: "clerk", step: { do: "order", quantity: 10 }, refused: "VALIDATION_FAILED", where: "lines[0].quantity" },
  { name: "nobody calls it unasked", as: null, step: { do: "order", quantity: 1 }, refused: "UNAUTHENTICATED", unknownToGraphql: true },
];

let app: StartedApp;
let drivers: readonly Driver[] = [];
let following: readonly Follower[] = [];
beforeAll(async () => {
  app = await startTestApp({ schema, resources, config: `${keysFor("staff", "clerk")}mqtt: { port: 0 }\n` });
  drivers = [restDriver(app), socketDriver(app), graphqlDriver(app), mqttDriver(app)];
  following = await followers(app);
});
afterAll(async () => {
  for (const one of [...drivers, ...following]) await one.close();
  await app?.stop();
});

beforeEach(async () => {
  await app.running.tables.commit((session) => {
    const options = SYSTEM;
    for (const table of ["Part", "Item"]) for (const { id } of session.connection.query(`SELECT id FROM "${table}"`).all()) session.write({ kind: "remove", table, id: id as string, precondition: null }, options);
    for (const item of [anvil, brush, crate]) session.write({ kind: "create", table: "Item", input: { ...item, cost: 1 }, onConflict: null }, options);
    session.write({ kind: "create", table: "Part", input: { id: "p", itemId: "c" }, onConflict: null }, options);
  }, { actor: "test", requestId: "seed" });
});

const stored = (): Map<string, Row> => new Map(app.running.storage.reader.query("SELECT * FROM \"Item\"").all().map((row) => [row["id"] as string, row]));
const plain = (value: unknown): unknown => (typeof value === "bigint" ? Number(value) : typeof value === "string" && value.startsWith("[") ? JSON.parse(value) : value);

const SYSTEM = { dialect: "wire", authority: null, sent: null } as const;

/** Comes and goes, behind everything else. */
async function mark(): Promise<void> {
  await app.running.tables.commit((session) => session.write({ kind: "create", table: "Item", input: { id: MARK, sku: "MARK", title: "Mark", price: 1 }, onConflict: null }, SYSTEM), { actor: "test", requestId: "mark" });
  await app.running.tables.commit((session) => session.write({ kind: "remove", table: "Item", id: MARK, precondition: null }, SYSTEM), { actor: "test", requestId: "mark" });
}

async function toldOf(): Promise<readonly (readonly [string, unknown])[]> {
  await mark();
  return Promise.all(following.map(async (one) => [one.name, await one.told()] as const));
}

for (const [name, lacks] of [["REST", []], ["WebSocket", []], ["GraphQL", []], ["MQTT", ["list", "create", "update", "rename", "order"]]] as const) {
  describe(name, () => {
    test.each(scenarios.filter(({ step }) => !lacks.some((word) => word === step.do)).map((scenario) => [scenario.name, scenario] as const))("%s", async (_, { as, step, answers, refused, unknownToGraphql, where, leaves = {} }) => {
      const driver = drivers.find((one) => one.name === name)!;
      expect(driver.lacks).toEqual([...lacks]);
      await toldOf();
      const before = stored();
      const outcome = await driver.run(step, as);
      const changes = await toldOf();

      if (refused === undefined) expect(outcome).toEqual({ code: null, where: null, value: answers });
      else if (name === "GraphQL" && unknownToGraphql === true) expect(["INVALID_DOCUMENT", refused]).toContain(outcome.code!);
      else expect(outcome.code).toBe(refused);
      if (where !== undefined) expect(outcome.where).toBe(where);

      const after = stored();
      for (const [id, fields] of Object.entries(leaves)) {
        if (fields === null) expect(after.has(id)).toBe(false);
        else for (const [field, value] of Object.entries(fields)) expect(plain(after.get(id)?.[field])).toEqual(value);
      }
      // Nothing else.
      const ids = new Set([...before.keys(), ...after.keys()].filter((id) => !(id in leaves)));
      for (const id of ids) expect(after.get(id)).toEqual(before.get(id)!);
      for (const [follower, told] of changes) {
        const typed = (type: string): string | null => (follower === "MQTT" ? null : type);
        expect([follower, told]).toEqual([follower, Object.entries(leaves).map(([id, fields]) => (fields === null
          ? { type: "leave", key: id, record: null }
          : { type: typed(before.has(id) ? "update" : "enter"), key: id, record: answers }))]);
      }
    });
  });
}
