// What the Catalog holds for sound schemas, and that a Catalog comes out of any broken one.
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../base/random.ts";
import type { Callable, Catalog, Field, Table } from "./catalog.ts";
import { compileSchema } from "./compile-schema.ts";

const folder = join(import.meta.dir, "testdata");
const read = (name: string): string => readFileSync(join(folder, `${name}.graphql`), "utf8");

function catalogOf(text: string, values: Record<string, unknown> = {}): Catalog {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text, values });
  expect(diagnostics).toEqual([]);
  return catalog;
}

function tableOf(catalog: Catalog, name: string): Table {
  const table = catalog.tables.get(name);
  if (table === undefined) throw new Error(`no table ${name}`);
  return table;
}

function fieldOf(catalog: Catalog, table: string, name: string): Field {
  const field = tableOf(catalog, table).fields.get(name);
  if (field === undefined) throw new Error(`no field ${table}.${name}`);
  return field;
}

function callableOf(callables: ReadonlyMap<string, Callable>, name: string): Callable {
  const callable = callables.get(name);
  if (callable === undefined) throw new Error(`no callable ${name}`);
  return callable;
}

describe("the store", () => {
  const catalog = catalogOf(read("store"));

  test("tables, roles, fields", () => {
    expect([...catalog.tables.keys()]).toEqual(["Product", "Stock", "Order"]);
    expect(catalog.roles).toEqual(["customer", "merchant"]);
    const product = tableOf(catalog, "Product");
    expect(product).toMatchObject({ description: "Things we sell.", sqlName: "Product", exportName: "Product", primaryKey: "id", open: false, expirationMs: null, expiresAt: null, grants: null, search: [] });
    expect(product.exportOver).toContain("REST");
    expect([...product.fields.keys()]).toEqual(["id", "sku", "title", "description", "price", "cost", "published", "stock", "createdAt", "updatedAt"]);
    expect(product.indexes.map(({ kind, fields, unique }) => [kind, fields, unique])).toEqual([["BTREE", ["sku"], true], ["TEXT", ["title"], false], ["TEXT", ["description"], false]]);
    expect(fieldOf(catalog, "Product", "price")).toMatchObject({ kind: "stored", type: { kind: "scalar", name: "Money", required: true }, limits: { range: { min: 0, max: null }, currency: { code: "EUR" } } });
    expect(fieldOf(catalog, "Product", "cost")).toMatchObject({ limits: { secret: true }, allow: [{ to: ["merchant"], do: ["READ", "CREATE", "UPDATE"], where: null, on: null }] });
    expect(fieldOf(catalog, "Product", "published").fill).toEqual({ kind: "default-value", value: false });
    expect(fieldOf(catalog, "Product", "createdAt").fill).toEqual({ kind: "created-time" });
    expect(fieldOf(catalog, "Order", "customerId").fill).toEqual({ kind: "created-by" });
    expect(fieldOf(catalog, "Order", "status")).toMatchObject({ type: { kind: "enum", name: "OrderStatus" }, readOnly: true, fill: { kind: "default-value", value: "PENDING" } });
  });

  test("CEL keeps its place, inside the quotes", () => {
    const product = tableOf(catalog, "Product");
    expect(product.allow[0]?.where).toEqual({ source: "record.published", position: { file: "schema.graphql", line: 3, column: 46 } });
    expect(product.checks).toEqual([{ rule: { source: "record.price >= record.cost", position: { file: "schema.graphql", line: 5, column: 17 } }, message: "We do not sell below cost.", field: null }]);
    const block = catalogOf('type T @table @check(rule: """\n    record.a > 1\n  """) { id: ID! @primaryKey, a: Int! }');
    expect(tableOf(block, "T").checks[0]?.rule).toEqual({ source: "record.a > 1", position: { file: "schema.graphql", line: 2, column: 5 }, raw: "record.a > 1\n  " });
    const escaped = catalogOf('type T @table @check(rule: "record.a == \\"x\\"") { id: ID! @primaryKey, a: String! }');
    expect(tableOf(escaped, "T").checks[0]?.rule).toMatchObject({ source: 'record.a == "x"', raw: 'record.a == \\"x\\"' });
  });

  test("relations from both sides", () => {
    expect(fieldOf(catalog, "Stock", "product")).toMatchObject({ kind: "relation", relation: { kind: "one", table: "Product", from: "productId", to: "id", through: null, onDelete: "CASCADE" } });
    expect(fieldOf(catalog, "Product", "stock")).toMatchObject({ kind: "relation", type: { kind: "table", name: "Stock", list: true }, relation: { kind: "many", table: "Stock", from: "id", to: "productId", through: null, onDelete: null } });
  });

  test("callables", () => {
    const cancel = callableOf(tableOf(catalog, "Order").actions, "cancel");
    expect(cancel).toMatchObject({ kind: "action", table: "Order", on: "RECORD", transaction: "SERIALIZABLE", http: { method: "POST", path: ["Order", "{id}", "cancel"] }, page: false, result: { kind: "table", name: "Order" } });
    expect(cancel.arguments.get("reason")).toMatchObject({ type: { name: "String", required: false }, limits: { length: { min: null, max: 500 } }, defaultValue: undefined });
    expect(callableOf(catalog.endpoints, "quote")).toMatchObject({ kind: "endpoint", table: null, transaction: "NONE", http: { method: "GET", path: ["quote", "{sku}"] }, allow: [{ to: ["public"], do: [] }] });
  });
});

