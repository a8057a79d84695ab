// What is @secret or @untrusted inside an argument, a fact or former terms is in no request to any model, whatever its type and length: neither of the one that
// decides, nor of the one that embeds. Nor is text that only a quarantined call reads; and who is denied costs no request.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { startEmbeddingServer, type EmbeddingServer } from "../embeddings/embedding-server.ts";
import { adminToken } from "../scenarios/started-app.ts";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";

const about = `@memory(about: "'Customer:' + input.customerId", reads: ["home"]) @fallback(value: { credit: 0 })`;
const schema = `
input Letter { words: String parts: [Part!] pin: String @secret }
input Part { words: String pin: Int @secret code: String @secret }
type Home { town: String alarm: String @secret gate: Int @secret }
type Said { urgent: Boolean }
type Which { note: ID }
type Note @table @secret(where: "record.hidden") @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey customerId: ID! @indexed hidden: Boolean! source: Source source2: Source @secret }
type Source { id: ID }
type Told { town: String story: String @untrusted }
type Facts { told: Told @allow(to: ["support"]) home: Home @allow(to: ["support"]) }
type Customer @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey }
type Case @table @export @allow(to: ["support", "manager"], do: [READ, CREATE]) { id: ID! @primaryKey home: Home told: Told }
type Copy @table @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey home: Home }
type Advice { credit: Int! }
type Price { euros: Int! margin: Int @secret note: String @secret }
type Decisions {
  """Advise."""
  advise(customerId: ID!, letter: Letter, wanted: Int! = 0): Advice! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @bound(name: "much", at: INPUT, rule: "input.wanted < 10", else: REFUSE) ${about}
  """Advise."""
  extracts(customerId: ID!, letter: Letter): Advice! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @context(name: "said", from: "input.letter.words", extract: "Said") ${about}
  """Advise."""
  hurried(customerId: ID!, letter: Letter): Advice! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @budget(per: RUN, time: "PT2S") ${about}
  """Advise."""
  asks(letter: Letter): Advice! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @context(name: "said", from: "input.letter.words", extract: "Said") @approval(when: "out.credit >= 0", by: ["manager"], within: "PT1H") @fallback(value: { credit: 0 })
  """Advise."""
  picks(customerId: ID!, words: String): Advice! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @context(name: "customer", query: "Customer/{input.customerId}") @context(name: "notes", query: "Note?customerId=eq.{customer.id}&order=id") @context(name: "which", from: "input.words", extract: "Which") @fallback(value: { credit: 0 })
  """Advise."""
  recalls(customerId: ID!): Advice! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @memory(about: "'Customer:' + input.customerId", reads: ["told"], writes: ["told"]) @fallback(value: { credit: 0 })
  """Advise."""
  copies(caseId: ID!): Advice! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @context(name: "case", query: "Case/{input.caseId}?select=home,told") @effect(operation: "Copy.create", set: { home: "case.home" }) @approval(when: "out.credit >= 0", by: ["manager"], within: "PT1H") @fallback(value: { credit: 0 })
  """Negotiate the price."""
  haggle(wanted: Int!): Price! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @negotiates(rounds: 3, offerTtl: "PT1H") @bound(name: "least", rule: "out.euros > 50", else: FALLBACK) @fallback(value: { euros: 60, margin: 51977, note: "NOTED" })
}`;

let server: EmbeddingServer;
let bounds: BoundsApp;
beforeAll(async () => {
  server = startEmbeddingServer();
  bounds = await startBoundsApp(schema, { config: `${["author", "reader"].map((name) => `    - { token: key-${name}, subject: ${name}, roles: [manager] }\n`).join("")}limits: { embeddingDelayMs: 20, embeddingDelayMaxMs: 50, embeddingCache: 0 }\n`, models: `, embedding: { provider: openai-compatible, model: m, url: "${server.url}", dimensions: 64 }` });
  await bounds.write("Customer", "c", {});
  expect((await post("/memory/Customer/c", { home: { town: "Lisbon", alarm: "ALARMCODE", gate: 40777 } })).status).toBe(201);
  await bounds.app.running.embedder.settled();
});
afterAll(async () => {
  await bounds?.stop();
  await server?.stop();
});
beforeEach(() => {
  bounds.model.requests.length = 0;
  bounds.model.script = () => [answers({ credit: 1 })];
});

const post = (path: string, body: object): Promise<Response> => fetch(bounds.app.url + path, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify(body) });
const sent = (): string => JSON.stringify(bounds.model.requests.map(({ messages }) => messages.filter(({ role }) => role !== "assistant")));

test("secret members of an argument, and of a fact", async () => {
  const letter = { words: "From Porto.", pin: "S-1", parts: [{ words: "Twice.", pin: 31337, code: "LONGSECRET" }] };
  expect(await bounds.decide("advise", { customerId: "c", letter })).toMatchObject({ status: 200, source: "model" });
  for (const said of [sent(), server.texts.join()]) expect(["From Porto.", "Twice.", "Lisbon"].map((shown) => said.includes(shown))).toEqual([true, true, true]);
  for (const said of [sent(), server.texts.join()]) expect(["S-1", "31337", "LONGSECRET", "ALARMCODE", "40777"].filter((hidden) => said.includes(hidden))).toEqual([]);
});

test("text inside an argument that only a quarantined call reads", async () => {
  bounds.model.script = (request) => [answers(JSON.stringify(request.messages).includes("QUIET") ? { urgent: true } : { credit: 1 })];
  expect(await bounds.decide("extracts", { customerId: "c", letter: { words: "QUIET", pin: null, parts: [{ words: "Openly." }] } })).toMatchObject({ status: 200, source: "model" });
  expect(bounds.model.requests.filter((request) => JSON.stringify(request).includes("QUIET"))).toHaveLength(1);
  expect([server.texts.join().includes("Openly."), server.texts.join().includes("QUIET")]).toEqual([true, false]);
});

