// A rollout whose runs wait for people: whoever has proposed it, the same rules hold; what people said counts, and the time that they took does not; and
// what waits while the rollout ends is still decided. What shares its rounds with nobody is refused at the start.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { loadApp } from "../../src/runtime/load-app.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { adminToken } from "../scenarios/started-app.ts";
import { startApprovalsApp, type ApprovalsApp } from "./approvals-app.ts";
import { answers } from "./bounds-app.ts";
import { comesTrue } from "../processes/waits.ts";

const HOUR = 3_600_000;
const pair = (name: string, rollout: string, champion: string, challenger: string): string => `
  """Champion: choose the fee."""
  ${name}(customer: ID!): Int! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @rollout(candidate: "${name}New", ${rollout}) ${champion}
    @effect(operation: "Charge.create", set: { who: "'champion'", amount: "out" }) @fallback(value: 1)
  """Challenger: choose the fee."""
  ${name}New(customer: ID!): Int! @decision(mode: ENFORCE) ${challenger}
    @effect(operation: "Charge.create", set: { who: "'challenger'", amount: "out" }) @fallback(value: 2)`;
const asking = `@approval(when: "out > 50", by: ["manager"], within: "P1D", else: REFUSE)`;
const schema = `
type Charge @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey who: String! amount: Int! }
type Decisions {
${pair("asked", "canary: 1", "", asking)}
${pair("beside", "shadow: 1", "", asking)}
${pair("waits", "shadow: 1", asking, "")}
${pair("escalates", "canary: 1", "", `@bound(name: "usual", rule: "out <= 50", else: ESCALATE) @approval(by: ["manager"], within: "P1D")`)}
${pair("stops", `canary: 1, stopWhen: "stats.runs >= 2 && stats.refused > 0.4"`, "", asking)}
  """Challenger: choose the fee."""
  alone(customer: ID!): Int! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @rollout(canary: 0.5, stickyBy: "input.customer") ${asking} @fallback(value: 3)
}`;

let people: ApprovalsApp;
beforeAll(async () => { people = await startApprovalsApp(schema, { people: ["support", "manager"] }); });
afterAll(async () => { await people?.stop(); });
beforeEach(() => { people.model.script = ({ messages }) => [answers(String(messages[0]!.content).includes("Challenger") ? 80 : 10)]; });

const ask = async (name: string, customer = "c", headers: Record<string, string> = {}): Promise<{ readonly status: number; readonly body: never; readonly run: string }> => {
  const { status, body, headers: told } = await people.call("support", "POST", `/decide/${name}`, { customer }, headers);
  return { status, body: body as never, run: told.get("ambit-run") ?? String((body as { run?: unknown }).run) };
};
interface Rollout { readonly isOver: boolean; readonly stats: { readonly runs: number; readonly refused: number; readonly violations: number; readonly latency: number; readonly compared: number } }
const rolloutOf = async (name: string): Promise<Rollout> => ((await people.call(adminToken, "GET", "/admin/decisions")).body as unknown as readonly { readonly name: string; readonly rollout: Rollout }[]).find((one) => one.name === name)!.rollout;
const charges = (): unknown => people.values(`SELECT "who", "amount" FROM "Charge" ORDER BY "rowid"`);
const state = (run: string): unknown => people.values(`SELECT "state" FROM "$decision" WHERE "id" = '${run}'`)[0]?.[0];
const parked = (): unknown => people.values(`SELECT count(*) FROM "$approval" WHERE "state" = 'WAITING'`)[0]![0];
const reject = async (run: string): Promise<void> => { expect((await people.call("manager", "POST", `/approvals/${(await people.waiting(run)).id}`, { verdict: "REJECT" })).status).toBe(200); };

test("a canary whose proposal waits for people: nothing before they have spoken, its effects then; the time that they took is not its own", async () => {
  const first = await ask("asked", "c", { "idempotency-key": "one" });
  expect([first.status, charges()]).toEqual([202, []]);
  // The same request is the same run, as long as it waits and afterwards.
  expect((await ask("asked", "c", { "idempotency-key": "one" })).run).toBe(first.run);
  people.clock.advance(5 * HOUR);
  expect((await people.approve("manager", await people.waiting(first.run))).status).toBe(200);
  expect(charges()).toEqual([["challenger", 80]]);
  expect(await ask("asked", "c", { "idempotency-key": "one" })).toMatchObject({ status: 200, body: 80, run: first.run });
  const { stats } = await rolloutOf("asked");
  expect(stats).toMatchObject({ runs: 1, refused: 0, violations: 0 });
  expect(stats.latency).toBeLessThan(HOUR);
});

