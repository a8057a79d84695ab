// The queue of approvals and a negotiation as they go on, as events and over a WebSocket: each that comes to wait or ceases to is told once it is committed, to
// those who may decide it and to nobody else; whose credential ends is told nothing more. And what is asked over a socket is what REST answers.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { seededRandom } from "../../src/base/random.ts";
import { EventClient, Rebuilt, SocketClient, type Frame, type Told } from "../scenarios/live-clients.ts";
import { adminToken } from "../scenarios/started-app.ts";
import { startApprovalsApp, type ApprovalsApp, type Said, type Shown } from "./approvals-app.ts";
import { answers } from "./bounds-app.ts";
import { comesTrue, until } from "../processes/waits.ts";

const schema = `
type Refund { amount: Int! reason: String! }
type Order @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey total: Int! refunded: Int! @default(value: 0) secretNote: String @secret }
type Terms { orderId: ID! price: Int! }
type Decisions {
  """Decide what to refund."""
  refund(orderId: ID!): Refund! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @effect(operation: "Order.update", set: { id: "order.id", refunded: "order.refunded + out.amount" })
    @bound(name: "cap", rule: "out.amount <= order.total - order.refunded")
    @approval(when: "out.amount > 50", by: ["manager", "director"], within: "PT1H") @fallback(value: { amount: 0, reason: "no decision" })
  """Decide what only a director may let through."""
  grave(orderId: ID!): Refund! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @bound(name: "cap", rule: "out.amount <= 100") @approval(when: "out.amount > 50", by: ["director"], within: "PT1H", else: REFUSE) @fallback(value: { amount: 0, reason: "no decision" })
  """Decide what two must let through."""
  two(orderId: ID!): Refund! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @bound(name: "cap", rule: "out.amount <= 100") @approval(when: "out.amount > 50", by: ["manager", "director"], within: "PT1H") @approval(when: "out.amount > 60", by: ["manager", "director"], within: "PT1H")
    @fallback(value: { amount: 0, reason: "no decision" })
  ruled(amount: Int!): Int! @decision(kind: RULE) @export @allow(to: ["support"]) @approval(when: "out > 50", by: ["manager"], within: "PT1H") @fallback(call: "ruled")
  """Negotiate the price."""
  deal(orderId: ID!): Terms! @decision(mode: ENFORCE) @export @allow(to: ["buyer", "support"])
    @bound(name: "floor", rule: "out.price >= 70") @negotiates(rounds: 4, offerTtl: "PT1H", taint: ALLOW) @fallback(call: "firm")
  """Negotiate nowhere but in code."""
  inside(orderId: ID!): Terms! @decision(mode: ENFORCE) @allow(to: ["buyer"])
    @bound(name: "floor", rule: "out.price >= 70") @negotiates(offerTtl: "PT1H", taint: ALLOW) @fallback(call: "firm")
}`;
const resources = `import { fallbacks } from "ambit";
export const Fallbacks = fallbacks({ ruled({ amount }) { return amount; }, firm({ orderId }) { return { orderId, price: 90 }; } });
`;

let people: ApprovalsApp;
const opened: { close(): void }[] = [];
beforeAll(async () => { people = await startApprovalsApp(schema, { resources, people: ["support", "manager", "director", "clerk", "buyer", "other"], config: "limits: { rowFollowers: 12 }\n" }); });
afterAll(async () => { await people?.stop(); });

let orders = 0;
let id: string;
beforeEach(async () => {
  opened.splice(0).forEach((one) => one.close());
  for (const shown of await people.queue(adminToken)) await people.call(adminToken, "POST", `/approvals/${shown.id}`, { verdict: "REJECT" });
  id = `o${++orders}`;
  people.model.script = () => [answers({ amount: 80, reason: "because" })];
  await people.write("Order", id, { total: 100, refunded: 0, secretNote: "canary" });
});

