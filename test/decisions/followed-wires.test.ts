// What waits for people, a negotiation and what was agreed, followed over every wire there is: each shows at each moment what GET shows the same caller, and
// nothing to anybody else; it ends with its credential, and goes on from a position.
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { connected, type TestClient } from "../mqtt/mqtt-clients.ts";
import { until } from "../processes/waits.ts";
import { EventClient, Rebuilt, SocketClient, type Frame, type Row } from "../scenarios/live-clients.ts";
import { adminToken } from "../scenarios/started-app.ts";
import { startApprovalsApp, type ApprovalsApp } from "./approvals-app.ts";
import { answers } from "./bounds-app.ts";

const schema = `
type Credit @table @export @allow(to: ["buyer"], do: [READ]) { id: ID! @primaryKey commitment: ID! }
type Terms @commitment(due: "now + duration('PT1H')", keptWhen: "offer.price > 80", remedy: "Credit.create") { price: Int! }
type Decisions {
  """Decide what to refund."""
  refund: Int! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @bound(name: "cap", rule: "out <= 100") @approval(when: "out > 50", by: ["manager"], within: "PT1H") @fallback(value: 0)
  """Negotiate the price."""
  deal: Terms! @decision(mode: ENFORCE) @export @allow(to: ["buyer", "other"]) @bound(name: "floor", rule: "out.price >= 70") @negotiates(rounds: 3, offerTtl: "PT2H", taint: ALLOW) @fallback(value: { price: 90 })
  """Negotiate about something else."""
  trade: Terms! @decision(mode: ENFORCE) @export @allow(to: ["buyer"]) @bound(name: "floor", rule: "out.price >= 70") @negotiates(offerTtl: "PT2H", taint: ALLOW) @fallback(value: { price: 90 })
}`;

setDefaultTimeout(120_000);
const PEOPLE = ["support", "manager", "buyer", "other"];
let people: ApprovalsApp;
beforeAll(async () => { people = await startApprovalsApp(schema, { people: PEOPLE, config: "limits: { rowFollowersOfSubject: 20 }\n" }); });
afterAll(async () => { await people?.stop(); });
const opened: { close(): unknown }[] = [];
afterEach(async () => { for (const one of opened.splice(0)) await one.close(); });

const token = (who: string): string => (PEOPLE.includes(who) ? `key-${who}` : who);
const auth = (who: string): Record<string, string> => ({ authorization: `Bearer ${token(who)}` });

/** Rows by their ids, as told so far. */
interface Followed { readonly rows: ReadonlyMap<string, Row>; readonly frames: readonly Frame[]; isOver(): boolean; refusal: unknown }
type Wire = (who: string, path: string, since?: string | null) => Promise<Followed>;

/** Throws, in the test that asks for the rows, where a frame does not fit those before it. */
function rebuilding(isOver: () => boolean): Followed & { add(frame: Frame): void } {
  const rebuilt = new Rebuilt();
  const frames: Frame[] = [];
  let wrong: unknown = null;
  return {
    frames, isOver, refusal: null,
    get rows() {
      if (wrong !== null) throw wrong;
      return new Map([...rebuilt.rows].map(([key, row]) => [JSON.parse(key) as string, row]));
    },
    add(frame) {
      frames.push(frame);
      try {
        rebuilt.apply(frame);
      } catch (error) {
        wrong = error;
      }
    },
  };
}

async function taking(next: () => Promise<Frame>, take: (frame: Frame) => void): Promise<void> {
  try {
    for (;;) take(await next());
  } catch {
    // It has ended.
  }
}

