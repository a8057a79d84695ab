// Idempotency-Key: the first request with a key does the work, and its answer is kept in the commit that does it; the same again gets
// that answer. What may be kept, and what an interrupted request means, is in semantics.md under HTTP.
import type { Identity } from "../access/identity.ts";
import type { Standing } from "../access/standing.ts";
import { AmbitError, fault } from "../base/error.ts";
import { dateTimeOf } from "../base/date-time.ts";
import type { Clock } from "../base/clock.ts";
import { uuidv7, type Random } from "../base/random.ts";
import type { Limits } from "../base/limits.ts";
import type { Connection } from "../storage/connection.ts";
import { findIdempotency, forgetIdempotency, startIdempotency, storeAnswer, type IdempotencyId, type IdempotencyMark } from "../storage/idempotency.ts";
import type { Storage } from "../storage/open-storage.ts";
import { isDecidedByApp } from "./app-fault.ts";
import { keptProblem, keptResult, replayed } from "./kept-answer.ts";
import type { Operation, Result } from "./operation.ts";

/** Keeps the answer next to the writes that led to it; called inside their commit. */
export type Keep = (connection: Connection, result: Result) => void;

export interface KeyedWork {
  /** Of the caller. */
  readonly standing: Standing;
  /** False: the body writes outside of one transaction, so it is marked as started first. */
  readonly transactional: boolean;
  /** `keep` null: there is no key. Without a commit of its own (`transactional` false) it is not called. */
  run(keep: Keep | null): Promise<Result>;
}

export interface KeyParts { readonly storage: Storage; readonly clock: Clock; readonly random: Random; readonly limits: Limits }

interface Running { readonly fingerprint: string; readonly done: Promise<void> }

/** What is under way on one storage: a reload makes everything else anew, and a duplicate may come after it. */
const inHand = new WeakMap<Storage, Map<string, Running>>();

/** A stranger's key must not be guessable. */
const ANONYMOUS_BITS = 128;

export class IdempotencyKeys {
  readonly #parts: KeyParts;
  /** Names who started a body. */
  readonly #run: string;
  readonly #running: Map<string, Running>;

  constructor(parts: KeyParts) {
    this.#parts = parts;
    this.#run = uuidv7(parts.clock, parts.random);
    let running = inHand.get(parts.storage);
    if (running === undefined) inHand.set(parts.storage, running = new Map());
    this.#running = running;
  }

  async run(operation: Operation, work: KeyedWork): Promise<Result> {
    const claim = operation.idempotency;
    if (claim === null) return work.run(null);
    const { identity } = operation;
    if (identity.kind === "anonymous") refuseGuessable(claim.key);
    const id: IdempotencyId = { scope: scopeOf(identity, claim.scope), key: claim.key };
    const name = JSON.stringify([id.scope, id.key]);
    const waitUntilMs = this.#parts.clock.now() + this.#parts.limits.transactionMs;
    for (;;) {
      const running = this.#running.get(name);
      if (running === undefined) break;
      if (running.fingerprint !== claim.fingerprint) throw mismatch();
      await this.#wait(running.done, waitUntilMs);
    }
    const known = this.#find(id, claim.fingerprint, work.standing);
    return known ?? await this.#first(id, { name, fingerprint: claim.fingerprint, work });
  }

