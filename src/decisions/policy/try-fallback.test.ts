// What `ambit check` says of a fallback that it has tried on made-up inputs: the same each time, with the case.
import { expect, test } from "bun:test";
import { defaultLimits } from "../../base/limits.ts";
import { seededRandom } from "../../base/random.ts";
import { compileCatalogExpressions } from "../../expression/compile-catalog.ts";
import type { AppFunction } from "../../resources/app-code.ts";
import { compileSchema } from "../../schema/compile-schema.ts";
import { coerceFields } from "../../schema/coerce-value.ts";
import { compileDecision } from "./compile-decision.ts";
import { madeUpFields } from "./made-up-values.ts";
import { tryFallback } from "./try-fallback.ts";

const TYPES = `
enum Way { REFUND VOUCHER }
type Refund { orderId: ID! way: Way! amount: Int! at: DateTime }
type Order @table { id: ID! @primaryKey total: Int! rate: Int! @range(min: 1, max: 7) note: String way: Way }
type Facts { mood: Int }
`;

interface Given { readonly call?: (...given: never[]) => unknown; readonly more?: string; readonly result?: string; readonly fallback?: string; readonly csv?: string }

function told({ call = () => null, more = "", result = "Refund!", fallback = '@fallback(call: "answer")', csv }: Given): string[] {
  const text = `${TYPES}\ntype Decisions { """Decide.""" refund(orderId: ID!, amount: Int!, limit: Int @range(min: 0, max: 9), reason: String): ${result} @decision @context(name: "order", query: "Order/{input.orderId}") @context(name: "others", query: "Order?id=neq.{order.id}") ${fallback} ${more} }`;
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text });
  const { book } = compileCatalogExpressions(catalog);
  const [declared] = catalog.decisions.values();
  const compiled = compileDecision("refund", declared!, { catalog, book, limits: defaultLimits, textOf: () => csv ?? null });
  expect([...diagnostics, ...compiled.diagnostics].filter(({ severity }) => severity === "error")).toEqual([]);
  return tryFallback(compiled.decision!, { book, fallbacks: new Map([["answer", call as AppFunction]]) }).map(({ code, severity, message }) => `${severity} ${code} ${message}`);
}

type Input = { orderId: string; amount: number; limit: number | null; reason: string | null };
type Contexts = { order: { id: string; total: number; rate: number; note: string | null }; others: unknown[]; now: string };
const sound = ({ orderId }: Input, { order }: Contexts): object => ({ orderId, way: "REFUND", amount: Math.min(order.total, 5) });

test("what always keeps its bounds is said nothing of: records have the id that was asked for, numbers their range", () => {
  expect(told({ call: sound, more: `@bound(name: "order", rule: "out.orderId == order.id && out.amount <= order.total") @bound(name: "rate", rule: "order.rate >= 1 && order.rate <= 7 && order.total >= 0") @bound(name: "limit", rule: "input.limit == null || input.limit <= 9")` })).toEqual([]);
});

test("what breaks a bound is told with a case, once for each bound, and the same again", () => {
  const given: Given = { call: ({ orderId, amount }: Input) => ({ orderId, way: "REFUND", amount }), more: `@bound(name: "some", rule: "out.amount >= 0") @bound(name: "most", rule: "out.amount <= order.total", at: COMMIT)` };
  const warnings = told(given);
  expect(warnings).toHaveLength(2);
  expect(warnings).toContainEqual(expect.stringMatching(/^warning FALLBACK_BOUND The fallback of refund breaks its bound some where out\.amount is -\d+\.$/));
  expect(warnings).toContainEqual(expect.stringMatching(/^warning FALLBACK_BOUND The fallback of refund breaks its bound most where out\.amount is \d+, order\.total is \d+\.$/));
  expect(told(given)).toEqual(warnings);
});

test("what is denied, only noted, clamped, or over what is not made up, counts for nothing", () => {
  const call = ({ orderId, amount }: Input): object => ({ orderId, way: "REFUND", amount });
  expect(told({ call, more: `@bound(name: "asked", at: INPUT, rule: "input.amount >= 0") @bound(name: "some", rule: "out.amount >= 0") @bound(name: "soft", soft: true, rule: "out.amount > 5") @bound(name: "least", rule: "out.amount >= 10", else: CLAMP, to: "{amount: 10}")
    @bound(name: "done", at: COMMIT, rule: "after.order.total == 5") @bound(name: "day", at: TOTAL, of: "out.amount", per: DECISION_DAY, rule: "total < 5")` })).toEqual([]);
});

