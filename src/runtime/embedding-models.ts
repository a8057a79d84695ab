// The embedding models of an app, by alias: those of `models` in config.yaml that have `dimensions`. One breaker for all of a provider at one address.
import { createHash } from "node:crypto";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { loadEmbedding } from "../models/load-provider.ts";
import { CircuitBreaker, modelAccess, type ModelAccess } from "../models/model-access.ts";
import { ModelFailure, type EmbeddingAnswer, type EmbeddingModel } from "../models/model.ts";
import { providerEmbedding } from "../models/provider-embedding.ts";
import { scriptedEmbedding } from "../models/scripted-embedding.ts";
import { EmbeddingFailure, type EmbeddingAlias, type EmbeddingPort, type EmbeddingTime } from "../resources/embedding-port.ts";
import type { AppConfig, ModelSettings } from "./config.ts";
import type { Fetch } from "./traced-calls.ts";

export interface EmbeddingParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: Fetch;
  /** For tests: nobody is asked, words that two texts share make them alike. */
  readonly isScripted: boolean;
  readonly log: Log;
  /** Tokens as the provider reports them. */
  used(tokens: number): void;
  /** A request brought no vectors. */
  failed(): void;
  remembered(): void;
}

/** Numbers of one answer at the most: more would hold up everybody while they are read. */
const NUMBERS_MAX = 50_000;

export function embeddingsOf({ models, limits }: Pick<AppConfig, "models" | "limits">, parts: EmbeddingParts): EmbeddingPort {
  const breakers = new Map<string, CircuitBreaker>();
  const aliases = new Map(Object.entries(models).flatMap(([alias, settings]): [string, EmbeddingAlias][] => {
    const model = modelOf(alias, settings, parts);
    if (model === null) return [];
    const place = `${settings.provider} ${settings.url ?? ""}`;
    const breaker = breakers.get(place) ?? new CircuitBreaker(parts.clock, { failuresMax: limits.modelFailures, openMs: limits.modelPauseMs });
    breakers.set(place, breaker);
    const access = modelAccess({ ...parts, models: [model], breakers: new Map([[model, breaker]]), attempts: limits.modelAttempts });
    return [[alias, new Alias({ ...parts, model, access, identity: identityOf(settings, parts), limits, used: (tokens) => parts.used(tokens), failed: () => parts.failed() })]];
  }));
  return { of: (alias) => aliases.get(alias) ?? null, remembered: () => parts.remembered() };
}

/** Null: it makes no vectors, or is not configured. */
function modelOf(alias: string, { provider, model, url, key, price, dimensions }: ModelSettings, { fetch, isScripted }: EmbeddingParts): EmbeddingModel | null {
  if (dimensions === null) return null;
  if (isScripted) return scriptedEmbedding(alias, dimensions);
  if (key === "") return null;
  return providerEmbedding({
    alias, id: model, price, dimensions, fetch, asksForDimensions: provider !== "openai-compatible",
    load: (exchange) => loadEmbedding({ provider, model, url, key, fetch: exchange }),
  });
}

function identityOf({ provider, model, url, dimensions }: ModelSettings, { isScripted }: EmbeddingParts): string {
  return createHash("sha256").update(JSON.stringify([isScripted ? "scripted" : provider, url, model, dimensions])).digest("hex").slice(0, 16);
}

interface AliasParts extends Pick<EmbeddingParts, "clock" | "log" | "used" | "failed"> {
  readonly model: EmbeddingModel;
  readonly access: ModelAccess<readonly string[], EmbeddingAnswer>;
  readonly identity: string;
  readonly limits: Limits;
}

class Alias implements EmbeddingAlias {
  readonly identity: string;
  readonly dimensions: number;
  readonly textsMax: number;
  readonly #parts: AliasParts;
  /** Of texts that somebody looked for, in the order in which they were last asked. */
  readonly #kept = new Map<string, readonly number[]>();
  /** Since a provider has failed: the log is told once, not for each who asks meanwhile. */
  #isCeased = false;

  constructor(parts: AliasParts) {
    this.#parts = parts;
    this.identity = parts.identity;
    this.dimensions = parts.model.dimensions;
    this.textsMax = Math.max(1, Math.min(parts.limits.embeddingTexts, Math.floor(NUMBERS_MAX / this.dimensions)));
  }

  async embed(texts: readonly string[], { signal, deadlineMs }: EmbeddingTime): Promise<readonly (readonly number[])[]> {
    assert(texts.length > 0 && texts.length <= this.textsMax, "a request has as many texts as it may");
    const { access, limits, log, model: { alias }, used } = this.#parts;
    try {
      const { answer } = await access.ask(texts.map((text) => cut(text, limits.embeddingLength)), { signal, deadlineMs, attempt() {} });
      used(answer.tokens ?? 0);
      if (this.#isCeased) log.info("embedding-resumed", { model: alias });
      this.#isCeased = false;
      return answer.vectors;
    } catch (error) {
      if (!(error instanceof ModelFailure)) throw error;
      const failure = failureOf(error);
      this.#failed(failure, signal.aborted && this.#parts.clock.now() < deadlineMs);
      throw failure;
    }
  }

  #failed({ message, isAboutTexts }: EmbeddingFailure, isGivenUp: boolean): void {
    const { failed, log, model: { alias } } = this.#parts;
    failed();
    if (this.#isCeased || isAboutTexts || isGivenUp) return;
    this.#isCeased = true;
    log.warn("embedding-ceased", { model: alias, problem: message });
  }

  async embedQuery(text: string, until: EmbeddingTime): Promise<readonly number[]> {
    const vector = this.#kept.get(text) ?? (await this.embed([text], until))[0]!;
    this.#kept.delete(text);
    this.#kept.set(text, vector);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#parts.limits.embeddingCache) break;
      this.#kept.delete(oldest);
    }
    return vector;
  }
}

/** Not within a character. */
function cut(text: string, length: number): string {
  return text.slice(0, length).replace(/[\uD800-\uDBFF]$/, "");
}

/** What a provider refuses for what is in the request, and what it answers that is none. */
const ABOUT_TEXTS: ReadonlySet<number> = new Set([400, 413, 422]);

function failureOf({ message, reason, status, retryAfterMs }: ModelFailure): EmbeddingFailure {
  return new EmbeddingFailure(message, { isAboutTexts: reason === "output_invalid" || (status !== null && ABOUT_TEXTS.has(status)), retryAfterMs });
}