const FOREVER_MS = 600_000;
async function events(url: string, who: string, headers: Record<string, string>, frameOf: (data: Frame) => Frame | { readonly refusal: unknown } | null): Promise<Followed> {
  const client = await EventClient.open(people.app.url + url, { ...auth(who), ...headers });
  opened.push(client);
  let isOver = false;
  const followed = rebuilding(() => isOver);
  followed.refusal = client.response.status === 200 ? null : (await client.response.json() as { code: string }).code;
  if (followed.refusal === null) void taking(async () => (await client.next(FOREVER_MS)).data, (data) => {
    const frame = frameOf(data);
    if (frame === null) return;
    if ("op" in frame) followed.add(frame);
    else followed.refusal = frame.refusal;
  }).finally(() => { isOver = true; });
  return followed;
}

const sse: Wire = (who, path, since = null) => events(path, who, since === null ? {} : { "last-event-id": since }, (data) => data);

const webSocket: Wire = async (who, path, since = null) => {
  const client = await SocketClient.open(people.app.url, auth(who));
  opened.push(client);
  const followed = rebuilding(() => client.closed !== null);
  client.socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(data as string) as Frame;
    if (frame.op === "error") followed.refusal = frame.problem!.code;
    else followed.add(frame);
  });
  client.send({ op: "subscribe", id: "f", query: path, ...(since === null ? {} : { since }) });
  return followed;
};

const FIELDS: Readonly<Record<string, string>> = {
  approvals: "id run decision state by openedAt dueAt closedAt hash output effects input contexts escalated taint",
  negotiation: "id decision state round rounds isDeciding offer { id negotiation round state terms hash validUntil }",
  commitment: "id offer negotiation decision state terms dueAt isLate closedAt",
};
/** As REST has it: what there is no value of may be left out there. */
const graphql: Wire = (who, path, since = null) => {
  const [, root, id] = path.split("/");
  const [field, fields] = id === undefined ? [root!, FIELDS[root!] ?? FIELDS["commitment"]!] : [root!.slice(0, -1), FIELDS[root!.slice(0, -1)]!];
  const given = [...(id === undefined ? [] : [`id: "${id}"`]), ...(since === null ? [] : [`since: "${since}"`])];
  const document = `subscription { ${field}${given.length === 0 ? "" : `(${given.join(", ")})`} { op position reason rows { ${fields} } changes { type key record { ${fields} } } } }`;
  return events(`/graphql?query=${encodeURIComponent(document)}`, who, {}, (data) => {
    const { data: answer, errors } = data as unknown as { data?: Record<string, Frame> | null; errors?: readonly { extensions: { code: string } }[] } | null ?? {};
    const told = answer?.[field];
    if (told === undefined) return errors === undefined ? null : { refusal: errors[0]!.extensions.code };
    return { ...told, op: told.op.toLowerCase(), ...((told.changes ?? null) === null ? {} : { changes: told.changes!.map((change) => ({ ...change, type: change.type.toLowerCase() })) }) };
  });
};

const mqtt: Wire = async (who, path) => {
  const client: TestClient = await connected(people.app.port, { protocol: "ws", path: "/mqtt", protocolVersion: 5, username: "x", password: token(who), keepalive: 0 });
  opened.push({ close: () => client.end(true) });
  const rows = new Map<string, Row>();
  const frames: Frame[] = [];
  client.client.on("message", (topic, payload) => {
    frames.push({ op: "message" });
    const id = topic.split("/")[1]!;
    if (payload.length === 0) rows.delete(id);
    else rows.set(id, JSON.parse(payload.toString()) as Row);
  });
  const followed: Followed = { rows, frames, isOver: () => !client.client.connected, refusal: null };
  const levels = path.slice(1).split("/");
  await client.subscribe(levels.length === 1 ? `${levels[0]!}/+` : levels.join("/"), 1).catch((error: { code: number }) => { followed.refusal = error.code; });
  return followed;
};
const wires: readonly (readonly [string, Wire])[] = [["events", sse], ["a WebSocket", webSocket], ["GraphQL", graphql], ["MQTT", mqtt]];

