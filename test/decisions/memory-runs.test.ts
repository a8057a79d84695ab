// Memory in the life of runs: replayed and shadowed from what was recorded, part of what STRICT certifies, bounded, worked over by decisions that begin
// by themselves, and read by those that are asked for advice.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { decisions } from "../../src/runtime/decisions.ts";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";
import type { ChatRequest } from "../models/scripted-model.ts";
import { until } from "../processes/waits.ts";

const about = `@memory(about: "'Customer:' + input.customerId", reads: ["mood", "note"], writes: ["mood", "note"])`;
const ask = (name: string, more: string, mode = "ENFORCE"): string => `
  """Advise."""
  ${name}(customerId: ID!, mail: String @untrusted): Advice! @decision(mode: ${mode}) @export @allow(to: ["support"]) ${more} @fallback(value: { credit: 0 })`;
const schema = `type Advice { credit: Int! }
enum Mood { FINE ANGRY }
type Facts { mood: Mood @allow(to: ["support"]) note: String @length(max: 3000) @allow(to: ["support"]) }
type Customer @table @export @allow(to: ["support", "decision:sum", "decision:nightly"], do: [READ]) { id: ID! @primaryKey sums: Int! @default(value: 0) }
type Decisions {
${ask("plain", about)}
${ask("strict", `@memory(about: "'Customer:' + input.customerId", reads: ["mood"])`).replace("mode: ENFORCE", "mode: ENFORCE, freshness: STRICT")}
${ask("shadow", about, "SHADOW")}
${ask("recent", `@memory(about: "'Customer:' + input.customerId", reads: ["mood", "note"], maxAge: "PT1H")`)}
${ask("asks", `@mayAsk(decision: "adviser")`)}
${ask("adviser", `@memory(about: "'Customer:' + input.customerId", reads: ["note"])`)}
${ask("called", `@memory(about: "'Customer:' + input.customerId", reads: ["mood"]) @bound(name: "calm", rule: "mem.mood == null || mem.mood != 'ANGRY' || out.credit > 0")`).replace("@fallback(value: { credit: 0 })", `@fallback(call: "byMood")`)}
  """Sum up what is known of customers that were written to."""
  sum(customerId: ID!): Advice! @decision(mode: ENFORCE) @on(change: "Customer?sums=gte.1", input: "{customerId: record.id}") ${about} @fallback(value: { credit: 0 })
  """Sum up, each night."""
  nightly(customerId: ID!): Advice! @decision(mode: ENFORCE) @every(cron: "0 3 * * *", input: "{'customerId': 'c1'}") ${about} @fallback(value: { credit: 0 })
}`;
const resources = `import { fallbacks } from "ambit";
export const Fallbacks = fallbacks({ byMood: (_input, { mem }) => ({ credit: (mem as { mood: string | null }).mood === "ANGRY" ? 5 : 0 }) });
`;

let bounds: BoundsApp;
beforeAll(async () => { bounds = await startBoundsApp(schema, { resources, config: "limits: { memoryRows: 12, memoryBytes: 200, memoryWrites: 3, memoryRecalled: 2 }\n" }); });
afterAll(async () => { await bounds?.stop(); });

let customer = "";
let next = 0;
beforeEach(async () => {
  customer = `m${++next}`;
  bounds.model.requests.length = 0;
  bounds.model.script = () => [answers({ credit: 1 })];
  await bounds.write("Customer", customer, {});
});

const post = async (facts: object): Promise<number> => (await fetch(`${bounds.app.url}/memory/Customer/${customer}`, {
  method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify(facts),
})).status;
const keep = (...facts: readonly (readonly [string, unknown])[]): void => {
  bounds.model.script = (_request, count) => [...(count === 1 ? facts.map(([predicate, value]) => ({ name: "remember", arguments: { predicate, value } })) : []), answers({ credit: 1 })];
};
const rows = (where = ""): readonly (readonly unknown[])[] => bounds.values(`SELECT "kind", "predicate", "value", "untrusted" FROM "$memory" WHERE "about" = 'Customer:${customer}' ${where} ORDER BY "number"`);
const known = (request: ChatRequest): { [name: string]: unknown }[] => (JSON.parse(request.messages[1]!.content as string) as { memory: { known: { [name: string]: unknown }[] }[] }).memory[0]!.known;

test("a replay is over what was remembered then, whatever is by now", async () => {
  await post({ note: "before" });
  keep(["note", "kept"], ["mood", "ANGRY"]);
  const runs = [(await bounds.decide("plain", { customerId: customer })).run, (await bounds.decide("called", { customerId: customer })).run, (await bounds.decide("plain", { customerId: customer, mail: "hostile" })).run];
  await post({ note: "after", mood: "FINE" });
  const { storage: { reader }, loaded } = bounds.app.running;
  expect(runs.map((run) => decisions.audit!.replay(reader, run, loaded)!).filter(({ outcome }) => outcome !== "SAME")).toEqual([]);
});

