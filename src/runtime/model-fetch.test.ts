// The switch of tests: no model of any provider beyond this machine, however its address is written; and whose addresses models may have else.
import { afterAll, expect, test } from "bun:test";
import { loadProvider, type ProviderName } from "../models/load-provider.ts";
import type { ModelFailure } from "../models/model.ts";
import { providerModel } from "../models/provider-model.ts";
import { wireOf } from "../models/wire.ts";
import { loadConfig } from "./config.ts";
import { modelFetchOf } from "./start-outbox.ts";

let requests = 0;
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => { requests++; return new Response("{}"); } });
afterAll(() => server.stop(true));

const providers: readonly ProviderName[] = ["openai-compatible", "openai", "anthropic", "google"];

/** What comes of a request, the server here being asked or not. */
async function outcome(provider: ProviderName, url: string, { text = "", isForbidden = true } = {}): Promise<string> {
  requests = 0;
  const { config } = loadConfig("config.yaml", `models: { default: { provider: ${provider}, model: m, url: "${url}" } }\n${text}`, {});
  const model = providerModel({
    alias: "default", id: "m", price: null, wire: wireOf(provider), fetch: modelFetchOf(config, isForbidden), parse: (given) => JSON.parse(given), isStream: false, answerBytes: 1_000,
    load: (fetch) => loadProvider({ provider, model: "m", url: config.models["default"]?.url ?? null, key: "k", fetch }),
  });
  const asked = await model.ask({ messages: [{ role: "user", text: "u" }], tools: [], maxOutputTokens: 1 }, AbortSignal.timeout(5_000)).then(() => null, (error: unknown) => error as ModelFailure);
  return requests > 0 ? "asked" : asked?.message ?? "";
}

const REFUSED = "no answer: OUTBOUND_REFUSED";

test.each(providers)("%s: nobody beyond this machine is asked", async (provider) => {
  for (const url of [
    "https://api.example.com/v1", "http://8.8.8.8/v1", "http://134744072/v1", "http://0x08080808/v1", "http://010.8.8.8/v1", "http://8.8.8.8./v1", "http://[2001:4860:4860::8888]/v1", "http://[::ffff:8.8.8.8]/v1", "http://[::ffff:808:808]/v1",
    "http://localhost@8.8.8.8/v1", "http://127.0.0.1:80@8.8.8.8/v1", "http://localhost.example.com/v1", "http://127.0.0.1.example.com/v1", "http://localhost%2eexample.com/v1", "http://169.254.169.254/v1", "http://10.0.0.1/v1", "http://0.0.0.0/v1", "http://[::]/v1",
    "http://localhost:80@127.0.0.1/v1",
  ]) expect([url, await outcome(provider, url)]).toEqual([url, REFUSED]);
  for (const host of ["127.0.0.1", "localhost", "localhost.", "LOCALHOST", "2130706433", "0x7f000001", "127.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"]) {
    expect([host, await outcome(provider, `http://${host}:${server.port}/v1`)]).toEqual([host, "asked"]);
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