async function get(who: string, path: string): Promise<readonly Row[]> {
  const { status, body } = await people.call("", "GET", `${path}${/\/.*\//.test(path) ? "" : "?limit=100"}`, null, auth(who));
  return status === 404 ? [] : (Array.isArray(body) ? body : [body]) as readonly Row[];
}
const sorted = (rows: Iterable<Row>): Row[] => [...rows].map((row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))).sort((left, right) => (String(left["id"]) < String(right["id"]) ? -1 : 1));
/** Each shows what GET shows. */
async function shown(followed: readonly Followed[], who: string, path: string): Promise<readonly Row[]> {
  const rows = await get(who, path);
  const wanted = JSON.stringify(sorted(rows).map(sortedMembers));
  for (const [index, one] of followed.entries()) {
    const now = (): string => JSON.stringify(sorted(one.rows.values()).map(sortedMembers));
    await until(() => now() === wanted).catch(() => expect([wires[index]?.[0], now()]).toEqual([wires[index]?.[0], wanted]));
  }
  return rows;
}
function sortedMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedMembers);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)).map(([name, member]) => [name, sortedMembers(member)]));
}

/** All but that there is nothing. */
const heardOf = ({ frames }: Followed): readonly Frame[] => frames.filter(({ op, rows }) => op !== "snapshot" || rows!.length > 0);

type Offer = { readonly id: string; readonly hash: string };
async function offered(price: number, { who = "buyer", decision = "deal" } = {}): Promise<{ readonly id: string; readonly offer: Offer }> {
  people.model.script = () => [answers({ price })];
  return (await people.call(who, "POST", "/negotiations", { decision, input: {} })).body as never;
}
const accept = async ({ id, hash }: Offer, who = "buyer"): Promise<string> => ((await people.call(who, "POST", `/offers/${id}/accept`, { hash })).body["commitment"] as { id: string }).id;
const refund = async (): Promise<unknown> => {
  people.model.script = () => [{ name: "answer", arguments: "80" }];
  return (await people.call("support", "POST", "/decide/refund", {})).body["run"];
};
const onAll = (who: string, path: string): Promise<readonly Followed[]> => Promise.all(wires.map(([, wire]) => wire(who, path)));

test("what waits: as it is, as it comes, as it is decided; nothing for who may not decide", async () => {
  await refund();
  const [mine, others] = [await onAll("manager", "/approvals"), await onAll("buyer", "/approvals")];
  expect(await shown(mine, "manager", "/approvals")).toHaveLength(1);
  const second = await people.waiting(await refund());
  expect(await shown(mine, "manager", "/approvals")).toHaveLength(2);
  await people.approve("manager", second);
  expect(await shown(mine, "manager", "/approvals")).toHaveLength(1);
  await people.call("manager", "POST", `/approvals/${(await people.queue("manager"))[0]!.id}`, { verdict: "REJECT" });
  expect(await shown(mine, "manager", "/approvals")).toEqual([]);
  for (const one of others) expect(heardOf(one)).toEqual([]);
  await until(() => others[2]!.refusal !== null);
  expect(others.map(({ refusal }) => refusal)).toEqual([null, null, "INVALID_DOCUMENT", null]);
});

test("a negotiation: its rounds, its offer, its end; nothing for who is no party", async () => {
  const { id } = await offered(85);
  const path = `/negotiations/${id}`;
  const [mine, administrators, others] = [await onAll("buyer", path), await onAll(adminToken, path), await onAll("other", path)];
  const both = async (): Promise<Row> => {
    await shown(administrators, adminToken, path);
    return (await shown(mine, "buyer", path))[0]!;
  };
  expect(await both()).toMatchObject({ round: 1, offer: { state: "OPEN", terms: { price: 85 } } });
  people.model.script = () => [answers({ price: 82 })];
  const { offer } = (await people.call("buyer", "POST", `${path}/counter`, { terms: { price: 71 } })).body as unknown as { offer: Offer };
  expect(await both()).toMatchObject({ round: 2, offer: { terms: { price: 82 } } });
  await accept(offer);
  expect(await both()).toMatchObject({ state: "AGREED", offer: { state: "ACCEPTED" } });
  await until(() => others.slice(0, 3).every(({ refusal }) => refusal !== null));
  expect(others.map(({ refusal, rows }) => [refusal, rows.size])).toEqual([["NOT_FOUND", 0], ["NOT_FOUND", 0], ["NOT_FOUND", 0], [null, 0]]);
});

