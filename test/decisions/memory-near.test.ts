// Memories that share no word with the question, found by their vectors: of the record that is asked about alone, the same in replay and commit, and
// without a model for it words alone.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { decisions } from "../../src/runtime/decisions.ts";
import { answerWith, startEmbeddingServer, type EmbeddingServer } from "../embeddings/embedding-server.ts";
import type { ChatRequest } from "../models/scripted-model.ts";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";
import { comesTrue } from "../processes/waits.ts";

const ask = (name: string, more = ""): string => `
  """Advise."""
  ${name}(customerId: ID!, about: String! = "", pin: String @secret): Advice! @decision(mode: ENFORCE${more}) @export @allow(to: ["support"])
    @memory(about: "'Customer:' + input.customerId", reads: ["note"]) @fallback(value: { credit: 0 })`;
const schema = `type Advice { credit: Int! }
type Facts { note: String @allow(to: ["support"]) other: String @allow(to: ["support"]) }
type Customer @table @export @allow(to: ["support"], do: [READ]) @personal(of: "id") { id: ID! @primaryKey }
type Decisions { ${ask("advise")} ${ask("strict", ", freshness: STRICT")} }`;

/** What texts are about, whatever their words. */
const CONCEPTS = [/car|automobile|engine/, /tree|oak|forest/, /bread|bake|flour/];
const vectorOf = (text: string): number[] => [...CONCEPTS.map((concept) => (concept.test(text) ? 1 : 0)), 0.05];

let server: EmbeddingServer;
let bounds: BoundsApp;
beforeAll(async () => {
  server = startEmbeddingServer();
  bounds = await startBoundsApp(schema, { config: "limits: { memoryRecalled: 2, embeddingQueryMs: 300, embeddingDelayMs: 20, embeddingDelayMaxMs: 50, modelAttempts: 1, modelFailures: 1000, embeddingCache: 0 }\n", models: `, embedding: { provider: openai-compatible, model: concepts, url: "${server.url}", dimensions: 4 }` });
});
afterAll(async () => {
  await bounds.stop();
  await server.stop();
});

let customer = "";
let next = 0;
beforeEach(async () => {
  customer = `m${++next}`;
  bounds.model.requests.length = 0;
  bounds.model.script = () => [answers({ credit: 1 })];
  server.behaves(({ input }) => answerWith(input.map(vectorOf)));
  await bounds.write("Customer", customer, {});
});

