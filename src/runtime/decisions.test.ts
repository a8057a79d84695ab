// What an app's decisions need of its settings and files: prices for budgets of costs, models that can answer, policy files in the app's folder.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadApp } from "./load-app.ts";

const root = mkdtempSync(join(tmpdir(), "ambit-decisions-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function problems(decision: string, config = "", files: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const directory = mkdtempSync(join(root, "app-"));
  const schema = `type Decisions {\n  ${decision}\n}`;
  for (const [name, text] of Object.entries({ "schema.graphql": schema, "config.yaml": config, ...files })) writeFileSync(join(directory, name), text);
  const { diagnostics } = await loadApp(directory, { environment: {}, typeCheck: false });
  return diagnostics.filter(({ severity }) => severity === "error").map(({ code, message }) => `${code} ${message}`);
}

const COST = '"""Policy."""\n  d: Int! @decision @fallback(value: 1) @budget(cost: "0.03 USD")';
const model = (price: string, more = ""): string => `models:\n  default: { provider: openai, model: m, key: k${price}${more} }\n  other: { provider: openai, model: n, key: k }\n`;

test("a budget of costs needs a price in its currency, of every model that may be asked", async () => {
  expect(await problems(COST, model(', price: { input: "1 USD", output: "2 USD" }'))).toEqual([]);
  expect(await problems(COST)).toEqual([]);
  expect(await problems(COST, model(""))).toEqual(["CONFIG d has a budget in USD, in which the model default has no price."]);
  expect(await problems(COST, model(', price: { input: "1 EUR", output: "2 EUR" }'))).toEqual(["CONFIG d has a budget in USD, in which the model default has no price."]);
  expect(await problems(COST, model(', price: { input: "1 USD", output: "2 USD" }', ", fallback: other"))).toEqual(["CONFIG d has a budget in USD, in which the model other has no price."]);
});

const questioned = (provider: string): string => `models:
  default: { provider: ${provider}, model: m, key: k, kind: decisions }
  words: { provider: openai, model: n, key: k, fallback: default }
  alone: { provider: openai, model: n, key: k }
`;
const values = (count: number): string => Array.from({ length: count }, (_, index) => `V${index}`).join(" ");
const types = `enum Team { A B }\nenum One { A }\nenum Most { ${values(255)} }\nenum Many { ${values(256)} }\ntype Inner { yes: Boolean! }\n`;

/** Of a decision with this result, or with these fields of one. */
function ofAnswer(fields: string, { provider = "openai", kind = "JUDGE", model = "default" } = {}): Promise<string[]> {
  const schema = `${types}type Out { ${fields} }\ntype Decisions {\n"""Policy."""\nd: Out! @decision(kind: ${kind}, model: "${model}") @fallback(call: "f") }`;
  return problems("", questioned(provider), { "schema.graphql": schema, "resources.ts": 'import { fallbacks } from "ambit";\nexport const Fallbacks = fallbacks({ f: () => ({}) as never });\n' });
}

test("an endpoint that answers questions is asked what it can answer", async () => {
  const refused = (why: string): string[] => [`QUESTION_SHAPE d may ask default, which only answers questions: ${why}.`];
  for (const fields of ["a: Team!", "a: Team", "a: Boolean!", "a: Boolean", "a: Most!", "a: Int! @range(min: 1, max: 10)", "a: Int @range(min: -4, max: 5)", "a: Money! @currency(code: \"EUR\") @range(min: 0, max: 3)", "a: Team! b: Boolean! c: Int! @range(min: 0, max: 1)"]) {
    expect([fields, await ofAnswer(fields)]).toEqual([fields, []]);
  }
  for (const fields of ["a: String!", "a: String", "a: ID!", "a: Float! @range(min: 0, max: 1)", "a: [Team!]!", "a: Inner!", "a: Long! @range(min: 0, max: 2)", "a: Date!", "a: JSON"]) {
    expect([fields, await ofAnswer(`yes: Boolean! ${fields}`)]).toEqual([fields, refused("its answer has a, which is neither an enum nor a Boolean nor a number of a scale")]);
  }
  expect(await ofAnswer("a: Int!")).toEqual(refused("its answer has a with 4294967296 levels, where openai takes 2 to 10"));
  expect(await ofAnswer("a: Int! @range(min: 0)")).toEqual(refused("its answer has a with 2147483648 levels, where openai takes 2 to 10"));
  expect(await ofAnswer("a: Int! @range(min: 0, max: 10)")).toEqual(refused("its answer has a with 11 levels, where openai takes 2 to 10"));
  expect(await ofAnswer("a: Int! @range(min: 3, max: 3)")).toEqual(refused("its answer has a with 1 levels, where openai takes 2 to 10"));
  expect(await ofAnswer("a: Int! @range(min: 1, max: 255)", { provider: "google" })).toEqual([]);
  expect(await ofAnswer("a: Int! @range(min: 0, max: 255)", { provider: "google" })).toEqual(refused("its answer has a with 256 levels, where google takes 2 to 255"));
  expect(await ofAnswer("a: One!")).toEqual(refused("its answer has a with 1 values, where openai takes 2 to 255"));
  expect(await ofAnswer("a: Many!")).toEqual(refused("its answer has a with 256 values, where openai takes 2 to 255"));
  expect(await ofAnswer(Array.from({ length: 401 }, (_, index) => `a${index}: Boolean!`).join(" "))).toEqual(refused("its answer has more than 400 fields"));
});

test("so it is where another model falls back to it, and for whatever is not judged", async () => {
  expect(await ofAnswer("a: Team!", { model: "words" })).toEqual([]);
  expect(await ofAnswer("a: String!", { model: "words" })).toHaveLength(1);
  expect(await ofAnswer("a: String!", { model: "alone" })).toEqual([]);
  expect(await ofAnswer("a: Team!", { kind: "REASON" })).toEqual(["QUESTION_SHAPE d may ask default, which only answers questions: it is no kind: JUDGE."]);
  const bare = (type: string, more: string): Promise<string[]> => problems(`"""Policy."""\n  d: ${type} @decision(kind: JUDGE) @fallback(value: ${more})`, questioned("openai"));
  expect(await bare("Boolean!", "true")).toEqual([]);
  expect(await bare("Int!", "1")).toHaveLength(1);
  expect(await problems('d: Int! @decision(kind: RULE) @fallback(value: 1)', questioned("openai"))).toEqual([]);
  const extracting = (type: string): Promise<string[]> => problems(`"""Policy."""\n  d(text: String! @untrusted): Boolean! @decision(kind: JUDGE) @context(name: "said", from: "input.text", extract: "Said") @fallback(value: true)\n}\ntype Said { a: ${type} `, questioned("openai"));
  expect(await extracting("Boolean!")).toEqual([]);
  expect(await extracting("Date!")).toHaveLength(1);
});

test("only providers that have such an endpoint are asked so, and in one piece", async () => {
  const of = (settings: string): Promise<string[]> => problems('"""Policy."""\n  d: Boolean! @decision(kind: JUDGE) @fallback(value: true)', `models: { default: { model: m, key: k, kind: decisions, ${settings} } }\n`);
  expect([await of("provider: openai"), await of("provider: google")]).toEqual([[], []]);
  expect(await of("provider: anthropic")).toEqual(["CONFIG models.default: anthropic has no decisions endpoint."]);
  expect(await of('provider: openai-compatible, url: "http://127.0.0.1:1/v1"')).toEqual(["CONFIG models.default: openai-compatible has no decisions endpoint."]);
  expect(await of("provider: google, stream: true")).toEqual(["CONFIG models.default.stream: true has no effect: a decisions endpoint answers in one piece."]);
});

test("a policy file is in the app's folder", async () => {
  const named = (file: string): string => `d: Int! @decision(policyFile: "${file}") @fallback(value: 1)`;
  expect(await problems(named("policy.md"), "", { "policy.md": "Be kind." })).toEqual([]);
  expect(await problems(named("missing.md"))).toEqual(["POLICY_SOURCE The policy file missing.md of d cannot be read."]);
  expect(await problems(named("../../etc/passwd"))).toEqual(["POLICY_SOURCE The policy file ../../etc/passwd of d cannot be read."]);
});