test("what is owed: agreed, released, kept, breached and remedied; to each theirs, to the administrator all", async () => {
  const first = await accept((await offered(85)).offer);
  const [mine, others, administrators, one] = [await onAll("buyer", "/commitments"), await onAll("other", "/commitments"), await onAll(adminToken, "/commitments"), await onAll("buyer", `/commitments/${first}`)];
  const states = async (): Promise<Record<string, unknown>> => {
    await shown(administrators, adminToken, "/commitments");
    await shown(one, "buyer", `/commitments/${first}`);
    return Object.fromEntries((await shown(mine, "buyer", "/commitments")).map((row) => [row["id"], row["state"]]));
  };
  expect(await states()).toMatchObject({ [first]: "ACTIVE" });
  const broken = await accept((await offered(75)).offer);
  const theirs = await accept((await offered(88, { who: "other" })).offer, "other");
  expect(await states()).toMatchObject({ [first]: "ACTIVE", [broken]: "ACTIVE" });
  expect(await shown(others, "other", "/commitments")).toMatchObject([{ id: theirs }]);
  await people.call("other", "POST", `/commitments/${theirs}/release`, {});
  expect(await shown(others, "other", "/commitments")).toMatchObject([{ id: theirs, state: "RELEASED" }]);
  people.clock.advance(3_600_000);
  await until(async () => {
    people.clock.advance(1_000);
    return (await get("buyer", `/commitments/${broken}`))[0]!["state"] === "REMEDIED";
  });
  expect(await states()).toMatchObject({ [first]: "KEPT", [broken]: "REMEDIED" });
  expect(Object.keys(await states())).not.toContain(theirs);
});

test("a key that is revoked ends what it follows; one that names a decision sees what comes of that alone", async () => {
  const made = async (more: object): Promise<{ id: string; token: string }> => (await people.call(adminToken, "POST", "/admin/keys", { name: "of a test", subject: "buyer", roles: ["buyer"], ...more })).body as never;
  const [whole, narrow] = [await made({}), await made({ only: ["trade"] })];
  const traded = await accept((await offered(90, { decision: "trade" })).offer);
  const [seen, narrowed] = [await onAll(whole.token, "/commitments"), await onAll(narrow.token, "/commitments")];
  expect((await shown(seen, whole.token, "/commitments")).length).toBeGreaterThan(1);
  expect(await shown(narrowed, narrow.token, "/commitments")).toMatchObject([{ id: traded }]);
  await accept((await offered(91)).offer);
  await shown(seen, whole.token, "/commitments");
  expect(narrowed.map(({ rows }) => rows.size)).toEqual([1, 1, 1, 1]);
  const before = seen.map(({ rows }) => rows.size);
  expect((await people.call(adminToken, "DELETE", `/admin/keys/${whole.id}`)).status).toBe(200);
  await until(() => seen.every((one) => one.isOver()));
  await accept((await offered(92)).offer);
  await shown(await onAll("buyer", "/commitments"), "buyer", "/commitments");
  expect(seen.map(({ rows }) => rows.size)).toEqual(before);
  await people.call(adminToken, "DELETE", `/admin/keys/${narrow.id}`);
});

