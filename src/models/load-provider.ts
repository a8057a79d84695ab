// From the settings of an alias to a model object of its provider. The packages are loaded when a model is first asked, not when the server starts.
// Nothing is taken from the environment: where a model is and with which key stands in config.yaml alone.
import type { EmbeddingModelV4, Experimental_DecisionModelV4, LanguageModelV4 } from "@ai-sdk/provider";
import { assert } from "../base/assert.ts";
import type { Fetch } from "./exchange.ts";
import type { QuestionProvider } from "./questions.ts";

export type ProviderName = "anthropic" | "openai" | "google" | "openai-compatible";

export interface ProviderSettings {
  readonly provider: ProviderName;
  readonly model: string;
  /** Null: the provider's own; demanded of openai-compatible. */
  readonly url: string | null;
  /** Null: none is needed, as of a model on this machine. */
  readonly key: string | null;
  readonly fetch: Fetch;
}

const OWN_URLS: Readonly<Record<ProviderName, string | null>> = {
  anthropic: "https://api.anthropic.com/v1", openai: "https://api.openai.com/v1", google: "https://generativelanguage.googleapis.com/v1beta", "openai-compatible": null,
};

export async function loadProvider({ provider, model, url, key, fetch: given }: ProviderSettings): Promise<LanguageModelV4> {
  const keyed = keyedAs({ provider, url, key, fetch: given });
  const { baseURL, fetch } = keyed;
  switch (provider) {
    case "anthropic": return (await import("@ai-sdk/anthropic")).createAnthropic(keyed)(model);
    case "openai": return (await import("@ai-sdk/openai")).createOpenAI(keyed)(model);
    case "google": return (await import("@ai-sdk/google")).createGoogle(keyed)(model);
    case "openai-compatible": return (await import("@ai-sdk/openai-compatible")).createOpenAICompatible({ name: "compatible", baseURL, fetch, includeUsage: true, ...(key === null ? {} : { apiKey: key }) })(model);
  }
}

/** Its endpoint that answers questions and writes nothing. */
export async function loadQuestionProvider({ provider, model, url, key, fetch }: ProviderSettings & { readonly provider: QuestionProvider }): Promise<Experimental_DecisionModelV4> {
  const keyed = keyedAs({ provider, url, key, fetch });
  switch (provider) {
    case "openai": return (await import("@ai-sdk/openai")).createOpenAI(keyed).decisionModel(model);
    case "google": return (await import("@ai-sdk/google")).createGoogle(keyed).decisionModel(model);
  }
}

/** Of `openai`, `google` and `openai-compatible`: the others have none. */
export async function loadEmbedding({ provider, model, url, key, fetch }: ProviderSettings): Promise<EmbeddingModelV4> {
  assert(provider !== "anthropic", "the provider has embedding models");
  const keyed = keyedAs({ provider, url, key, fetch });
  switch (provider) {
    case "openai": return (await import("@ai-sdk/openai")).createOpenAI(keyed).embeddingModel(model);
    case "google": return (await import("@ai-sdk/google")).createGoogle(keyed).embeddingModel(model);
    case "openai-compatible": return (await import("@ai-sdk/openai-compatible")).createOpenAICompatible({ name: "compatible", baseURL: keyed.baseURL, fetch: keyed.fetch, ...(key === null ? {} : { apiKey: key }) }).embeddingModel(model);
  }
}

function keyedAs({ provider, url, key, fetch }: Omit<ProviderSettings, "model">): { readonly baseURL: string; readonly fetch: typeof globalThis.fetch; readonly apiKey: string } {
  const baseURL = url ?? OWN_URLS[provider];
  assert(baseURL !== null, "an openai-compatible model has a url");
  return { baseURL, fetch: fetch as typeof globalThis.fetch, apiKey: key ?? "" };
}
