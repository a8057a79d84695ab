// Approvals and negotiations over GraphQL, with clients of other people: the same words, refusals and answers as over REST, told as they go on to those who may
// decide or are a party, and absent from everybody else's schema. One word counts, over whichever interface it comes first.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { EventSource } from "eventsource";
import { createClient as createEventClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import { within } from "../processes/app-process.ts";
import { SocketClient } from "../scenarios/live-clients.ts";
import { adminToken } from "../scenarios/started-app.ts";
import { startApprovalsApp, type ApprovalsApp, type Shown } from "./approvals-app.ts";
import { answers } from "./bounds-app.ts";
import { WAIT_MS } from "../processes/waits.ts";

const schema = `
type Refund { amount: Int! big: Long reason: String! }
type Order @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey total: Int! refunded: Int! @default(value: 0) secretNote: String @secret }
type Credit @table @export @allow(to: ["support", "manager"], do: [READ, CREATE]) { id: ID! @primaryKey amount: Int! }
type Terms @commitment(due: "timestamp('2030-01-01T00:00:00Z')", keptWhen: "true", remedy: "Credit.create") { orderId: ID! price: Int! amount: Int! }
type Decisions {
  """Decide what to refund."""
  refund(orderId: ID!): Refund! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @mayWrite(operation: "Credit.create", fields: ["amount"], where: "args.amount <= 100", taint: ESCALATE)
    @effect(operation: "Order.update", set: { id: "order.id", refunded: "order.refunded + out.amount" })
    @bound(name: "cap", rule: "out.amount <= order.total - order.refunded", tell: "At most what was paid.")
    @approval(when: "out.amount > 50", by: ["manager", "director"], within: "PT1H") @fallback(value: { amount: 0, reason: "no decision" })
  """Negotiate the price."""
  deal(orderId: ID!): Terms! @decision(mode: ENFORCE) @export @allow(to: ["buyer", "other"])
    @bound(name: "floor", rule: "out.price >= 70") @negotiates(rounds: 2, offerTtl: "PT1H", taint: ALLOW) @fallback(value: { orderId: "", price: 90, amount: 1 })
}`;

let people: ApprovalsApp;
beforeAll(async () => { people = await startApprovalsApp(schema, { people: ["support", "manager", "director", "clerk", "buyer", "other"] }); });
afterAll(async () => { await people?.stop(); });

let orders = 0;
let id: string;
let closing: (() => unknown)[] = [];
beforeEach(async () => {
  id = `o${++orders}`;
  people.model.script = () => [answers({ amount: 80, reason: "because" })];
  await people.write("Order", id, { total: 100, refunded: 0, secretNote: "canary" });
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
  closing = [];
});

interface Result { readonly data?: { readonly [field: string]: unknown } | null; readonly errors?: readonly { readonly extensions: { readonly code: string; readonly status: number; readonly details?: unknown } }[] }
const bearer = (who: string): string => `Bearer ${who === adminToken ? who : `key-${who}`}`;

async function graphql(who: string, query: string, variables: object = {}, headers: Record<string, string> = {}): Promise<Result & { readonly headers: Headers }> {
  const response = await fetch(`${people.app.url}/graphql`, { method: "POST", headers: { "content-type": "application/json", ...(who === "" ? {} : { authorization: bearer(who) }), ...headers }, body: JSON.stringify({ query, variables }) });
  return { ...await response.json() as Result, headers: response.headers };
}
const codeOf = ({ data, errors }: Result): unknown => [data === null || data === undefined ? null : Object.values(data)[0], errors?.[0]?.extensions.code, (errors?.[0]?.extensions.details as { because?: string } | undefined)?.because];
const ask = async (): Promise<unknown> => (await people.call("support", "POST", "/decide/refund", { orderId: id })).body["run"];
const approve = "mutation($id: ID!, $hash: String!) { approveProposal(id: $id, hash: $hash) { __typename id state run { id state output } } }";

interface Iterating { iterate(request: { query: string; variables?: Record<string, unknown> }): AsyncIterableIterator<unknown> }
const socketClient = (who: string): Iterating => {
  const client = createSocketClient({ url: `${people.app.url.replace("http", "ws")}/graphql`, connectionParams: { authorization: bearer(who) }, retryAttempts: 0 });
  closing.push(() => client.dispose());
  return client as never;
};
const eventClient = (who: string): Iterating => {
  const client = createEventClient({ url: `${people.app.url}/graphql`, headers: { authorization: bearer(who) }, retryAttempts: 0 });
  closing.push(() => client.dispose());
  return client as never;
};
interface Event { readonly op: string; readonly rows: readonly unknown[] | null; readonly changes: readonly { readonly type: string; readonly key: string; readonly record: { readonly [name: string]: unknown } | null }[] | null }
const nextOf = async (events: AsyncIterator<unknown>): Promise<Event> => Object.values(((await within(WAIT_MS, "the next event", events.next())).value as Result).data!)[0] as Event;

test("what waits is read, page by page, and decided as over REST; with the same key the same answer", async () => {
  const run = await ask();
  const shown: Shown = await people.waiting(run);
  const asked = "query($id: ID!) { approval(id: $id) { __typename id run decision state by hash openedAt dueAt closedAt output effects input contexts escalated taint } approvals(limit: 100) { rows { one: id } next } }";
  const { data } = await graphql("manager", asked, { id: shown.id });
  expect(data!["approval"]).toEqual({ __typename: "Approval", ...shown });
  expect(data!["approvals"]).toEqual({ rows: (await people.queue("manager")).map((row) => ({ one: row.id })), next: null });
  expect(JSON.stringify(data)).not.toContain("canary");
  const second = await ask();
  const first = (await graphql("director", "{ approvals(limit: 1) { rows { id } next } }")).data!["approvals"] as { rows: { id: string }[]; next: string };
  const rest = await graphql("director", "query($after: ID) { approvals(limit: 1, after: $after) { rows { run } } }", { after: first.next });
  expect([first.rows, rest.data!["approvals"]]).toEqual([[{ id: shown.id }], { rows: [{ run: second }] }]);

  expect(codeOf(await graphql("manager", approve, { id: shown.id, hash: "0".repeat(64) }))).toEqual([null, "APPROVAL_VOID", "altered"]);
  const key = { "idempotency-key": `g-${id}` };
  const said = await graphql("manager", approve, { id: shown.id, hash: shown.hash }, key);
  expect(said.data!["approveProposal"]).toEqual({ __typename: "ApprovalDecided", id: shown.id, state: "APPROVED", run: { id: run, state: "DECIDED_BY_HUMAN", output: { amount: 80, big: null, reason: "because" } } });
  expect((await graphql("manager", approve, { id: shown.id, hash: shown.hash }, key)).data).toEqual(said.data!);
  expect(codeOf(await graphql("manager", approve, { id: shown.id, hash: shown.hash }))).toEqual([null, "APPROVAL_VOID", "used"]);
  expect(people.row("Order", id)!["refunded"]).toBe(80);
  const record = JSON.parse(people.values(`SELECT "record" FROM "$audit" WHERE "run" = '${String(run)}'`)[0]![0] as string) as object;
  expect(record).toMatchObject({ state: "DECIDED_BY_HUMAN", approval: { verdict: "APPROVED", hash: shown.hash } });
  await graphql("director", "mutation($id: ID!) { rejectProposal(id: $id) { id } }", { id: (await people.waiting(second)).id });
});

test("rejected with a reason, edited inside the bounds, with integers of any size; what is wrong is told as over REST", async () => {
  const run = await ask();
  const { id: one } = await people.waiting(run);
  expect((await graphql("director", "mutation($id: ID!) { rejectProposal(id: $id, reason: \"Not again.\") { state run { state } } }", { id: one })).data!["rejectProposal"]).toEqual({ state: "REJECTED", run: { state: "REJECTED_BY_HUMAN" } });
  expect(JSON.stringify((await people.call("support", "GET", `/runs/${String(run)}`)).body)).toContain("Not again.");
  const another = await ask();
  const { id: two, hash } = await people.waiting(another);
  const edit = (body: string): Promise<Result> => graphql("manager", `mutation($id: ID!, $hash: String!) { editProposal(id: $id, hash: $hash, ${body}) { state run { output } } }`, { id: two, hash });
  expect(codeOf(await edit("output: { amount: 101, reason: \"more\" }"))).toEqual([null, "DECISION_REFUSED", undefined]);
  expect(codeOf(await edit("output: { amount: \"x\" }"))).toEqual([null, "VALIDATION_FAILED", undefined]);
  expect(codeOf(await edit("effects: [{ operation: \"Order.remove\", args: {} }]"))).toEqual([null, "VALIDATION_FAILED", undefined]);
  expect((await edit(`output: { amount: 60, big: 9007199254740993, reason: "less" }, effects: [{ operation: "Credit.create", args: { amount: 7 } }]`)).data!["editProposal"])
    .toEqual({ state: "EDITED", run: { output: { amount: 60, big: "9007199254740993", reason: "less" } } });
  expect([people.row("Order", id)!["refunded"], people.values(`SELECT count(*) FROM "Credit" WHERE "amount" = 7`)]).toEqual([60, [[1]]]);
});

test("who may decide nothing has none of it in their schema; no word is part of a transaction", async () => {
  const fields = async (who: string): Promise<string> => JSON.stringify(await graphql(who, "{ __schema { queryType { fields { name } } mutationType { fields { name } } subscriptionType { fields { name } } types { name } } }"));
  for (const who of ["", "clerk", "support", "buyer"]) for (const name of ["approvals", "approveProposal", "ApprovalEvent"]) expect(await fields(who)).not.toContain(`"${name}"`);
  for (const who of ["", "clerk", "support", "manager"]) for (const name of ["negotiation", "acceptOffer", "commitments"]) expect(await fields(who)).not.toContain(`"${name}"`);
  for (const who of ["manager", "director", adminToken]) for (const name of ["approvals", "approveProposal", "ApprovalEvent"]) expect(await fields(who)).toContain(`"${name}"`);
  const { id: one, hash } = await people.waiting(await ask());
  expect(codeOf(await graphql("clerk", approve, { id: one, hash }))).toEqual([null, "INVALID_DOCUMENT", undefined]);
  expect(codeOf(await graphql("manager", `mutation @transaction { approveProposal(id: "${one}", hash: "${hash}") { id } }`))).toEqual([null, "NOT_IN_BATCH", undefined]);
  expect(codeOf(await graphql("manager", "{ approval(id: \"none\") { id } }"))).toEqual([null, "NOT_FOUND", undefined]);
  expect(codeOf(await graphql("manager", "{ approvals(limit: -1) { next } }"))).toEqual([null, "VALIDATION_FAILED", undefined]);
  await graphql("manager", "mutation($id: ID!) { rejectProposal(id: $id) { id } }", { id: one });
});

for (const [name, open] of [["graphql-ws", socketClient], ["graphql-sse", eventClient]] as const) {
  test(`${name} follows the queue`, async () => {
    const events = open("manager").iterate({ query: "subscription { approvals(limit: 50) { __typename op reason rows { id } changes { type key record { run output hash } } } }" });
    closing.push(() => events.return?.());
    expect(await nextOf(events)).toEqual({ __typename: "ApprovalEvent", op: "SNAPSHOT", reason: null, rows: [], changes: null } as never);
    const run = await ask();
    const { id: one, hash } = await people.waiting(run);
    expect(await nextOf(events)).toMatchObject({ op: "CHANGE", rows: null, changes: [{ type: "ENTER", key: one, record: { run, output: { amount: 80, reason: "because" }, hash } }] });
    await people.call("director", "POST", `/approvals/${one}`, { verdict: "APPROVE", hash });
    expect(await nextOf(events)).toMatchObject({ op: "CHANGE", changes: [{ type: "LEAVE", key: one, record: null }] });
  });
}

test("a key that is revoked ends the subscription", async () => {
  const { body } = await people.call(adminToken, "POST", "/admin/keys", { name: "of a test", subject: "mo", roles: ["manager"] });
  const client = createSocketClient({ url: `${people.app.url.replace("http", "ws")}/graphql`, connectionParams: { authorization: `Bearer ${String(body["token"])}` }, retryAttempts: 0, shouldRetry: () => false });
  closing.push(() => client.dispose());
  const events = client.iterate({ query: "subscription { approvals { op rows { id } changes { type } } }" });
  expect(await nextOf(events)).toMatchObject({ op: "SNAPSHOT" });
  expect((await people.call(adminToken, "DELETE", `/admin/keys/${String(body["id"])}`)).status).toBe(200);
  const ended = await within(WAIT_MS, "the end", events.next().then(() => null, (error: { code?: number }) => error.code));
  expect(ended).toBe(4403);
});

test("one word counts, whoever is quicker over REST, the socket and GraphQL", async () => {
  const ws = await SocketClient.open(people.app.url, { authorization: bearer("manager") });
  closing.push(() => ws.close());
  for (let round = 1; round <= 4; round++) {
    await people.write("Order", id, { refunded: 0 });
    const run = await ask();
    const shown = await people.waiting(run);
    const { id: one, hash } = shown;
    const [rest, frame, query, byEvents] = await Promise.all([
      people.approve("director", shown), ws.ask({ op: "call", id: `c${round}`, method: "POST", path: `/approvals/${one}`, body: { verdict: "APPROVE", hash } }),
      graphql(adminToken, approve, { id: one, hash }), (async () => (await socketClient("director").iterate({ query: "mutation($id: ID!) { rejectProposal(id: $id) { state } }", variables: { id: one } }).next()).value as Result)(),
    ]);
    const outcomes = [rest.status, frame.status, query.errors?.[0]?.extensions.status ?? 200, byEvents.errors?.[0]?.extensions.status ?? 200];
    expect(outcomes.sort()).toEqual([200, 409, 409, 409]);
    expect(people.values(`SELECT count(*) FROM "$audit" WHERE "run" = '${String(run)}'`)).toEqual([[1]]);
  }
});

test("a browser's EventSource follows the queue by a ticket", async () => {
  const { body } = await people.call("manager", "POST", "/auth/ticket");
  const source = new EventSource(`${people.app.url}/approvals?ticket=${encodeURIComponent(String(body["ticket"]))}`);
  closing.push(() => source.close());
  const told = (name: string): Promise<{ data: string }> => within(WAIT_MS, name, new Promise((resolve) => { source.addEventListener(name, resolve as never, { once: true }); }));
  const [snapshot, entered, left] = [told("snapshot"), told("enter"), told("leave")];
  expect(JSON.parse((await snapshot).data)).toMatchObject({ op: "snapshot", rows: [] });
  const { id: one, run } = await people.waiting(await ask());
  expect(JSON.parse((await entered).data)).toMatchObject({ changes: [{ type: "enter", record: { id: one, run } }] });
  await graphql("director", "mutation($id: ID!) { rejectProposal(id: $id) { id } }", { id: one });
  expect(JSON.parse((await left).data)).toMatchObject({ changes: [{ type: "leave", key: one }] });
});

test("a negotiation: begun by the decision's own mutation, countered, followed, accepted; what was agreed is listed and released", async () => {
  people.model.script = () => [answers({ orderId: id, price: 85, amount: 1 })];
  const begun = (await graphql("buyer", `mutation { deal(orderId: "${id}") { __typename id decision state round rounds isDeciding offer { id state terms hash validUntil } run { state } } }`)).data!["deal"] as { id: string; offer: { id: string; hash: string } };
  expect(begun).toMatchObject({ __typename: "Negotiation", decision: "deal", state: "OPEN", round: 1, rounds: 2, isDeciding: false, offer: { state: "OPEN", terms: { price: 85 } }, run: { state: "DECIDED" } } as never);
  expect(codeOf(await graphql("other", `{ negotiation(id: "${begun.id}") { id } }`))).toEqual([null, "NOT_FOUND", undefined]);
  const followed = "subscription($id: ID!) { negotiation(id: $id) { op rows { round offer { terms } } changes { type record { state round isDeciding offer { state terms } } } } }";
  const events = socketClient("buyer").iterate({ query: followed, variables: { id: begun.id } });
  closing.push(() => events.return?.());
  expect(await nextOf(events)).toMatchObject({ op: "SNAPSHOT", rows: [{ round: 1, offer: { terms: { price: 85 } } }] });
  const strange = socketClient("other").iterate({ query: followed, variables: { id: begun.id } });
  expect(JSON.stringify(await strange.next().catch((error: unknown) => error))).toContain("NOT_FOUND");

  people.model.script = () => [answers({ orderId: id, price: 75, amount: 1 })];
  const countered = (await graphql("buyer", "mutation($id: ID!) { counterNegotiation(id: $id, terms: { price: 70 }, message: \"please\") { round offer { id hash terms } } }", { id: begun.id })).data!["counterNegotiation"] as { round: number; offer: { id: string; hash: string } };
  expect(countered).toMatchObject({ round: 2, offer: { terms: { price: 75 } } } as never);
  expect(await nextOf(events)).toMatchObject({ changes: [{ type: "UPDATE", record: { isDeciding: true, offer: { state: "COUNTERED" } } }] });
  expect(await nextOf(events)).toMatchObject({ changes: [{ record: { isDeciding: false, round: 2, offer: { state: "OPEN", terms: { price: 75 } } } }] });
  expect(codeOf(await graphql("buyer", "mutation($id: ID!) { counterNegotiation(id: $id, terms: {}) { id } }", { id: begun.id }))).toEqual([null, "NEGOTIATION_CLOSED", "rounds"]);
  expect(codeOf(await graphql("buyer", `mutation { acceptOffer(id: "${begun.offer.id}", hash: "${begun.offer.hash}") { id } }`))).toEqual([null, "OFFER_VOID", "used"]);
  const accepted = (await graphql("buyer", `mutation { acceptOffer(id: "${countered.offer.id}", hash: "${countered.offer.hash}") { state commitment { id state terms dueAt } } }`)).data!["acceptOffer"] as { commitment: { id: string } };
  expect(accepted).toMatchObject({ state: "ACCEPTED", commitment: { state: "ACTIVE", terms: { price: 75 }, dueAt: "2030-01-01T00:00:00.000Z" } } as never);
  expect(await nextOf(events)).toMatchObject({ changes: [{ record: { state: "AGREED" } }] });
  expect((await graphql("buyer", "{ commitments { rows { id decision } next } }")).data!["commitments"]).toEqual({ rows: [{ id: accepted.commitment.id, decision: "deal" }], next: null });
  expect((await graphql("other", "{ commitments { rows { id } } }")).data!["commitments"]).toEqual({ rows: [] });
  expect(codeOf(await graphql("other", `mutation { releaseCommitment(id: "${accepted.commitment.id}") { state } }`))).toEqual([null, "NOT_FOUND", undefined]);
  expect((await graphql("buyer", `mutation { releaseCommitment(id: "${accepted.commitment.id}") { state } }`)).data).toEqual({ releaseCommitment: { state: "RELEASED" } });
  expect((await graphql("buyer", `{ offer(id: "${countered.offer.id}") { state commitment { id } } }`)).data).toEqual({ offer: { state: "ACCEPTED", commitment: null } });
});
