// The app that is killed: tables with everything that a commit must keep in step. Rules are short; anybody with the key may write.

export const crashSchema = `
type Place { lat: Float! lon: Float! }

type Folder @table @export @allow(to: ["writer"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  owner: String! @indexed
  notes: [Note!]! @relationship(to: "folderId")
}

type Note @table @export @allow(to: ["writer"], do: [READ, CREATE, UPDATE, DELETE]) @indexed(fields: ["owner", "hits"]) {
  id: ID! @primaryKey
  owner: String! @indexed
  folderId: ID! @indexed
  folder: Folder! @relationship(from: "folderId", onDelete: CASCADE)
  code: String! @indexed(unique: true, fold: true)
  title: String! @indexed(type: TEXT)
  place: Place @indexed(type: GEO)
  price: Decimal @indexed
  hits: Int! @default(value: 0)
  tags: [String!]
  facts: JSON
  size: Int! @computed(rule: "size(record.title)", stored: true) @indexed
  number: Long! @sequence @indexed(unique: true)
  updatedAt: DateTime! @updatedTime
}

type Account @table @export @allow(to: ["writer"], do: [READ, CREATE]) {
  id: ID! @primaryKey
  balance: Long! @range(min: 0)

  """Moves an amount and writes it down."""
  transfer(to: ID!, amount: Int! @range(min: 1), reference: String!): Account! @action @allow(to: ["writer"])
}

type Transfer @table @export @allow(to: ["writer"], do: [READ]) {
  id: ID! @primaryKey
  reference: String! @indexed(unique: true)
  fromId: ID!
  toId: ID!
  amount: Int!
}

type Counter @table @export @allow(to: ["writer"], do: [READ, CREATE]) {
  id: ID! @primaryKey
  value: Int! @default(value: 0)

  """Adds one and writes it down."""
  hit(reference: String!): Counter! @action @allow(to: ["writer"])
}

type Hit @table @export @allow(to: ["writer"], do: [READ]) {
  id: ID! @primaryKey
  reference: String! @indexed(unique: true)
}

type Moment @table(expiration: "PT0.4S") @export @allow(to: ["writer"], do: [READ, CREATE]) {
  id: ID! @primaryKey
  owner: String!
}
`;

export const crashResources = `/// <reference path="./.ambit/types.d.ts" />
import { Table, type Args } from "ambit";

export class Account extends Table("Account") {
  async transfer({ to, amount, reference }: Args<"Account.transfer">) {
    const { ctx } = this;
    const target = await ctx.db.Account.get(to);
    if (target === null || to === this.id) throw ctx.error(400, "NO_TARGET", "There is no such other account.");
    if (this.balance < BigInt(amount)) throw ctx.error(409, "INSUFFICIENT", "There is not enough.");
    await ctx.system.Account.update(to, { balance: target.balance + BigInt(amount) });
    await ctx.system.Transfer.create({ reference, fromId: this.id, toId: to, amount });
    return this.update({ balance: this.balance - BigInt(amount) });
  }
}

export class Counter extends Table("Counter") {
  async hit({ reference }: Args<"Counter.hit">) {
    await this.ctx.system.Hit.create({ reference });
    return this.ctx.system.Counter.increment(this.id, "value", 1);
  }
}
`;

export const crashConfig = `auth: { keys: [{ token: key-of-the-writer, subject: writer, roles: [writer] }] }\n`;
export const writerKey = "key-of-the-writer";

export const accounts = ["a", "b", "c"] as const;
export const OPENING_BALANCE = 1_000;
export const counter = "only";
