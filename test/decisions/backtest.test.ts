// Past runs of a decision gone through with another bound, policy, model or candidate: what is said of them, that it is the same each time, and that
// nothing of the app is read or written on the way. Secrets and words of hostile models stay where they are.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ambitHere } from "../processes/ambit-here.ts";
import { adminToken } from "../scenarios/started-app.ts";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";

const schema = `enum Action { REFUND VOUCHER ASK }
type Refund { action: Action! amount: Int! reason: String! note: String @secret }
type Order @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey total: Int! refunded: Int! @default(value: 0) floor: String @secret colour: String }
type Credit @table @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey amount: Int! }
type Decisions {
  """Be generous."""
  refund(orderId: ID!, story: String!): Refund! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @mayRead(name: "others", query: "Order?total=gte.{?atLeast: Int}&order=id&limit=3")
    @mayWrite(operation: "Credit.create", fields: ["amount"], where: "args.amount <= 100")
    @effect(operation: "Order.update", set: { id: "order.id", refunded: "order.refunded + out.amount" }, when: "out.action == 'REFUND'")
    @bound(name: "cap", rule: "out.amount >= 0 && out.amount <= order.total", else: FALLBACK)
    @bound(name: "steps", rule: "out.amount % 10 == 0", else: CLAMP, to: "{amount: out.amount - out.amount % 10}")
    @bound(name: "paid", at: COMMIT, rule: "after.order.refunded <= after.order.total", else: FALLBACK)
    @budget(per: DECISION_DAY, runs: 100000)
    @fallback(value: { action: ASK, amount: 0, reason: "no decision" })
  """Be careful."""
  careful(orderId: ID!, story: String!): Refund! @decision(mode: ENFORCE)
    @context(name: "order", query: "Order/{input.orderId}")
    @bound(name: "cap", rule: "out.amount <= 40", else: FALLBACK)
    @fallback(value: { action: ASK, amount: 0, reason: "no decision" })
  """Looks elsewhere."""
  elsewhere(orderId: ID!, story: String!): Refund! @decision(mode: ENFORCE)
    @context(name: "order", query: "Order/{input.orderId}?select=id,total")
    @fallback(value: { action: ASK, amount: 0, reason: "no decision" })
  rule(orderId: ID!): Refund! @decision(kind: RULE) @export @allow(to: ["support"])
    @fallback(value: { action: ASK, amount: 0, reason: "no decision" })
}`;
const RUNS = process.env["AMBIT_TEST_SIZE"] === "long" ? 10_000 : 100;
const CANARY = `\u202e</pre><script>alert("x")</script><img src=x onerror=alert(1)>`;
const SECRET = "floor-is-17";
const NOTE = "note-of-the-model";

type Report = { readonly [name: string]: never } & {
  readonly runs: number; readonly agreement: number; readonly agreementByField: Record<string, number>; readonly consistency: number | null; readonly changed: Record<string, number>; readonly isPartial: boolean;
  readonly leftOut: Record<string, number>; readonly otherVersions: number; readonly kind: string;
  readonly outcomes: readonly { readonly outcome: string; readonly reason: string | null; readonly before: number; readonly after: number }[];
  readonly bounds: readonly { readonly bound: string; readonly before: { readonly violated: number; readonly clamped: number }; readonly after: { readonly violated: number; readonly clamped: number }; readonly unjudged: number }[];
  readonly differences: readonly { readonly run: string; readonly change: string; readonly before: { readonly output: unknown }; readonly after: { readonly output: Record<string, unknown> } }[]; readonly differencesNotShown: number;
  readonly cost: { readonly before: { readonly micros: number }; readonly after: { readonly micros: number } | null };
};

let bounds: BoundsApp;
let copies = 0;

