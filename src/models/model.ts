// What a run asks of a model and what comes back, whoever provides it. A model holds nothing: it sees texts and names of tools, and answers with
// calls of them, as text that nobody has read yet.
import type { Json } from "../base/value.ts";

export interface ModelTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: { readonly [name: string]: Json };
}

export type ModelMessage =
  | { readonly role: "system" | "user"; readonly text: string }
  | { readonly role: "assistant"; readonly text: string; readonly calls: readonly ModelCall[] }
  /** `json`: text. */
  | { readonly role: "tool"; readonly results: readonly { readonly id: string; readonly name: string; readonly json: string }[] };

/** `arguments`: JSON text as the model wrote it. */
export interface ModelCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
  /** What a provider wants back with the call. */
  readonly signature?: string;
}

export interface ModelRequest {
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ModelTool[];
  readonly maxOutputTokens: number;
  /** Who asks, for scripts of tests. No part of what is asked. `step`: from 0, within the run. */
  readonly by?: { readonly decision: string; readonly step: number };
}

export interface ModelAnswer {
  readonly text: string;
  readonly calls: readonly ModelCall[];
  /** complete: it ended as it wanted to. Everything else is no answer. */
  readonly finish: "complete" | "cut" | "filtered" | "other";
  /** As reported; null: not, or not sensibly. */
  readonly usage: { readonly input: number | null; readonly output: number | null };
  /** How likely each value is, by member of the answer, from those that say so. Kept with the run; decides nothing. */
  readonly probabilities?: { readonly [member: string]: Readonly<Record<string, number>> };
}

export type FailureReason = "provider_unavailable" | "provider_timeout" | "rate_limited" | "circuit_open" | "model_refused" | "output_invalid" | "no_model";

/** The provider gave no answer. The message is ours, and fit for a log: nobody's words, addresses or keys. */
export class ModelFailure extends Error {
  override readonly name = "ModelFailure";
  readonly reason: FailureReason;
  /** The same request may succeed. */
  readonly isRetryable: boolean;
  /** How long the provider wants to be left alone. */
  readonly retryAfterMs: number | null;
  /** Of its answer over HTTP. */
  readonly status: number | null;

  constructor(reason: FailureReason, message: string, { isRetryable = false, retryAfterMs = null, status = null }: { readonly isRetryable?: boolean; readonly retryAfterMs?: number | null; readonly status?: number | null } = {}) {
    super(message);
    this.reason = reason;
    this.status = status;
    this.isRetryable = isRetryable;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What an alias stands for, whatever it is asked. */
export interface Provided<Request, Answer> {
  /** Of config.yaml. */
  readonly alias: string;
  /** As the provider calls it. */
  readonly id: string;
  /** In millionths of the currency's unit for a million tokens; null: costs cannot be bounded. */
  readonly price: { readonly input: number; readonly output: number; readonly currency: string } | null;
  /** One request, no retry. Throws ModelFailure. */
  ask(request: Request, signal: AbortSignal): Promise<Answer>;
}

export type Model = Provided<ModelRequest, ModelAnswer>;

/** Texts to vectors, in their order. */
export interface EmbeddingModel extends Provided<readonly string[], EmbeddingAnswer> {
  /** Numbers of each vector. */
  readonly dimensions: number;
}

export interface EmbeddingAnswer {
  readonly vectors: readonly (readonly number[])[];
  /** As reported; null: not, or not sensibly. */
  readonly tokens: number | null;
}
