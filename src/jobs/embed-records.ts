// Fills the vectors of records (@embed) after the commit of their texts, for as long as the process has the data. What is to be done stands beside
// the records, written in the commit that changed them; a reload changes what is served, not this. One request at a time for each model.
import { backOffMs } from "../base/back-off.ts";
import type { Clock } from "../base/clock.ts";
import { millisecondsOf } from "../base/date-time.ts";
import type { Limits } from "../base/limits.ts";
import { describeError, type Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { EmbeddingFailure, MEMORY_MODEL, type EmbeddingAlias, type EmbeddingPort } from "../resources/embedding-port.ts";
import type { Catalog } from "../schema/catalog.ts";
import { countEmbeddings, dropEmbedding, keepEmbeddings, nextEmbedding, queueEmbedding, reviveEmbeddings, type EmbeddingPlace } from "../storage/embedding-rows.ts";
import { reviveMemoryVectors } from "../storage/memory-vectors.ts";
import type { Storage } from "../storage/open-storage.ts";
import { embeddedText } from "../tables/embedded-text.ts";
import type { Tables } from "../tables/engine.ts";
import { embeddedPlaces, keyText, type EmbeddedPlace } from "./embedded-place.ts";
import { embedMemories } from "./embed-memories.ts";
import { fillBatch, takeBatch, type Filling } from "./embedding-batch.ts";
import { lookThrough } from "./embedding-review.ts";

export interface ServedEmbeddings {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly tables: Tables;
  readonly limits: Limits;
  readonly embeddings: EmbeddingPort;
}

export interface EmbedderOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The same object as long as the same app is served. */
  readonly current: () => ServedEmbeddings;
}

export interface Embedder {
  /** From now on texts that these tables commit are noted with them. Before anything is committed. */
  watch(served: Pick<ServedEmbeddings, "catalog" | "book" | "tables">): void;
  start(): Promise<void>;
  /** Another app is served by now. */
  replaced(): Promise<void>;
  /** Takes up nothing more, and gives up what is under way: it is done after the next start. */
  stop(): Promise<void>;
  /** Resolves once nothing is due of which a model is configured. */
  settled(): Promise<void>;
  /** Something was remembered. */
  remembered(): void;
  /** Tokens that a request has used, of whatever text. */
  used(tokens: number): void;
  /** A request brought no vectors. */
  failed(): void;
  stats(): { readonly waiting: number; readonly givenUp: number; readonly filled: number; readonly requests: number; readonly failures: number; readonly tokens: number };
}

/** Of one alias. */
interface Lane { work: Promise<void> | null; /** It fails: not before then. */ notBeforeMs: number; failures: number; /** Asked for while it was at work. */ isAsked: boolean }

const WAIT_MAX_MS = 3_600_000;

export function createEmbedder(options: EmbedderOptions): Embedder {
  return new Filler(options);
}

class Filler implements Embedder {
  readonly #options: EmbedderOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #counts = { filled: 0, requests: 0, failures: 0, tokens: 0 };
  readonly #stopping = new AbortController();
  #isStarted = false;
  #isAwake = false;
  #cancelTimer: () => void = () => {};

  constructor(options: EmbedderOptions) {
    this.#options = options;
  }

  watch({ catalog, book, tables }: Pick<ServedEmbeddings, "catalog" | "book" | "tables">): void {
    const places = embeddedPlaces(catalog, book);
    if (places.length === 0) return;
    const byTable = Map.groupBy(places, ({ place }) => place.table);
    tables.onCommitting(({ changes, time }, { connection }) => {
      for (const { table, id, old, new: record } of changes) {
        for (const embedded of byTable.get(table) ?? []) {
          const before = old === null ? null : embeddedText(embedded, old, time, book);
          const after = record === null ? null : embeddedText(embedded, record, time, book);
          if (before === after) continue;
          if (after === null) dropEmbedding(connection, embedded.place, keyText(embedded, id));
          else queueEmbedding(connection, embedded.place, keyText(embedded, id), millisecondsOf(time));
        }
      }
    });
    tables.onCommitted(({ changes }) => {
      if (changes.some(({ table, cause }) => cause !== "embedding" && byTable.has(table))) this.#wake();
    });
  }

  async start(): Promise<void> {
    const { log } = this.#options;
    const { catalog, book } = this.#options.current();
    const places = embeddedPlaces(catalog, book).map(({ place }) => place);
    const remembers = catalog.facts.size > 0;
    this.#isStarted = true;
    try {
      await this.#prepare(places, remembers);
    } catch (error) {
      // The disk is full, say. What is there to do stands where it stood.
      log.warn("embedding-not-started", describeError(error));
    }
    this.#wake();
  }

