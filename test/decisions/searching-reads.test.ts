// What a model searches for in the app's texts, and what a context does: words are values, under the rights of whoever asks.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";

const schema = `type Told { found: Int! }
type Topic @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey about: String! }
type Article @table @export @allow(to: ["support"], do: [READ], where: "record.shown") { id: ID! @primaryKey shown: Boolean! text: String! @indexed(type: TEXT) hidden: String @secret @indexed(type: TEXT) }
type Decisions {
  """Look it up."""
  look(topicId: ID!): Told! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "topic", query: "Topic/{input.topicId}")
    @context(name: "known", query: "Article?search={topic.about}&select=id&order=id")
    @mayRead(name: "articles", query: "Article?search={?words: String}&shown=eq.true&select=id,text&order=id&limit=5", max: 9)
    @bound(name: "all", rule: "out.found <= known.size()")
    @fallback(value: { found: 0 })
}`;

let bounds: BoundsApp;
beforeAll(async () => {
  bounds = await startBoundsApp(schema);
  await bounds.write("Topic", "t", { about: "red shoes" });
  await bounds.write("Article", "a", { shown: true, text: "Red shoes are fast.", hidden: "canary" });
  await bounds.write("Article", "b", { shown: false, text: "red shoes that nobody may see" });
  await bounds.write("Article", "c", { shown: true, text: "Blue hats." });
});
afterAll(async () => { await bounds?.stop(); });

test("words find texts; what a model writes there is no operator of the query; the author's contexts see all", async () => {
  const words = ["shoes", "hats OR shoes", "-red", "", "shoes&shown=eq.false", "canary", "\\u0000"];
  bounds.model.script = (_, count) => (count === 1 ? words.map((one) => ({ name: "articles", arguments: { words: one } })) : [answers({ found: 2 })]);
  expect(await bounds.decide("look", { topicId: "t" })).toMatchObject({ status: 200, source: "model", body: { found: 2 } });
  const [first, second] = bounds.model.requests;
  expect((JSON.parse(String(first!.messages[1]!.content)) as { contexts: { known: object } }).contexts.known).toEqual([{ id: "a" }, { id: "b" }]);
  const told = second!.messages.filter(({ role }) => role === "tool").map(({ content }) => (JSON.parse(String(content)) as { id: string }[]).map(({ id }) => id));
  expect(told).toEqual([["a"], ["a", "c"], [], [], [], [], []]);
});