describe("roles within records, and the rest", () => {
  const catalog = catalogOf(read("grants"));

  test("grants, search, expiry, open", () => {
    expect(tableOf(catalog, "Member").grants).toEqual({ subject: "userId", role: "access", on: "projectId", table: "Project", ordered: true, roles: ["VIEWER", "EDITOR", "OWNER"] });
    expect(tableOf(catalog, "Project")).toMatchObject({
      sqlName: "projects", exportName: "projects", exportOver: ["REST"], expirationMs: 2_592_000_000, open: true,
      search: [{ path: ["title"], weight: 3 }, { path: ["issues", "body"], weight: 1 }, { path: ["issues", "author", "name"], weight: 0.5 }], allow: [{ on: [] }],
    });
    expect(tableOf(catalog, "Issue").allow[0]?.on).toEqual(["project"]);
    expect(tableOf(catalog, "Issue").secretWhere?.source).toBe("record.hidden");
    expect(tableOf(catalog, "Person").expiresAt).toBe("seen");
  });

  test("a many-to-many finds its keys", () => {
    expect(fieldOf(catalog, "Project", "people").relation).toEqual({ kind: "through", table: "Person", from: "id", to: "id", through: { table: "Member", from: "projectId", to: "userId" }, onDelete: null });
  });

  test("fills and limits", () => {
    expect(fieldOf(catalog, "Issue", "number").fill).toEqual({ kind: "sequence", per: "projectId" });
    expect(fieldOf(catalog, "Issue", "words")).toMatchObject({ kind: "stored", fill: { kind: "computed", stored: true, rule: { source: "size(record.title)" } } });
    expect(fieldOf(catalog, "Issue", "hours").limits.range).toEqual({ min: "0", max: "99.95" });
    expect(fieldOf(catalog, "Issue", "title").limits.redact).toEqual(["CARD", "IBAN"]);
    expect(tableOf(catalog, "Issue").indexes).toContainEqual({ kind: "VECTOR", fields: ["meaning"], unique: false, fold: false, dimensions: 3, metric: "COSINE" });
    expect(tableOf(catalog, "Person").indexes).toContainEqual({ kind: "GEO", fields: ["home"], unique: false, fold: false, dimensions: null, metric: "COSINE" });
  });

  test("defaults of arguments are values, with the defaults inside them", () => {
    const close = callableOf(tableOf(catalog, "Issue").actions, "close");
    expect(close.transaction).toBe("NONE");
    expect(close.arguments.get("why")?.defaultValue).toEqual({ text: "done", tags: ["DUPLICATE"], score: 3 });
    expect(close.http).toBeNull();
    expect(callableOf(tableOf(catalog, "Issue").actions, "closeAll").on).toBe("TABLE");
  });

  test("endpoints: @http, @export, neither", () => {
    expect(callableOf(catalog.endpoints, "titles")).toMatchObject({ http: { method: "GET", path: ["titles"] }, page: true, transaction: "NONE" });
    expect(callableOf(catalog.endpoints, "price")).toMatchObject({ http: { method: "POST", path: ["price"] }, transaction: "SERIALIZABLE" });
    expect(callableOf(catalog.endpoints, "internal").http).toBeNull();
  });
});

