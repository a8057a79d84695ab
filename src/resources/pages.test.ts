// `@page`: limit and after are arguments like any other, checked before the body and undefined where nobody sent them.
import { afterEach, expect, test } from "bun:test";
import { endpoints } from "./app-api.ts";
import type { TestContext } from "./testing/typed-context.ts";
import { nobody, openApp, refusal, type OpenApp } from "./testing/open-app.ts";

const SDL = `
type Endpoints {
  numbers(from: Int! = 0): [Int!]! @page @http(method: GET) @allow(to: ["public"])
}`;

let seen: unknown = null;
const Endpoints = endpoints({
  async numbers(_: TestContext, given: { readonly from: number; readonly limit?: number }) {
    seen = { ...given };
    return Array.from({ length: given.limit ?? 3 }, (__, index) => given.from + index);
  },
});

let app: OpenApp | null = null;
afterEach(async () => { await app?.close(); app = null; });
const numbers = (input: object) => (app ??= openApp(SDL, { code: { Endpoints } })).as(nobody).call("numbers", input as never);

test("what was sent, and undefined for what was not", async () => {
  expect((await numbers({})).body).toEqual([0, 1, 2]);
  expect(seen).toEqual({ from: 0 });
  expect((await numbers({ from: 5, limit: 2, after: "x" })).body).toEqual([5, 6]);
  expect(seen).toEqual({ from: 5, limit: 2, after: "x" });
  expect((await numbers({ limit: 0 })).body).toEqual([]);
});

test("limit is a count", async () => {
  seen = null;
  expect(await refusal(numbers({ limit: -1 }))).toMatchObject({ code: "VALIDATION_FAILED", details: [{ path: "limit", code: "TOO_SMALL" }] });
  expect(await refusal(numbers({ limit: "2" }))).toMatchObject({ code: "VALIDATION_FAILED" });
  expect(seen).toBeNull();
});
