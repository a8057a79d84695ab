// Embedding models by alias: what is sent of a text, what is kept of what was looked for, how many go together, and when a provider is left alone.
import { expect, test } from "bun:test";
import { fakeClock } from "../base/clock.ts";
import { defaultLimits, type Limits } from "../base/limits.ts";
import { createLog } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import { EmbeddingFailure } from "../resources/embedding-port.ts";
import { loadConfig } from "./config.ts";
import { embeddingsOf } from "./embedding-models.ts";

function opened(limits: Partial<Limits> = {}, { dimensions = 2, isScripted = false, answer = null as (() => Response) | null } = {}) {
  const sent: string[][] = [];
  const used: number[] = [];
  const logged: string[] = [];
  let failed = 0;
  const clock = fakeClock();
  const local = `provider: openai-compatible, url: http://127.0.0.1:1/v1, model: m`;
  const { models } = loadConfig("config.yaml", `models:\n  embedding: { ${local}, dimensions: ${dimensions} }\n  same: { ${local}, dimensions: ${dimensions} }\n  other: { ${local}, dimensions: 3 }\n  talks: { ${local} }\n  unset: { provider: openai, model: m, key: "\${NO_SUCH}", dimensions: 2 }\n`, {}).config;
  const port = embeddingsOf({ models, limits: { ...defaultLimits, modelAttempts: 1, ...limits } }, {
    clock, random: seededRandom(1), isScripted, used: (tokens) => used.push(tokens), failed: () => failed++, remembered() {},
    log: createLog({ clock, sink: (line) => logged.push(line) }),
    fetch: async (_, init) => {
      const { input } = JSON.parse(String(init?.body)) as { input: string[] };
      sent.push(input);
      return answer?.() ?? Response.json({ data: input.map((text, index) => ({ index, embedding: Array.from({ length: dimensions }, () => text.length + 1) })), usage: { prompt_tokens: 2, total_tokens: 2 } });
    },
  });
  const until = { signal: new AbortController().signal, deadlineMs: clock.now() + 1_000 };
  return { port, sent, used, logged, failed: () => failed, clock, until, failure: (asking: Promise<unknown>) => asking.then(() => null, (error: unknown) => error as EmbeddingFailure) };
}

test("aliases with dimensions and a key are there; they are alike where their vectors can be compared", () => {
  const { port } = opened();
  expect(["embedding", "same", "other", "talks", "unset", "none"].map((alias) => port.of(alias)?.dimensions ?? null)).toEqual([2, 2, 3, null, null, null]);
  expect([port.of("same")!.identity === port.of("embedding")!.identity, port.of("other")!.identity === port.of("embedding")!.identity]).toEqual([true, false]);
  expect(opened({}, { isScripted: true }).port.of("unset")?.dimensions).toBe(2);
});

test("a long text is cut, and never within a character", async () => {
  const { port, sent, used, until } = opened({ embeddingLength: 4 });
  await port.of("embedding")!.embed(["abcdefgh", "abc😀", "ab"], until);
  expect(sent).toEqual([["abcd", "abc", "ab"]]);
  expect(used).toEqual([2]);
});

test("so many texts go together, fewer where vectors are long", () => {
  expect(opened({ embeddingTexts: 7 }).port.of("embedding")!.textsMax).toBe(7);
  expect(opened({}, { dimensions: 3_072 }).port.of("embedding")!.textsMax).toBe(16);
});

test("of what is looked for the last is kept", async () => {
  const { port, sent, until } = opened({ embeddingCache: 2 });
  const ask = (text: string): Promise<readonly number[]> => port.of("embedding")!.embedQuery(text, until);
  const first = await ask("a");
  for (const text of ["b", "a", "c", "a", "b"]) await ask(text);
  expect(sent.flat()).toEqual(["a", "b", "c", "b"]);
  expect(await ask("a")).toBe(first);
  const without = opened({ embeddingCache: 0 });
  for (let time = 0; time < 2; time++) await without.port.of("embedding")!.embedQuery("a", without.until);
  expect(without.sent).toHaveLength(2);
});

test("a provider that fails is left alone for a while, by all its aliases at that address", async () => {
  const { port, sent, clock, until, failure } = opened({ modelFailures: 2, modelPauseMs: 500 }, { answer: () => new Response("WORDS", { status: 503 }) });
  for (const alias of ["embedding", "same", "embedding", "other"]) {
    const error = await failure(port.of(alias)!.embed(["a"], until));
    expect([error instanceof EmbeddingFailure, error?.isAboutTexts, error?.message.includes("WORDS")]).toEqual([true, false, false]);
  }
  expect(sent).toHaveLength(2);
  clock.advance(600);
  await failure(port.of("embedding")!.embed(["a"], { ...until, deadlineMs: clock.now() + 1_000 }));
  expect(sent).toHaveLength(3);
});

test.each([[400, true], [413, true], [422, true], [401, false], [404, false], [429, false], [500, false]])("status %p is about the texts: %p", async (status, isAboutTexts) => {
  const { port, until, failure } = opened({}, { answer: () => new Response("", { status, headers: { "retry-after": "3" } }) });
  const error = await failure(port.of("embedding")!.embed(["a"], until));
  expect([error?.isAboutTexts, error?.retryAfterMs]).toEqual([isAboutTexts, status === 429 || status === 500 ? 3_000 : null]);
});

test("that a provider fails is logged once until it answers again, and counted each time; what a text or a caller is the cause of is no failure of it", async () => {
  let status = 503;
  const { port, logged, failed, clock, until, failure } = opened({ modelFailures: 100 }, { answer: () => (status === 200 ? Response.json({ data: [{ index: 0, embedding: [1, 2] }] }) : new Response("WORDS", { status })) });
  const events = (): unknown[] => logged.map((line) => { const { event, model } = JSON.parse(line) as { event: string; model: string }; return [event, model]; });
  const ask = (deadlineMs = clock.now() + 1_000, signal = until.signal): Promise<unknown> => failure(port.of("embedding")!.embedQuery("a", { signal, deadlineMs }));
  status = 400;
  await ask();
  await ask(undefined, AbortSignal.abort());
  expect([events(), failed()]).toEqual([[], 2]);
  status = 503;
  for (let time = 0; time < 3; time++) await ask();
  expect([events(), failed()]).toEqual([[["embedding-ceased", "embedding"]], 5]);
  status = 200;
  for (const text of ["b", "c"]) await port.of("embedding")!.embedQuery(text, until);
  status = 503;
  await ask();
  expect([events(), failed(), logged.join("").includes("WORDS")]).toEqual([[["embedding-ceased", "embedding"], ["embedding-resumed", "embedding"], ["embedding-ceased", "embedding"]], 6, false]);
});
