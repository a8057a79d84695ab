// Binding: every declared callable has its body, every body its declaration; each mismatch is one diagnostic with a fix.
import { expect, test } from "bun:test";
import { compileSchema } from "../schema/compile-schema.ts";
import { endpoints, Table } from "./app-api.ts";
import { bindAppCode } from "./app-code.ts";

const { catalog } = compileSchema({ file: "schema.graphql", text: `
type Order @table @export {
  id: ID! @primaryKey
  cancel(reason: String): Order! @action
  reprice: Boolean @action(on: TABLE)
}
type Endpoints { quote(sku: String!): Int! @http(method: GET, path: "/quote/{sku}") }
` });

class Order extends Table("Order") {
  static async reprice(_ctx: unknown): Promise<boolean> { return true; }
  async cancel(_arguments: unknown): Promise<unknown> { return this.update({}); }
}
const Endpoints = endpoints({ quote: async (_ctx: unknown, _arguments: unknown) => 1 });

function problems(module: Readonly<Record<string, unknown>> | null, loaded = true): string[] {
  return bindAppCode(catalog, module, { file: "resources.ts", loaded }).diagnostics.map(({ code, message, position, fix }) => `${position.file}:${position.line} ${code} ${message} ${fix}`);
}

test("a module that fits binds without a word", () => {
  const { code, diagnostics } = bindAppCode(catalog, { Order, Endpoints, helper: () => 1 }, { file: "resources.ts", loaded: true });
  expect(diagnostics).toEqual([]);
  expect([...code.tables.get("Order")!.actions.keys()].sort()).toEqual(["cancel", "reprice"]);
  expect(code.tables.get("Order")).toMatchObject({ create: null, update: null, remove: null });
  expect(code.endpoints.has("quote")).toBe(true);
});

test("bodies that are missing are named at their declaration, unless the module did not load", () => {
  expect(problems(null)).toEqual([
    "schema.graphql:4 BODY_MISSING Order.cancel has no body. Add cancel to class Order in resources.ts, or remove the declaration.",
    "schema.graphql:5 BODY_MISSING Order.reprice has no body. Add reprice to class Order in resources.ts, or remove the declaration.",
    "schema.graphql:7 BODY_MISSING quote has no body. Add quote to Endpoints in resources.ts, or remove the declaration.",
  ]);
  expect(problems(null, false)).toEqual([]);
});

const wrong: [string, Readonly<Record<string, unknown>>, RegExp][] = [
  ["a misspelt body", { Endpoints, Order: class extends Order { async cancle(): Promise<void> {} } }, /Order\.cancle has a body but no declaration\. Did you mean cancel\?/],
  ["an undeclared endpoint", { Order, Endpoints: endpoints({ ...Endpoints, other: () => 1 }) }, /Endpoints\.other has a body but no declaration/],
  ["a record's action as a static method", { Endpoints, Order: class extends Table("Order") { static cancel(): void {} static reprice(): void {} } }, /Order\.cancel is declared on the record\. Remove static/],
  ["a table's action on the record", { Endpoints, Order: class extends Table("Order") { cancel(): void {} reprice(): void {} } }, /Order\.reprice is declared on the table/],
  ["too many parameters", { Order, Endpoints: endpoints({ quote: (_a: unknown, _b: unknown, _c: unknown) => 1 }) }, /Endpoints\.quote takes 3 parameters\. Take the context and the arguments/],
  ["a method that takes the context", { Endpoints, Order: class extends Table("Order") { cancel(_ctx: unknown, _arguments: unknown): void {} static reprice(): void {} } }, /Take the arguments; the context is this\.ctx/],
  ["an unknown table", { Order, Endpoints, Ordre: class extends Table("Ordre") {} }, /extends Table\("Ordre"\), but the schema has no table Ordre\. Did you mean Order\?/],
  ["two classes for a table", { Order, Endpoints, Other: class extends Table("Order") {} }, /two classes for Order/],
  ["a body that is no function", { Order, Endpoints: { quote: 1 } }, /Endpoints\.quote is not a function/],
  ["Endpoints that are no object", { Order, Endpoints: 1 }, /Endpoints is not an object/],
  ["a constructor with parameters", { Endpoints, Order: class extends Order { constructor(_first: unknown) { super(); } } }, /constructor of Order takes parameters/],
];
for (const [name, module, message] of wrong) {
  test(`refuses ${name}`, () => {
    const found = problems(module);
    expect(found.some((line) => message.test(line))).toBe(true);
    expect(found.every((line) => line.includes("BODY_MISSING"))).toBe(true);
  });
}

