// What makes vectors of texts, as others meet it: by alias of config.yaml, whoever is behind it. Connected in runtime/.

/** The alias by which memories are found, where it is configured. */
export const MEMORY_MODEL = "embedding";

export interface EmbeddingPort {
  /** Null: the alias is not configured. */
  of(alias: string): EmbeddingAlias | null;
  /** Something was committed that is remembered: its vectors are to be made. */
  remembered(): void;
}

export interface EmbeddingAlias {
  /** The same as long as its vectors can be compared with those that it made before. */
  readonly identity: string;
  readonly dimensions: number;
  /** Texts of one request at the most. */
  readonly textsMax: number;
  /** One for each text, in their order. Throws EmbeddingFailure. */
  embed(texts: readonly string[], until: EmbeddingTime): Promise<readonly (readonly number[])[]>;
  /** The same for what somebody looks for: what was asked lately is not asked again. */
  embedQuery(text: string, until: EmbeddingTime): Promise<readonly number[]>;
}

export interface EmbeddingTime { readonly signal: AbortSignal; readonly deadlineMs: number }

/** There are no vectors. The message is ours, and fit for a log. */
export class EmbeddingFailure extends Error {
  override readonly name = "EmbeddingFailure";
  /** One of the texts may be why; the others may succeed without it. */
  readonly isAboutTexts: boolean;
  /** How long the provider wants to be left alone; null: it says nothing. */
  readonly retryAfterMs: number | null;

  constructor(message: string, { isAboutTexts, retryAfterMs }: { readonly isAboutTexts: boolean; readonly retryAfterMs: number | null }) {
    super(message);
    this.isAboutTexts = isAboutTexts;
    this.retryAfterMs = retryAfterMs;
  }
}
