// What an app's decisions need of its settings and files: prices for budgets of costs, policy files in the app's folder.
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

test("a policy file is in the app's folder", async () => {
  const named = (file: string): string => `d: Int! @decision(policyFile: "${file}") @fallback(value: 1)`;
  expect(await problems(named("policy.md"), "", { "policy.md": "Be kind." })).toEqual([]);
  expect(await problems(named("missing.md"))).toEqual(["POLICY_SOURCE The policy file missing.md of d cannot be read."]);
  expect(await problems(named("../../etc/passwd"))).toEqual(["POLICY_SOURCE The policy file ../../etc/passwd of d cannot be read."]);
});