test("who comes again with a position goes on where nothing has moved, else begins anew and is told so", async () => {
  await accept((await offered(85)).offer);
  for (const [name, wire] of wires.slice(0, 3)) {
    const first = await wire("buyer", "/commitments");
    await shown([first], "buyer", "/commitments");
    const { position = "" } = first.frames.at(-1)!;
    const again = await wire("buyer", "/commitments", position);
    await accept((await offered(85)).offer);
    const news = (): readonly Frame[] => again.frames.filter(({ op, changes }) => op !== "change" || changes!.length > 0);
    await until(() => news().length > 0);
    expect([name, news().map(({ op, changes }) => [op, changes?.map(({ type }) => type)])]).toEqual([name, [["change", ["enter"]]]]);
    const anew = await wire("buyer", "/commitments", position);
    await until(() => anew.frames.length > 1);
    expect([name, anew.frames.map(({ op, reason }) => [op, reason ?? null])]).toEqual([name, [["reset", "changed"], ["snapshot", null]]]);
  }
});

test("over MQTT: whoever takes everything takes these, one by its own topic, a session that comes again what has gone since; one subject does not take all the room", async () => {
  const waits = await people.waiting(await refund());
  const all = await connected(people.app.port, { protocol: "ws", path: "/mqtt", protocolVersion: 5, username: "x", password: "key-manager", clientId: "all", clean: false, properties: { sessionExpiryInterval: 600 } });
  opened.push({ close: () => all.end(true) });
  await all.subscribe("#", 2);
  await until(() => all.received.some(({ topic, retain }) => topic === `approvals/${waits.id}` && retain));
  const one = await mqtt("manager", `/approvals/${waits.id}`);
  await until(() => one.rows.has(waits.id));
  await all.end(true);
  await people.approve("manager", waits);
  await until(() => one.rows.size === 0);
  const later = await connected(people.app.port, { protocol: "ws", path: "/mqtt", protocolVersion: 5, username: "x", password: "key-manager", clientId: "all", clean: false, properties: { sessionExpiryInterval: 600 } });
  opened.push({ close: () => later.end(true) });
  await until(() => later.received.some(({ topic, json }) => topic === `approvals/${waits.id}` && json === null));

  const buyers = await connected(people.app.port, { protocol: "ws", path: "/mqtt", protocolVersion: 5, username: "x", password: "key-buyer" });
  opened.push({ close: () => buyers.end(true) });
  await buyers.subscribe("#", 1);
  await until(() => buyers.received.some(({ topic }) => topic.startsWith("commitments/")));
  expect(buyers.received.filter(({ topic }) => topic.startsWith("approvals/"))).toEqual([]);
  for (let count = 1; count < 20; count++) await buyers.subscribe(`commitments/none${count}`, 0);
  const many = await Promise.all(Array.from({ length: 19 }, () => sse("buyer", "/commitments")));
  expect(many.map(({ refusal }) => refusal)).toEqual(Array.from({ length: 19 }, () => null));
  expect((await sse("buyer", "/commitments")).refusal).toBe("OVERLOADED");
  expect((await sse("other", "/commitments")).refusal).toBe(null);
});

test("what is forgotten is forgotten by whoever follows it", async () => {
  const { id, offer } = await offered(87, { who: "other" });
  const owed = await accept(offer, "other");
  const [theirs, administrators, negotiation] = [await onAll("other", "/commitments"), await onAll(adminToken, "/commitments"), await onAll(adminToken, `/negotiations/${id}`)];
  await shown(theirs, "other", "/commitments");
  await shown(administrators, adminToken, "/commitments");
  expect(await shown(negotiation, adminToken, `/negotiations/${id}`)).toMatchObject([{ offer: { terms: { price: 87 } } }]);
  expect((await people.call(adminToken, "POST", "/admin/forget", { subject: "other" })).status).toBe(200);
  expect((await shown(administrators, adminToken, "/commitments")).find((row) => row["id"] === owed)).toMatchObject({ terms: {}, state: "RELEASED" });
  expect(await shown(negotiation, adminToken, `/negotiations/${id}`)).toMatchObject([{ offer: { terms: {} } }]);
  expect(await shown(theirs, "other", "/commitments")).toEqual([]);
});