/** What a story tells a model to pay, in the words of the story; less, where it is to be careful. */
function scriptOf(): BoundsApp["model"]["script"] {
  return ({ messages }) => {
    const said = messages.map(({ content }) => String(content));
    const amount = Number(/pay (-?\d+)/.exec(said[1]!)![1]);
    const asked = messages.filter(({ role }) => role === "assistant").length;
    if (said[1]!.includes("look") && asked === 0) return [{ name: "others", arguments: { atLeast: 10 } }, { name: "Credit_create", arguments: { amount: 5 } }];
    const paid = said[0]!.includes("Be strict") ? Math.min(amount, 30) : amount;
    return [answers({ action: "VOUCHER", amount: paid, reason: said[1]!.includes("hostile") ? CANARY : "because", note: NOTE })];
  };
}

beforeAll(async () => {
  bounds = await startBoundsApp(schema, { config: "limits: { backtestDifferences: 5, decisionRuns: 100 }\n" });
  for (let index = 0; index < 10; index++) await bounds.write("Order", `o${index}`, { total: 100, floor: SECRET, colour: "red" });
  bounds.model.script = scriptOf();
  const stories = ["pay 20", "pay 47", "pay 90", "pay 120", "look pay 60", "hostile pay 80"];
  for (let index = 0; index < RUNS; index += 10) await Promise.all(Array.from({ length: 10 }, (_, at) => bounds.decide("refund", { orderId: `o${at}`, story: stories[(index + at) % stories.length]! })));
  await bounds.decide("rule", { orderId: "o1" });
  // The data of today are others.
  for (let index = 0; index < 10; index++) await bounds.write("Order", `o${index}`, { total: 1 });
}, 300_000);
afterAll(() => bounds?.stop());

/** Of what a backtest must leave as it is: tables of the app, sums of the day, memory, outbox, runs. That somebody has looked is recorded elsewhere. */
function state(): string {
  const own = bounds.values(`SELECT "name" FROM "sqlite_schema" WHERE "type" = 'table' AND ("name" IN ('Order', 'Credit', '$decision', '$decision_step', '$decision_sum') OR "name" LIKE '$outbox%' OR "name" LIKE '$memory%' OR "name" LIKE '$job%') ORDER BY "name"`).map(([name]) => String(name));
  expect(own).toContain("Order");
  expect(own.length).toBeGreaterThan(6);
  const hash = createHash("sha256");
  for (const name of own) hash.update(name).update(JSON.stringify(bounds.values(`SELECT * FROM "${name}"`).map((row) => row.map(String))));
  return hash.update(JSON.stringify(bounds.values(`SELECT "number", "run", "payloads" FROM "$audit" WHERE "number" IN (SELECT "leaf" FROM "$decision")`))).digest("hex");
}

async function backtest(words: readonly string[], directory = bounds.app.directory): Promise<{ readonly code: number; readonly report: Report; readonly out: string }> {
  const data = directory === bounds.app.directory ? ["--data", join(directory, "data")] : [];
  const { code, out, objects } = await ambitHere(["backtest", "refund", directory, "--json", "--last", String(RUNS), ...data, ...words]);
  return { code, out, report: objects()[0] as unknown as Report };
}

/** A copy of data and app, where nothing runs, with something done to them. */
async function copied(change: (database: Database, schemaText: string) => string): Promise<string> {
  const directory = join(bounds.app.directory, `copy${++copies}`);
  mkdirSync(join(directory, ".ambit", "data"), { recursive: true });
  copyFileSync(join(bounds.app.directory, "config.yaml"), join(directory, "config.yaml"));
  const file = join(directory, ".ambit", "data", "data.db");
  expect((await ambitHere(["backup", file, "--data", join(bounds.app.directory, "data")])).code).toBe(0);
  const database = new Database(file);
  writeFileSync(join(directory, "schema.graphql"), change(database, schema));
  database.close();
  return directory;
}

const count = (story: (index: number) => boolean): number => Array.from({ length: RUNS }, (_, index) => index % 6).filter(story).length;

