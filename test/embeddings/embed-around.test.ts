// @embed beside everything else: followed queries, transactions, forgetting, copies of the data, and `ambit test`, where nobody is asked.
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { runAmbit } from "../processes/ambit-command.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { DIMENSIONS, startEmbeddingServer, type EmbeddingServer } from "./embedding-server.ts";
import { comesTrue } from "../processes/waits.ts";

const schema = `
type Person @table @export @allow(to: ["clerk"], do: [READ, CREATE, DELETE]) @personal(of: "id") { id: ID! @primaryKey }
type Note @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  text: String
  count: Int! @default(value: 0)
  meaning: Vector @embed(from: ["text"]) @indexed(type: VECTOR)
  personId: ID
  person: Person @relationship(from: "personId", onDelete: CASCADE)
  bump: Note! @action @allow(to: ["clerk"])
}
type Number @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE]) { id: Long! @primaryKey text: String meaning: Vector @embed(from: ["text"]) }`;
const resources = `/// <reference path="./.ambit/types.d.ts" />
import { Table } from "ambit";
export class Note extends Table("Note") {
  async bump() {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return this.update({ count: this.count + 1 });
  }
}`;

const scratch = scratchFolder();
let server: EmbeddingServer;
let app: StartedApp;
beforeEach(async () => {
  server = startEmbeddingServer();
  app = await startTestApp({ schema, resources, config: `${keysFor("clerk")}models:\n  embedding: { provider: openai-compatible, url: "${server.url}", model: words, dimensions: ${DIMENSIONS} }\n` });
});
afterEach(async () => {
  await app.stop();
  await server.stop();
});
afterAll(() => scratch.remove());

async function send<Body>(method: string, path: string, body?: unknown, token = "key-clerk"): Promise<{ status: number; body: Body }> {
  const answer = await fetch(`${app.url}${path}`, { method, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await answer.text();
  return { status: answer.status, body: (text === "" ? null : JSON.parse(text)) as Body };
}
interface Note { readonly id: string; readonly count: number; readonly meaning: readonly number[] | null }

test("who follows a query that shows the vector is told of it, once; who does not is not", async () => {
  const follow = async (path: string): Promise<{ text: () => string; stop: () => void }> => {
    const gone = new AbortController();
    const answer = await fetch(`${app.url}${path}`, { headers: { authorization: "Bearer key-clerk", accept: "text/event-stream" }, signal: gone.signal });
    let text = "";
    void (async () => { for await (const chunk of answer.body!) text += new TextDecoder().decode(chunk); })().catch(() => {});
    return { text: () => text, stop: () => gone.abort() };
  };
  const [shown, other] = [await follow("/Note?select=id,meaning"), await follow("/Note?select=id,text")];
  await send("POST", "/Note", { id: "a", text: "red" });
  await app.running.embedder.settled();
  await comesTrue(() => shown.text().includes("update"));
  const events = (text: string): number => text.split("\n").filter((line) => line.startsWith("data:") && line.includes('"a"')).length;
  expect([events(shown.text()), events(other.text())]).toEqual([2, 1]);
  shown.stop();
  other.stop();
});

test("transactions that read a record while its vector comes lose nothing", async () => {
  await send("POST", "/Note", { id: "a", text: "0" });
  for (let round = 1; round <= 10; round++) {
    const bumped = send<Note>("POST", "/Note/a/bump", {});
    await send("PATCH", "/Note/a", { text: `text ${round}` });
    expect((await bumped).status).toBe(200);
  }
  await app.running.embedder.settled();
  const { body } = await send<Note>("GET", "/Note/a");
  expect([body.count, body.meaning !== null]).toEqual([10, true]);
});

test("keys of 64 bits", async () => {
  await send("POST", "/Number", [{ id: "9007199254740993", text: "one" }, { id: "9007199254740992", text: "other" }, { id: -5, text: "third" }]);
  await app.running.embedder.settled();
  const { body } = await send<Note[]>("GET", "/Number?select=id,meaning&order=id");
  expect(body.map(({ id, meaning }) => [id, meaning?.length])).toEqual([["-5", DIMENSIONS], ["9007199254740992", DIMENSIONS], ["9007199254740993", DIMENSIONS]]);
  expect(server.texts.toSorted()).toEqual(["one", "other", "third"]);
});

test("forgetting somebody leaves nothing of what their texts were made into", async () => {
  await send("POST", "/Person", { id: "p1" });
  await send("POST", "/Note", [{ id: "a", text: "theirs", personId: "p1" }, { id: "b", text: "nobody's" }]);
  await app.running.embedder.settled();
  expect((await send("POST", "/admin/forget", { subject: "p1" }, adminToken)).status).toBe(200);
  const file = new Database(join(app.directory, "data", "data.db"), { readonly: true });
  expect(file.query(`SELECT "key" FROM "$embedding"`).values()).toEqual([["b"]]);
  expect(file.query(`SELECT count(*) FROM "$log" WHERE "entry" LIKE '%theirs%'`).values()).toEqual([[0]]);
  file.close();
});

test("ambit test: scripted, without a provider, and there once jobs have run", async () => {
  const folder = scratch.app({
    "config.yaml": `${keysFor("clerk")}models: { embedding: { provider: openai, model: m, key: "\${NO_SUCH_KEY}", dimensions: 32 } }\n`,
    "schema.graphql": schema, "resources.ts": resources,
    "near.test.ts": `import { expect, test } from "ambit/test";
      test("near", async (app) => {
        const clerk = app.as("u", "clerk");
        for (const [id, text] of [["a", "plant a tree"], ["b", "bake bread"]]) await clerk.post("/Note", { id, text });
        await app.runJobs();
        const { body } = await clerk.get("/Note?similar=who bakes bread&select=id,meaning");
        expect(body.map(({ id, meaning }) => [id, meaning.length])).toEqual([["b", 32], ["a", 32]]);
      });`,
  });
  const { objects, out } = await runAmbit(["test", folder, "--json"], { temporary: scratch.path });
  expect([out, objects().map(({ test: name, status }) => [name, status])]).toEqual([expect.anything(), [["near", "passed"]]]);
}, 120_000);
