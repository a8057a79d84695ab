// Keys that a decision makes of its input (@decision(idempotency)), and what counts as the same question under a key.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";

const schema = `input Wish { sku: String! units: Int note: String }
type Decisions {
  keyed(amount: Int!, parts: Int, request: String, more: String, wish: Wish): Int! @decision(kind: RULE, idempotency: "input.request == null ? '' : input.request + ':' + string(100 / input.amount)") @export @allow(to: ["support"]) @fallback(call: "random")
  plain(amount: Int!, request: String): Int! @decision(kind: RULE, idempotency: "input.request") @export @allow(to: ["support"]) @fallback(call: "random")
}`;
const resources = `import { fallbacks } from "ambit";
let count = 0;
export const Fallbacks = fallbacks({ random: () => ++count });
`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, resources, config: `${keysFor("support")}limits: { idempotencyKeyLength: 40 }\n` }); });
afterAll(async () => { await app?.stop(); });

async function ask(name: string, input: object, key?: string): Promise<{ readonly status: number; readonly body: unknown; readonly code: unknown }> {
  const response = await fetch(`${app.url}/decide/${name}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support", ...(key === undefined ? {} : { "idempotency-key": key }) }, body: JSON.stringify(input) });
  const body = await response.json() as unknown;
  return { status: response.status, body, code: (body as { code?: string }).code };
}

test("the same for the same; null and an empty text are no key", async () => {
  const first = await ask("keyed", { amount: 5, request: "a" });
  expect(await ask("keyed", { amount: 5, request: "a" })).toEqual(first);
  expect((await ask("keyed", { amount: 5 })).body).not.toBe((await ask("keyed", { amount: 5 })).body);
  expect((await ask("plain", { amount: 5 })).body).not.toBe((await ask("plain", { amount: 5 })).body);
  const other = await ask("plain", { amount: 5, request: "b" });
  expect(await ask("plain", { amount: 5, request: "b" })).toEqual(other);
});

test("a key that cannot be made of the input, or is too long, refuses the question; one of the request does instead", async () => {
  expect(await ask("keyed", { amount: 0, request: "c" })).toMatchObject({ status: 400, code: "VALIDATION_FAILED" });
  expect(await ask("keyed", { amount: 5, request: "c".repeat(40) })).toMatchObject({ status: 400, code: "VALIDATION_FAILED" });
  const first = await ask("keyed", { amount: 0, request: "c" }, "mine");
  expect(first.status).toBe(200);
  expect(await ask("keyed", { amount: 0, request: "c" }, "mine")).toEqual(first);
});

test.each<[string, object, object]>([
  ["what is left out and null", { amount: 1, request: "d" }, { amount: 1, request: "d", parts: null, more: null, wish: null }],
  ["members of an object, too", { amount: 1, request: "e", wish: { sku: "x" } }, { wish: { note: null, sku: "x", units: null }, request: "e", amount: 1 }],
  ["another order", { amount: 1, request: "f", parts: 2 }, { parts: 2, request: "f", amount: 1 }],
])("the same question: %s", async (_, one, same) => {
  const first = await ask("keyed", one);
  expect(first.status).toBe(200);
  expect(await ask("keyed", same)).toEqual(first);
});

test.each<[string, object, object]>([
  ["another value", { amount: 1, request: "g", parts: 2 }, { amount: 1, request: "g", parts: 3 }],
  ["an empty text for none", { amount: 1, request: "h" }, { amount: 1, request: "h", more: "" }],
])("another question: %s", async (_, one, other) => {
  expect((await ask("keyed", one)).status).toBe(200);
  expect(await ask("keyed", other)).toMatchObject({ status: 422, code: "IDEMPOTENCY_MISMATCH" });
});
