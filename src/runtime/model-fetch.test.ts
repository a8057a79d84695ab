// The switch of tests: no model of any provider beyond this machine, however its address is written; and whose addresses models may have else.
import { afterAll, expect, test } from "bun:test";
import type { Fetch } from "../models/exchange.ts";
import { loadProvider, loadQuestionProvider, type ProviderName } from "../models/load-provider.ts";
import type { ModelFailure } from "../models/model.ts";
import { providerModel } from "../models/provider-model.ts";
import { asksQuestions } from "../models/questions.ts";
import { questionWireOf, wireOf } from "../models/wire.ts";
import { loadConfig } from "./config.ts";
import { modelFetchOf } from "./start-outbox.ts";

let requests = 0;
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => { requests++; return new Response("{}"); } });
afterAll(() => server.stop(true));

const providers: readonly ProviderName[] = ["openai-compatible", "openai", "anthropic", "google"];

/** What comes of a request, the server here being asked or not. */
async function outcome(provider: ProviderName, url: string, { text = "", isForbidden = true, isQuestions = false } = {}): Promise<string> {
  requests = 0;
  const { config } = loadConfig("config.yaml", `models: { default: { provider: ${provider}, model: m, url: "${url}" } }\n${text}`, {});
  const settings = { model: "m", url: config.models["default"]?.url ?? null, key: "k" };
  const spoken = isQuestions && asksQuestions(provider) ? { wire: questionWireOf(provider), load: (fetch: Fetch) => loadQuestionProvider({ ...settings, provider, fetch }) } : { wire: wireOf(provider), load: (fetch: Fetch) => loadProvider({ ...settings, provider, fetch }) };
  const model = providerModel({
    ...spoken, alias: "default", id: "m", price: null, fetch: modelFetchOf(config, isForbidden), parse: (given) => JSON.parse(given), isStream: false, answerBytes: 1_000,
  });
  const asked = await model.ask({ messages: [{ role: "user", text: "u" }], tools: [{ name: "answer", description: "Ends.", parameters: { type: "object", properties: { yes: { type: "boolean" } } } }], maxOutputTokens: 1 }, AbortSignal.timeout(5_000)).then(() => null, (error: unknown) => error as ModelFailure);
  return requests > 0 ? "asked" : asked?.message ?? "";
}

const REFUSED = "no answer: OUTBOUND_REFUSED";

const ways = [...providers.map((provider) => [provider, false] as const), ["openai", true], ["google", true]] as const;

test.each(ways)("%s, questions %p: nobody beyond this machine is asked", async (provider, isQuestions) => {
  for (const url of [
    "https://api.example.com/v1", "http://8.8.8.8/v1", "http://134744072/v1", "http://0x08080808/v1", "http://010.8.8.8/v1", "http://8.8.8.8./v1", "http://[2001:4860:4860::8888]/v1", "http://[::ffff:8.8.8.8]/v1", "http://[::ffff:808:808]/v1",
    "http://localhost@8.8.8.8/v1", "http://127.0.0.1:80@8.8.8.8/v1", "http://localhost.example.com/v1", "http://127.0.0.1.example.com/v1", "http://localhost%2eexample.com/v1", "http://169.254.169.254/v1", "http://10.0.0.1/v1", "http://0.0.0.0/v1", "http://[::]/v1",
    "http://localhost:80@127.0.0.1/v1",
  ]) expect([url, await outcome(provider, url, { isQuestions })]).toEqual([url, REFUSED]);
  for (const host of ["127.0.0.1", "localhost", "localhost.", "LOCALHOST", "2130706433", "0x7f000001", "127.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"]) {
    expect([host, await outcome(provider, `http://${host}:${server.port}/v1`, { isQuestions })]).toEqual([host, "asked"]);
  }
});

test.each(providers)("%s: without an address of its own it is the provider's, which tests do not ask", async (provider) => {
  if (provider === "openai-compatible") return;
  const { config } = loadConfig("config.yaml", `models: { default: { provider: ${provider}, model: m } }`, {});
  const refused = modelFetchOf(config, true)("https://api.anthropic.com/v1").then(() => "", (error: unknown) => String((error as { code?: unknown }).code));
  expect(await refused).toBe("OUTBOUND_REFUSED");
});

test("a model's own address may be private where others may not", async () => {
  const here = `http://127.0.0.1:${server.port}/v1`;
  expect(await outcome("openai", here, { text: "outbound: {}", isForbidden: false })).toBe("asked");
  const { config } = loadConfig("config.yaml", `models: { default: { provider: openai, model: m, url: "${here}" } }\noutbound: {}`, {});
  await expect(modelFetchOf(config, false)("http://10.0.0.1/")).rejects.toThrow("10.0.0.1");
});