describe("another bound", () => {
  test("is held against what was proposed, with no model, twice the same, and leaves everything as it was", async () => {
    const [before, requests] = [state(), bounds.model.requests.length];
    const { code, report, out } = await backtest(["--bound", "cap=out.amount <= 50", "--bound", "steps=true"]);
    expect(code).toBe(0);
    expect({ kind: report.kind, runs: report.runs, isPartial: report.isPartial, leftOut: report.leftOut, otherVersions: report.otherVersions }).toEqual({ kind: "bounds", runs: RUNS, isPartial: false, leftOut: {}, otherVersions: 0 });
    // 90, 60 and 80 pass no more, 120 did not before; 47 was clamped to 40.
    const over = count((story) => story === 2 || story === 4 || story === 5);
    expect(report.outcomes).toEqual([
      { outcome: "DECIDED", reason: null, before: RUNS - count((story) => story === 3), after: count((story) => story < 2) },
      { outcome: "FELL_BACK", reason: "bound:cap", before: count((story) => story === 3), after: count((story) => story > 1) },
    ]);
    expect(report.changed).toEqual({ passes: 0, violated: over, clamped: 0, other: count((story) => story === 1) });
    expect(report.bounds.find(({ bound }) => bound === "steps")).toMatchObject({ before: { clamped: count((story) => story === 1) }, after: { clamped: 0 } });
    expect(report.differences.length).toBe(5);
    expect(report.differencesNotShown).toBe(over + count((story) => story === 1) - 5);
    expect((await backtest(["--bound", "cap=out.amount <= 50", "--bound", "steps=true"])).out).toBe(out);
    expect([state(), bounds.model.requests.length]).toEqual([before, requests]);
  }, 300_000);

  test("over a data file gives the same bytes as the app that runs", async () => {
    const words = ["--bound", "cap=out.amount <= order.total - 50", "--bound", "none=out.action != 'REFUND'"];
    expect((await backtest(words, await copied((_, text) => text))).out).toBe((await backtest(words)).out);
  }, 300_000);

  test("that nobody can keep falls back everywhere; one that is no rule is refused with its reason", async () => {
    const { report } = await backtest(["--bound", "all=out.action == 'ASK'"]);
    expect(report.outcomes).toContainEqual({ outcome: "FELL_BACK", reason: "bound:all", before: 0, after: count((story) => story !== 3) });
    // No answer at all would do, not even the fallback.
    expect(await refusal(["--bound", "all=false"])).toMatchObject({ code: "VALIDATION_FAILED" });
    expect(await refusal(["--bound", "cap=out.nothing > 1"])).toMatchObject({ code: "VALIDATION_FAILED" });
    expect(await refusal(["--bound", "cap"])).toMatchObject({ code: "USAGE" });
    expect(await refusal([])).toMatchObject({ code: "VALIDATION_FAILED", message: "Nothing is changed." });
  }, 300_000);
});

async function refusal(words: readonly string[], decision = "refund"): Promise<Record<string, unknown>> {
  const { code, objects } = await ambitHere(["backtest", decision, bounds.app.directory, "--json", "--data", join(bounds.app.directory, "data"), ...words]);
  expect(code).toBeGreaterThan(0);
  return objects()[0]!;
}

