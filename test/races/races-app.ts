// The app of the race tests: small tables, each for one way in which concurrent requests may get into each other's way.

export const racesSchema = `
type Page @table @export @allow(to: ["writer"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  text: String!
  writer: Int!
}

"""As Page, but each change goes through code."""
type Article @table @export @allow(to: ["writer"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  text: String!
  writer: Int!
  revision: Int! @default(value: 0) @readOnly
}

type Person @table @export @allow(to: ["writer"], do: [READ, CREATE, UPDATE, DELETE]) @indexed(fields: ["first", "last"], unique: true) {
  id: ID! @primaryKey
  email: String! @indexed(unique: true, fold: true)
  first: String
  last: String
  visits: Int! @default(value: 0)
}

type Tally @table @export @allow(to: ["writer"], do: [READ, CREATE, UPDATE]) {
  id: ID! @primaryKey
  value: Int! @default(value: 0) @range(min: 0, max: 100000)
  even: Int! @default(value: 0) @check(rule: "record.even <= 40")

  add(by: Int!): Tally! @action @allow(to: ["writer"])
  addEven(by: Int!): Tally! @action @allow(to: ["writer"])
  """Reads, thinks, writes."""
  double: Tally! @action @allow(to: ["writer"])
}

type Task @table @export @allow(to: ["writer"], do: [READ, CREATE]) {
  id: ID! @primaryKey
  taker: String
  parentId: ID @indexed
  parent: Parent @relationship(from: "parentId")
  number: Int! @sequence(per: "parentId")
}

type Parent @table @export @allow(to: ["writer"], do: [READ, CREATE, DELETE]) { id: ID! @primaryKey }

type Account @table @export @allow(to: ["writer"], do: [READ, CREATE]) {
  id: ID! @primaryKey
  balance: Int! @range(min: 0)
  transfer(to: ID!, amount: Int!): Account! @action @allow(to: ["writer"])
}

type Endpoints {
  take(taker: String!): Task @http(method: POST, path: "/take") @allow(to: ["writer"])
}
`;

export const racesResources = `/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints, type Args, type Patch } from "ambit";

export class Article extends Table("Article") {
  override async update(patch: Patch<"Article">) {
    await null;
    return super.update({ ...patch, revision: this.revision + 1 });
  }
}

export class Tally extends Table("Tally") {
  add({ by }: Args<"Tally.add">) { return this.ctx.system.Tally.increment(this.id, "value", by); }
  addEven({ by }: Args<"Tally.addEven">) { return this.ctx.system.Tally.increment(this.id, "even", by); }
  async double() {
    const { value } = this;
    await new Promise((resolve) => setTimeout(resolve, 1));
    return this.update({ value: value * 2 });
  }
}

export class Account extends Table("Account") {
  async transfer({ to, amount }: Args<"Account.transfer">) {
    const target = await this.ctx.db.Account.get(to);
    if (target === null || this.balance < amount) throw this.ctx.error(409, "INSUFFICIENT", "There is not enough.");
    await this.ctx.system.Account.update(to, { balance: target.balance + amount });
    return this.update({ balance: this.balance - amount });
  }
}

export const Endpoints = endpoints({
  async take(ctx, { taker }) {
    return ctx.system.Task.claim({ taker: null, order: { id: "asc" } }, { taker });
  },
});
`;

export const racesConfig = `auth: { keys: [{ token: key-of-the-writer, subject: writer, roles: [writer] }] }\n`;
export const writerKey = "key-of-the-writer";