test("what people reject, and what nobody answered, is refused", async () => {
  await reject((await ask("asked")).run);
  const late = (await ask("asked")).run;
  people.clock.advance(25 * HOUR);
  await comesTrue(() => state(late) === "EXPIRED", { meanwhile: () => people.clock.advance(1_000) });
  expect(state(late)).toBe("EXPIRED");
  expect((await rolloutOf("asked")).stats).toMatchObject({ runs: 3, refused: 2 / 3 });
});

test("who is only asked beside waits for nobody; beside a champion that waits nobody is asked", async () => {
  const before = parked();
  expect((await ask("beside")).body as unknown).toBe(10);
  await comesTrue(async () => (await rolloutOf("beside")).stats.compared !== 0);
  expect([(await rolloutOf("beside")).stats.compared, parked()]).toEqual([1, before]);
  people.model.script = () => [answers(90)];
  const { run, status } = await ask("waits");
  expect(status).toBe(202);
  expect((await people.approve("manager", await people.waiting(run))).status).toBe(200);
  expect((await rolloutOf("waits")).stats).toMatchObject({ runs: 0, compared: 0 });
});

test("a bound that only people let pass did not hold, whatever they say", async () => {
  const [one, other] = [(await ask("escalates")).run, (await ask("escalates")).run];
  expect((await people.approve("manager", await people.waiting(one))).status).toBe(200);
  await reject(other);
  people.model.script = () => [answers(20)];
  expect((await ask("escalates")).status).toBe(200);
  const { stats: { runs, violations, refused } } = await rolloutOf("escalates");
  expect([runs, violations, refused]).toEqual([3, 2 / 3, 1 / 3]);
});

test("what waits while stopWhen ends the rollout is decided as it was shown; whoever asks from then on meets the champion", async () => {
  const [first, second, kept] = [(await ask("stops")).run, (await ask("stops")).run, (await ask("stops", "c", { "idempotency-key": "kept" })).run];
  await reject(first);
  await reject(second);
  expect((await rolloutOf("stops")).isOver).toBe(true);
  expect((await ask("stops")).body as unknown).toBe(10);
  expect(state(kept)).toBe("AWAITING_APPROVAL");
  const before = (charges() as unknown[]).length;
  expect((await people.approve("manager", await people.waiting(kept))).status).toBe(200);
  expect([state(kept), (charges() as unknown[]).slice(before)]).toEqual(["DECIDED_BY_HUMAN", [["challenger", 80]]]);
  expect(await ask("stops", "c", { "idempotency-key": "kept" })).toMatchObject({ status: 200, body: 80, run: kept });
});

test("a decision that tries itself asks people for its share, and answers the rest by its fallback", async () => {
  const statuses = new Map<string, number>();
  for (let round = 0; round < 2; round++) {
    for (let customer = 0; customer < 12; customer++) {
      const { status, body } = await ask("alone", `c${customer}`);
      expect(statuses.get(`c${customer}`) ?? status).toBe(status);
      if (status === 200) expect(body as unknown).toBe(3);
      statuses.set(`c${customer}`, status);
    }
  }
  expect(new Set(statuses.values())).toEqual(new Set([200, 202]));
});

describe("ROLLOUT_SHAPE: rounds are shared with nobody", () => {
  const scratch = scratchFolder();
  afterAll(() => scratch.remove());
  const negotiates = `@negotiates(offerTtl: "PT1H")`;
  for (const [what, champion, challenger, rollout] of [["the champion", negotiates, "", `candidate: "other", canary: 0.1`], ["the candidate", "", negotiates, `candidate: "other", canary: 0.1`], ["beside", "", negotiates, `candidate: "other", shadow: 0.1`], ["both", negotiates, negotiates, `candidate: "other", canary: 0.1`], ["itself", negotiates, "", "canary: 0.1"]] as const) test(what, async () => {
    const folder = scratch.app({ "schema.graphql": `type Decisions {
      """Choose."""
      deal(orderId: ID!): Int! @decision(mode: ENFORCE) @rollout(${rollout}) ${champion} @fallback(value: 1)
      """Choose otherwise."""
      other(orderId: ID!): Int! @decision(mode: ENFORCE) ${challenger} @fallback(value: 1)
    }` });
    const { diagnostics } = await loadApp(folder, { environment: {}, typeCheck: false });
    expect(diagnostics.filter(({ severity }) => severity === "error").map(({ code, message }) => [code, message.includes("negotiates")])).toEqual([["ROLLOUT_SHAPE", true]]);
  });
});