describe("literals are exact", () => {
  test("64 bits, decimals, currency fields", () => {
    const catalog = catalogOf(`type T @table {
      id: ID! @primaryKey
      a: Long @default(value: 9007199254740993) @range(max: 9223372036854775807)
      b: Decimal @default(value: 0.10000000000000000001)
      c: [Int!] @default(value: [1, 2])
      d: JSON @default(value: { a: [1, "x", null, true, 1.5] })
      e: Money @currency(field: "f") @default(value: 5)
      f: String @default(value: "EUR")
      g: Float @default(value: 3)
      h: DateTime @default(value: "2026-01-31T12:00:00+01:00")
      i: String @default(value: null)
    }`);
    const value = (name: string): unknown => { const { fill } = fieldOf(catalog, "T", name); return fill?.kind === "default-value" ? fill.value : undefined; };
    expect(["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(value)).toEqual([9007199254740993n, "0.10000000000000000001", [1, 2], { a: [1, "x", null, true, 1.5] }, 5, "EUR", 3, "2026-01-31T11:00:00.000Z", null]);
    expect(fieldOf(catalog, "T", "a").limits.range).toEqual({ min: null, max: 9223372036854775807n });
  });
});

describe("hash", () => {
  const base = "type A @table { id: ID! @primaryKey }";
  const hashOf = (text: string, values = {}): string => catalogOf(text, values).hash;

  test("ignores comments and layout, and nothing else", () => {
    expect(hashOf(base)).toMatch(/^[0-9a-f]{64}$/);
    expect(hashOf(`# note\ntype A\n  @table {\n  id: ID!   @primaryKey,\n}`)).toBe(hashOf(base));
    expect(hashOf("type A @table { id: ID! @primaryKey, b: Int }")).not.toBe(hashOf(base));
    expect(hashOf(`"said" ${base}`)).not.toBe(hashOf(base));
  });

  test("takes the settings in that the schema names", () => {
    const text = 'type A @table(expiration: "values.ttl") { id: ID! @primaryKey }';
    expect(tableOf(catalogOf(text, { ttl: "PT1M" }), "A").expirationMs).toBe(60_000);
    expect(hashOf(text, { ttl: "PT1M" })).not.toBe(hashOf(text, { ttl: "PT2M" }));
    expect(hashOf(text, { ttl: "PT1M", other: "x" })).toBe(hashOf(text, { ttl: "PT60S" }));
  });
});

describe("any text", () => {
  test("nothing at all is an empty app", () => {
    for (const text of ["", "  \n", "# only a comment", "\uFEFF"]) expect(catalogOf(text).tables.size).toBe(0);
  });

  test("the catalog is frozen", () => {
    const catalog = catalogOf(read("store"));
    expect(Object.isFrozen(fieldOf(catalog, "Order", "status"))).toBe(true);
    expect(Object.isFrozen(tableOf(catalog, "Product").allow)).toBe(true);
  });

  const seed = Number(process.env["SEED"] ?? 7);
  test(`broken in any place, it still answers a Catalog and places inside the text (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const texts = readdirSync(folder).filter((name) => name.endsWith(".graphql")).map((name) => readFileSync(join(folder, name), "utf8").split("\n# expected:\n")[0]!);
    const pieces = ["@", "(", ")", "{", "}", "[", "]", "!", '"', '"""', ":", "#", "\n", "type ", "Int", "id", " ", "table", "@allow", "\u{1F600}", "constructor", "__proto__", "toString", "9"];
    for (let round = 0; round < 400; round++) {
      let text = texts[Math.floor(random.next() * texts.length)]!;
      for (let count = 1 + Math.floor(random.next() * 3); count > 0; count--) {
        const at = Math.floor(random.next() * text.length);
        const piece = pieces[Math.floor(random.next() * pieces.length)]!;
        text = text.slice(0, at) + piece + text.slice(at + Math.floor(random.next() * 6));
      }
      const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text });
      expect(catalog.hash).toHaveLength(64);
      const lines = text.split(/\r\n|\n|\r/);
      for (const { position } of diagnostics) {
        const line = lines[position.line - 1];
        expect({ round, inside: line !== undefined && position.column >= 1 && position.column <= line.length + 1 }).toEqual({ round, inside: true });
      }
    }
  }, 120_000);
});
