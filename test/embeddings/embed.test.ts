// @embed over a whole app and a provider on loopback: what is filled when, what is asked and what is not, and what happens when it fails.
import { afterEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { answerWith, DIMENSIONS, startEmbeddingServer, vectorsOf, type EmbeddingServer } from "./embedding-server.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Note @table(history: "P1D") @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) @secret(where: "record.kept") {
  id: ID! @primaryKey
  title: String
  text: String
  kept: Boolean! @default(value: false)
  number: Int
  updatedAt: DateTime! @updatedTime
  meaning: Vector @embed(from: ["title", "text"]) @indexed(type: VECTOR)
}`;
const config = (url: string, more = "", limits = ""): string => `${keysFor("clerk")}models:\n  embedding: { provider: openai-compatible, url: "${url}", model: words, dimensions: ${DIMENSIONS} ${more} }\nlimits: { embeddingDelayMs: 20, embeddingDelayMaxMs: 60 ${limits} }\n`;

let server: EmbeddingServer;
let app: StartedApp;
afterEach(async () => {
  await app.stop();
  await server.stop();
});

async function start({ of = schema, limits = "", more = "" } = {}): Promise<void> {
  server = startEmbeddingServer();
  app = await startTestApp({ schema: of, config: config(server.url, more, limits) });
}

interface Note { readonly code: string; readonly meaning: readonly number[] | null; readonly updatedAt: string; readonly sense: readonly number[] }

async function send<Body = Note>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<{ status: number; body: Body; etag: string | null }> {
  const answer = await fetch(`${app.url}${path}`, { method, headers: { authorization: "Bearer key-clerk", "content-type": "application/json", ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await answer.text();
  return { status: answer.status, etag: answer.headers.get("etag"), body: (text === "" ? null : JSON.parse(text)) as Body };
}

const settled = (): Promise<void> => app.running.embedder.settled();
const meaning = async (id: string): Promise<readonly number[] | null> => (await send("GET", `/Note/${id}`)).body.meaning;

test("a text is embedded after its commit, once, and neither version nor time move", async () => {
  await start();
  const made = await send("POST", "/Note", { id: "a", title: "red", text: "apples" });
  expect([made.status, (await send("GET", "/Note/a")).status]).toEqual([201, 200]);
  await settled();
  const filled = await send("GET", "/Note/a");
  const [vector] = await vectorsOf(["red\n\napples"]);
  expect(filled.body.meaning).toEqual(vector!);
  expect(server.texts).toEqual(["red\n\napples"]);
  await send("PATCH", "/Note/a", { number: 7 });
  await settled();
  expect(server.texts).toHaveLength(1);
  const [before, changed] = [filled, await send("GET", "/Note/a")];
  await send("PATCH", "/Note/a", { text: "pears" }, { "if-match": changed.etag! });
  const written = await send("GET", "/Note/a");
  await settled();
  const after = await send("GET", "/Note/a");
  expect([after.etag, after.body.updatedAt]).toEqual([written.etag, written.body.updatedAt]);
  expect(after.body.meaning).not.toEqual(before.body.meaning);
  expect(server.texts).toEqual(["red\n\napples", "red\n\npears"]);
  // Versions of a history are what somebody wrote.
  expect((await send<{ change: string; cause: string }[]>("GET", "/Note/a/history")).body.map(({ change, cause }) => `${change} ${cause}`)).toEqual(["updated write", "updated write", "created write"]);
});

test("without text there is no vector, at once; a secret record's text is never sent", async () => {
  await start();
  await send("POST", "/Note", [{ id: "a", title: "red" }, { id: "b" }, { id: "c", title: "hidden", kept: true }]);
  await settled();
  expect([await meaning("a"), await meaning("b"), await meaning("c")]).toEqual([(await vectorsOf(["red"]))[0]!, null, null]);
  expect((await send("PATCH", "/Note/a", { title: " " })).status).toBe(204);
  expect(await meaning("a")).toBeNull();
  await send("PATCH", "/Note/a", { title: "blue" });
  await settled();
  await send("PATCH", "/Note/a", { kept: true });
  expect(await meaning("a")).toBeNull();
  await send("PATCH", "/Note/c", { kept: false });
  await settled();
  expect(await meaning("c")).not.toBeNull();
  expect(server.texts).toEqual(["red", "blue", "hidden"]);
});

test("nobody sets it", async () => {
  await start();
  const [vector] = await vectorsOf(["x"]);
  expect((await send("POST", "/Note", { id: "a", title: "red", meaning: vector })).body.code).toBe("READ_ONLY_FIELD");
  await send("POST", "/Note", { id: "a", title: "red" });
  await settled();
  expect((await send("PATCH", "/Note/a", { meaning: vector })).body.code).toBe("READ_ONLY_FIELD");
  expect((await send("PUT", "/Note/a", { title: "red", meaning: null })).status).toBe(204);
  expect(await meaning("a")).not.toBeNull();
});

test("texts that wait go together, and what is deleted meanwhile is left out", async () => {
  await start({ limits: ", embeddingTexts: 3" });
  let release = (): void => {};
  const held = new Promise<null>((resolve) => { release = () => resolve(null); });
  server.behaves((_, count) => (count === 1 ? held : null));
  await send("POST", "/Note", { id: "first", title: "first" });
  await until(() => server.requests.length === 1);
  for (let index = 0; index < 5; index++) await send("POST", "/Note", { id: `n${index}`, title: `number ${index}` });
  await send("DELETE", "/Note/n1");
  release();
  await settled();
  expect(server.requests.map(({ input }) => input.length)).toEqual([1, 3, 1]);
  expect(server.texts).not.toContain("number 1");
  expect(app.running.embedder.stats()).toMatchObject({ waiting: 0, givenUp: 0, filled: 5, requests: 3, tokens: 15 });
});

test("an answer that is out of date is dropped", async () => {
  await start();
  let release = (): void => {};
  const held = new Promise<null>((resolve) => { release = () => resolve(null); });
  server.behaves((_, count) => (count === 1 ? held : null));
  await send("POST", "/Note", { id: "a", title: "old" });
  await until(() => server.requests.length === 1);
  await send("PATCH", "/Note/a", { title: "new" });
  release();
  await settled();
  expect(await meaning("a")).toEqual((await vectorsOf(["new"]))[0]!);
  expect(server.texts).toEqual(["old", "new"]);
});

const vector = (value: unknown): unknown[] => Array.from({ length: DIMENSIONS }, () => value);
const failures: Record<string, () => Response> = {
  "429": () => new Response("slow down", { status: 429, headers: { "retry-after": "0" } }), "500": () => new Response("", { status: 500 }), "401": () => new Response("", { status: 401 }),
  "half an answer": () => new Response('{"data":[{"embedding":[0.1,'), "no JSON": () => new Response("<html>"), "an error with 200": () => Response.json({ error: { message: "no" } }),
  "other dimensions": () => answerWith([[1, 2, 3]]), "too few": () => answerWith([]), "too many": () => answerWith([vector(1), vector(1)]), "nulls": () => answerWith([vector(null)]),
  "texts": () => answerWith([vector("1")]), "infinite": () => answerWith([vector(1e300)]), "zeros": () => answerWith([vector(0)]), "in another order": () => Response.json({ data: [{ index: 1, embedding: vector(1) }] }),
  "endless": () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(32)) })),
};

test.each(Object.keys(failures))("%s: nothing is written, and it is tried again", async (name) => {
  await start();
  server.behaves((_, count) => (count <= 4 ? failures[name]!() : null));
  expect((await send("POST", "/Note", { id: "a", title: "vermilion" })).status).toBe(201);
  await until(() => server.requests.length >= 1);
  expect(await meaning("a")).toBeNull();
  await until(async () => (await meaning("a")) !== null);
  expect(await meaning("a")).toEqual((await vectorsOf(["vermilion"]))[0]!);
  expect(app.log.join("\n")).not.toContain("vermilion");
});

test("one that is slow is left alone in time, and holds up no writes", async () => {
  await start({ limits: ", embeddingMs: 50" });
  server.behaves(async (_, count) => {
    if (count === 1) await Bun.sleep(400);
    return null;
  });
  await send("POST", "/Note", { id: "a", title: "red" });
  expect((await send("PATCH", "/Note/a", { number: 1 })).status).toBe(204);
  await until(async () => (await meaning("a")) !== null);
  expect(server.requests.length).toBeGreaterThanOrEqual(2);
});

test("a text that the provider does not take is given up, and holds up none of the others", async () => {
  await start({ limits: ", embeddingAttempts: 2" });
  server.behaves(({ input }) => (input.some((text) => text.includes("poison")) ? new Response("", { status: 400 }) : null));
  await send("POST", "/Note", Array.from({ length: 9 }, (_, index) => ({ id: `n${index}`, title: index === 4 ? "poison" : `number ${index}` })));
  await until(() => app.running.embedder.stats().givenUp === 1 && app.running.embedder.stats().waiting === 0);
  for (let index = 0; index < 9; index++) expect([index, await meaning(`n${index}`) === null]).toEqual([index, index === 4]);
  expect(app.log.filter((line) => line.includes("embedding-given-up"))).toHaveLength(1);
  const asked = server.requests.length;
  await send("PATCH", "/Note/n4", { title: "remedy" });
  await settled();
  expect([await meaning("n4") !== null, server.requests.length]).toEqual([true, asked + 1]);
});

test("a provider that fails whatever it is asked makes nobody give up at once", async () => {
  await start({ limits: ", embeddingAttempts: 3" });
  let isBroken = true;
  server.behaves(({ input }) => (isBroken ? answerWith(input.map(() => [1, 2])) : null));
  await send("POST", "/Note", Array.from({ length: 20 }, (_, index) => ({ id: `n${index}`, title: `number ${index}` })));
  await until(() => app.running.embedder.stats().failures >= 2);
  expect(app.running.embedder.stats().givenUp).toBe(0);
  isBroken = false;
  await until(() => app.running.embedder.stats().waiting === 0);
  expect(app.running.embedder.stats()).toMatchObject({ filled: 20, givenUp: 0 });
});

test("records that were there before are filled, and all anew by another model; what did not change is not asked again", async () => {
  await start({ of: schema.replace(' @embed(from: ["title", "text"])', "").replace("(type: VECTOR)", `(type: VECTOR, dimensions: ${DIMENSIONS})`) });
  const [byHand] = await vectorsOf(["by hand"]);
  await send("POST", "/Note", [{ id: "a", title: "red" }, { id: "b", title: "blue", meaning: byHand }, { id: "c", meaning: byHand }]);
  const reload = async (files: Record<string, string>): Promise<void> => {
    for (const [file, text] of Object.entries(files)) writeFileSync(join(app.directory, file), text);
    expect((await app.running.reload({ typeCheck: false })).filter(({ severity }) => severity === "error")).toEqual([]);
    await Bun.sleep(0);
    await until(async () => {
      await settled();
      return app.running.embedder.stats().waiting === 0;
    });
  };
  await reload({ "schema.graphql": schema });
  await until(async () => (await meaning("b")) !== null && (await meaning("c")) === null);
  expect([await meaning("a"), await meaning("b"), await meaning("c")]).toEqual([...await vectorsOf(["red", "blue"]), null]);
  const asked = server.texts.length;
  const wider = schema.replace("  number: Int\n", "  number: Int\n  more: Int\n");
  await reload({ "schema.graphql": wider });
  expect(server.texts).toHaveLength(asked);
  await reload({ "schema.graphql": wider.replace('["title", "text"]', '["title"]') });
  expect(server.texts).toHaveLength(asked);
  server.behaves(async ({ input }) => answerWith(await vectorsOf(input, 32)));
  await reload({ "config.yaml": config(server.url).replace(`dimensions: ${DIMENSIONS}`, "dimensions: 32") });
  await until(async () => (await meaning("a"))?.length === 32);
  expect(server.texts).toHaveLength(asked + 2);
  await reload({ "schema.graphql": wider.replace("title: String\n", 'caption: String @renamed(from: "title")\n').replace('["title", "text"]', '["caption", "text"]').replace("meaning: Vector", 'sense: Vector @renamed(from: "meaning")') });
  expect((await send("GET", "/Note/a")).body.sense.length).toBe(32);
  expect(server.texts).toHaveLength(asked + 2);
});

test("an index that says its dimensions goes along with its model", async () => {
  const of = (dimensions: number): string => schema.replace("(type: VECTOR)", `(type: VECTOR, dimensions: ${dimensions})`);
  await start({ of: of(DIMENSIONS) });
  await send("POST", "/Note", [{ id: "a", title: "red boat" }, { id: "b", title: "blue boat" }]);
  await settled();
  let release = (): void => {};
  const held = new Promise<void>((resolve) => { release = resolve; });
  server.behaves(async ({ input }) => {
    if (input.length > 1) await held;
    return answerWith(await vectorsOf(input, 32));
  });
  writeFileSync(join(app.directory, "schema.graphql"), of(32));
  writeFileSync(join(app.directory, "config.yaml"), config(server.url).replace(`dimensions: ${DIMENSIONS}`, "dimensions: 32"));
  expect(await app.running.reload({ typeCheck: false })).toEqual([]);
  expect((await send("GET", "/Note?similar=red&select=id")).status).toBe(200);
  release();
  await until(async () => (await meaning("a"))?.length === 32 && (await meaning("b"))?.length === 32);
  expect((await send<{ id: string }[]>("GET", "/Note?similar=red&select=id")).body).toEqual([{ id: "a" }, { id: "b" }]);
});

test("without its key nothing is asked, and all is there once it has one", async () => {
  server = startEmbeddingServer();
  app = await startTestApp({ schema, config: config(server.url, ', key: "${NO_SUCH_KEY}"') });
  await send("POST", "/Note", { id: "a", title: "red" });
  await settled();
  expect([server.requests.length, await meaning("a"), app.running.embedder.stats().waiting]).toEqual([0, null, 1]);
  writeFileSync(join(app.directory, "config.yaml"), config(server.url));
  await app.running.reload({ typeCheck: false });
  await until(async () => (await meaning("a")) !== null);
});
