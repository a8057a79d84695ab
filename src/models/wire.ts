// What the formats of providers say beside the model's words: why it ended, how much it used, where its arguments stand. The packages read the words;
// this they lose, guess or refuse an answer for. Looks at documents as they came, of which nothing is sure.
import type { ModelAnswer } from "./model.ts";
import type { JsonPath } from "./json-spans.ts";
import type { ProviderName } from "./load-provider.ts";
import type { QuestionProvider } from "./questions.ts";

export type Finish = ModelAnswer["finish"];

export interface Wire {
  /** Arguments that are JSON within the document, not text. */
  readonly inputs: readonly JsonPath[];
  /** Where figures of usage may stand. */
  readonly usages: readonly JsonPath[];
  /** Figures that a package takes for the ones that are not shown to it. */
  readonly noUsage: Readonly<Record<string, number>>;
  /** Null: it has not said. Of a stream: all documents. */
  finish(documents: readonly unknown[]): Finish | null;
  /** As reported; what is no count of tokens is none. */
  usage(documents: readonly unknown[]): ModelAnswer["usage"];
}

export function wireOf(provider: ProviderName): Wire {
  switch (provider) {
    case "openai-compatible": return chat;
    case "openai": return responses;
    case "anthropic": return messages;
    case "google": return gemini;
  }
}

/** Of an endpoint that answers questions. It does not say why it ended: whether all is answered, its package and we see. */
export function questionWireOf(provider: QuestionProvider): Wire {
  switch (provider) {
    case "openai": return questionWire(["input_tokens"], ["output_tokens"]);
    case "google": return questionWire(["total_input_tokens"], ["total_output_tokens"]);
  }
}

function questionWire(input: readonly string[], output: readonly string[]): Wire {
  return { inputs: [], usages: [["usage"]], noUsage: {}, finish: () => "complete", usage: (documents) => counted(last(documents, (document) => at(document, "usage") ?? null), { input, output }) };
}

/** Null: there is none. */
export function errorIn(document: unknown): unknown {
  return at(document, "error") ?? at(document, "response", "error") ?? (at(document, "type") === "error" ? document : null);
}

/** It says that it will not, in a place of its own. */
export function hasRefusal(document: unknown): boolean {
  const choice = at(document, "choices", 0);
  const said = at(choice, "message", "refusal") ?? at(choice, "delta", "refusal");
  if (typeof said === "string" && said !== "") return true;
  const output = at(at(document, "response") ?? document, "output");
  return Array.isArray(output) && output.some((item: unknown) => {
    const content = at(item, "content");
    return Array.isArray(content) && content.some((part: unknown) => at(part, "type") === "refusal");
  });
}

const reasons = (complete: readonly string[], cut: readonly string[], filtered: readonly string[]) => (reason: unknown): Finish | null => {
  if (typeof reason !== "string" || reason === "") return null;
  if (complete.includes(reason)) return "complete";
  if (cut.includes(reason)) return "cut";
  return filtered.includes(reason) ? "filtered" : "other";
};

const chatReason = reasons(["stop", "tool_calls", "function_call"], ["length"], ["content_filter"]);
const chat: Wire = {
  inputs: [], usages: [["usage"]], noUsage: { prompt_tokens: 0, completion_tokens: 0 },
  finish: (documents) => last(documents, (document) => chatReason(at(document, "choices", 0, "finish_reason"))),
  usage: (documents) => counted(last(documents, (document) => at(document, "usage") ?? null), { input: ["prompt_tokens"], output: ["completion_tokens"] }),
};

const messageReason = reasons(["end_turn", "tool_use", "stop_sequence"], ["max_tokens", "model_context_window_exceeded"], ["refusal"]);
const messages: Wire = {
  inputs: [["content", "*", "input"], ["content_block", "input"]], usages: [["usage"], ["message", "usage"]], noUsage: { input_tokens: 0, output_tokens: 0 },
  finish: (documents) => last(documents, (document) => messageReason(at(document, "stop_reason") ?? at(document, "delta", "stop_reason"))),
  usage(documents) {
    // A stream tells the beginning, and at the end what has changed.
    const told = documents.flatMap((document) => [at(document, "message", "usage"), at(document, "usage")]).filter((one) => typeof one === "object" && one !== null);
    if (told.length === 0) return { input: null, output: null };
    return counted(Object.assign({}, ...told), { input: ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"], output: ["output_tokens"] });
  },
};

const geminiReason = reasons(["STOP"], ["MAX_TOKENS"], ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"]);
const gemini: Wire = {
  inputs: [["candidates", "*", "content", "parts", "*", "functionCall", "args"]], usages: [["usageMetadata"]], noUsage: { promptTokenCount: 0, candidatesTokenCount: 0 },
  finish: (documents) => last(documents, (document) => (at(document, "promptFeedback", "blockReason") === undefined ? geminiReason(at(document, "candidates", 0, "finishReason")) : "filtered")),
  usage: (documents) => counted(last(documents, (document) => at(document, "usageMetadata") ?? null), { input: ["promptTokenCount"], output: ["candidatesTokenCount", "thoughtsTokenCount"] }),
};

const responseReason = reasons([], ["max_output_tokens"], ["content_filter"]);
const responses: Wire = {
  inputs: [], usages: [["usage"], ["response", "usage"]], noUsage: { input_tokens: 0, output_tokens: 0 },
  finish: (documents) => last(documents, (document) => {
    const response = at(document, "response") ?? document;
    switch (at(response, "status")) {
      case "completed": return "complete";
      case "incomplete": return responseReason(at(response, "incomplete_details", "reason")) ?? "other";
      case "failed": case "cancelled": return "other";
      // Others are on their way.
      default: return null;
    }
  }),
  usage: (documents) => counted(last(documents, (document) => at(document, "usage") ?? at(document, "response", "usage") ?? null), { input: ["input_tokens"], output: ["output_tokens"] }),
};

function last<Found>(documents: readonly unknown[], find: (document: unknown) => Found | null): Found | null {
  for (let index = documents.length - 1; index >= 0; index--) {
    const found = find(documents[index]);
    if (found !== null) return found;
  }
  return null;
}

/** The first of each must be there; where one is no count, nothing is known. */
function counted(figures: unknown, { input, output }: { readonly input: readonly string[]; readonly output: readonly string[] }): ModelAnswer["usage"] {
  return { input: sum(figures, input), output: sum(figures, output) };
}

function sum(figures: unknown, names: readonly string[]): number | null {
  let total = 0;
  for (const [index, name] of names.entries()) {
    const count = at(figures, name) ?? (index === 0 ? null : 0);
    if (typeof count !== "number" || count < 0) return null;
    total += count;
    if (!Number.isSafeInteger(count) || !Number.isSafeInteger(total)) return null;
  }
  return total;
}

/** Undefined where it is not of that shape. Own members alone. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let found = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as { readonly [name: string]: unknown })[step];
  }
  return found;
}
