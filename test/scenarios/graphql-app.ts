// The app of the scenarios over GraphQL: what a table, an action or an endpoint may be there, and how a test asks.
import { adminToken, keysFor, startTestApp, type StartedApp } from "./started-app.ts";

const schema = `
enum Status { DRAFT LIVE GONE }
type Inner { note: String big: Long }
type Spot { lat: Float! @range(min: -90, max: 90) lon: Float! inner: Inner }
input Line { sku: String! quantity: Int! @range(min: 1) }
"""Things with parts."""
type Item @table @export(name: "items")
  @allow(to: ["public"], do: [READ], where: "record.status == 'LIVE'")
  @allow(to: ["staff"], do: [READ, CREATE, UPDATE, DELETE])
  @check(rule: "record.price >= record.cost", message: "Not below cost.")
  @search(fields: ["title"]) {
  id: ID! @primaryKey
  "The number on the box."
  sku: String! @indexed(unique: true) @pattern(regex: "^[A-Z0-9-]{1,20}$")
  title: String! @length(min: 1, max: 50)
  status: Status! @default(value: DRAFT)
  price: Money! @currency(code: "EUR") @range(min: 0)
  cost: Money! @currency(code: "EUR") @default(value: 0) @allow(to: ["staff"], do: [READ, CREATE, UPDATE])
  count: Int @default(value: 0)
  serial: Long
  exact: Decimal
  ratio: Float
  at: DateTime
  day: Date
  span: Duration
  spot: Spot
  tags: [String!]
  more: JSON
  raw: Bytes
  place: Spot
  makerId: ID @indexed
  maker: Maker @relationship(from: "makerId", onDelete: SET_NULL)
  parts: [Part!]! @relationship(to: "itemId")
  labels: [Label!]! @relationship(through: "Labelling")
  rename(title: String!): Item! @action @allow(to: ["staff"])
  bump(by: Int! = 1): Item! @action @allow(to: ["staff"])
  drop: Item! @action @allow(to: ["staff"])
  cheapest(limit: Int!): [Item!]! @action(on: TABLE) @allow(to: ["public"])
  boom: Boolean @action @allow(to: ["public"])
}
type Maker @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [CREATE, DELETE]) {
  id: ID! @primaryKey
  name: String!
  items: [Item!]! @relationship(to: "makerId")
}
type Part @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [CREATE, UPDATE, DELETE]) {
  id: Int! @primaryKey
  name: String!
  itemId: ID! @indexed
  item: Item! @relationship(from: "itemId", onDelete: CASCADE)
  screws: [Screw!]! @relationship(to: "partId")
}
type Screw @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [CREATE]) {
  id: Int! @primaryKey
  partId: Int! @indexed
  part: Part! @relationship(from: "partId", onDelete: CASCADE)
}
type Label @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [CREATE]) { id: ID! @primaryKey items: [Item!]! @relationship(through: "Labelling") }
type Labelling @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [CREATE]) {
  id: ID! @primaryKey
  itemId: ID! @indexed
  item: Item! @relationship(from: "itemId", onDelete: CASCADE)
  labelId: ID! @indexed
  label: Label! @relationship(from: "labelId", onDelete: CASCADE)
}
type Note @table @export @allow(to: ["owner"], do: [READ, CREATE, UPDATE, DELETE], where: "record.ownerId == auth.subject") {
  id: ID! @primaryKey
  ownerId: ID! @createdBy @indexed
  text: String @length(max: 10)
}
"""A box into which everybody puts and nobody looks."""
type Drop @table @export @allow(to: ["public"], do: [CREATE]) { id: ID! @primaryKey text: String! }
type OnlyRest @table @export(over: [REST]) @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey }
type OnlyGraphql @table @export(over: [GRAPHQL]) @allow(to: ["public"], do: [READ, CREATE]) { id: ID! @primaryKey order: Int and: Boolean }
type Hidden @table @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey }
type Sum { total: Int! count: Int! }
type Endpoints {
  "Adds up."
  sum(of: [Int!]!): Sum! @http(method: GET, path: "/sum") @export @allow(to: ["public"])
  order(lines: [Line!]! @length(min: 1, max: 3)): Sum! @export @allow(to: ["public"])
  onlyHttp: Boolean @http(method: GET, path: "/only-http") @allow(to: ["public"])
  liveItems: [Item!]! @page @http(method: GET, path: "/live") @export @allow(to: ["public"])
}`;

const resources = `/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints } from "ambit";
export class Item extends Table("Item") {
  async rename({ title }) { return this.update({ title }); }
  async bump({ by }) { return this.update({ count: (this.count ?? 0) + by }); }
  async drop() { await this.remove(); return this; }
  static async cheapest(ctx, { limit }) { return ctx.db.Item.find({ order: { price: "asc" }, limit }); }
  async boom() { throw new Error("the secret is 4711"); }
}
export const Endpoints = endpoints({
  async sum(ctx, { of }) { return { total: of.reduce((sum, one) => sum + one, 0), count: of.length }; },
  async order(ctx, { lines }) {
    if (lines.some((line) => line.sku === "NONE")) throw ctx.error(409, "OUT_OF_STOCK", "Nothing left.", { sku: "NONE" });
    return { total: lines.reduce((sum, line) => sum + line.quantity, 0), count: lines.length };
  },
  async onlyHttp() { return true; },
  async liveItems(ctx, { limit, after }) { return ctx.db.Item.query({ limit, after }); },
});
`;

export interface GraphqlResult {
  readonly data?: Readonly<Record<string, never>> | null;
  readonly errors?: readonly { readonly message: string; readonly path?: readonly unknown[]; readonly extensions: { readonly code: string; readonly status: number; readonly fix: string; readonly details: unknown; readonly where: string | null } }[];
}

export interface GraphqlApp extends StartedApp {
  /** `role`: also the subject; null: nobody is signed in. */
  ask(query: string, variables?: object, role?: string | null, headers?: Record<string, string>): Promise<GraphqlResult>;
  rest(method: string, path: string, body?: unknown, role?: string | null): Promise<{ status: number; code: string | null; json: unknown }>;
}

export function tokenOf(role: string | null): Record<string, string> {
  return role === null ? {} : { authorization: `Bearer ${role === "administrator" ? adminToken : `key-${role}`}` };
}

export async function startGraphqlApp(limits = ""): Promise<GraphqlApp> {
  const app = await startTestApp({ schema, resources, config: `${keysFor("staff", "owner", "other")}limits: { ${limits} }\n` });
  return {
    ...app,
    async ask(query, variables = {}, role = null, headers = {}) {
      const response = await fetch(`${app.url}/graphql`, { method: "POST", headers: { "content-type": "application/json", ...tokenOf(role), ...headers }, body: JSON.stringify({ query, variables }) });
      return await response.json() as GraphqlResult;
    },
    async rest(method, path, body, role = null) {
      const response = await fetch(`${app.url}${path}`, { method, headers: { ...tokenOf(role), ...(body === undefined ? {} : { "content-type": "application/json" }), prefer: "return=representation" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      const text = await response.text();
      const json: unknown = text === "" ? null : JSON.parse(text);
      return { status: response.status, code: response.status >= 400 ? (json as { code: string }).code : null, json };
    },
  };
}