describe("another policy", () => {
  const file = (): string => {
    const path = join(bounds.app.directory, "strict.txt");
    writeFileSync(path, "Be strict.");
    return path;
  };

  test("asks the model anew over what each run saw then; nothing is written, nothing of today read", async () => {
    const before = state();
    const begin = bounds.model.requests.length;
    const { report, out } = await backtest(["--policy", file(), "--repeat", "2", "--max-cost", "100.00 USD"]);
    const asked = bounds.model.requests.slice(begin);
    expect(asked.length).toBe((RUNS + count((story) => story === 4)) * 2);
    expect(asked.every(({ messages }) => String(messages[0]!.content).includes("Be strict.") && String(messages[1]!.content).includes('"total":100'))).toBe(true);
    // What the tool told then it tells again.
    const told = asked.find(({ messages }) => messages.some(({ role }) => role === "tool"))!.messages.filter(({ role }) => role === "tool");
    expect(JSON.stringify(told)).toContain("total");
    expect(JSON.stringify(told)).not.toContain("NOT_RECORDED");
    expect(report.kind).toBe("counterfactual");
    expect(report.outcomes).toEqual([{ outcome: "DECIDED", reason: null, before: RUNS - count((story) => story === 3), after: RUNS }, { outcome: "FELL_BACK", reason: "bound:cap", before: count((story) => story === 3), after: 0 }]);
    expect(report.agreement).toBeCloseTo(count((story) => story === 0) / RUNS, 3);
    expect(report.consistency).toBe(1);
    // The model costs 120 millionths a request, of which some runs make two.
    expect(report.cost).toMatchObject({ currency: "USD", before: { micros: (RUNS + count((story) => story === 4)) * 120 }, after: { micros: asked.length * 120 } });
    const again = await backtest(["--policy", file(), "--repeat", "2", "--max-cost", "100.00 USD"]);
    const settled = (all: Record<string, unknown>): unknown => ({ ...all, measured: null });
    expect(settled(again.report)).toEqual(settled(JSON.parse(out) as Record<string, unknown>));
    expect(state()).toBe(before);
  }, 300_000);

  test("costs no more than it may", async () => {
    const begin = bounds.model.requests.length;
    const { report } = await backtest(["--policy", file(), "--max-cost", "0.02 USD"]);
    expect([report.isPartial, report.cost.after!.micros <= 20_000, report.runs < RUNS, bounds.model.requests.length - begin < RUNS]).toEqual([true, true, true, true]);
    expect(report.leftOut["NOT_ASKED"]).toBeGreaterThan(0);
    expect(await refusal(["--policy", file(), "--max-cost", "1.00 EUR"])).toMatchObject({ code: "VALIDATION_FAILED" });
    expect(await refusal(["--model", "other"])).toMatchObject({ code: "VALIDATION_FAILED" });
    expect(await refusal(["--policy", file()], "rule")).toMatchObject({ code: "VALIDATION_FAILED" });
  }, 300_000);

  test("may be that of a candidate, as far as the record has what it reads", async () => {
    const { report } = await backtest(["--candidate", "careful", "--max-cost", "100.00 USD"]);
    expect(report.runs).toBe(RUNS);
    expect(report.outcomes).toContainEqual({ outcome: "FELL_BACK", reason: "bound:cap", before: count((story) => story === 3), after: count((story) => [1, 2, 3, 5].includes(story)) });
    // It has no tool to look with.
    expect(report.outcomes).toContainEqual({ outcome: "FELL_BACK", reason: "tool_not_allowed", before: 0, after: count((story) => story === 4) });
    expect((await backtest(["--candidate", "elsewhere"])).report).toMatchObject({ runs: 0, leftOut: { NOT_RECORDED: RUNS } });
    expect(await refusal(["--candidate", "none"])).toMatchObject({ code: "NOT_FOUND" });
  }, 300_000);
});

describe("what is not as it was", () => {
  const words = ["--bound", "cap=out.amount <= 50"];

  test("erased and forged runs are left out and counted", async () => {
    const directory = await copied((database, text) => {
      const ids = database.query(`SELECT "id" FROM "$decision" WHERE "name" = 'refund' ORDER BY "admitted" DESC LIMIT 5`).values().flat() as string[];
      for (const id of ids.slice(0, 3)) database.run(`UPDATE "$audit" SET "salts" = NULL, "payloads" = NULL WHERE "run" = ?1`, [id]);
      for (const id of ids.slice(3)) database.run(`UPDATE "$audit" SET "payloads" = json_set("payloads", '$.contexts', json('{}')) WHERE "run" = ?1`, [id]);
      return text;
    });
    expect((await backtest(words, directory)).report).toMatchObject({ runs: RUNS - 5, leftOut: { ERASED: 3, DAMAGED: 2 } });
  }, 300_000);

  test("other versions are compared and counted; a field that is gone harms nobody, one that must be there does", async () => {
    const withText = (change: (text: string) => string): Promise<string> => copied((_, text) => change(text));
    expect((await backtest(words, await withText((text) => text.replace("Be generous.", "Be kind.")))).report).toMatchObject({ runs: RUNS, otherVersions: RUNS });
    expect((await backtest(words, await withText((text) => text.replace(" colour: String", "")))).report.runs).toBe(RUNS);
    expect((await backtest(words, await withText((text) => text.replace("colour: String", "colour: String country: String!")))).report).toMatchObject({ runs: 0, leftOut: { INCOMPATIBLE: RUNS } });
    expect((await backtest(words, await withText((text) => text.replace("story: String!): Refund! @decision(mode: ENFORCE) @export", "story: String! channel: String!): Refund! @decision(mode: ENFORCE) @export")))).report).toMatchObject({ runs: 0, leftOut: { INCOMPATIBLE: RUNS } });
  }, 300_000);
});

