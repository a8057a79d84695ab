// Sums over a day under many runs at once: bounds at TOTAL and budgets in every scope are never above their limit, in no state of the data file.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { calendarDay } from "../../src/base/calendar-day.ts";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";

const schema = `type Given { amount: Int! }
type Customer @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey given: Int! @default(value: 0) }
type Gift @table { id: ID! @primaryKey customerId: ID! @indexed amount: Int! }
type Decisions {
  """Give."""
  give(customerId: ID!, amount: Int!): Given! @decision(mode: ENFORCE, deadline: "PT60S", subject: "'Customer:' + input.customerId") @export @allow(to: ["support"])
    @effect(operation: "Gift.create", set: { customerId: "input.customerId", amount: "out.amount" })
    @bound(name: "each", at: TOTAL, of: "out.amount", per: SUBJECT_DAY, rule: "total <= 100", else: FALLBACK)
    @bound(name: "all", at: TOTAL, of: "out.amount", per: DECISION_DAY, rule: "total <= 250", else: FALLBACK)
    @fallback(value: { amount: 0 })
  ruled(amount: Int!): Given! @decision(kind: RULE) @export @allow(to: ["support"])
    @effect(operation: "Gift.create", set: { customerId: "'ruled'", amount: "out.amount" })
    @bound(name: "odd", at: TOTAL, of: "input.amount", per: TENANT_DAY, rule: "total <= 40", else: REFUSE)
    @fallback(value: { amount: 1 })
  """Spend."""
  spend(customerId: ID!): Given! @decision(mode: ENFORCE, deadline: "PT60S", subject: "'Customer:' + input.customerId") @export @allow(to: ["support"])
    @budget(per: SUBJECT_DAY, runs: 12) @budget(per: DECISION_DAY, tokens: 60000, cost: "0.05 USD") @budget(per: TENANT_DAY, runs: 60, tokens: 50000)
    @fallback(value: { amount: 0 })
  """Ask around."""
  around: Given! @decision(mode: ENFORCE, deadline: "PT60S") @export @allow(to: ["support"]) @budget(per: RUN, tokens: 4000) @mayAsk(decision: "advice", max: 9) @fallback(value: { amount: 0 })
  """Advise."""
  advice(about: Int!): Given! @decision(mode: ENFORCE, kind: JUDGE, deadline: "PT60S") @allow(to: ["support"]) @fallback(value: { amount: 0 })
  """Absurd."""
  absurd: Given! @decision(mode: ENFORCE, deadline: "PT60S") @export @allow(to: ["support"]) @budget(per: DECISION_DAY, tokens: 1000000) @fallback(value: { amount: 0 })
}`;

// One of both has another day than UTC, whenever this runs.
const zone = new Date().getUTCHours() >= 10 ? "Pacific/Kiritimati" : "Pacific/Pago_Pago";
const days = new Set<string>();
let bounds: BoundsApp;
beforeAll(async () => {
  days.add(calendarDay(Date.now(), zone));
  bounds = await startBoundsApp(schema, { config: `zone: ${zone}\nlimits: { decisionOutputTokens: 500 }\n` });
});
afterAll(async () => { await bounds?.stop(); });

const sums = (): Map<string, number> => new Map(bounds.values(`SELECT "scope", "amount" FROM "$decision_sum"`).map(([scope, amount]) => [scope as string, amount as number]));
const given = (where: string): number => bounds.values(`SELECT coalesce(sum("amount"), 0) FROM "Gift" WHERE ${where}`)[0]![0] as number;

/** Looks at the data file after each commit while `work` goes on. */
async function watched(look: () => void, work: Promise<unknown>): Promise<void> {
  const done = work.then(() => true);
  // Each turn of the event loop, until the work is over.
  while (!await Promise.race([done, Bun.sleep(0).then(() => false)])) look();
  await done;
  look();
}

test("200 runs at once: what they give never exceeds what a customer or a day may have, and reaches it", async () => {
  bounds.model.script = () => [answers({ amount: 7 })];
  const runs = Array.from({ length: 200 }, (_, index) => bounds.decide("give", { customerId: `c${index % 5}`, amount: 7 }));
  await watched(() => {
    expect(given("true")).toBeLessThanOrEqual(250);
    for (let customer = 0; customer < 5; customer++) expect(given(`"customerId" = 'c${customer}'`)).toBeLessThanOrEqual(100);
  }, Promise.all(runs));
  const answered = await Promise.all(runs);
  expect(new Set(answered.map(({ status }) => status))).toEqual(new Set([200]));
  expect(given("true")).toBe(245);
  expect(answered.filter(({ source }) => source === "model")).toHaveLength(35);
  expect([...sums()].find(([scope]) => scope.includes('"all"'))![1]).toBe(245);
}, 120_000);

test("what a run adds is no negative number, and a refused run adds nothing", async () => {
  expect((await bounds.decide("ruled", { amount: -1 })).status).toBe(422);
  const answered = await Promise.all(Array.from({ length: 20 }, () => bounds.decide("ruled", { amount: 3 })));
  expect(answered.filter(({ status }) => status === 200)).toHaveLength(13);
  expect(given(`"customerId" = 'ruled'`)).toBe(13);
  expect([...sums()].find(([scope]) => scope.includes('"odd"'))![1]).toBe(39);
});

