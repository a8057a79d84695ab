// From the settings of an alias to a model object of its provider. The packages are loaded when a model is first asked, not when the server starts.
import type { LanguageModelV3 } from "@ai-sdk/provider";
import { assert } from "../base/assert.ts";

export type ProviderName = "anthropic" | "openai" | "google" | "openai-compatible";

export interface ProviderSettings {
  readonly provider: ProviderName;
  readonly model: string;
  /** Null: the provider's own; demanded of openai-compatible. */
  readonly url: string | null;
  /** Null: none is needed, as of a model on this machine. */
  readonly key: string | null;
  readonly fetch: (url: string | URL | Request, init?: RequestInit) => Promise<Response>;
}

export async function loadProvider({ provider, model, url, key, fetch }: ProviderSettings): Promise<LanguageModelV3> {
  const common = { ...(url === null ? {} : { baseURL: url }), ...(key === null ? {} : { apiKey: key }), fetch: fetch as typeof globalThis.fetch };
  switch (provider) {
    case "anthropic": return (await import("@ai-sdk/anthropic")).createAnthropic({ ...common, apiKey: key ?? "" })(model);
    case "openai": return (await import("@ai-sdk/openai")).createOpenAI({ ...common, apiKey: key ?? "" })(model);
    case "google": return (await import("@ai-sdk/google")).createGoogleGenerativeAI({ ...common, apiKey: key ?? "" })(model);
    case "openai-compatible": {
      assert(url !== null, "an openai-compatible model has a url");
      return (await import("@ai-sdk/openai-compatible")).createOpenAICompatible({ ...common, name: "compatible", baseURL: url })(model);
    }
  }
}
