// Spans around what the server asks of others: HTTP calls, which carry the trace context along, and models, by the conventions for generative AI.
import type { SpanAttributes, Tracer } from "../base/tracer.ts";
import type { Model } from "../models/model.ts";
import type { ModelSettings } from "./config.ts";

export type Fetch = (url: string | URL | Request, init?: RequestInit) => Promise<Response>;

export function tracedFetch(fetch: Fetch, tracer: Tracer): Fetch {
  return (url, init) => {
    const request = url instanceof Request ? url : null;
    const method = init?.method ?? request?.method ?? "GET";
    const attributes: SpanAttributes = { "http.request.method": method, "server.address": hostOf(request?.url ?? String(url)) };
    return tracer.span(method, { kind: "client", attributes }, async (span) => {
      const headers = new Headers(init?.headers ?? request?.headers);
      const traceparent = tracer.traceparent();
      if (traceparent !== null && !headers.has("traceparent")) headers.set("traceparent", traceparent);
      const response = await fetch(url, { ...init, headers });
      span.set({ "http.response.status_code": response.status });
      if (response.status >= 400) span.failed(String(response.status));
      return response;
    });
  };
}

function hostOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).hostname : null;
}

/** As the conventions name them. */
const PROVIDERS: Readonly<Record<ModelSettings["provider"], string>> = { anthropic: "anthropic", openai: "openai", google: "gcp.gemini", "openai-compatible": "openai" };

export function tracedModel(model: Model, provider: ModelSettings["provider"], tracer: Tracer): Model {
  return {
    ...model,
    ask: (request, signal) => tracer.span(`chat ${model.id}`, {
      kind: "client",
      attributes: { "gen_ai.operation.name": "chat", "gen_ai.provider.name": PROVIDERS[provider], "gen_ai.request.model": model.id, "gen_ai.request.max_tokens": request.maxOutputTokens, "ambit.model.alias": model.alias },
    }, async (span) => {
      const answer = await model.ask(request, signal);
      span.set({ "gen_ai.response.finish_reasons": [answer.finish], "gen_ai.usage.input_tokens": answer.usage.input, "gen_ai.usage.output_tokens": answer.usage.output });
      return answer;
    }),
  };
}