test("secret members of what was offered before", async () => {
  bounds.model.script = () => [answers({ euros: 1, margin: null, note: null })];
  const { id, offer } = await (await post("/negotiations", { decision: "haggle", input: { wanted: 1 } })).json() as { id: string; offer: { terms: object } };
  expect(offer.terms).toMatchObject({ euros: 60 });
  expect((await post(`/negotiations/${id}/counter`, { terms: { euros: 2 } })).status).toBe(200);
  expect([sent().includes('\\"given\\":[{\\"euros\\":60}]'), sent().includes("51977"), sent().includes("NOTED")]).toEqual([true, false, false]);
});

test("of what is secret a quarantined call is given no id to choose from", async () => {
  await bounds.write("Note", "n1", { customerId: "c", hidden: false, source: { id: "s1" }, source2: { id: "s2" } });
  await bounds.write("Note", "n2", { customerId: "c", hidden: true, source: { id: "s3" }, source2: null });
  bounds.model.script = (request) => [answers(JSON.stringify(request.messages).includes("QUIET") ? { note: "n1" } : { credit: 1 })];
  expect(await bounds.decide("picks", { customerId: "c", words: "QUIET" })).toMatchObject({ status: 200, source: "model" });
  expect(JSON.parse(bounds.model.requests[0]!.messages[1]!.content as string)).toEqual({ text: "QUIET", ids: ["c", "n1", "s1"] });
});

test("text inside a fact for which nobody answers labels the fact, whoever keeps it", async () => {
  const taintAfter = async (id: string, keep: () => Promise<unknown>): Promise<unknown> => {
    await bounds.write("Customer", id, {});
    await keep();
    bounds.model.script = () => [answers({ credit: 1 })];
    return (await bounds.decide("recalls", { customerId: id })).taint;
  };
  const remembers = (id: string, value: object) => async (): Promise<unknown> => {
    bounds.model.script = () => [{ name: "remember", arguments: { predicate: "told", value } }, answers({ credit: 1 })];
    return bounds.decide("recalls", { customerId: id });
  };
  expect(await taintAfter("t1", () => post("/memory/Customer/t1", { told: { town: "Lisbon" } }))).toBeNull();
  expect(await taintAfter("t2", () => post("/memory/Customer/t2", { told: { town: "Lisbon", story: "Do as I say." } }))).toBe("UNTRUSTED");
  expect(await taintAfter("t3", remembers("t3", { town: "Lisbon", story: null }))).toBeNull();
  expect(await taintAfter("t4", remembers("t4", { town: "Lisbon", story: "Do as I say." }))).toBe("UNTRUSTED");
});

test("who approves sees what is quarantined, and nothing that is secret", async () => {
  bounds.model.script = (request) => [answers(JSON.stringify(request.messages).includes("QUIET") ? { urgent: true } : { credit: 1 })];
  const letter = { words: "QUIET", pin: "S-1", parts: [{ words: "Openly.", pin: 31337, code: "LONGSECRET" }] };
  const { body: { run } } = await bounds.decide("asks", { letter });
  const waiting = await (await fetch(`${bounds.app.url}/approvals`, { headers: { authorization: `Bearer ${adminToken}` } })).json() as { run: string; input: unknown }[];
  expect(waiting.find((one) => one.run === run)?.input).toEqual({ letter: { words: "QUIET", parts: [{ words: "Openly." }] } });
});

test("who wrote text inside a field does not approve of what rests on it; what is secret inside an effect is not shown", async () => {
  const as = (who: string, path: string, body?: object): Promise<Response> => fetch(bounds.app.url + path, { headers: { "content-type": "application/json", "authorization": `Bearer key-${who}` }, ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }) });
  expect((await as("author", "/Case", { id: "k", home: { town: "Porto", alarm: "ALARMCODE", gate: 5 }, told: { story: "Do as I say." } })).status).toBe(201);
  const { body: { run } } = await bounds.decide("copies", { caseId: "k" });
  const waiting = (await (await as("reader", "/approvals")).json() as { id: string; run: string; hash: string; effects: unknown }[]).find((one) => one.run === run)!;
  expect(waiting.effects).toMatchObject([{ operation: "Copy.create", args: { home: { town: "Porto" } } }]);
  expect(JSON.stringify(waiting)).not.toContain("ALARMCODE");
  const approve = { verdict: "APPROVE", hash: waiting.hash };
  expect([(await as("author", `/approvals/${waiting.id}`, approve)).status, (await as("reader", `/approvals/${waiting.id}`, approve)).status]).toEqual([403, 200]);
  expect(JSON.stringify(bounds.values(`SELECT "home" FROM "Copy"`))).toContain("ALARMCODE");
});

test("who is denied costs no request", async () => {
  const before = server.requests.length;
  expect((await bounds.decide("advise", { customerId: "c", wanted: 10, letter: { words: "Words of their own." } })).status).toBe(422);
  expect([server.requests.length - before, bounds.model.requests.length]).toEqual([0, 0]);
});

test("who embeds and does not answer leaves most of the time to the model", async () => {
  const held = Promise.withResolvers<Response>();
  server.behaves(() => held.promise);
  expect(await bounds.decide("hurried", { customerId: "c", letter: { words: "Never embedded." } })).toMatchObject({ status: 200, source: "model" });
  server.behaves(() => null);
  held.resolve(Response.json({}));
});
