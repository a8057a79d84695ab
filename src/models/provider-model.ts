// A model behind a provider's API, through the AI SDK's model objects: their wire formats, none of their loops. An answer that did not end as the
// model wanted is no answer, and what a package throws is a failure by its kind, never by its words.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Experimental_DecisionModelV4, LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4Content, LanguageModelV4Message, LanguageModelV4StreamPart, LanguageModelV4ToolCall } from "@ai-sdk/provider";
import { asWritten, type ParseStrictly } from "./answer-body.ts";
import { askQuestions, unanswered } from "./ask-questions.ts";
import { Exchange, type Fetch } from "./exchange.ts";
import { ModelFailure, type Model, type ModelAnswer, type ModelCall, type ModelMessage, type ModelRequest } from "./model.ts";
import { at, hasRefusal, type Wire } from "./wire.ts";

export interface ProviderModelParts {
  readonly alias: string;
  readonly id: string;
  readonly price: Model["price"];
  readonly wire: Wire;
  /** Called with the first request, since its packages take their time. */
  load(fetch: Fetch): Promise<ProviderObject>;
  readonly fetch: Fetch;
  readonly parse: ParseStrictly;
  /** The answer comes in pieces. It is read to its end all the same. */
  readonly isStream: boolean;
  /** Longer texts are no answer. */
  readonly answerBytes: number;
}

type ProviderObject = LanguageModelV4 | Experimental_DecisionModelV4;

/** Of a stream many bytes are not text. */
const STREAM_OVERHEAD = 8;

/** Of the request that is under way here: one model object serves all, and what it fetches is this one's. */
const underWay = new AsyncLocalStorage<Exchange>();

export function providerModel(parts: ProviderModelParts): Model {
  const { wire, parse, fetch, isStream, answerBytes } = parts;
  let loading: Promise<ProviderObject> | null = null;
  const load = (): Promise<ProviderObject> => {
    loading ??= parts.load((url, init) => underWay.getStore()!.fetch(url, init)).catch((error: unknown) => {
      loading = null;
      throw error;
    });
    return loading;
  };
  return {
    alias: parts.alias, id: parts.id, price: parts.price,
    async ask(request, signal) {
      const exchange = new Exchange({ wire, parse, fetch, isStream, bytesMax: isStream ? answerBytes * STREAM_OVERHEAD : answerBytes });
      try {
        const model = await load();
        const said = await underWay.run(exchange, () => ("doDecide" in model ? answeredBy(model, request, { exchange, signal }) : saidBy(model, request, { isStream, signal })));
        return bounded(answerOf(said, exchange, wire), answerBytes);
      } catch (error) {
        if (signal.aborted) throw new ModelFailure("provider_timeout", "the model was given up");
        throw exchange.failure ?? failureOf(error, exchange);
      }
    },
  };
}

async function saidBy(model: LanguageModelV4, request: ModelRequest, { isStream, signal }: { readonly isStream: boolean; readonly signal: AbortSignal }): Promise<Said> {
  const options: LanguageModelV4CallOptions = { ...optionsOf(request), abortSignal: signal };
  return isStream ? collected((await model.doStream(options)).stream) : saidIn((await model.doGenerate(options)).content);
}

/** A body that was read, and of which the package makes no answers, says nothing. */
async function answeredBy(model: Experimental_DecisionModelV4, request: ModelRequest, { exchange, signal }: { readonly exchange: Exchange; readonly signal: AbortSignal }): Promise<Said> {
  try {
    return { text: "", ...await askQuestions(model, request, signal) };
  } catch (error) {
    if (exchange.body === null || exchange.failure !== null || signal.aborted) throw error;
    return { text: "", ...unanswered };
  }
}

/** What the package made of a body that could be read, or of the request. */
function failureOf(error: unknown, { isBegun }: Exchange): ModelFailure {
  if (error instanceof ModelFailure) return error;
  if (isBegun) return new ModelFailure("output_invalid", "the answer is not of the provider's format");
  return new ModelFailure("provider_unavailable", `the provider's package cannot ask: ${error instanceof Error ? error.name : typeof error}`);
}

