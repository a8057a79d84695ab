// A model behind a provider's API, through the AI SDK's model objects: their wire formats, none of their loops. What they throw and answer is
// classified here; an answer that did not end as the model wanted is no answer.
import type { LanguageModelV3, LanguageModelV3CallOptions, LanguageModelV3Content, LanguageModelV3FinishReason, LanguageModelV3Message, LanguageModelV3Usage } from "@ai-sdk/provider";
import { ModelFailure, type Model, type ModelAnswer, type ModelMessage, type ModelRequest } from "./model.ts";

export interface ProviderModelParts {
  readonly alias: string;
  readonly price: Model["price"];
  /** Made when it is first asked: providers' packages take their time to load. */
  load(): Promise<LanguageModelV3>;
  readonly id: string;
  /** Longer texts are no answer. */
  readonly answerBytes: number;
}

export function providerModel(parts: ProviderModelParts): Model {
  let loaded: Promise<LanguageModelV3> | null = null;
  return {
    alias: parts.alias, id: parts.id, price: parts.price,
    async ask(request, signal) {
      const model = await (loaded ??= parts.load());
      try {
        const { content, finishReason, usage } = await model.doGenerate({ ...optionsOf(request), abortSignal: signal });
        return bounded(answerOf(content, finishReason, usage), parts.answerBytes);
      } catch (error) {
        throw signal.aborted ? new ModelFailure("provider_timeout", "the model was given up", { cause: error }) : failureOf(error);
      }
    },
  };
}

function optionsOf({ messages, tools, maxOutputTokens }: ModelRequest): LanguageModelV3CallOptions {
  return {
    prompt: messages.map(messageOf),
    tools: tools.map(({ name, description, parameters }) => ({ type: "function", name, description, inputSchema: parameters as never })),
    toolChoice: { type: "required" },
    maxOutputTokens,
  };
}

function messageOf(message: ModelMessage): LanguageModelV3Message {
  switch (message.role) {
    case "system": return { role: "system", content: message.text };
    case "user": return { role: "user", content: [{ type: "text", text: message.text }] };
    case "assistant": return {
      role: "assistant",
      content: [...(message.text === "" ? [] : [{ type: "text" as const, text: message.text }]), ...message.calls.map(({ id, name, arguments: text }) => ({ type: "tool-call" as const, toolCallId: id, toolName: name, input: readable(text) }))],
    };
    case "tool": return { role: "tool", content: message.results.map(({ id, name, json }) => ({ type: "tool-result", toolCallId: id, toolName: name, output: { type: "json", value: JSON.parse(json) as never } })) };
  }
}

/** Providers want JSON where the model may have written none. */
function readable(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function answerOf(content: readonly LanguageModelV3Content[], finish: LanguageModelV3FinishReason, usage: LanguageModelV3Usage): ModelAnswer {
  const calls = content.flatMap((part) => (part.type === "tool-call" ? [{ id: part.toolCallId, name: part.toolName, arguments: part.input }] : []));
  const text = content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
  return { text, calls, finish: finishOf(finish), usage: { input: sensible(usage.inputTokens?.total), output: sensible(usage.outputTokens?.total) } };
}

/** A missing reason is none. */
function finishOf({ unified, raw }: LanguageModelV3FinishReason): ModelAnswer["finish"] {
  if (raw === undefined || raw === "") return "other";
  switch (unified) {
    case "stop": case "tool-calls": return "complete";
    case "length": return "cut";
    case "content-filter": return "filtered";
    default: return "other";
  }
}

function sensible(tokens: number | undefined): number | null {
  return tokens !== undefined && Number.isSafeInteger(tokens) && tokens >= 0 ? tokens : null;
}

function bounded(answer: ModelAnswer, bytes: number): ModelAnswer {
  const size = answer.text.length + answer.calls.reduce((sum, call) => sum + call.name.length + call.arguments.length, 0);
  if (size > bytes) throw new ModelFailure("output_invalid", `the answer has more than ${bytes} characters`);
  return answer;
}

interface ApiError { readonly statusCode?: number; readonly isRetryable?: boolean; readonly responseHeaders?: Readonly<Record<string, string>> }

const RETRY_AFTER_S_MAX = 3_600;

/** By what was answered, never by its words. */
function failureOf(error: unknown): ModelFailure {
  const { statusCode, responseHeaders } = (error ?? {}) as ApiError;
  const message = error instanceof Error ? error.message : String(error);
  if (statusCode === undefined) {
    // Without a status the connection failed; with a parse error the answer was none.
    const isConnection = /fetch|connect|socket|network|closed|ECONN|terminated/i.test(message);
    return new ModelFailure(isConnection ? "provider_unavailable" : "output_invalid", message, { isRetryable: isConnection, cause: error });
  }
  if (statusCode === 429) return new ModelFailure("rate_limited", message, { isRetryable: true, retryAfterMs: retryAfterMs(responseHeaders), cause: error });
  if (statusCode >= 500 || statusCode === 408 || statusCode === 409) return new ModelFailure("provider_unavailable", message, { isRetryable: true, retryAfterMs: retryAfterMs(responseHeaders), cause: error });
  if (statusCode >= 200 && statusCode < 300) return new ModelFailure("output_invalid", message, { isRetryable: false, cause: error });
  return new ModelFailure("provider_unavailable", message, { cause: error });
}

function retryAfterMs(headers: Readonly<Record<string, string>> | undefined): number | null {
  const seconds = Number(headers?.["retry-after"]);
  return Number.isFinite(seconds) && seconds >= 0 && seconds <= RETRY_AFTER_S_MAX ? seconds * 1_000 : null;
}