test("a fallback sees what is known, and bounds hold it to that", async () => {
  await post({ mood: "ANGRY" });
  bounds.model.script = () => [answers({ credit: 0 })];
  expect(await bounds.decide("called", { customerId: customer })).toMatchObject({ body: { credit: 5 }, source: "fallback" });
});

test("STRICT falls back when anything remembered has changed, an episode too", async () => {
  await bounds.decide("strict", { customerId: customer });
  bounds.model.script = async (_request, count) => {
    if (count === 2) await post({ note: "meanwhile" });
    return [answers({ credit: 1 })];
  };
  expect(await bounds.decide("strict", { customerId: customer })).toMatchObject({ source: "fallback", reason: "conflict" });
});

test("a shadow reads what its primary has read, and leaves nothing", async () => {
  await post({ note: "seen by both" });
  keep(["mood", "ANGRY"]);
  const before = rows().length;
  expect(await bounds.decide("shadow", { customerId: customer })).toMatchObject({ source: "fallback", reason: "mode_shadow" });
  await until(() => bounds.values(`SELECT 1 FROM "$decision" WHERE "state" = 'SHADOWED'`).length > 0);
  expect(known(bounds.model.requests[0]!)[0]).toMatchObject({ value: "seen by both" });
  // The episode of the primary alone.
  expect([rows(`AND "predicate" = 'mood'`), rows().length]).toEqual([[], before + 1]);
});

test("rows of a record are bounded: what is not believed any more goes first, then what is over, and episodes", async () => {
  for (let index = 0; index < 20; index++) expect(await post({ mood: index % 2 === 0 ? "FINE" : "ANGRY" })).toBe(201);
  await post({ note: "believed" });
  expect(rows()).toHaveLength(12);
  expect(rows(`AND "kind" = 'fact' AND "knownTo" IS NULL AND "validTo" IS NULL`)).toEqual([["fact", "mood", '"ANGRY"', 0], ["fact", "note", '"believed"', 0]]);
});

test("so many facts of one request, so large, and so many episodes are read", async () => {
  expect([await post({ note: "x".repeat(199) }), await post({ note: "x".repeat(197) })]).toEqual([400, 201]);
  keep(["note", "1"], ["note", "2"], ["note", "3"], ["note", "4"]);
  await bounds.decide("plain", { customerId: customer });
  expect(JSON.stringify(bounds.model.requests[1]?.messages ?? rows(`AND "predicate" = 'note' AND "knownTo" IS NULL`))).toContain("3");
  for (let index = 0; index < 5; index++) await post({ mood: index % 2 === 0 ? "FINE" : "ANGRY" });
  await bounds.decide("plain", { customerId: customer });
  expect(known(bounds.model.requests.at(-1)!).filter(({ episode }) => episode !== undefined)).toHaveLength(2);
});

test("what is older than maxAge is not read", async () => {
  await post({ note: "old" });
  bounds.app.clock.advance(3_600_001);
  await post({ mood: "FINE" });
  await bounds.decide("recent", { customerId: customer });
  expect(known(bounds.model.requests[0]!).map(({ predicate }) => predicate ?? "episode")).toEqual(["mood", "episode"]);
});

test("whoever is asked for advice reads what is known, and taints by it", async () => {
  keep(["note", "planted"]);
  await bounds.decide("plain", { customerId: customer, mail: "hostile" });
  bounds.model.requests.length = 0;
  bounds.model.script = (request, count) => {
    const isAsking = request.tools.some((tool) => tool.function.name === "adviser");
    return isAsking && count === 1 ? [{ name: "adviser", arguments: { customerId: customer } }] : [answers({ credit: 1 })];
  };
  expect(await bounds.decide("asks", { customerId: customer })).toMatchObject({ source: "model", taint: "UNTRUSTED" });
  expect(known(bounds.model.requests[1]!)[0]).toMatchObject({ quoted: '"planted"', taint: "UNTRUSTED" });
});

test("consolidation: a decision that begins by itself reads facts and keeps its own, under the join of their labels", async () => {
  keep(["note", "said by a stranger"]);
  await bounds.decide("plain", { customerId: customer, mail: "hostile" });
  keep(["mood", "ANGRY"]);
  bounds.model.requests.length = 0;
  await bounds.write("Customer", customer, { sums: 1 });
  await until(() => rows(`AND "predicate" = 'mood'`).length > 0);
  expect(rows(`AND "predicate" = 'mood'`)).toEqual([["fact", "mood", '"ANGRY"', 1]]);
  expect(bounds.app.running.loaded.catalog.decisions.get("nightly")).toBeDefined();
});
