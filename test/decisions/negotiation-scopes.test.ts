// What is bounded for each negotiation: sums over its rounds, and what its rounds may cost, whatever other negotiations add.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startApprovalsApp, type ApprovalsApp, type Said } from "./approvals-app.ts";
import { completion } from "../models/scripted-model.ts";
import { answers } from "./bounds-app.ts";

const deal = (name: string, directives: string): string => `"""Negotiate."""
  ${name}(orderId: ID!): Terms! @decision(mode: ENFORCE) @export @allow(to: ["buyer"])
    @context(name: "order", query: "Order/{input.orderId}") @negotiates(rounds: 9, offerTtl: "PT1H", taint: ALLOW) ${directives} @fallback(value: { price: 1, given: 0 })`;
const schema = `
type Terms { price: Int! given: Int! }
type Order @table @export @allow(to: ["buyer"], do: [READ]) { id: ID! @primaryKey }
type Decisions {
  ${deal("summed", `@bound(name: "whole", at: TOTAL, of: "out.given", per: NEGOTIATION, rule: "total <= 100", else: FALLBACK)`)}
  ${deal("counted", "@budget(per: NEGOTIATION, runs: 2)")}
  ${deal("spent", "@budget(per: NEGOTIATION, tokens: 20000)")}
}`;

let people: ApprovalsApp;
beforeAll(async () => {
  people = await startApprovalsApp(schema, { people: ["buyer"] });
  await people.write("Order", "o", {});
  people.model.script = () => [answers({ price: 50, given: 40 })];
});
afterAll(async () => { await people?.stop(); });

const start = (decision: string): Promise<Said> => people.call("buyer", "POST", "/negotiations", { decision, input: { orderId: "o" } });
const given = ({ body }: Said): unknown => (body["offer"] as { terms: { given: number } } | undefined)?.terms.given;

/** What is offered in each round, 40 by the model and 0 by the fallback. */
async function rounds(decision: string, count: number): Promise<unknown[]> {
  const begun = await start(decision);
  const found = [given(begun)];
  while (found.length < count) found.push(given(await people.call("buyer", "POST", `/negotiations/${String(begun.body["id"])}/counter`, { terms: { price: 2 } })));
  return found;
}

test("a sum is of one negotiation", async () => {
  expect(await rounds("summed", 4)).toEqual([40, 40, 0, 0]);
  expect(await rounds("summed", 3)).toEqual([40, 40, 0]);
});

test("so is a number of runs", async () => {
  expect(await rounds("counted", 3)).toEqual([40, 40, 0]);
  expect(await rounds("counted", 2)).toEqual([40, 40]);
});

test("and what they spend", async () => {
  people.model.script = () => Response.json(completion([answers({ price: 50, given: 40 })], { usage: { prompt_tokens: 4_000, completion_tokens: 1_000 } }));
  const offered = await rounds("spent", 6);
  expect([offered[0], offered.at(-1)]).toEqual([40, 0]);
  people.model.script = () => [answers({ price: 50, given: 40 })];
  expect(await rounds("spent", 1)).toEqual([40]);
});