test("100 runs at once: settled and reserved together are within every budget at any instant", async () => {
  bounds.model.script = async () => {
    await Bun.sleep(1);
    return [answers({ amount: 1 })];
  };
  const limitOf = (scope: string): number => {
    const kind = scope.split(" ").at(-1)!;
    if (kind === "runs") return scope.includes("SUBJECT_DAY") ? 12 : 60;
    return kind === "cost" ? 50_000 : scope.includes("TENANT_DAY") ? 50_000 : 60_000;
  };
  const runs = Array.from({ length: 100 }, (_, index) => bounds.decide("spend", { customerId: `s${index % 8}` }));
  await watched(() => {
    for (const [scope, amount] of sums()) if (scope.startsWith('["budget"')) expect(amount).toBeLessThanOrEqual(limitOf(scope));
  }, Promise.all(runs));
  const answered = await Promise.all(runs);
  expect(new Set(answered.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(answered.map(({ reason }) => reason))).toEqual(new Set([null, "bounded"]));
  const used = sums();
  expect([...used].filter(([scope]) => scope.includes("SUBJECT_DAY") && scope.endsWith(" runs")).map(([, amount]) => amount <= 12)).toEqual(Array(8).fill(true));
  // Each that was answered by the model used what was reported: 120 tokens.
  const asked = bounds.values(`SELECT count(*) FROM "$decision" WHERE "name" = 'spend' AND "source" = 'model'`)[0]![0] as number;
  expect([...used].find(([scope]) => scope.includes('"DECISION_DAY",null,"spend"') && scope.endsWith(" tokens"))![1]).toBe(asked * 120);
}, 120_000);

test("whom a run asks draws on the run's own budget", async () => {
  const { completion } = await import("../models/scripted-model.ts");
  const usage = { prompt_tokens: 900, completion_tokens: 20, total_tokens: 920 };
  bounds.model.script = ({ messages }) => Response.json(completion(
    String(messages[0]!.content).includes("Advise.") ? [answers({ amount: 1 })] : messages.length > 2 ? [answers({ amount: 2 })] : Array.from({ length: 5 }, (_, about) => ({ name: "advice", arguments: { about } })), { usage },
  ));
  const { run, reason } = await bounds.decide("around", {});
  const asked = bounds.values(`SELECT "id", "reason" FROM "$decision" WHERE "parent" = '${run}' ORDER BY "admitted", "id"`) as [string, string | null][];
  const spent = [run, ...asked.map(([id]) => id)].flatMap((id) => bounds.values(`SELECT "facts" FROM "$decision_step" WHERE "run" = '${id}'`)).reduce((sum, [facts]) => sum + (JSON.parse(facts as string) as { settled: { tokens: number } }).settled.tokens, 0);
  expect(spent).toBeLessThanOrEqual(4_000);
  expect(asked[0]![1]).toBeNull();
  expect([asked.length, asked.at(-1)![1], reason]).toEqual([5, "budget:tokens", "bounded"]);
});

test.each([
  ["more than was reserved", { prompt_tokens: 100_000_000, completion_tokens: 1 }],
  ["negative", { prompt_tokens: -5, completion_tokens: 1 }],
  ["half a token", { prompt_tokens: 1.5, completion_tokens: 1 }],
  ["missing", {}],
])("usage that is %s is settled at the reservation, and flagged", async (_, usage) => {
  const { completion } = await import("../models/scripted-model.ts");
  bounds.model.script = () => Response.json(completion([answers({ amount: 1 })], { usage }));
  const before = [...sums()].find(([scope]) => scope.includes('"absurd"'))?.[1] ?? 0;
  const { run } = await bounds.decide("absurd", {});
  const [[facts]] = bounds.values(`SELECT "facts" FROM "$decision_step" WHERE "run" = '${run}'`) as [[string]];
  const { reserved, settled } = JSON.parse(facts) as { reserved: { tokens: number }; settled: { tokens: number; flag: string } };
  expect(settled.tokens).toBe(reserved.tokens);
  expect(settled.flag).toMatch(/^usage_(?:missing|above_reservation)$/);
  expect([...sums()].find(([scope]) => scope.includes('"absurd"'))![1] - before).toBe(reserved.tokens);
});

test("a request that is tried again reserves once more, in every scope", async () => {
  let count = 0;
  const before = [...sums()].find(([scope]) => scope.includes('"absurd"'))![1];
  bounds.model.script = () => (count++ === 0 ? new Response("", { status: 503 }) : [answers({ amount: 1 })]);
  const { run, source } = await bounds.decide("absurd", {});
  expect([source, count]).toEqual(["model", 2]);
  const [[facts]] = bounds.values(`SELECT "facts" FROM "$decision_step" WHERE "run" = '${run}'`) as [[string]];
  const { reserved, settled } = JSON.parse(facts) as { reserved: { tokens: number }; settled: { tokens: number } };
  expect([settled.tokens, [...sums()].find(([scope]) => scope.includes('"absurd"'))![1] - before]).toEqual([120, reserved.tokens + 120]);
});

test("their days are those of the config's zone", () => {
  days.add(calendarDay(Date.now(), zone));
  const counted = new Set(bounds.values(`SELECT DISTINCT "period" FROM "$decision_sum" WHERE "period" <> ''`).map(([period]) => period as string));
  expect(counted.size).toBeGreaterThan(0);
  expect([...counted].filter((day) => !days.has(day))).toEqual([]);
});
