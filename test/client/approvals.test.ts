// Approvals and negotiations through the client: the queue as it goes on, over the loss of its connection, words that are said once, offers accepted.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { AmbitError, type Client } from "../../client/index.ts";
import { startApprovalsApp, type ApprovalsApp } from "../decisions/approvals-app.ts";
import { answers } from "../decisions/bounds-app.ts";
import { clientOf } from "./client-app.ts";
import { openCutProxy } from "./cut-proxy.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Terms @commitment(due: "timestamp('2030-01-01T00:00:00Z')", keptWhen: "true", remedy: "Credit.create") { price: Int! amount: Int! }
type Credit @table @export @allow(to: ["manager"], do: [READ]) { id: ID! @primaryKey amount: Int! }
type Decisions {
  """Decide what to refund."""
  refund(wanted: Int!): Int! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @bound(name: "cap", rule: "out <= 100") @approval(when: "out > 50", by: ["manager", "director"], within: "PT1H") @fallback(value: 0)
  """Negotiate the price."""
  deal: Terms! @decision(mode: ENFORCE) @export @allow(to: ["buyer"]) @bound(name: "floor", rule: "out.price >= 70") @negotiates(rounds: 3, offerTtl: "PT1H", taint: ALLOW) @fallback(value: { price: 90, amount: 1 })
}`;

let people: ApprovalsApp;
const clients: Client[] = [];
beforeAll(async () => { people = await startApprovalsApp(schema, { people: ["support", "manager", "director", "buyer", "other"] }); });
afterAll(async () => {
  for (const client of clients) client.close();
  await people?.stop();
});
beforeEach(() => { people.model.script = () => [answers(80)]; });

const as = (who: string, url = people.app.url): Client => {
  const client = clientOf(url, { token: `key-${who}` });
  clients.push(client);
  return client;
};
const ask = async (): Promise<unknown> => (await people.call("support", "POST", "/decide/refund", { wanted: 1 })).body["run"];
const codeOf = (work: Promise<unknown>): Promise<unknown> => work.then(() => null, (error: unknown) => (error instanceof AmbitError ? error.code : error));

test("the queue is followed, over a lost connection too; words count once, and are refused as over REST", async () => {
  const proxy = await openCutProxy();
  proxy.target = people.app.port;
  try {
    const client = as("manager", proxy.url);
    const first = await ask();
    const queue = client.approvals.live();
    expect((await queue.ready).map(({ run }) => run)).toEqual([first] as never);
    const second = await ask();
    await until(() => queue.rows.length === 2, "the second");
    proxy.cut();
    const third = await ask();
    const [shown, other] = queue.rows;
    await until(() => queue.rows.length === 3, "the third");
    expect(queue.rows.map(({ run }) => run)).toEqual([first, second, third] as never);

    const { approvals } = client;
    expect(await codeOf(approvals.approve({ id: shown!.id, hash: "0" }))).toBe("APPROVAL_VOID");
    const decided = await approvals.approve(shown!, { idempotencyKey: "word-1" });
    expect(decided).toEqual({ id: shown!.id, state: "APPROVED", run: { id: first as string, state: "DECIDED_BY_HUMAN", output: 80 } });
    expect(await approvals.approve(shown!, { idempotencyKey: "word-1" })).toEqual(decided);
    expect(await codeOf(approvals.approve(shown!))).toBe("APPROVAL_VOID");
    expect(await approvals.edit(other!, { output: 60 })).toMatchObject({ state: "EDITED", run: { output: 60 } });
    await until(() => queue.rows.length === 1, "they are gone");
    const page = await approvals.page({ limit: 1 });
    expect([page.rows.map(({ run }) => run), page.next]).toEqual([[third], page.rows[0]!.id] as never);
    expect((await approvals.page({ limit: 1, after: page.next! })).rows).toEqual([]);
    expect(await approvals.reject(page.rows[0]!, "Not now.")).toMatchObject({ state: "REJECTED" });
    expect([await approvals.get(shown!.id), await as("other").approvals.get(shown!.id)]).toMatchObject([{ state: "APPROVED" }, null]);
  } finally {
    await proxy.stop();
  }
});

test("a negotiation is begun, followed, countered, accepted; what was agreed is listed and released", async () => {
  interface Terms { readonly price: number; readonly amount: number }
  people.model.script = () => [answers({ price: 85, amount: 1 })];
  const { negotiations } = as("buyer");
  const begun = await negotiations.begin<Terms>("deal");
  expect(begun).toMatchObject({ state: "OPEN", round: 1, offer: { terms: { price: 85 } } });
  const live = negotiations.live<Terms>(begun.id);
  expect(await live.ready).toMatchObject([{ id: begun.id, round: 1 }]);
  people.model.script = () => [answers({ price: 75, amount: 1 })];
  const { offer } = await negotiations.counter<Terms>(begun.id, { terms: { price: 70 }, message: "please" });
  await until(() => live.rows[0]?.offer?.terms.price === 75, "the second round");
  const { commitment } = await negotiations.accept<Terms>(offer!);
  await until(() => live.rows[0]?.state === "AGREED", "the end");
  expect((await negotiations.commitments()).rows).toEqual([commitment] as never);
  const owed = negotiations.liveCommitments<Terms>();
  expect(await owed.ready).toEqual([commitment] as never);
  expect(await negotiations.release(commitment!)).toMatchObject({ state: "RELEASED" });
  await until(() => owed.rows[0]?.state === "RELEASED", "the release");
  expect(await negotiations.commitment(commitment!.id)).toMatchObject({ state: "RELEASED" });
  // Of what was made in one millisecond none is the newer one.
  people.clock.advance(1);
  const { commitment: later } = await negotiations.accept((await negotiations.begin("deal")).offer!);
  await until(() => owed.rows[0]?.id === later!.id, "the newest, first");
  expect(owed.rows.map(({ id }) => id)).toEqual([later!.id, commitment!.id]);
  const other = await negotiations.begin("deal");
  expect(await negotiations.decline(other.offer!)).toMatchObject({ state: "DECLINED" });
  expect([await negotiations.get(other.id), await as("other").negotiations.get(other.id)]).toMatchObject([{ state: "DECLINED" }, null]);
  const refused = as("other").negotiations.live(other.id);
  expect(await codeOf(refused.ready)).toBe("NOT_FOUND");
});