  async #prepare(places: readonly EmbeddingPlace[], remembers: boolean): Promise<void> {
    const { storage, clock } = this.#options;
    const { waiting, givenUp } = countEmbeddings(storage.reader);
    if (places.length === 0 && waiting + givenUp === 0 && !remembers) return;
    await storage.commit((connection) => {
      keepEmbeddings(connection, places);
      reviveEmbeddings(connection, clock.now());
      if (remembers) reviveMemoryVectors(connection);
    });
  }

  async replaced(): Promise<void> {
    for (const lane of this.#lanes.values()) [lane.notBeforeMs, lane.failures] = [0, 0];
    if (this.#isStarted) await this.start();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancelTimer();
    await Promise.all([...this.#lanes.values()].map(({ work }) => work));
  }

  async settled(): Promise<void> {
    while (this.#isAwake || [...this.#lanes.values()].some(({ work }) => work !== null)) {
      await Promise.resolve();
      await Promise.all([...this.#lanes.values()].map(({ work }) => work));
    }
  }

  remembered(): void {
    if (this.#options.current().embeddings.of(MEMORY_MODEL) !== null) this.#wake();
  }

  used(tokens: number): void {
    this.#counts.tokens += tokens;
  }

  failed(): void {
    this.#counts.failures++;
  }

  stats(): ReturnType<Embedder["stats"]> {
    return { ...countEmbeddings(this.#options.storage.reader), ...this.#counts };
  }

  /** Once, however many were committed in this turn. */
  #wake(): void {
    if (this.#isAwake || !this.#isStarted || this.#stopping.signal.aborted) return;
    this.#isAwake = true;
    queueMicrotask(() => {
      this.#isAwake = false;
      if (!this.#stopping.signal.aborted) this.#begin();
    });
  }

  #begin(): void {
    const { catalog, book, embeddings } = this.#options.current();
    for (const alias of new Set([...embeddedPlaces(catalog, book).map(({ model }) => model), ...(catalog.facts.size > 0 ? [MEMORY_MODEL] : [])])) {
      if (embeddings.of(alias) === null) continue;
      const lane = this.#lanes.get(alias) ?? { work: null, notBeforeMs: 0, failures: 0, isAsked: false };
      this.#lanes.set(alias, lane);
      lane.isAsked = true;
      lane.work ??= this.#work(alias, lane).finally(() => {
        lane.work = null;
        if (lane.isAsked) this.#wake();
        else this.#waitForNext();
      });
    }
  }

  async #work(alias: string, lane: Lane): Promise<void> {
    const { clock, log } = this.#options;
    while (!this.#stopping.signal.aborted && lane.notBeforeMs <= clock.now()) {
      lane.isAsked = false;
      try {
        if (!await this.#step(alias)) return;
        lane.failures = 0;
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        const { limits } = this.#options.current();
        const retryAfterMs = error instanceof EmbeddingFailure ? error.retryAfterMs ?? 0 : 0;
        const waitMs = Math.min(Math.max(this.#backOff(++lane.failures), retryAfterMs), limits.embeddingDelayMaxMs);
        lane.notBeforeMs = clock.now() + waitMs;
        log.warn("embedding-failed", { model: alias, waitMs, ...(error instanceof EmbeddingFailure ? { problem: error.message } : describeError(error)) });
      }
    }
    lane.isAsked = false;
  }

  /** False: there is nothing to do. */
  async #step(alias: string): Promise<boolean> {
    const served = this.#options.current();
    const model = served.embeddings.of(alias);
    if (model === null) return false;
    const places = embeddedPlaces(served.catalog, served.book).filter((embedded) => embedded.model === alias);
    for (const embedded of places) {
      if (await lookThrough(this.#filling(served, embedded, model))) return true;
      const batch = takeBatch(this.#filling(served, embedded, model));
      if (batch.length === 0) continue;
      await fillBatch(this.#filling(served, embedded, model), batch);
      return true;
    }
    return alias === MEMORY_MODEL && served.catalog.facts.size > 0 && embedMemories({ ...this.#counting(), ...served, model });
  }

  #filling(served: ServedEmbeddings, embedded: EmbeddedPlace, model: EmbeddingAlias): Filling {
    return { ...this.#counting(), ...served, log: this.#options.log, embedded, model, backOffMs: (failures) => this.#backOff(failures) };
  }

  #counting(): Pick<Filling, "storage" | "clock" | "signal" | "filled" | "asked"> {
    const { storage, clock } = this.#options;
    return {
      storage, clock, signal: this.#stopping.signal,
      filled: (count) => { this.#counts.filled += count; },
      asked: () => { this.#counts.requests++; },
    };
  }

  #backOff(failures: number): number {
    const { limits } = this.#options.current();
    return backOffMs({ kind: "EXPONENTIAL", delayMs: limits.embeddingDelayMs, maxMs: limits.embeddingDelayMaxMs }, failures, this.#options.random);
  }

  #waitForNext(): void {
    this.#cancelTimer();
    if (this.#stopping.signal.aborted) return;
    const { storage, clock, current } = this.#options;
    const { catalog, book, embeddings } = current();
    const nowMs = clock.now();
    const resting = new Map([...this.#lanes].filter(([alias, { work }]) => work === null && embeddings.of(alias) !== null));
    const due = embeddedPlaces(catalog, book).flatMap(({ model, place }) => {
      const [lane, nextMs] = [resting.get(model), nextEmbedding(storage.reader, place)];
      return lane === undefined || nextMs === null ? [] : [Math.max(nextMs, lane.notBeforeMs)];
    });
    // Whatever failed may be more than what is due.
    const times = [...due, ...[...resting.values()].flatMap(({ notBeforeMs }) => (notBeforeMs > nowMs ? [notBeforeMs] : []))];
    if (times.length > 0) this.#cancelTimer = clock.schedule(Math.min(Math.max(Math.min(...times) - nowMs, 0), WAIT_MAX_MS), () => this.#wake());
  }
}