const token = (who: string): string => (who.includes("-") || who.includes("_") ? who : `key-${who}`);
const auth = (who: string): Record<string, string> => (who === "" ? {} : { authorization: `Bearer ${token(who)}` });
const ask = async (name = "refund", input: object = { orderId: id }): Promise<unknown> => (await people.call("support", "POST", `/decide/${name}`, input)).body["run"];
async function events(who: string, path = "/approvals"): Promise<EventClient> {
  const client = await EventClient.open(people.app.url + path, auth(who));
  opened.push(client);
  return client;
}
async function socket(who: string): Promise<SocketClient> {
  const client = await SocketClient.open(people.app.url, auth(who));
  opened.push(client);
  return client;
}
/** `enter RUN`, `leave KEY`: what was told, in short. */
const changesIn = ({ changes = [] }: Frame): string[] => changes.map(({ type, key, record }) => `${type} ${String(record?.["run"] ?? key)}`);
const told = async (from: { next(): Promise<Told | Frame> }): Promise<Frame> => {
  const next = await from.next();
  return "data" in next ? next.data : next;
};
const because = ({ status, body }: Said): unknown => [status, body["code"], (body["details"] as { because?: string } | undefined)?.because];

test("what waits, what comes to wait and what is decided: as events and over a WebSocket, as GET shows it", async () => {
  const first = await ask();
  const stream = await events("manager");
  expect([stream.response.status, stream.response.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
  const shown = await people.queue("manager");
  expect(await told(stream)).toMatchObject({ op: "snapshot", rows: shown as never });
  const ws = await socket("manager");
  expect(await ws.ask({ op: "subscribe", id: "q", query: "/approvals" })).toMatchObject({ op: "snapshot", id: "q", rows: shown as never });

  const second = await ask();
  const waiting = await people.waiting(second);
  const entered = await stream.next();
  expect(entered).toMatchObject({ event: "enter", id: expect.any(String), data: { op: "change", changes: [{ type: "enter", key: waiting.id, record: waiting as never }] } });
  expect(await told(ws)).toMatchObject({ op: "change", id: "q", changes: [{ type: "enter", key: waiting.id, record: waiting as never }] });
  expect(JSON.stringify(entered)).not.toContain("canary");

  // Approved by the one over the socket, rejected by the other over HTTP.
  ws.send({ op: "call", id: "c", method: "POST", path: `/approvals/${shown[0]!.id}`, body: { verdict: "APPROVE", hash: shown[0]!.hash } });
  expect(changesIn(await told(stream))).toEqual([`leave ${shown[0]!.id}`]);
  const frames = [await told(ws), await told(ws)];
  expect(frames.find(({ op }) => op === "change")).toMatchObject({ changes: [{ type: "leave", key: shown[0]!.id }] });
  expect(frames.find(({ op }) => op === "result")).toMatchObject({ id: "c", status: 200, body: { state: "APPROVED", run: { id: first as string, state: "DECIDED_BY_HUMAN" } } });
  await people.call("director", "POST", `/approvals/${waiting.id}`, { verdict: "REJECT" });
  expect(changesIn(await told(stream))).toEqual([`leave ${waiting.id}`]);
  ws.send({ op: "unsubscribe", id: "q" });
  expect(await told(ws)).toMatchObject({ op: "change" });
  expect(await told(ws)).toMatchObject({ op: "done", id: "q" });
});

test("voided and proposed anew, expired, cancelled, of a rule, of one of two: each is told", async () => {
  const stream = await events("director");
  expect(await told(stream)).toMatchObject({ op: "snapshot", rows: [] });
  const run = await ask();
  const shown = await people.waiting(run);
  expect(changesIn(await told(stream))).toEqual([`enter ${String(run)}`]);
  await people.write("Order", id, { refunded: 30 });
  people.model.script = () => [answers({ amount: 60, reason: "less" })];
  expect(because(await people.approve("manager", shown))).toEqual([409, "APPROVAL_VOID", "bound"]);
  expect(changesIn(await told(stream))).toEqual([`leave ${shown.id}`]);
  expect(changesIn(await told(stream))).toEqual([`enter ${String(run)}`]);
  const anew = (await people.waiting(run)).id;
  expect((await people.call("support", "DELETE", `/runs/${String(run)}`)).status).toBe(200);
  expect(changesIn(await told(stream))).toEqual([`leave ${anew}`]);

  const grave = await ask("grave");
  const gone = (await people.waiting(grave, "director")).id;
  expect(changesIn(await told(stream))).toEqual([`enter ${String(grave)}`]);
  await comesTrue(async () => (await people.queue("director")).length === 0, { meanwhile: () => people.clock.advance(3_600_000) });
  expect(changesIn(await told(stream))).toEqual([`leave ${gone}`]);

  people.model.script = () => [answers({ amount: 80, reason: "because" })];
  const two = await ask("two");
  const both = (await people.queue("director")).map((one) => one.id);
  expect(changesIn(await told(stream))).toEqual([`enter ${String(two)}`, `enter ${String(two)}`]);
  const [one] = await people.queue("manager");
  await people.approve("manager", one!);
  expect(changesIn(await told(stream))).toEqual([`leave ${both[0]!}`]);

  const managers = await events("manager");
  expect(await told(managers)).toMatchObject({ rows: [{ id: both[1]! }] });
  const ruled = await ask("ruled", { amount: 60 });
  expect(changesIn(await told(managers))).toEqual([`enter ${String(ruled)}`]);
});

test("nobody hears of what they may not decide", async () => {
  const [manager, clerk, director, administrator] = [await events("manager"), await events("clerk"), await socket("director"), await events(adminToken)];
  for (const one of [manager, clerk, administrator]) expect(await told(one)).toMatchObject({ op: "snapshot", rows: [] });
  expect(await director.ask({ op: "subscribe", id: "q", query: "/approvals?limit=5" })).toMatchObject({ op: "snapshot", rows: [] });
  const grave = await ask("grave");
  const plain = await ask();
  for (const one of [director, administrator]) expect([...changesIn(await told(one)), ...changesIn(await told(one))]).toEqual([`enter ${String(grave)}`, `enter ${String(plain)}`]);
  expect(changesIn(await told(manager))).toEqual([`enter ${String(plain)}`]);
  expect(clerk.text.filter((block) => block.includes("data: "))).toHaveLength(1);
  expect((await events("")).response.status).toBe(401);
  const nobody = await socket("");
  expect(await nobody.ask({ op: "subscribe", id: "q", query: "/approvals" })).toMatchObject({ op: "error", id: "q", problem: { code: "UNAUTHENTICATED" } });
  expect((await events("manager", "/approvals?after=x")).response.status).toBe(422);
  expect((await events("manager", "/approvals?state=WAITING")).response.status).toBe(400);
});

test("of a long queue the oldest are shown, and the next takes the place of one that goes", async () => {
  const runs = [await ask(), await ask(), await ask()];
  const stream = await events("manager", "/approvals?limit=2");
  const { rows } = await told(stream);
  expect(rows!.map((row) => row["run"])).toEqual(runs.slice(0, 2));
  const fourth = await ask();
  for (const [index, next] of [[1, runs[2]], [0, fourth]] as const) {
    await people.call("manager", "POST", `/approvals/${String(rows![index]!["id"])}`, { verdict: "REJECT" });
    expect([...changesIn(await told(stream)), ...changesIn(await told(stream))]).toEqual([`leave ${String(rows![index]!["id"])}`, `enter ${String(next)}`]);
  }
});

test("a key that is revoked ends what it follows, within two seconds; one that is good for other things sees and decides nothing", async () => {
  const made = async (more: object): Promise<{ id: string; token: string }> => (await people.call(adminToken, "POST", "/admin/keys", { name: "of a test", subject: "mo", roles: ["manager"], ...more })).body as never;
  const [key, narrow, named] = [await made({}), await made({ only: ["Order:READ"] }), await made({ only: ["refund"] })];
  const run = await ask();
  const shown = await people.waiting(run);
  for (const [one, rows] of [[narrow, []], [named, [{ id: shown.id }]]] as const) expect(await told(await events(one.token))).toMatchObject({ op: "snapshot", rows: rows as never });
  expect((await people.call("", "POST", `/approvals/${shown.id}`, { verdict: "APPROVE", hash: shown.hash }, auth(narrow.token))).status).toBe(404);
  const [stream, ws] = [await events(key.token), await socket(key.token)];
  await told(stream);
  await ws.ask({ op: "subscribe", id: "q", query: "/approvals" });
  expect((await people.call(adminToken, "DELETE", `/admin/keys/${key.id}`)).status).toBe(200);
  // The app's clock stands still: what took any time would not come.
  await stream.ended();
  await ws.frames.ended();
  expect(ws.closed?.code).toBe(4401);
  await ask();
  expect(stream.text.join("")).not.toContain("event: enter");
  for (const one of [narrow, named]) await people.call(adminToken, "DELETE", `/admin/keys/${one.id}`);
});

test("another app in its place: events end, a socket is told anew, and what was under way before is told there", async () => {
  const reasons = Promise.withResolvers<void>();
  let isAsked = (): void => {};
  const asked = new Promise<void>((resolve) => { isAsked = resolve; });
  people.model.script = async () => {
    isAsked();
    await reasons.promise;
    return [answers({ amount: 80, reason: "because" })];
  };
  const [stream, ws] = [await events("manager"), await socket("manager")];
  await told(stream);
  await ws.ask({ op: "subscribe", id: "q", query: "/approvals" });
  const coming = ask();
  await asked;
  expect(await people.app.running.reload({ typeCheck: false })).toEqual([]);
  await stream.ended();
  expect(await told(ws)).toMatchObject({ op: "reset", reason: "reload" });
  expect(await told(ws)).toMatchObject({ op: "snapshot", rows: [] });
  reasons.resolve();
  expect(changesIn(await told(ws))).toEqual([`enter ${String(await coming)}`]);
});

test("no more follow than limits.rowFollowers; who leaves makes room", async () => {
  const clients: EventClient[] = [];
  for (let count = 0; count < 12; count++) {
    clients.push(await events("manager"));
    await told(clients.at(-1)!);
  }
  expect((await events("director")).response.status).toBe(503);
  clients[0]!.close();
  let status = 503;
  await comesTrue(async () => ({ status } = (await events("director")).response).status !== 503);
  expect(status).toBe(200);
});

test("a negotiation is followed by its parties: rounds, the end of an offer, nothing for anybody else", async () => {
  people.model.script = () => [answers({ orderId: id, price: 85 })];
  const begun = await people.call("buyer", "POST", "/negotiations", { decision: "deal", input: { orderId: id } });
  const path = `/negotiations/${String(begun.body["id"])}`;
  const [stream, ws] = [await events("buyer", path), await socket("buyer")];
  const now = async (): Promise<object> => (await people.call("buyer", "GET", path)).body;
  expect(await told(stream)).toMatchObject({ op: "snapshot", rows: [await now() as never] });
  expect(await ws.ask({ op: "subscribe", id: "n", query: path })).toMatchObject({ op: "snapshot", rows: [await now() as never] });
  for (const who of ["other", "manager"]) expect((await events(who, path)).response.status).toBe(404);
  expect((await events("", path)).response.status).toBe(404);

  people.model.script = () => [answers({ orderId: id, price: 80 })];
  const second = await ws.ask({ op: "call", id: "c", method: "POST", path: `${path}/counter`, body: { terms: { price: 71 } } });
  // It is being decided, and then there is another offer.
  expect(second).toMatchObject({ op: "change", changes: [{ type: "update", record: { round: 2, isDeciding: true, offer: { state: "COUNTERED" } } }] });
  expect(await told(stream)).toMatchObject({ changes: [{ record: { isDeciding: true } }] });
  expect(await told(stream)).toMatchObject({ changes: [{ type: "update", key: begun.body["id"], record: { round: 2, isDeciding: false, offer: { state: "OPEN", terms: { price: 80 } } } }] });
  const { offer } = await now() as { offer: { id: string; hash: string } };
  expect((await people.call("buyer", "POST", `/offers/${offer.id}/accept`, { hash: offer.hash })).status).toBe(200);
  expect(await told(stream)).toMatchObject({ changes: [{ record: { state: "AGREED", offer: { state: "ACCEPTED" } } }] });

  const other = await people.call("buyer", "POST", "/negotiations", { decision: "deal", input: { orderId: id } });
  const expiring = await events("buyer", `/negotiations/${String(other.body["id"])}`);
  await told(expiring);
  people.clock.advance(3_600_000);
  let isTold = false;
  const end = told(expiring).finally(() => { isTold = true; });
  await comesTrue(() => isTold, { meanwhile: () => people.clock.advance(1_000) });
  expect(await end).toMatchObject({ changes: [{ record: { state: "EXPIRED", offer: { state: "EXPIRED" } } }] });
});

test("what is not exported is negotiated over no wire", async () => {
  expect((await people.call("buyer", "POST", "/negotiations", { decision: "inside", input: { orderId: id } })).status).toBe(404);
});

test("the same word again under its key has the same answer, and nothing happens twice", async () => {
  const run = await ask();
  const shown: Shown = await people.waiting(run);
  const key = { "idempotency-key": `word-${id}` };
  const say = (body: object, who = "manager", headers = key): Promise<Said> => people.call(who, "POST", `/approvals/${shown.id}`, body, headers);
  const word = { verdict: "APPROVE", hash: shown.hash };
  const said = await Promise.all([say(word), say(word), say(word)]);
  expect(said.map(({ status, body }) => ({ status, body }))).toEqual(Array.from({ length: 3 }, () => ({ status: 200, body: said[0]!.body })));
  expect(said.map(({ headers }) => headers.get("idempotency-replayed")).sort()).toEqual([null, "true", "true"]);
  expect(said[0]!.body).toMatchObject({ state: "APPROVED", run: { state: "DECIDED_BY_HUMAN", output: { amount: 80 } } });
  expect((await say({ verdict: "REJECT" })).body["code"]).toBe("IDEMPOTENCY_MISMATCH");
  expect(because(await say(word, "director"))).toEqual([409, "APPROVAL_VOID", "used"]);
  expect(because(await say(word, "manager", { "idempotency-key": `other-${id}` }))).toEqual([409, "APPROVAL_VOID", "used"]);
  expect(people.row("Order", id)!["refunded"]).toBe(80);
  // Over the socket it is another path to the same: the same key, the same answer.
  const ws = await socket("manager");
  expect(await ws.ask({ op: "call", id: "c", method: "POST", path: `/approvals/${shown.id}`, headers: key, body: word })).toMatchObject({ status: 200, headers: { "idempotency-replayed": "true" }, body: said[0]!.body });

  const second = await ask("two");
  const [one] = await people.queue("director");
  const half = { "idempotency-key": `half-${id}` };
  const sayHalf = (): Promise<Said> => people.call("director", "POST", `/approvals/${one!.id}`, { verdict: "APPROVE", hash: one!.hash }, half);
  const [first, again] = [await sayHalf(), await sayHalf()];
  expect([first.body, again.headers.get("idempotency-replayed")]).toEqual([again.body, "true"]);
  expect(first.body).toMatchObject({ state: "APPROVED", run: { id: second, state: "AWAITING_APPROVAL" } });
});

test("what a word was answered goes with its run", async () => {
  people.model.script = () => [answers({ amount: 80, reason: "canary-of-the-answer" })];
  const run = await ask();
  const shown = await people.waiting(run);
  const say = (): Promise<Said> => people.call("manager", "POST", `/approvals/${shown.id}`, { verdict: "APPROVE", hash: shown.hash }, { "idempotency-key": `erased-${id}` });
  expect(JSON.stringify((await say()).body)).toContain("canary-of-the-answer");
  const kept = (): readonly (readonly unknown[])[] => people.values(`SELECT count(*) FROM "$idempotency" WHERE instr("body", 'canary-of-the-answer') > 0`);
  expect(kept()).toEqual([[1]]);
  expect((await people.call(adminToken, "POST", "/admin/decisions", { erase: run })).status).toBe(200);
  expect([kept(), (await say()).body["code"]]).toEqual([[[0]], "ANSWER_ERASED"]);
});

test("negotiations keep their answers under a key: begun, countered, accepted, declined once", async () => {
  people.model.script = () => [answers({ orderId: id, price: 85 })];
  people.model.requests.length = 0;
  const same = async (path: string, body: object): Promise<Said> => {
    const headers = { "idempotency-key": `${id}-${path}` };
    const answersTo = [await people.call("buyer", "POST", path, body, headers), await people.call("buyer", "POST", path, body, headers)];
    expect(answersTo[1]!).toMatchObject({ status: answersTo[0]!.status, body: answersTo[0]!.body });
    expect(answersTo[1]!.headers.get("idempotency-replayed")).toBe("true");
    return answersTo[0]!;
  };
  const begun = await same("/negotiations", { decision: "deal", input: { orderId: id } });
  people.model.script = () => [answers({ orderId: id, price: 80 })];
  const next = await same(`/negotiations/${String(begun.body["id"])}/counter`, { terms: { price: 71 } });
  expect([begun.status, next.status, people.model.requests.length]).toEqual([201, 200, 2]);
  const { offer } = next.body as unknown as { offer: { id: string; hash: string } };
  expect((await same(`/offers/${offer.id}/accept`, { hash: offer.hash })).body).toMatchObject({ state: "ACCEPTED" });
  const other = await people.call("buyer", "POST", "/negotiations", { decision: "deal", input: { orderId: id } });
  expect((await same(`/offers/${(other.body["offer"] as { id: string }).id}/decline`, {})).body).toMatchObject({ state: "DECLINED" });
});

test("where two are asked, they are two: whoever has approved once may reject, and not approve again, at the same time neither", async () => {
  const run = await ask("two");
  const [first, second] = await people.queue("manager");
  const words = await Promise.all([people.approve("manager", first!), people.approve("manager", second!)]);
  expect(words.map(({ status }) => status).sort()).toEqual([200, 403]);
  const left = words[0]!.status === 200 ? second! : first!;
  expect(because(await people.approve("manager", left))).toEqual([403, "FORBIDDEN", undefined]);
  expect(await people.approve("director", left)).toMatchObject({ status: 200, body: { run: { id: run, state: "DECIDED_BY_HUMAN" } } });
  const again = await ask("two");
  const [one, another] = await people.queue("manager");
  await people.approve("manager", one!);
  expect(await people.call("manager", "POST", `/approvals/${another!.id}`, { verdict: "REJECT" })).toMatchObject({ status: 200, body: { state: "REJECTED", run: { id: again, state: "REJECTED_BY_HUMAN" } } });
});

test("whatever is asked, decided, cancelled and comes of it at once: who follows knows in the end what waits, was told nothing twice and nothing of others", async () => {
  const followers = [await socket("manager"), await socket("manager"), await socket("director")];
  const known = followers.map(() => new Rebuilt());
  const wrong: unknown[] = [];
  followers.forEach((one, index) => {
    one.socket.addEventListener("message", ({ data }) => {
      try {
        known[index]!.apply(JSON.parse(String(data)) as Frame);
      } catch (error) {
        wrong.push(String(error));
      }
    });
    one.send({ op: "subscribe", id: "q", query: `/approvals?limit=${index === 1 ? 5 : 100}` });
  });
  const random = seededRandom(orders);
  const chance = (of: number): number => Math.floor(random.next() * of);
  const act = async (): Promise<void> => {
    for (let count = 0; count < 12; count++) {
      if (chance(2) === 0) await ask("ruled", { amount: 51 + chance(100) });
      else if (chance(3) === 0) await ask("two");
      const queue = await people.queue(adminToken);
      const one = queue[chance(queue.length)];
      if (one === undefined) continue;
      const what = chance(4);
      if (what === 0) await people.approve(chance(2) === 0 ? "manager" : "director", one);
      else if (what === 1) await people.call("manager", "POST", `/approvals/${one.id}`, { verdict: "REJECT" });
      else if (what === 2) await people.call("support", "DELETE", `/runs/${one.run}`);
    }
  };
  await Promise.all([act(), act(), act(), act()]);
  // Whoever comes now and then begins with what there is.
  for (const [index, who, limit] of [[0, "manager", 100], [1, "manager", 5], [2, "director", 100]] as const) {
    const expected = ((await people.call(who, "GET", `/approvals?limit=${limit}`)).body as unknown as readonly Shown[]).map((row) => row.id).sort();
    await until(() => JSON.stringify([...known[index]!.rows.keys()].map((key) => JSON.parse(key) as string).sort()) === JSON.stringify(expected));
  }
  expect([wrong, known.map(({ snapshots }) => snapshots)]).toEqual([[], [1, 1, 1]]);
});