test("one misspelt name is one problem, at its place in the text", () => {
  const source = [
    "import { Table, endpoints } from \"ambit\";", "export class Order extends Table(\"Ordre\") {", "  async cancle() { return this.cancle(); }", "}", "export const Endpoints = endpoints({", "  qoute: async (ctx) => 1,", "});",
  ].join("\n");
  const places = (module: Readonly<Record<string, unknown>>, text: string | null = source): string[] =>
    bindAppCode(catalog, module, { file: "resources.ts", loaded: true, source: text }).diagnostics.map(({ message, position, fix }) => `${position.line}:${position.column} ${message} ${fix}`);
  expect(places({ Endpoints, Order: class extends Table("Ordre") {} })).toEqual([`2:8 class Order extends Table("Ordre"), but the schema has no table Ordre. Did you mean Order?`]);
  class Misspelt extends Table("Order") { static reprice(): void {} cancle(): void {} }
  expect(places({ Endpoints, Order: Misspelt })).toEqual(["3:9 Order.cancle has a body but no declaration. Did you mean cancel?"]);
  expect(places({ Order, Endpoints: { qoute: () => 1 } })).toEqual(["6:3 Endpoints.qoute has a body but no declaration. Did you mean quote?"]);
  expect(places({ Endpoints, Order: Misspelt }, null)[0]).toStartWith("1:1 ");
  expect(places({ Endpoints, Order: Misspelt }, "export { Order } from \"./order.ts\";")[0]).toStartWith("1:1 ");
});

test("jobs are bound like endpoints", () => {
  const { catalog: withJobs } = compileSchema({ file: "schema.graphql", text: "type Jobs { tidy: Boolean sweep(days: Int!): Boolean }" });
  const told = (module: Readonly<Record<string, unknown>>): string[] => bindAppCode(withJobs, module, { file: "resources.ts", loaded: true, source: null }).diagnostics.map(({ message, fix }) => `${message} ${fix}`);
  expect(told({ Jobs: { tidy: () => true, sweep: () => true } })).toEqual([]);
  expect(told({ Jobs: { tidi: () => true, sweep: () => true } })).toEqual(["Jobs.tidi has a body but no declaration. Did you mean tidy?"]);
  expect(told({ Jobs: { tidy: 5, sweep: Object.defineProperty(() => true, "length", { value: 3 }) } }).map((line) => line.split(".")[1])).toEqual(["tidy is not a function", "sweep takes 3 parameters", "tidy has no body", "sweep has no body"].map((text) => expect.stringContaining(text.split(" ")[0]!)));
  expect(told({})).toEqual(["tidy has no body. Add tidy to Jobs in resources.ts, or remove the declaration.", "sweep has no body. Add sweep to Jobs in resources.ts, or remove the declaration."]);
});

const sourced = compileSchema({ file: "schema.graphql", text: `type Rate @table @source(maxAge: "PT1M") { id: ID! @primaryKey }\ntype Plain @table { id: ID! @primaryKey }` }).catalog;
const boundSources = (module: Readonly<Record<string, unknown>>): string[] => bindAppCode(sourced, module, { file: "resources.ts", loaded: true }).diagnostics.map(({ code, message, position, fix }) => `${position.file}:${position.line} ${code} ${message} ${fix}`);
const get = (): null => null;

test("a source that fits binds; without @source there is none", () => {
  expect(boundSources({ Sources: { Rate: { get } } })).toEqual([]);
  expect(bindAppCode(sourced, { Sources: { Rate: { get, put: get } } }, { file: "resources.ts", loaded: true }).code.sources.get("Rate")).toEqual({ get, put: get, remove: null });
  expect(problems({ Order, Endpoints, Sources: {} })).toEqual([]);
});

const wrongSources: [string, Readonly<Record<string, unknown>>, RegExp][] = [
  ["none", {}, /^schema\.graphql:1 BODY_MISSING Rate has no source\. Add Rate: \{ async get/],
  ["no object", { Sources: 7 }, /Sources is not an object/],
  ["misspelt", { Sources: { Rat: { get } } }, /There is no table Rat\. Did you mean Rate\?/],
  ["not declared", { Sources: { Rate: { get }, Plain: { get } } }, /Plain has a source but no @source\./],
  ["without get", { Sources: { Rate: { put: get } } }, /Sources\.Rate has no get/],
  ["no function", { Sources: { Rate: { get: 7 } } }, /Sources\.Rate\.get is not a function/],
  ["a body that there is not", { Sources: { Rate: { get, find: get } } }, /A source has no find/],
  ["too many parameters", { Sources: { Rate: { get: (_a: unknown, _b: unknown, _c: unknown, _d: unknown) => null } } }, /get takes 4 parameters\. Take at most 3/],
  ["an override beside it", { Sources: { Rate: { get } }, Rate: class extends Table("Rate") { override async remove(): Promise<void> {} } }, /Rate has a source, and its class overrides remove/],
];

for (const [what, module, expected] of wrongSources) {
  test(`a source: ${what}`, () => {
    expect(boundSources(module).some((line) => expected.test(line))).toBe(true);
  });
}

test("a table's members need the runtime", () => {
  expect(() => Order.create({}, {})).toThrow("needs the context");
  expect(() => new Order().update({})).toThrow("does not come from the runtime");
});
