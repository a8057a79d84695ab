// What an operator sees of all decisions: metrics by decision, outcome and reason, `ambit decisions` with spend, and what `ambit check` says of text that
// nobody answers for.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { ambitHere } from "../processes/ambit-here.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";
import { until } from "../processes/waits.ts";

const schema = `type Answer { points: Int! }
type Decisions {
  """Judge."""
  judged(points: Int!): Answer! @decision(kind: JUDGE, mode: ENFORCE) @export @allow(to: ["support"])
    @bound(name: "cap", rule: "out.points <= 10", else: FALLBACK) @fallback(value: { points: 0 })
  """Judge beside it."""
  beside(points: Int!): Answer! @decision(kind: JUDGE) @export @allow(to: ["support"]) @fallback(value: { points: 1 })
  """Nobody is there to ask."""
  lonely(points: Int!): Answer! @decision(kind: JUDGE, mode: ENFORCE, model: "other") @export @allow(to: ["support"]) @fallback(value: { points: 2 })
  ruled(points: Int!): Answer! @decision(kind: RULE) @export @allow(to: ["support"])
    @bound(name: "some", at: INPUT, rule: "input.points > 0", else: REFUSE) @fallback(call: "same")
}`;
const resources = `import { fallbacks } from "ambit";
export const Fallbacks = fallbacks({ same: ({ points }) => ({ points }) });
`;

const scratch = scratchFolder();
let app: StartedApp;
let model: ScriptedModel;
beforeAll(async () => {
  model = scriptedModel(({ messages }) => {
    const { content } = messages[1]!;
    const text = typeof content === "string" ? content : (content as { text: string }[])[0]!.text;
    return [{ name: "answer", arguments: { points: (JSON.parse(text) as { input: { points: number } }).input.points } }];
  });
  app = await startTestApp({ schema, resources, config: `${keysFor("support")}models: { default: { provider: openai-compatible, model: scripted, url: "${model.url}", price: { input: "1 EUR", output: "10 EUR" } }, other: { provider: openai, model: m, key: "\${NO_SUCH_KEY}" } }\n` });
  for (const points of [1, 2, 3, 50]) await decide("judged", points);
  for (const points of [1, 2]) await decide("beside", points);
  await decide("lonely", 1);
  for (const points of [5, 0]) await decide("ruled", points);
});
afterAll(async () => {
  await app?.stop();
  await model?.stop();
  scratch.remove();
});