test("looks at no more runs than limits.backtestRuns", async () => {
  const directory = await copied((_, text) => text);
  writeFileSync(join(directory, "config.yaml"), readFileSync(join(directory, "config.yaml"), "utf8").replace("limits: { ", "limits: { backtestRuns: 7, "));
  expect((await backtest(["--bound", "cap=out.amount <= 50"], directory)).report.runs).toBe(7);
}, 120_000);

test("the page is text and charts alone: no word of a model is more than text, no secret is in it", async () => {
  const page = join(bounds.app.directory, "report.html");
  const { out } = await backtest(["--bound", `cap=out.amount <= 50 && out.reason != "${"<script>"}"`, "--html", page]);
  const html = readFileSync(page, "utf8");
  expect(html).toContain("<svg");
  expect(html).not.toContain("<script");
  expect(html).not.toContain("<img");
  expect(html).not.toContain("\u202e");
  expect(html).not.toMatch(/<[^>]*(?:src|href)=/);
  expect(html).toContain("&#60;script&#62;");
  expect(out).toContain("onerror");
  for (const text of [html, out]) for (const secret of [SECRET, NOTE]) expect(text).not.toContain(secret);
}, 300_000);

describe("as an Operation", () => {
  const call = async (method: string, path: string, body?: object, token = adminToken): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> => {
    const response = await fetch(bounds.app.url + path, { method, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    return { status: response.status, body: await response.json() as Record<string, unknown> };
  };
  const settled = async (id: unknown): Promise<Record<string, unknown>> => {
    for (;;) {
      const { body } = await call("GET", `/admin/backtests/${String(id)}`);
      if (body["state"] !== "RUNNING") return body;
    }
  };

  test("is begun, looked at, and leaves a record of who has looked", async () => {
    const { status, body } = await call("POST", "/admin/backtests", { decision: "refund", last: 10, bounds: { cap: "out.amount <= 50" } });
    expect([status, body["state"]]).toEqual([202, "RUNNING"]);
    expect(await settled(body["id"])).toMatchObject({ state: "DONE", report: { runs: 10, last: 10 } });
    expect((await call("GET", "/admin/backtests")).body[0 as never]).toMatchObject({ id: body["id"], state: "DONE" });
    expect(bounds.values(`SELECT count(*) FROM "$audit" WHERE "run" = '${String(body["id"])}'`)).toEqual([[1]]);
  }, 120_000);

  test("is the administrator's, and strict", async () => {
    expect((await call("POST", "/admin/backtests", { decision: "refund" }, "key-support")).status).toBe(403);
    for (const wrong of [{}, { decision: "refund" }, { decision: "refund", last: 0, policy: "x" }, { decision: "refund", other: 1 }, { decision: "refund", bounds: { cap: 1 } }]) expect((await call("POST", "/admin/backtests", wrong)).status).toBe(400);
    expect((await call("POST", "/admin/backtests", { decision: "none", policy: "x" })).status).toBe(404);
    expect((await call("GET", "/admin/backtests/none")).status).toBe(404);
  }, 120_000);

  test("is cancelled while a model hangs; only two go on at once", async () => {
    bounds.model.script = () => new Promise(() => {});
    try {
      const begun = await Promise.all([1, 2].map(() => call("POST", "/admin/backtests", { decision: "refund", policy: "Wait." })));
      expect((await call("POST", "/admin/backtests", { decision: "refund", policy: "Wait." })).status).toBe(503);
      for (const { body } of begun) {
        await call("DELETE", `/admin/backtests/${String(body["id"])}`);
        expect(await settled(body["id"])).toMatchObject({ state: "CANCELLED", report: { runs: 0, isPartial: true } });
      }
    } finally {
      bounds.model.script = scriptOf();
    }
  }, 120_000);
});
