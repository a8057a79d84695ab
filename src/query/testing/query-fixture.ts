// A schema with every type and kind of relation for the tests of queries, and scopes over it. For tests only.
import { defaultLimits, type Limits } from "../../base/limits.ts";
import { compileSchema } from "../../schema/compile-schema.ts";
import type { Catalog, Table } from "../../schema/catalog.ts";
import type { QueryContext } from "../resolution.ts";
import type { Scope } from "../scope.ts";

export const schemaText = `
type Product @table @export @allow(to: ["public"], do: [READ])
  @search(fields: ["title", "body", "reviews.text"], weights: [3, 1, 0.5])
  @indexed(fields: ["sku", "region"], unique: true)
{
  id: ID! @primaryKey
  sku: String! @indexed(unique: true)
  region: String
  title: String! @indexed(type: TEXT)
  body: String
  note: String
  status: Status
  count1: Int
  stockTotal: Long
  weight: Float
  price: Money! @currency(code: "EUR")
  fee: Money @currency(field: "feeCurrency")
  feeCurrency: String
  ratio: Decimal
  active: Boolean
  madeAt: DateTime
  madeOn: Date
  lasts: Duration
  meta: JSON
  photo: Bytes
  tags: [String!]
  scores: [Int!]
  home: Address
  place: Point @indexed(type: GEO)
  embedding: Vector @indexed(type: VECTOR, dimensions: 3)
  secret: String @internal
  order: Int
  makerId: ID @indexed
  maker: Maker @relationship(from: "makerId")
  backupId: ID @indexed
  backup: Maker @relationship(from: "backupId")
  reviews: [Review!]! @relationship(to: "productId")
  labels: [Label!]! @relationship(through: "ProductLabel")
}
enum Status { DRAFT LIVE GONE }
type Address { street: String city: City zip: Int since: DateTime extra: JSON lines: [String!] }
type City { name: String! country: String }
type Point { lat: Float! lon: Float! }
type Maker @table @export(name: "makers") @allow(to: ["public"], do: [READ]) {
  id: ID! @primaryKey
  name: String!
  vip: Boolean
  data: JSON
  bossId: ID @indexed
  boss: Maker @relationship(from: "bossId")
  products: [Product!]! @relationship(to: "makerId")
}
type Review @table @export @allow(to: ["public"], do: [READ]) {
  id: Int! @primaryKey
  productId: ID! @indexed
  product: Product! @relationship(from: "productId")
  text: String @indexed(type: TEXT)
  stars: Int
  paid: Money @currency(field: "currency")
  currency: String
}
type Label @table @export @allow(to: ["public"], do: [READ]) {
  id: ID! @primaryKey
  name: String!
}
type ProductLabel @table @export @allow(to: ["public"], do: [READ]) @indexed(fields: ["productId", "labelId"], unique: true) {
  id: ID! @primaryKey
  productId: ID! @indexed
  product: Product! @relationship(from: "productId")
  labelId: ID! @indexed
  label: Label! @relationship(from: "labelId")
}
type Loose @table(open: true) @export @allow(to: ["public"], do: [READ]) { id: Long! @primaryKey name: String }
type Hidden @table @allow(to: ["boss"], do: [READ]) { id: ID! @primaryKey name: String }
`;

export const now = "2026-01-01T00:00:00.000Z";

let compiled: Catalog | null = null;

export function fixtureCatalog(): Catalog {
  if (compiled !== null) return compiled;
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text: schemaText });
  const errors = diagnostics.filter((one) => one.severity === "error");
  if (errors.length > 0) throw new Error(errors.map((one) => `${one.code} ${one.position.line}: ${one.message}`).join("\n"));
  compiled = catalog;
  return catalog;
}

export function fixtureTable(name: string): Table {
  return fixtureCatalog().tables.get(name)!;
}

/** Everything but internal fields and what `hidden` names as `Table` or `Table.field`. */
export function fixtureScope(hidden: readonly string[] = []): Scope {
  return {
    catalog: fixtureCatalog(),
    fields: (table) => new Map([...table.fields].filter(([name, field]) => !field.internal && !hidden.includes(`${table.name}.${name}`))),
    readable: (table) => !hidden.includes(table.name),
  };
}

export function fixtureContext(table = "Product", options: { hidden?: readonly string[]; limits?: Partial<Limits> } = {}): QueryContext {
  return { table: fixtureTable(table), scope: fixtureScope(options.hidden), limits: { ...defaultLimits, ...options.limits }, now };
}
