// Vectors beside memories: of one record alone, under the conditions of reading, gone with what they are of.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { connect } from "./connection.ts";
import { addMemory, forgetMemories, memoryDdl, readMemories, renameMemories, trimMemory, type MemoryPlace, type NewMemory } from "./memory-rows.ts";
import { hasOtherVectors, keepMemoryVector, memoriesWithoutVector, memoryVectors, renewMemoryVectors, reviveMemoryVectors } from "./memory-vectors.ts";

const place: MemoryPlace = { tenant: null, about: "Customer:1" };

function opened() {
  const connection = connect(new Database(":memory:"), 50);
  for (const sql of memoryDdl) connection.execute(sql);
  const add = (id: string, more: Partial<NewMemory> = {}, where = place): void => addMemory(connection, where, {
    id, kind: "fact", predicate: "note", value: "1", validFromMs: 0, validToMs: null, knownFromMs: 1, episode: null, isUntrusted: false, run: null, actor: null, text: `text of ${id}`, ...more,
  });
  const embed = (model = "m"): void => { for (const { id } of memoriesWithoutVector(connection, 100)) keepMemoryVector(connection, id, { model, vector: [id.charCodeAt(0) - 96, 0.5] }); };
  const near = (where = place, more: { model?: string; predicates?: string[]; knownMs?: number; sinceMs?: number | null } = {}): string[] =>
    memoryVectors(connection, where, { model: "m", predicates: ["note"], knownMs: 10, sinceMs: null, ...more }).map(({ id }) => id);
  return { connection, add, embed, near };
}

test("of the record that is named, in its tenant; as it was known then, of these predicates, and of this model", () => {
  const { connection, add, embed, near } = opened();
  add("a");
  add("b", { knownFromMs: 5 });
  add("c", { kind: "episode", predicate: null });
  add("d", { predicate: "other" });
  add("e", {}, { tenant: "t", about: "Customer:1" });
  add("f", {}, { tenant: null, about: "Customer:2" });
  add("g", { text: null });
  add("h", { text: "" });
  expect(memoriesWithoutVector(connection, 2).map(({ text }) => text)).toEqual(["text of a", "text of b"]);
  embed();
  expect(near()).toEqual(["c", "b", "a"]);
  expect([near({ tenant: "t", about: "Customer:1" }), near({ tenant: null, about: "Customer:2" }), near({ tenant: "u", about: "Customer:1" })]).toEqual([["e"], ["f"], []]);
  expect([near(place, { knownMs: 4 }), near(place, { sinceMs: 4 }), near(place, { predicates: ["other"] }), near(place, { model: "n" })]).toEqual([["c", "a"], ["b"], ["d", "c"], []]);
  expect([...memoryVectors(connection, place, { model: "m", predicates: ["note"], knownMs: 4, sinceMs: null })[1]!.vector]).toEqual([1, 0.5]);
  expect(readMemories(connection, place, { ids: ["f", "b", "e", "a", "d"], predicates: ["note"], knownMs: 10, sinceMs: null }).map(({ id }) => id)).toEqual(["b", "a"]);
});

test("another model's are made anew; those that got none wait for the next start", () => {
  const { connection, add, embed, near } = opened();
  add("a");
  embed();
  expect([hasOtherVectors(connection, "m"), hasOtherVectors(connection, "n"), renewMemoryVectors(connection, "n"), near()]).toEqual([false, true, 1, []]);
  keepMemoryVector(connection, memoriesWithoutVector(connection, 1)[0]!.id, { model: "n", vector: [] });
  expect([memoriesWithoutVector(connection, 1), near(place, { model: "n" })]).toEqual([[], []]);
  reviveMemoryVectors(connection);
  expect(memoriesWithoutVector(connection, 1)).toHaveLength(1);
});

test("they go with what they are of, and move with its record's name", () => {
  const { connection, add, embed, near } = opened();
  for (const id of ["a", "b", "c"]) add(id, { run: id });
  add("other", {}, { tenant: null, about: "Customer:2" });
  embed();
  trimMemory(connection, place, { max: 2, nowMs: 20 });
  expect(near()).toEqual(["c", "b"]);
  forgetMemories(connection, { tenant: undefined, abouts: [], runs: ["c"] });
  expect(near()).toEqual(["b"]);
  renameMemories(connection, new Map([["Customer", "Client"]]));
  expect(near({ tenant: null, about: "Client:1" })).toEqual(["b"]);
  forgetMemories(connection, { tenant: undefined, abouts: ["Client:1"], runs: [] });
  expect(connection.values(`SELECT count(*) FROM "$memory_vector"`)).toEqual([[1]]);
});

test("a vector that comes after its memory has gone is nobody's, though another has its number", () => {
  const { connection, add, near } = opened();
  add("a");
  const asked = memoriesWithoutVector(connection, 1)[0]!;
  forgetMemories(connection, { tenant: undefined, abouts: [place.about], runs: [] });
  add("b");
  keepMemoryVector(connection, asked.id, { model: "m", vector: [1, 1] });
  expect([near(), memoriesWithoutVector(connection, 9).map(({ text }) => text)]).toEqual([[], ["text of b"]]);
});
