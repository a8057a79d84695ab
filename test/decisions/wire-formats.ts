// The formats that providers speak, written by hand: an answer as bytes of OpenAI chat completions, OpenAI responses, Anthropic messages and Google's
// generateContent, whole or as a stream of events.
import type { ProviderName } from "../../src/models/load-provider.ts";

export interface ToldCall { readonly name: string; /** As text, well-formed or not. */ readonly arguments: string }

/** What a model says. Texts of JSON stand in the body as they are. */
export interface Told {
  readonly calls?: readonly ToldCall[];
  readonly text?: string;
  /** Null: left out. */
  readonly end?: "complete" | "cut" | "filtered" | null;
  /** Of each figure; null: there are none. */
  readonly count?: string | null;
}

export interface WireFormat {
  readonly name: string;
  readonly provider: ProviderName;
  /** Where figures of tokens stand, for those that look. */
  readonly isStream: boolean;
  body(told: Told): string;
  /** What the model was told of its calls, in a request. */
  results(request: string): string[];
}

const USUAL = { calls: [], text: "", end: "complete", count: "100" } as const;
type Whole = Required<Told>;

/** JSON with parts that stand as they are. */
export class Raw {
  readonly text: string;
  constructor(text: string) { this.text = text; }
}

export function json(value: unknown): string {
  const raws: string[] = [];
  const text = JSON.stringify(value, (_name, item: unknown) => (item instanceof Raw ? `raw-${raws.push(item.text) - 1}-raw` : item));
  return text.replace(/"raw-(\d+)-raw"/g, (_, index: string) => raws[Number(index)]!);
}

const events = (documents: readonly unknown[], last = ""): string => documents.map((document) => {
  const type = (document as { type?: string }).type;
  return `${type === undefined ? "" : `event: ${type}\n`}data: ${json(document)}\n\n`;
}).join("") + last;
const halves = (text: string): [string, string] => [text.slice(0, text.length >> 1), text.slice(text.length >> 1)];
const figures = (count: string | null, ...names: string[]): object | undefined => (count === null ? undefined : Object.fromEntries(names.map((name) => [name, new Raw(count)])));

const chatEnd = { complete: "tool_calls", cut: "length", filtered: "content_filter" } as const;
const chatUsage = (count: string | null): object | undefined => figures(count, "prompt_tokens", "completion_tokens", "total_tokens");
const chatCall = ({ name, arguments: given }: ToldCall, index: number): object => ({ index, id: `call_${index}`, type: "function", function: { name, arguments: given } });

const chat = {
  body: ({ calls, text, end, count }: Whole): string => json({
    id: "c", object: "chat.completion", created: 1, model: "m", usage: chatUsage(count),
    choices: [{ index: 0, finish_reason: end === null ? null : chatEnd[end], message: { role: "assistant", content: text === "" ? null : text, tool_calls: calls.map(chatCall) } }],
  }),
  events({ calls, text, end, count }: Whole): string {
    const chunk = (delta: object, finish: string | null = null): object => ({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: finish }] });
    return events([
      chunk({ role: "assistant", content: text }),
      ...calls.flatMap((call, index) => [
        chunk({ tool_calls: [chatCall({ ...call, arguments: "" }, index)] }),
        ...halves(call.arguments).map((part) => chunk({ tool_calls: [{ index, function: { arguments: part } }] })),
      ]),
      ...(end === null ? [] : [chunk({}, chatEnd[end])]),
      ...(count === null ? [] : [{ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [], usage: chatUsage(count) }]),
    ], "data: [DONE]\n\n");
  },
  results: (request: string): string[] => (JSON.parse(request) as { messages: { role: string; content: string }[] }).messages.filter(({ role }) => role === "tool").map(({ content }) => content),
};

const responsesStatus = (end: Whole["end"]): object => (end === null ? {} : end === "complete" ? { status: "completed" } : { status: "incomplete", incomplete_details: { reason: end === "cut" ? "max_output_tokens" : "content_filter" } });
const responsesItem = ({ name, arguments: given }: ToldCall, index: number): object => ({ type: "function_call", id: `fc_${index}`, call_id: `call_${index}`, name, arguments: given, status: "completed" });
const responsesText = (text: string): object[] => (text === "" ? [] : [{ type: "message", id: "m", role: "assistant", content: [{ type: "output_text", text, annotations: [] }] }]);
const responsesUsage = (count: string | null): object | undefined => figures(count, "input_tokens", "output_tokens", "total_tokens");

