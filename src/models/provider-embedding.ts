// An embedding model behind a provider's API, through the AI SDK's model objects. What is no vector for each text, of the length that the alias
// says and with a direction, is no answer. Asks once, in one request.
import { AsyncLocalStorage } from "node:async_hooks";
import type { EmbeddingModelV4 } from "@ai-sdk/provider";
import { Exchange, type Fetch } from "./exchange.ts";
import { ModelFailure, type EmbeddingAnswer, type EmbeddingModel } from "./model.ts";
import { at, type Wire } from "./wire.ts";

export interface ProviderEmbeddingParts extends Omit<EmbeddingModel, "ask"> {
  /** Says how many dimensions it wants, where the provider's models have a choice. */
  readonly asksForDimensions: boolean;
  /** Called with the first request, since its packages take their time. */
  load(fetch: Fetch): Promise<EmbeddingModelV4>;
  readonly fetch: Fetch;
}

/** As JSON. */
const NUMBER_BYTES = 40;
const OVERHEAD_BYTES = 65_536;
/** More than a float32 tells apart. */
const DIGITS = 8;

/** Nothing in it is read by us: all of it is numbers. */
const wire: Wire = { inputs: [], usages: [], noUsage: {}, finish: () => "complete", usage: () => ({ input: null, output: null }) };

const underWay = new AsyncLocalStorage<Exchange>();

export function providerEmbedding({ alias, id, price, dimensions, asksForDimensions, load, fetch }: ProviderEmbeddingParts): EmbeddingModel {
  let loading: Promise<EmbeddingModelV4> | null = null;
  const loaded = (): Promise<EmbeddingModelV4> => {
    loading ??= load((url, init) => underWay.getStore()!.fetch(url, init)).catch((error: unknown) => {
      loading = null;
      throw error;
    });
    return loading;
  };
  return {
    alias, id, price, dimensions,
    async ask(texts, signal) {
      const exchange = new Exchange({ wire, parse: () => null, fetch, isStream: false, bytesMax: texts.length * dimensions * NUMBER_BYTES + OVERHEAD_BYTES });
      try {
        const model = await loaded();
        const said = await underWay.run(exchange, async () => model.doEmbed({ values: [...texts], abortSignal: signal, ...(asksForDimensions ? { dimensions } : {}) }));
        return answerOf(said, exchange, { count: texts.length, dimensions });
      } catch (error) {
        if (signal.aborted) throw new ModelFailure("provider_timeout", "the model was given up");
        throw exchange.failure ?? failureOf(error, exchange);
      }
    },
  };
}

function failureOf(error: unknown, { isBegun }: Exchange): ModelFailure {
  if (error instanceof ModelFailure) return error;
  if (isBegun) return new ModelFailure("output_invalid", "the answer is not of the provider's format");
  return new ModelFailure("provider_unavailable", `the provider's package cannot ask: ${error instanceof Error ? error.name : typeof error}`);
}

interface Wanted { readonly count: number; readonly dimensions: number }

function answerOf({ embeddings, usage }: Awaited<ReturnType<EmbeddingModelV4["doEmbed"]>>, { body }: Exchange, { count, dimensions }: Wanted): EmbeddingAnswer {
  if (embeddings.length !== count) throw invalid(`${embeddings.length} vectors for ${count} texts`);
  const data = at(body?.documents[0], "data");
  // Packages take the order of the list for that of the texts.
  if (Array.isArray(data) && data.some((item: unknown, index) => (at(item, "index") ?? index) !== index)) throw invalid("vectors in another order than the texts");
  const tokens = usage?.tokens ?? null;
  return { vectors: embeddings.map((vector) => checkedVector(vector, dimensions)), tokens: tokens !== null && Number.isSafeInteger(tokens) && tokens >= 0 ? tokens : null };
}

/** In as few digits as hold what is compared. Throws ModelFailure. */
export function checkedVector(vector: readonly number[], dimensions: number): readonly number[] {
  if (vector.length !== dimensions) throw invalid(`a vector of ${vector.length} dimensions, where the alias says ${dimensions}`);
  if (!vector.every((number) => typeof number === "number" && Number.isFinite(Math.fround(number)))) throw invalid("a vector with what is no number");
  if (vector.every((number) => Math.fround(number) === 0)) throw invalid("a vector of zeros");
  return vector.map((number) => Number(number.toPrecision(DIGITS)) + 0);
}

function invalid(what: string): ModelFailure {
  return new ModelFailure("output_invalid", `the answer has ${what}`);
}
