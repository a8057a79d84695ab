// One request for the vectors of some records of a field, and the commit of what came back: of each record only if its text is still the one that
// was asked about. A text that the provider does not take is found by halves, so that it holds up none of the others.
import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { AmbitError } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Value } from "../base/value.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { dateTimeOf } from "../base/date-time.ts";
import { EmbeddingFailure, type EmbeddingAlias } from "../resources/embedding-port.ts";
import type { Catalog } from "../schema/catalog.ts";
import { dropEmbedding, dueEmbeddings, noteEmbedded, noteEmbeddingFailed } from "../storage/embedding-rows.ts";
import { isCatalogChanged } from "../storage/catalog-changed.ts";
import type { Storage } from "../storage/open-storage.ts";
import { embeddedText } from "../tables/embedded-text.ts";
import type { CommitOptions, Tables } from "../tables/engine.ts";
import type { WriteSession } from "../tables/write-session.ts";
import type { EmbeddedPlace } from "./embedded-place.ts";

export interface Filling {
  readonly storage: Storage;
  readonly catalog: Catalog;
  readonly tables: Tables;
  readonly book: ExpressionBook;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly embedded: EmbeddedPlace;
  readonly model: EmbeddingAlias;
  readonly signal: AbortSignal;
  backOffMs(failures: number): number;
  filled(count: number): void;
  asked(): void;
}

/** A record whose vector is to be made. `text` null: it has none any more, or is gone. */
export interface DueRecord { readonly key: string; readonly id: Value; readonly text: string | null; readonly attempts: number; /** The vector that is there is this one's. */ readonly isMade: boolean }

export const RUNTIME: CommitOptions = { actor: null, requestId: "embedding" };

/** What tells whether a text is the one that a vector was made of. */
export function sourceOf(text: string): string {
  return createHash("sha256").update(text).digest("base64").slice(0, 24);
}

export function takeBatch({ storage, embedded, model, clock, book }: Filling): DueRecord[] {
  const { place, codec, table } = embedded;
  const now = dateTimeOf(clock.now());
  return dueEmbeddings(storage.reader, place, clock.now(), model.textsMax).map(({ key, attempts, made }) => {
    const columns = storage.reader.query(codec.selectSql).values(key)[0];
    const values = columns === undefined ? null : codec.decode(columns).values;
    const text = values === null ? null : embeddedText(embedded, values, now, book);
    const isMade = text !== null && made?.model === model.identity && made.source === sourceOf(text) && (values?.[embedded.field] ?? null) !== null;
    return { key, id: values?.[table.primaryKey] ?? null, text, attempts, isMade };
  });
}

/** Throws EmbeddingFailure where the provider fails whatever it is asked. */
export async function fillBatch(filling: Filling, batch: readonly DueRecord[]): Promise<void> {
  const done = batch.filter(({ text, isMade }) => text === null || isMade);
  if (done.length > 0) await store(filling, done, []);
  const asked = batch.filter(({ text, isMade }) => text !== null && !isMade);
  if (asked.length > 0) await new Halving(filling).fill(asked);
}

/** So many that fail by themselves before any succeeds are the provider's fault, not theirs. */
const ALONE_MAX = 2;

class Halving {
  readonly #filling: Filling;
  #stored = 0;
  #refused = 0;

  constructor(filling: Filling) {
    this.#filling = filling;
  }

  async fill(records: readonly DueRecord[]): Promise<void> {
    let vectors: readonly (readonly number[])[];
    try {
      vectors = await askInTime(this.#filling, records.map(({ text }) => text!));
    } catch (error) {
      if (!(error instanceof EmbeddingFailure) || !error.isAboutTexts) throw error;
      await this.#refusedAll(records, error);
      return;
    }
    await this.#store(records, vectors);
    this.#stored += records.length;
  }

  async #refusedAll(records: readonly DueRecord[], failure: EmbeddingFailure): Promise<void> {
    if (records.length > 1) {
      const half = Math.ceil(records.length / 2);
      await this.fill(records.slice(0, half));
      await this.fill(records.slice(half));
      return;
    }
    await giveTime(this.#filling, records[0]!, failure.message);
    if (++this.#refused >= ALONE_MAX && this.#stored === 0) throw failure;
  }

  /** A @check may refuse one of them. */
  async #store(records: readonly DueRecord[], vectors: readonly (readonly number[])[]): Promise<void> {
    try {
      await store(this.#filling, records, vectors);
    } catch (error) {
      if (!(error instanceof AmbitError) || isCatalogChanged(error) || error.status >= 500) throw error;
      if (records.length === 1) await giveTime(this.#filling, records[0]!, `the record does not take it: ${error.code}`);
      else for (const [index, record] of records.entries()) await this.#store([record], [vectors[index]!]);
    }
  }
}

export async function askInTime({ model, limits, clock, signal, asked }: Pick<Filling, "model" | "limits" | "clock" | "signal" | "asked">, texts: readonly string[]): Promise<readonly (readonly number[])[]> {
  const late = new AbortController();
  const deadlineMs = clock.now() + limits.embeddingMs;
  const cancel = clock.schedule(limits.embeddingMs, () => late.abort());
  asked();
  try {
    return await model.embed(texts, { signal: AbortSignal.any([signal, late.signal]), deadlineMs });
  } finally {
    cancel();
  }
}

/** `vectors` empty: those that are there are right, or have no text. */
async function store(filling: Filling, records: readonly DueRecord[], vectors: readonly (readonly number[])[]): Promise<void> {
  const { tables, filled } = filling;
  let count = 0;
  await tables.commit((session) => {
    count = 0;
    for (const [index, record] of records.entries()) if (storeOne(session, filling, { record, vector: vectors[index] ?? null })) count++;
  }, RUNTIME);
  filled(count);
}

/** True: its vector is another one by now. */
function storeOne(session: WriteSession, { embedded, model, book }: Filling, { record: { key, id, text }, vector }: { readonly record: DueRecord; readonly vector: readonly number[] | null }): boolean {
  const { place } = embedded;
  const stored = id === null ? null : session.get(place.table, id);
  const present = stored === null ? null : embeddedText(embedded, stored.values, session.now, book);
  // Its turn comes again: what changed it has said so.
  if (present !== null && present !== text) return false;
  if (present === null) {
    dropEmbedding(session.connection, place, key);
    if (stored !== null) session.fillVector({ ...place, id }, null);
    return false;
  }
  // Nothing was asked, since one was there.
  if (vector === null && (stored?.values[embedded.field] ?? null) === null) return false;
  if (vector !== null) session.fillVector({ ...place, id }, vector);
  noteEmbedded(session.connection, place, key, { model: model.identity, source: sourceOf(present) });
  return vector !== null;
}

/** It is tried again later, and given up in the end. */
async function giveTime({ storage, clock, limits, embedded, log, backOffMs }: Filling, { key, attempts }: DueRecord, problem: string): Promise<void> {
  const isOver = attempts + 1 >= limits.embeddingAttempts;
  if (isOver) log.warn("embedding-given-up", { table: embedded.place.table, field: embedded.place.field, problem });
  await storage.commit((connection) => noteEmbeddingFailed(connection, embedded.place, key, { dueMs: isOver ? null : clock.now() + backOffMs(attempts + 1), problem }));
}