const responses = {
  body: ({ calls, text, end, count }: Whole): string => json({
    id: "r", object: "response", created_at: 1, model: "m", ...responsesStatus(end), output: [...responsesText(text), ...calls.map(responsesItem)], usage: responsesUsage(count),
  }),
  events: ({ calls, text, end, count }: Whole): string => events([
    { type: "response.created", response: { id: "r", created_at: 1, model: "m", status: "in_progress" } },
    ...responsesText(text).flatMap((item) => [
      { type: "response.output_item.added", output_index: 0, item: { ...item, content: [] } },
      { type: "response.output_text.delta", item_id: "m", output_index: 0, content_index: 0, delta: text },
      { type: "response.output_item.done", output_index: 0, item },
    ]),
    ...calls.flatMap((call, index) => {
      const place = { output_index: index + 1, item_id: `fc_${index}` };
      return [
        { type: "response.output_item.added", ...place, item: { ...responsesItem(call, index), arguments: "", status: "in_progress" } },
        ...halves(call.arguments).map((delta) => ({ type: "response.function_call_arguments.delta", ...place, delta })),
        { type: "response.output_item.done", ...place, item: responsesItem(call, index) },
      ];
    }),
    ...(end === null ? [] : [{ type: end === "complete" ? "response.completed" : "response.incomplete", response: { id: "r", created_at: 1, model: "m", ...responsesStatus(end), usage: responsesUsage(count) } }]),
  ]),
  results: (request: string): string[] => (JSON.parse(request) as { input: { type?: string; output: string }[] }).input.filter(({ type }) => type === "function_call_output").map(({ output }) => output),
};

const messagesEnd = { complete: "tool_use", cut: "max_tokens", filtered: "refusal" } as const;
const messagesUsage = (count: string | null): object | undefined => figures(count, "input_tokens", "output_tokens");

const messages = {
  body: ({ calls, text, end, count }: Whole): string => json({
    id: "m", type: "message", role: "assistant", model: "m", stop_reason: end === null ? null : messagesEnd[end], stop_sequence: null, usage: messagesUsage(count),
    content: [...(text === "" ? [] : [{ type: "text", text }]), ...calls.map(({ name, arguments: given }, index) => ({ type: "tool_use", id: `call_${index}`, name, input: new Raw(given) }))],
  }),
  events: ({ calls, text, end, count }: Whole): string => events([
    { type: "message_start", message: { id: "m", type: "message", role: "assistant", model: "m", content: [], stop_reason: null, usage: messagesUsage(count) } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } },
    { type: "content_block_stop", index: 0 },
    ...calls.flatMap(({ name, arguments: given }, call) => {
      const index = call + 1;
      return [
        { type: "content_block_start", index, content_block: { type: "tool_use", id: `call_${call}`, name, input: {} } },
        ...halves(given).map((part) => ({ type: "content_block_delta", index, delta: { type: "input_json_delta", partial_json: part } })),
        { type: "content_block_stop", index },
      ];
    }),
    ...(end === null ? [] : [{ type: "message_delta", delta: { stop_reason: messagesEnd[end], stop_sequence: null }, usage: figures(count, "output_tokens") }]),
    { type: "message_stop" },
  ]),
  results: (request: string): string[] => (JSON.parse(request) as { messages: { content: { type: string; content: string }[] }[] }).messages.flatMap(({ content }) => content).filter(({ type }) => type === "tool_result").map(({ content }) => content),
};

const geminiEnd = { complete: "STOP", cut: "MAX_TOKENS", filtered: "SAFETY" } as const;
const geminiDocument = ({ calls, text, end, count }: Whole): object => ({
  candidates: [{ index: 0, content: { role: "model", parts: [...(text === "" ? [] : [{ text }]), ...calls.map(({ name, arguments: given }) => ({ functionCall: { name, args: new Raw(given) } }))] }, ...(end === null ? {} : { finishReason: geminiEnd[end] }) }],
  usageMetadata: figures(count, "promptTokenCount", "candidatesTokenCount", "totalTokenCount"),
});

const gemini = {
  body: (told: Whole): string => json(geminiDocument(told)),
  events: (told: Whole): string => events([geminiDocument(told)]),
  results: (request: string): string[] => (JSON.parse(request) as { contents: { parts: { functionResponse?: { response: { content: string } } }[] }[] }).contents.flatMap(({ parts }) => parts).flatMap(({ functionResponse }) => (functionResponse === undefined ? [] : [functionResponse.response.content])),
};

function format(name: string, provider: ProviderName, isStream: boolean, { body, events: stream, results }: typeof chat): WireFormat {
  return { name: `${name}${isStream ? "Stream" : ""}`, provider, isStream, results, body: (told) => (isStream ? stream : body)({ ...USUAL, ...told }) };
}

const formats = [["chat", "openai-compatible", chat], ["responses", "openai", responses], ["messages", "anthropic", messages], ["gemini", "google", gemini]] as const;
export const wireFormats: readonly WireFormat[] = formats.flatMap(([name, provider, parts]) => [format(name, provider, false, parts), format(name, provider, true, parts)]);