const decide = (name: string, points: number): Promise<Response> => fetch(`${app.url}/decide/${name}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify({ points }) });
const administer = (query = "", token: string = adminToken): Promise<Response> => fetch(`${app.url}/admin/decisions${query}`, { headers: { authorization: `Bearer ${token}` } });

async function metrics(): Promise<string[]> {
  return (await (await fetch(`${app.url}/metrics`, { headers: { authorization: `Bearer ${adminToken}` } })).text()).split("\n").filter((line) => line.startsWith("ambit_decision"));
}

const TOTALS = [
  `ambit_decisions_total{decision="judged",outcome="DECIDED",reason=""} 3`, `ambit_decisions_total{decision="judged",outcome="FELL_BACK",reason="bound:cap"} 1`,
  `ambit_decisions_total{decision="beside",outcome="FELL_BACK",reason="mode_shadow"} 2`, `ambit_decisions_total{decision="beside",outcome="SHADOWED",reason=""} 2`,
  `ambit_decisions_total{decision="lonely",outcome="FELL_BACK",reason="no_model"} 1`,
  `ambit_decisions_total{decision="ruled",outcome="DECIDED",reason=""} 1`, `ambit_decisions_total{decision="ruled",outcome="DENIED",reason="bound:some"} 1`,
];

test("metrics count runs that have ended by decision, outcome and reason, with their time, steps, tokens and costs", async () => {
  await until(async () => (await metrics()).some((line) => line.startsWith(`ambit_decisions_total{decision="beside",outcome="SHADOWED"`) && line.endsWith(" 2")));
  const lines = await metrics();
  expect(lines.filter((line) => line.startsWith("ambit_decisions_total")).sort()).toEqual([...TOTALS].sort());
  for (const line of [
    `ambit_decision_steps_total{decision="judged"} 4`, `ambit_decision_tokens_total{decision="judged",direction="input"} 400`, `ambit_decision_tokens_total{decision="judged",direction="output"} 80`,
    `ambit_decision_cost_total{decision="judged",currency="EUR"} 0.0012`, `ambit_decision_duration_seconds_count{decision="judged"} 4`, `ambit_decision_duration_seconds_bucket{decision="judged",le="+Inf"} 4`, `ambit_decision_steps_total{decision="ruled"} 0`,
  ]) expect(lines).toContain(line);
  const inOrder = lines.filter((line) => line.startsWith(`ambit_decision_duration_seconds_bucket{decision="judged"`)).map((line) => Number(line.split(" ")[1]));
  expect(inOrder).toEqual([...inOrder].sort((left, right) => left - right));
});

test("an answer from before is no run: a retry with its key counts once", async () => {
  const send = (): Promise<Response> => fetch(`${app.url}/decide/ruled`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support", "idempotency-key": "once" }, body: JSON.stringify({ points: 7 }) });
  await Promise.all([send(), send(), send()]);
  expect((await send()).headers.get("idempotency-replayed")).toBe("true");
  expect(await metrics()).toContain(`ambit_decisions_total{decision="ruled",outcome="DECIDED",reason=""} 2`);
});

test("ambit decisions lists mode, model, outcomes with reasons and what was spent", async () => {
  const listed = Object.fromEntries((await ambitHere(["decisions", "--data", join(app.directory, "data"), "--json"])).objects().map((one) => [one["name"], one]));
  expect(listed["judged"]).toMatchObject({
    mode: "ENFORCE", declared: "ENFORCE", kind: "JUDGE", model: "default", hasModel: true, runs: 4, isPartial: false, tokens: { input: 400, output: 80 }, cost: "0.001200 EUR",
    outcomes: [{ outcome: "DECIDED", reason: null, runs: 3 }, { outcome: "FELL_BACK", reason: "bound:cap", runs: 1 }],
  });
  expect(listed["beside"]).toMatchObject({ mode: "SHADOW", runs: 4 });
  expect(listed["lonely"]).toMatchObject({ model: "other", hasModel: false, cost: null, outcomes: [{ outcome: "FELL_BACK", reason: "no_model", runs: 1 }] });
  expect(listed["ruled"]).toMatchObject({ kind: "RULE", model: null });
  const { out } = await ambitHere(["decisions", "--data", join(app.directory, "data")]);
  for (const words of ["judged  ENFORCE JUDGE default", "400 + 80 tokens, 0.001200 EUR", "1  FELL_BACK bound:cap", "other (not configured)"]) expect(out).toContain(words);
});

test("it is the administrator's; days are bounded, and other words are refused", async () => {
  expect([(await administer("", "key-support")).status, (await administer("", "nobody")).status]).toEqual([403, 401]);
  expect([(await administer("?days=90")).status, (await administer("?days=91")).status, (await administer("?days=x")).status, (await administer("?day=1")).status]).toEqual([200, 400, 400, 400]);
  const none = await ambitHere(["decisions", "--data", scratch.free("nothing"), "--json"]);
  expect([none.code, none.objects()[0]!["code"]]).toEqual([1, "UNAVAILABLE"]);
});

const taintSchema = (reviewField: string, more = ""): string => `type Stars { stars: Int! }
type Review @table @export @allow(to: ["authenticated"], do: [READ, CREATE]) { id: ID! @primaryKey ${reviewField} stars: Int! productId: ID! @indexed product: Product! @relationship(from: "productId") }
type Product @table @export @allow(to: ["merchant"], do: [READ, CREATE, UPDATE]) { id: ID! @primaryKey title: String! reviews: [Review!]! @relationship(to: "productId") }
type Decisions {
  """Judge a story."""
  always(story: String! @untrusted): Stars! @decision @allow(to: ["merchant"]) @fallback(value: { stars: 3 })
  """Judge reviews."""
  sometimes(productId: ID!): Stars! @decision @allow(to: ["merchant"]) @context(name: "product", query: "Product/{input.productId}?select=title,reviews(text)") @fallback(value: { stars: 3 }) ${more}
  """Ask."""
  asking(productId: ID!): Stars! @decision @allow(to: ["merchant"]) @mayAsk(decision: "sometimes") @fallback(value: { stars: 3 })
  """Judge numbers."""
  never(productId: ID!): Stars! @decision @allow(to: ["merchant"]) @context(name: "product", query: "Product/{input.productId}?select=title,reviews(stars)") @fallback(value: { stars: 3 })
}`;

test("ambit check says of each decision whether it reads untrusted text, and on which way", async () => {
  const { code, objects } = await ambitHere(["check", scratch.app({ "schema.graphql": taintSchema("text: String! @untrusted") }), "--json"]);
  expect(code).toBe(0);
  expect(objects().filter(({ event }) => event === "taint")).toEqual([
    { event: "taint", decision: "always", untrusted: "always", paths: ["input.story"], forbidden: [] }, { event: "taint", decision: "sometimes", untrusted: "sometimes", paths: ["product.reviews.text"], forbidden: [] },
    { event: "taint", decision: "asking", untrusted: "sometimes", paths: ["sometimes"], forbidden: [] }, { event: "taint", decision: "never", untrusted: "never", paths: [], forbidden: [] },
  ]);
  const { out } = await ambitHere(["check", scratch.app({ "schema.graphql": taintSchema("text: String! @untrusted") })]);
  expect(out).toContain(", 4 decisions");
  expect(out).toContain("sometimes: sometimes UNTRUSTED by product.reviews.text");
  expect(out).toContain("never: never UNTRUSTED");
});

test("and of what such a run may use none, as it is declared", async () => {
  const more = (taint: string): string => `
  """Write."""
  writing(story: String! @untrusted): Stars! @decision @allow(to: ["merchant"]) @mayWrite(operation: "Product.create", fields: ["title"], where: "size(args.title) < 9"${taint}) @fallback(value: { stars: 3 })
  """Offer."""
  offering(wanted: Int!): Stars! @decision @allow(to: ["merchant"]) @negotiates(offerTtl: "PT1H"${taint}) @fallback(value: { stars: 3 })
}`;
  const said = async (taint: string): Promise<readonly string[]> => (await ambitHere(["check", scratch.app({ "schema.graphql": taintSchema("text: String! @untrusted").replace(/\n}\n?$/, more(taint)) })])).out.split("\n").filter((line) => /^(writing|offering): /.test(line));
  expect(await said("")).toEqual([
    "writing: always UNTRUSTED by input.story; the fallback then instead of Product_create (taint: FORBID)", "offering: sometimes UNTRUSTED by negotiation.message; the fallback then instead of offers (taint: FORBID)",
  ]);
  expect(await said(", taint: ALLOW")).toEqual(["writing: always UNTRUSTED by input.story", "offering: sometimes UNTRUSTED by negotiation.message"]);
});

test("text that anybody may write and that is not marked is refused, unless acknowledged, filled by the server or not shown", async () => {
  const problems = async (field: string, more = ""): Promise<unknown[]> => (await ambitHere(["check", scratch.app({ "schema.graphql": taintSchema(field, more) }), "--json"])).objects().filter(({ severity }) => severity === "error").map(({ code, message }) => [code, String(message).includes("Review.text")]);
  expect(await problems("text: String!")).toEqual([["UNMARKED_TEXT", true]]);
  expect(await problems("text: String! @untrusted")).toEqual([]);
  expect(await problems("text: String!", `@acknowledge(rule: "UNMARKED_TEXT", reason: "Reviews are read by people first.")`)).toEqual([]);
  expect(await problems(`text: String! @allow(to: ["merchant"], do: [READ, CREATE])`)).toEqual([]);
  expect(await problems(`text: String @readOnly`)).toEqual([]);
  const remembering = (fact: string): string => taintSchema("text: String! @untrusted").replace("type Decisions {", `type Facts { note: ${fact} }\ntype Decisions {\n  """Recall."""\n  recalling(productId: ID!): Stars! @decision @allow(to: ["merchant"]) @memory(about: "'Product:' + input.productId", reads: ["note"]) @fallback(value: { stars: 3 })\n`);
  const ofFact = async (fact: string): Promise<unknown> => (await ambitHere(["check", scratch.app({ "schema.graphql": remembering(fact) }), "--json"])).objects().find(({ severity, event, decision }) => severity === "error" || (event === "taint" && decision === "recalling"));
  expect(await ofFact(`String @allow(to: ["authenticated"])`)).toMatchObject({ code: "UNMARKED_TEXT", message: expect.stringContaining("Facts.note (memory.note)") });
  expect(await ofFact(`String @untrusted @allow(to: ["authenticated"])`)).toMatchObject({ untrusted: "sometimes", paths: ["memory.note"] });
  expect(await ofFact(`Int @allow(to: ["authenticated"])`)).toMatchObject({ untrusted: "never" });
  // Without a model nobody reads it.
  const ruled = taintSchema("text: String!").replace('"""Judge reviews."""', "# Judges reviews.").replace('sometimes(productId: ID!): Stars! @decision', 'sometimes(productId: ID!): Stars! @decision(kind: RULE)');
  expect((await ambitHere(["check", scratch.app({ "schema.graphql": ruled })])).code).toBe(0);
});
