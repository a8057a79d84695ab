// What providers of embeddings answer: vectors in the order of the texts, as long as the alias says, and else a failure by its kind.
import { expect, test } from "bun:test";
import type { Fetch } from "./exchange.ts";
import { loadEmbedding, type ProviderName } from "./load-provider.ts";
import { ModelFailure, type EmbeddingAnswer } from "./model.ts";
import { providerEmbedding } from "./provider-embedding.ts";
import { scriptedEmbedding } from "./scripted-embedding.ts";

interface Sent { readonly url: string; readonly body: { readonly [name: string]: unknown }; readonly headers: Headers }

function asking(provider: ProviderName, answer: (sent: Sent) => unknown, { url = null as string | null, dimensions = 2 } = {}) {
  const sent: Sent[] = [];
  const fetch: Fetch = async (to, init) => {
    const one = { url: String(to), body: JSON.parse(String(init?.body)) as Sent["body"], headers: new Headers(init?.headers) };
    sent.push(one);
    return Response.json(answer(one));
  };
  const model = providerEmbedding({ alias: "embedding", id: "m", price: null, dimensions, asksForDimensions: provider !== "openai-compatible", fetch, load: (exchange) => loadEmbedding({ provider, model: "m", url, key: "k", fetch: exchange }) });
  return { sent, ask: (texts: readonly string[], signal = new AbortController().signal): Promise<EmbeddingAnswer> => model.ask(texts, signal) };
}

const openai = (vectors: readonly unknown[], usage: unknown = { prompt_tokens: 4, total_tokens: 4 }) => ({ object: "list", data: vectors.map((embedding, index) => ({ object: "embedding", index, embedding })), model: "m", usage });

test("openai: asked for the dimensions, as numbers, with its key", async () => {
  const { ask, sent } = asking("openai", () => openai([[0.123456789, -1], [0, 1e-9]]));
  expect(await ask(["a", "b"])).toEqual({ vectors: [[0.12345679, -1], [0, 1e-9]], tokens: 4 });
  expect(sent.map(({ url, body, headers }) => [url, body["input"], body["dimensions"], body["encoding_format"], headers.get("authorization")])).toEqual([["https://api.openai.com/v1/embeddings", ["a", "b"], 2, "float", "Bearer k"]]);
});

test("openai-compatible: dimensions are its own business", async () => {
  const { ask, sent } = asking("openai-compatible", () => openai([[1, 2]], null), { url: "http://127.0.0.1:1/v1" });
  expect(await ask(["a"])).toEqual({ vectors: [[1, 2]], tokens: null });
  expect([sent[0]!.url, sent[0]!.body["dimensions"]]).toEqual(["http://127.0.0.1:1/v1/embeddings", undefined]);
});

test("google: one text and several, in one request each", async () => {
  const { ask, sent } = asking("google", ({ url }) => (url.includes(":batch") ? { embeddings: [{ values: [1, 0] }, { values: [0, 1] }] } : { embedding: { values: [1, 1] } }));
  expect((await ask(["a"])).vectors).toEqual([[1, 1]]);
  expect((await ask(["a", "b"])).vectors).toEqual([[1, 0], [0, 1]]);
  expect(sent.map(({ url }) => new URL(url).pathname.split(":")[1])).toEqual(["embedContent", "batchEmbedContents"]);
  expect(JSON.stringify(sent[1]!.body)).toContain('"outputDimensionality":2');
});

test.each([
  ["fewer", openai([[1, 2]])], ["more", openai([[1, 2], [1, 2], [1, 2]])], ["shorter", openai([[1, 2], [1]])], ["nulls", openai([[1, 2], [null, 2]])], ["zeros", openai([[1, 2], [0, -0]])],
  ["too large", openai([[1, 2], [1e300, 2]])], ["zeros in effect", openai([[1, 2], [1e-60, 0]])], ["another order", { data: [{ index: 1, embedding: [1, 2] }, { index: 0, embedding: [1, 2] }] }], ["another format", { vectors: [] }], ["nothing", null],
])("%s is no answer", async (_, answer) => {
  const failure = await asking("openai-compatible", () => answer, { url: "http://127.0.0.1:1/v1" }).ask(["a", "b"]).then(() => null, (error: unknown) => error as ModelFailure);
  expect([failure instanceof ModelFailure, failure?.reason, failure?.isRetryable]).toEqual([true, "output_invalid", false]);
});

test("an error for an answer may pass; a message of the provider is nowhere", async () => {
  const failure = await asking("openai-compatible", () => ({ error: { message: "WORDS" } }), { url: "http://127.0.0.1:1/v1" }).ask(["a"]).then(() => null, (error: unknown) => error as ModelFailure);
  expect([failure?.reason, failure?.isRetryable, failure?.message.includes("WORDS")]).toEqual(["provider_unavailable", true, false]);
  const late = await asking("openai-compatible", () => { throw new Error("gone"); }, { url: "http://127.0.0.1:1/v1" }).ask(["a"], AbortSignal.abort()).then(() => null, (error: unknown) => error as ModelFailure);
  expect(late?.reason).toBe("provider_timeout");
});

test("scripted: the more words two texts share, the nearer they are", async () => {
  const cosine = (one: readonly number[], other: readonly number[]): number => one.reduce((sum, number, index) => sum + number * other[index]!, 0);
  const { vectors: [a, b, c, again, empty] } = await scriptedEmbedding("x", 64).ask(["plant a tree", "a tree to plant", "sail away", "plant a tree", ""], new AbortController().signal);
  expect(again).toEqual(a!);
  expect(cosine(a!, b!)).toBeGreaterThan(cosine(a!, c!));
  expect(empty!.some((number) => number !== 0)).toBe(true);
});