  /** The kept answer; null when the key is new. */
  #find(id: IdempotencyId, fingerprint: string, standing: Standing): Result | null {
    const { storage, clock } = this.#parts;
    const record = findIdempotency(storage.reader, id, dateTimeOf(clock.now()));
    if (record === null) return null;
    if (record.fingerprint !== fingerprint) throw mismatch();
    if (record.answer === null) throw fault("OUTCOME_UNKNOWN", "The first request with this key was interrupted.");
    return replayed(record.answer, standing);
  }

  async #first(id: IdempotencyId, { name, fingerprint, work }: { readonly name: string; readonly fingerprint: string; readonly work: KeyedWork }): Promise<Result> {
    let finish = (): void => {};
    this.#running.set(name, { fingerprint, done: new Promise((resolve) => { finish = resolve; }) });
    try {
      return await (work.transactional ? this.#inCommit(id, fingerprint, work) : this.#aroundBody(id, fingerprint, work));
    } finally {
      this.#running.delete(name);
      finish();
    }
  }

  async #inCommit(id: IdempotencyId, fingerprint: string, work: KeyedWork): Promise<Result> {
    const { storage, limits } = this.#parts;
    try {
      return await work.run((connection, result) => storeAnswer(connection, id, this.#mark(fingerprint), keptResult(result, work.standing, limits.idempotencyBodyBytes)));
    } catch (error) {
      if (isKept(error)) await storage.commit((connection) => storeAnswer(connection, id, this.#mark(fingerprint), keptProblem(error, work.standing)));
      throw error;
    }
  }

  async #aroundBody(id: IdempotencyId, fingerprint: string, work: KeyedWork): Promise<Result> {
    const { storage, limits } = this.#parts;
    await storage.commit((connection) => startIdempotency(connection, id, this.#mark(fingerprint)));
    let result: Result;
    try {
      result = await work.run(null);
    } catch (error) {
      await storage.commit((connection) => {
        if (isKept(error)) storeAnswer(connection, id, this.#mark(fingerprint), keptProblem(error, work.standing));
        // A body whose time is up may still be at work: then it stays unknown what it did.
        else if (!isTimeout(error)) forgetIdempotency(connection, id);
      });
      throw error;
    }
    await storage.commit((connection) => storeAnswer(connection, id, this.#mark(fingerprint), keptResult(result, work.standing, limits.idempotencyBodyBytes)));
    return result;
  }

  #mark(fingerprint: string): IdempotencyMark {
    const { clock, limits } = this.#parts;
    return { fingerprint, run: this.#run, expires: dateTimeOf(clock.now() + limits.idempotencyMs) };
  }

  async #wait(done: Promise<void>, untilMs: number): Promise<void> {
    const { clock } = this.#parts;
    let cancel = (): void => {};
    const late = new Promise<never>((_, reject) => {
      cancel = clock.schedule(Math.max(0, untilMs - clock.now()), () => reject(fault("IDEMPOTENCY_IN_PROGRESS", "The first request with this key has not been answered yet.", { retryAfterS: 1 })));
    });
    try {
      await Promise.race([done, late]);
    } finally {
      cancel();
    }
  }
}

/** Subjects of two tenants may have one name. */
function scopeOf({ kind, subject, tenant }: Identity, scope: string): string {
  return tenant === null ? `${kind} ${subject ?? ""} ${scope}` : `tenant ${JSON.stringify([tenant, kind, subject])} ${scope}`;
}

/** Of refusals only those that the app itself decided, and of these none that says "again" or "who are you". */
function isKept(error: unknown): error is AmbitError {
  if (!(error instanceof AmbitError) || !isDecidedByApp(error)) return false;
  return error.status < 500 && ![401, 403, 408, 412, 429].includes(error.status) && error.code !== "TRANSACTION_CONFLICT";
}

function isTimeout(error: unknown): boolean {
  return error instanceof AmbitError && (error.code === "TRANSACTION_TIMEOUT" || error.code === "SOURCE_TIMEOUT");
}

function mismatch(): AmbitError {
  return fault("IDEMPOTENCY_MISMATCH", "The key was used with another body.");
}

/** At least 128 bits, as far as the alphabet of the key tells. */
function refuseGuessable(key: string): void {
  const signs = key.replace(/[^0-9A-Za-z+/_~.]/g, "");
  const bits = /^[0-9]*$/.test(signs) ? Math.log2(10) : /^(?:[0-9a-f]*|[0-9A-F]*)$/.test(signs) ? 4 : Math.log2(62);
  if (signs.length * bits >= ANONYMOUS_BITS) return;
  throw fault("MALFORMED_HEADER", "Without a sign-in an Idempotency-Key needs 128 bits of chance.", { where: "Idempotency-Key", fix: "Use a random UUID." });
}
