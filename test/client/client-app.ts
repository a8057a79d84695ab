// The app that tests of the client talk to: rows with awkward values, relations, an action, endpoints, a channel.
import { connect, type Client, type ConnectOptions } from "../../client/index.ts";
import type { AnyApp, AppFacts } from "../../client/app-types.ts";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";

export const schema = `
type Item @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) @allow(to: ["guest"], do: [READ], where: "record.open") {
  id: ID! @primaryKey
  title: String
  price: Int @indexed
  open: Boolean! @default(value: false)
  big: Long
  exact: Decimal
  at: DateTime
  order: Int
  tags: [String!]! @default(value: [])
  attributes: JSON
  place: Place
  shelfId: ID @indexed
  shelf: Shelf @relationship(from: "shelfId")
  raise(by: Int! @range(min: 1)): Item! @action @allow(to: ["clerk"])
  clear(below: Int!): Int! @action(on: TABLE) @allow(to: ["clerk"])
}
type Place { lat: Float! lon: Float! }
type Shelf @table @export @allow(to: ["clerk", "guest"], do: [READ]) @allow(to: ["clerk"], do: [CREATE]) { id: ID! @primaryKey name: String room: Int items: [Item!]! @relationship(to: "shelfId") }
type Board @channel(key: "boardId", presence: true) @export @allow(to: ["clerk"], do: [SUBSCRIBE, PUBLISH]) @allow(to: ["guest"], do: [SUBSCRIBE]) { boardId: ID! text: String! @length(max: 100) }
type Endpoints {
  """The same query in code."""
  inCode(query: String!): [ID!]! @http(method: GET, path: "/in-code") @allow(to: ["clerk"])
  double(n: Int!): Int! @http(method: GET, path: "/double/{n}") @allow(to: ["public"])
}
`;

export const resources = `
import { Table, endpoints } from "ambit";
export class Item extends Table("Item") {
  async raise({ by }) { return this.update({ price: (this.price ?? 0) + by }); }
  static async clear(ctx, { below }) {
    const items = await ctx.db.Item.find({ price: { lt: below } });
    for (const item of items) await ctx.db.Item.remove(item.id);
    return items.length;
  }
}
export const Endpoints = endpoints({
  async inCode(ctx, { query }) { return (await ctx.db.Item.find(JSON.parse(query))).map((item) => item.id); },
  async double(ctx, { n }) { return n * 2; },
});
`;

export const config = `auth:
  keys:
    - { token: key-clerk, subject: clerk, roles: [clerk] }
    - { token: key-guest, subject: guest, roles: [guest] }
http: { cors: { origins: ["*"] } }
`;

export const facts: AppFacts<AnyApp> = {
  tables: {
    Item: { key: "id", relations: { shelf: "Shelf" }, order: { big: "number", exact: "number", tags: "server", attributes: "server", place: "server" } },
    Shelf: { key: "id", relations: { items: "Item" } },
  },
  endpoints: { inCode: { safe: true }, double: { safe: true } },
};

export function startClientApp(): Promise<StartedApp> {
  return startTestApp({ schema, config, resources });
}

export function clientOf(url: string, options: Partial<ConnectOptions> = {}): Client {
  return connect({ url, token: "key-clerk", app: facts, ...options });
}