test.each<[string, NonNullable<Given["call"]>]>([
  ["throws", ({ reason }: Input) => ({ orderId: reason!.slice(0, 1), way: "REFUND", amount: 1 })], ["waits", async ({ orderId }: Input) => ({ orderId, way: "REFUND", amount: 1 })],
  ["answers another type", ({ orderId }: Input) => ({ orderId, way: "REFUNT", amount: 1 })], ["changes what it is given", (input: Input) => { input.amount = 1; return { orderId: input.orderId, way: "REFUND", amount: 1 }; }],
  ["needs what a list may not have", ({ orderId }: Input, { others }: Contexts) => ({ orderId, way: "REFUND", amount: (others[0] as { total: number }).total })],
])("a fallback that %s gives no answer", (_, call) => {
  expect(told({ call })).toEqual([expect.stringMatching(/^warning FALLBACK_ANSWER The fallback of refund gives no answer of its type where the input is \{/)]);
});

test("one that answers two things to one question is not pure", () => {
  let count = 0;
  expect(told({ call: ({ orderId }: Input) => ({ orderId, way: "REFUND", amount: count++ }) })).toEqual([expect.stringMatching(/^warning FALLBACK_ANSWER The fallback of refund answers .*"amount":0.*, and then .*"amount":1.*, where the input is /)]);
});

test("values and tables are tried, too; the caller's own answer is not", () => {
  const bound = `@bound(name: "most", rule: "out.amount <= order.total")`;
  const broken = [expect.stringMatching(/^warning FALLBACK_BOUND The fallback of refund breaks its bound most where out\.amount is 3, order\.total is [012]\.$/)];
  expect(told({ fallback: `@fallback(value: { orderId: "o", way: REFUND, amount: 3 })`, more: bound })).toEqual(broken as never);
  expect(told({ fallback: `@fallback(table: "fees.csv")`, csv: "order.total,out.orderId,out.way,out.amount\n-,o,REFUND,3\n", more: bound })).toEqual(broken as never);
  expect(told({ fallback: "@fallback(own: true)", more: bound })).toEqual([]);
});

test("an author may answer for it", () => {
  const call = ({ orderId, amount }: Input): object => ({ orderId, way: "REFUND", amount });
  expect(told({ call, more: `@bound(name: "some", rule: "out.amount >= 0") @acknowledge(rule: "FALLBACK_BOUND", reason: "Callers are ours.")` })).toEqual([]);
  expect(told({ call, more: `@bound(name: "some", rule: "out.amount >= 0") @acknowledge(rule: "FALLBACK_ANSWER", reason: "No.")` })).toHaveLength(1);
});

test("what is made up of every type is of that type, and within its limits", () => {
  const text = `enum Way { A B } input Inner { text: String! @length(min: 2, max: 3) inner: Inner }
    type Endpoints { all(a: Int! @range(min: -5, max: 5), b: Long, c: Float @range(min: 0), d: Decimal, e: Boolean!, f: DateTime, g: Date, h: Duration, i: Money @currency(code: "EUR"), j: JSON, k: Bytes, l: [Way!]! @length(min: 1, max: 2), m: Inner, n: ID!, o: [Int]): Int! @http(method: POST, path: "/all") @allow(to: ["public"]) }`;
  const { catalog } = compileSchema({ file: "schema.graphql", text });
  const fields = catalog.endpoints.get("all")!.arguments;
  const random = seededRandom(7);
  let last = "";
  for (let count = 0; count < 500; count++) {
    const wire = madeUpFields(fields, { catalog, random, nowMs: 0, isSent: true });
    const issues: never[] = [];
    expect([wire, coerceFields(wire, fields, { catalog, dialect: "wire", path: "" }, issues) === undefined, issues]).toEqual([wire, false, []]);
    last = JSON.stringify(wire);
  }
  const again = seededRandom(7);
  let same = "";
  for (let count = 0; count < 500; count++) same = JSON.stringify(madeUpFields(fields, { catalog, random: again, nowMs: 0, isSent: true }));
  expect(same).toBe(last);
});