async function post(id: string, note: string): Promise<void> {
  const { status } = await fetch(`${bounds.app.url}/memory/Customer/${id}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify({ note }) });
  expect(status).toBe(201);
}
/** Each note closes the one before; the last two are read anyway, as episodes or as what holds. */
async function remember(id: string, ...notes: readonly string[]): Promise<void> {
  for (const note of [...notes, "something else", "the last"]) await post(id, note);
  await bounds.app.running.embedder.settled();
}
const known = (request: ChatRequest): unknown[] => (JSON.parse(request.messages[1]!.content as string) as { memory: { known: { value: unknown }[] }[] }).memory[0]!.known.map(({ value }) => value);
const asked = async (about: string, name = "advise"): Promise<unknown[]> => {
  expect(await bounds.decide(name, { customerId: customer, about, pin: "1234 car" })).toMatchObject({ status: 200, source: "model" });
  return known(bounds.model.requests.at(-1)!);
};

test("what is near comes to mind though it shares no word, after all that is read anyway", async () => {
  await remember(customer, "bought a car", "planted an oak", "bakes on Sundays");
  expect(await asked("an automobile")).toEqual(["the last", undefined, undefined, "bought a car", expect.anything()]);
  expect((await asked("the forest"))[3]).toBe("planted an oak");
  expect(await asked("nothing of the kind")).not.toContain("1234 car");
});

test("of another record nothing comes to mind, however near it is", async () => {
  await bounds.write("Customer", "other", {});
  await remember("other", "repairs an engine", "flour");
  await remember(customer, "planted an oak");
  expect(JSON.stringify(await asked("an automobile"))).not.toContain("engine");
  expect(server.texts).not.toContain("1234 car");
});

test("where there is nothing to be found nobody is asked", async () => {
  const before = server.requests.length;
  await asked("an automobile");
  expect(server.requests.slice(before).flatMap(({ input }) => input)).not.toContain("an automobile");
});

test("what words and nearness find comes first of all that is found", async () => {
  await remember(customer, "a walk in the forest", "bought a car", "drives a car in the forest of flour");
  expect((await asked("car")).slice(3)).toEqual(["bought a car", "drives a car in the forest of flour"]);
});

test("a replay shows the same, whatever is remembered by then; STRICT has no conflict", async () => {
  await remember(customer, "bought a car", "planted an oak");
  const run = async (name: string): Promise<string> => (await bounds.decide(name, { customerId: customer, about: "automobile" })).run;
  const runs = [await run("advise"), await run("strict")];
  expect(bounds.values(`SELECT "state" FROM "$decision" WHERE "id" IN ('${runs.join("', '")}')`)).toEqual([["DECIDED"], ["DECIDED"]]);
  await remember(customer, "an engine");
  const { storage: { reader }, loaded } = bounds.app.running;
  expect(runs.map((id) => decisions.audit!.replay(reader, id, loaded)!.outcome)).toEqual(["SAME", "SAME"]);
});

test("what came to mind is kept with the run before its model is asked", async () => {
  await remember(customer, "bought a car", "planted an oak");
  let kept: readonly (readonly unknown[])[] = [];
  bounds.model.script = () => {
    kept = bounds.values(`SELECT "admission" ->> '$.brought' FROM "$decision" WHERE "admission" ->> '$.input.customerId' = '${customer}'`);
    return [answers({ credit: 1 })];
  };
  await asked("automobile");
  const [[id]] = bounds.values(`SELECT "id" FROM "$memory" WHERE "about" = 'Customer:${customer}' AND "value" = '"bought a car"' AND "kind" = 'fact' ORDER BY "number"`) as [[string]];
  expect((JSON.parse(kept[0]![0] as string) as string[])[0]).toBe(id);
});

test("where no model answers, words find all the same", async () => {
  await remember(customer, "bought a car", "planted an oak");
  server.behaves(() => new Response("", { status: 500 }));
  expect((await asked("automobile or oak")).slice(3)).toEqual(["planted an oak"]);
  server.behaves(async () => {
    await Bun.sleep(1_000);
    return null;
  });
  expect((await asked("automobile and oak")).slice(3)).toEqual(["planted an oak"]);
});

test("what was remembered while the provider failed is found once it is back", async () => {
  server.behaves(() => new Response("", { status: 503 }));
  await remember(customer, "bought a car");
  server.behaves(({ input }) => answerWith(input.map(vectorOf)));
  const waiting = (): number => bounds.values(`SELECT count(*) FROM "$memory_vector" WHERE "vector" IS NULL`)[0]![0] as number;
  await comesTrue(() => waiting() === 0);
  expect((await asked("automobile")).slice(3)).toContain("bought a car");
});

test("what the provider refuses is found by words, and holds up nothing", async () => {
  server.behaves(({ input }) => (input.some((text) => text.includes("engine")) ? new Response("", { status: 400 }) : answerWith(input.map(vectorOf))));
  await remember(customer, "an engine", "bought a car");
  expect((await asked("automobile")).slice(3)).toContain("bought a car");
  expect((await asked("an engine of old")).slice(3)).toContain("an engine");
});

test("forgetting takes the vectors along", async () => {
  await remember(customer, "bought a car");
  const left = (): unknown => bounds.values(`SELECT count(*) FROM "$memory_vector" WHERE "number" NOT IN (SELECT "number" FROM "$memory")`)[0]![0];
  const [[all]] = bounds.values(`SELECT count(*) FROM "$memory_vector"`) as [[number]];
  const response = await fetch(`${bounds.app.url}/admin/forget`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer administrator-token-of-tests" }, body: JSON.stringify({ subject: customer }) });
  expect(response.status).toBe(200);
  expect(left()).toBe(0);
  expect(bounds.values(`SELECT count(*) FROM "$memory_vector"`)[0]![0]).toBeLessThan(all);
});
