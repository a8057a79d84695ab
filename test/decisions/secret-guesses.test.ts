// What is @secret is not found out by trying: of calls and effects that a bound or condition over it refuses there is one to repair, then the fallback.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";

const decision = (name: string, lines: string): string => `
  """Offer."""
  ${name}: Int! @decision(mode: ENFORCE) @allow(to: ["support"]) @export @fallback(value: -1) ${lines}`;
const offer = `@mayWrite(operation: "Offer.create", fields: ["amount"], max: 9)`;
const change = `@mayWrite(operation: "Price.update", fields: ["shown"], set: { id: "price.id" }, max: 9`;
const price = `@context(name: "price", query: "Price/p")`;
const schema = `type Price @table @export @allow(to: ["support"], do: [READ, UPDATE]) { id: ID! @primaryKey shown: Int! floor: Int! @secret }
type Offer @table @allow(to: ["support"], do: [CREATE]) { id: ID! @primaryKey amount: Int! }
type Decisions {${[
  decision("ofContext", `${price} ${offer} @bound(name: "floor", at: EFFECT, rule: "args.amount >= price.floor")`),
  decision("ofRow", `${price} ${change}) @bound(name: "floor", at: EFFECT, rule: "args.shown >= row.floor")`),
  decision("ofCondition", `${price} ${change}, where: "args.shown >= row.floor")`),
  decision("open", `${price} ${offer} @bound(name: "shown", at: EFFECT, rule: "args.amount >= price.shown")`),
].join("")}
}`;

let bounds: BoundsApp;
beforeAll(async () => { bounds = await startBoundsApp(schema); });
afterAll(() => bounds?.stop());
beforeEach(() => { bounds.model.requests.length = 0; return bounds.write("Price", "p", { shown: 50, floor: 50 }); });

/** Halves what is left, as often as it is let, and answers in the end. */
function guess(tool: string, member: string): void {
  bounds.model.script = (_request, count) => [count > 5 ? answers(1) : { name: tool, arguments: { [member]: 40 + count } }];
}

test.each([["ofContext", "Offer_create", "amount"], ["ofRow", "Price_update", "shown"], ["ofCondition", "Price_update", "shown"]])("%s: one try more than is let", async (name, tool, member) => {
  guess(tool, member);
  expect(await bounds.decide(name, {})).toMatchObject({ status: 200, source: "fallback", body: -1 });
  expect(bounds.model.requests).toHaveLength(2);
});

test("who hits it with the second try goes on", async () => {
  bounds.model.script = (_request, count) => [count > 2 ? answers(1) : { name: "Offer_create", arguments: { amount: 48 + count } }];
  expect(await bounds.decide("ofContext", {})).toMatchObject({ source: "model", body: 1 });
});

test("what is open to all may be tried for longer", async () => {
  guess("Offer_create", "amount");
  expect(await bounds.decide("open", {})).toMatchObject({ source: "model", body: 1 });
});