function optionsOf({ messages, tools, maxOutputTokens }: ModelRequest): LanguageModelV4CallOptions {
  return {
    prompt: messages.map(messageOf),
    tools: tools.map(({ name, description, parameters }) => ({ type: "function", name, description, inputSchema: parameters as never })),
    toolChoice: { type: "required" },
    maxOutputTokens,
    // A provider keeps no copy where it can be told so.
    providerOptions: { openai: { store: false } },
  };
}

function messageOf(message: ModelMessage): LanguageModelV4Message {
  switch (message.role) {
    case "system": return { role: "system", content: message.text };
    case "user": return { role: "user", content: [{ type: "text", text: message.text }] };
    case "assistant": return {
      role: "assistant",
      content: [...(message.text === "" ? [] : [{ type: "text" as const, text: message.text }]), ...message.calls.map(({ id, name, arguments: text, signature }) => ({
        type: "tool-call" as const, toolCallId: id, toolName: name, input: readable(text), ...(signature === undefined ? {} : { providerOptions: { google: { thoughtSignature: signature } } }),
      }))],
    };
    // As text: a number that no double holds would become another one.
    case "tool": return { role: "tool", content: message.results.map(({ id, name, json }) => ({ type: "tool-result", toolCallId: id, toolName: name, output: { type: "text", value: json } })) };
  }
}

/** Providers want JSON where the model may have written none. */
function readable(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

interface Said extends Pick<ModelAnswer, "text" | "calls" | "probabilities"> { readonly isRefused?: boolean }

function saidIn(content: readonly LanguageModelV4Content[]): Said {
  return {
    text: content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join(""),
    calls: content.flatMap((part) => (part.type === "tool-call" ? callOf(part) : [])),
  };
}

async function collected(stream: ReadableStream<LanguageModelV4StreamPart>): Promise<Said> {
  let text = "";
  const calls: ModelCall[] = [];
  for await (const part of stream) {
    if (part.type === "text-delta") text += part.delta;
    else if (part.type === "tool-call") calls.push(...callOf(part));
    else if (part.type === "error") throw new ModelFailure("output_invalid", "the answer is not of the provider's format");
  }
  return { text, calls };
}

/** None of a call that the provider has carried out itself. One that a package took apart is whole again: what it holds was not called. */
function callOf({ toolCallId, toolName, input, providerExecuted, providerMetadata }: LanguageModelV4ToolCall): ModelCall[] {
  if (providerExecuted === true) return [];
  const whole = at(providerMetadata, "openai", "parallelToolCall");
  if (whole !== undefined) return at(whole, "index") === 0 ? [{ id: toolCallId, name: String(at(whole, "toolName")), arguments: String(at(whole, "input")) }] : [];
  const signature = at(providerMetadata, "google", "thoughtSignature");
  return [{ id: toolCallId, name: toolName, arguments: asWritten(input), ...(typeof signature === "string" ? { signature } : {}) }];
}

function answerOf({ text, calls, isRefused = false, probabilities }: Said, { body }: Exchange, wire: Wire): ModelAnswer {
  const documents = body?.documents ?? [];
  const finish = wire.finish(documents);
  const isRefusal = isRefused || (finish === "complete" && calls.length === 0 && documents.some(hasRefusal));
  return { text, calls, finish: isRefusal ? "filtered" : finish ?? "other", usage: wire.usage(documents), ...(probabilities === undefined ? {} : { probabilities }) };
}

function bounded(answer: ModelAnswer, bytes: number): ModelAnswer {
  const size = answer.text.length + answer.calls.reduce((sum, call) => sum + call.id.length + call.name.length + call.arguments.length, 0);
  if (size > bytes) throw new ModelFailure("output_invalid", `the answer has more than ${bytes} characters`);
  return answer;
}
