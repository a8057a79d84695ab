// The app of the histories: lists that transactions append to and read, and a bank whose money only moves. Reads of every kind.

export const historySchema = `
type Log @table @export { id: ID! @primaryKey bucket: Int! @indexed items: [Int!]! @default(value: []) }
type Account @table @export { id: ID! @primaryKey bank: Int! @indexed balance: Int! @range(min: 0) }
input Step { kind: StepKind! key: ID! value: Int }
enum StepKind { GET FIND ALL APPEND }
type Endpoints {
  transact(steps: [Step!]!): JSON! @http(method: POST) @allow(to: ["public"])
  transactLate(steps: [Step!]!): JSON! @http(method: POST, transaction: NONE) @allow(to: ["public"])
  move(from: ID!, to: ID!, amount: Int!): JSON! @http(method: POST) @allow(to: ["public"])
  balances(single: Boolean!): JSON! @http(method: POST) @allow(to: ["public"])
}
`;

/** Buckets of lists, so that a query finds some of them. */
export const BUCKETS = 3;

export const historyResources = `/// <reference path="./.ambit/types.d.ts" />
import { endpoints, type Ctx } from "ambit";

const bucketOf = (key: string): number => Number(key.slice(1)) % ${BUCKETS};
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.random() < 0.3 ? 1 : 0));

async function append(ctx: Ctx, key: string, value: number): Promise<null> {
  const log = await ctx.system.Log.get(key);
  if (log === null) await ctx.system.Log.create({ id: key, bucket: bucketOf(key), items: [value] });
  else await ctx.system.Log.update(key, { items: [...log.items, value] });
  return null;
}

async function steps(ctx: Ctx, list: readonly { readonly kind: string; readonly key: string; readonly value: number | null }[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const { kind, key, value } of list) {
    await pause();
    switch (kind) {
      case "GET": answers.push((await ctx.system.Log.get(key))?.items ?? []); break;
      case "FIND": answers.push((await ctx.system.Log.find({ id: key }))[0]?.items ?? []); break;
      case "ALL": answers.push(Object.fromEntries((await ctx.system.Log.find({ bucket: bucketOf(key) })).map(({ id, items }) => [id, items]))); break;
      default: answers.push(await append(ctx, key, value!));
    }
  }
  return answers;
}

export const Endpoints = endpoints({
  transact: (ctx, { steps: list }) => steps(ctx, list as never) as never,
  transactLate: (ctx, { steps: list }) => ctx.transaction((inner) => steps(inner, list as never)) as never,
  async move(ctx, { from, to, amount }) {
    const giver = (await ctx.system.Account.get(from))!;
    await pause();
    const taker = (await ctx.system.Account.get(to))!;
    if (giver.balance < amount || from === to) return false;
    await ctx.system.Account.update(from, { balance: giver.balance - amount });
    await ctx.system.Account.update(to, { balance: taker.balance + amount });
    return true;
  },
  async balances(ctx, { single }) {
    if (!single) return (await ctx.system.Account.find({ bank: 1 })).map(({ balance }) => balance);
    const found: number[] = [];
    for (let index = 0; index < ${5}; index++) {
      found.push((await ctx.system.Account.get(\`a\${index}\`))!.balance);
      await pause();
    }
    return found;
  },
});
`;

export const ACCOUNTS = 5;
export const OPENING = 100;
