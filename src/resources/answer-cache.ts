// Keeps answers to lists that are asked for again, until a commit touches what they depended on. What is kept is never older than
// the last commit: it is found, made and dropped within one turn of the event loop. Decides nothing about rights.
import type { Limits } from "../base/limits.ts";
import { bytesOfText } from "../base/text.ts";
import type { Environment, Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { FootprintIndex } from "../query/footprint-index.ts";
import { footprintsOf, type AnswerRow } from "../query/footprint-plan.ts";
import { isBroad, type ReadDependencies } from "../query/footprint.ts";
import type { NextInstant } from "../query/footprint-time.ts";
import type { Catalog } from "../schema/catalog.ts";
import { nextInstants } from "../storage/next-instant.ts";
import type { Storage } from "../storage/open-storage.ts";
import type { CompiledPlan } from "../storage/plan-sql.ts";
import type { RowSet } from "../storage/read-plan.ts";
import type { Tables } from "../tables/engine.ts";
import type { Result } from "./operation.ts";
import { runKey, runParameters } from "./plan-run-key.ts";

export interface AnswerCacheParts {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly tables: Tables;
  readonly storage: Storage;
  readonly limits: Limits;
}

/** What was read, and the answer made of it. */
export interface Answered { readonly rows: RowSet; readonly result: Result }

interface Kept {
  readonly result: Result;
  readonly validUntil: string | null;
  readonly bytes: number;
  /** Any change of some table must be looked at. */
  readonly broad: boolean;
  readonly plan: PlanAnswers;
  readonly key: string;
  used: boolean;
}

/** Of one plan with the rules of one set of roles. */
interface PlanAnswers {
  readonly id: string;
  /** What differs between its runs. */
  readonly parameters: readonly Expression[];
  readonly answers: Map<string, Kept>;
}

const ANSWER_LENGTH_MAX = 262_144;
const KEY_LENGTH_MAX = 200;
/** Each commit looks at all of these in its tables. */
const BROAD_MAX = 500;
/** A larger commit is not held against each answer: all go. */
const CHANGES_MAX = 200;
/** So many questions are remembered, once or twice over, where there is no room for all. */
const ASKED_MAX = 4_096;
/** Up to this part of the bytes there is room for any. */
const ROOMY = 0.75;
const KEPT_BYTES = 2_000;
const FOOTPRINT_BYTES = 1_000;
const KEY_BYTES = 60;

export class AnswerCache {
  readonly #parts: AnswerCacheParts;
  readonly #nextInstant: NextInstant;
  readonly #plans = new WeakMap<CompiledPlan, PlanAnswers | "unkept">();
  readonly #index: FootprintIndex<Kept>;
  /** Oldest first; who was used meanwhile gets a second round (clock algorithm). */
  readonly #kept = new Set<Kept>();
  readonly #broad = new Set<Kept>();
  #bytes = 0;
  #found = 0;
  #read = 0;
  #plansMade = 0;
  #asked = new Set<string>();
  #askedBefore = new Set<string>();
  #unheard: number;

  constructor(parts: AnswerCacheParts) {
    this.#parts = parts;
    this.#nextInstant = nextInstants(parts.storage.reader, parts.catalog);
    this.#index = new FootprintIndex(parts.book);
    this.#unheard = parts.tables.unheard;
    parts.tables.onCommitted(({ changes }) => {
      if (this.#kept.size === 0) return;
      if (changes.length > CHANGES_MAX) this.#dropAll();
      else for (const kept of this.#index.touched(changes)) this.#drop(kept);
    });
  }

  /** `found` and `read`: lists answered from memory, and by SQL. */
  stats(): { readonly kept: number; readonly bytes: number; readonly found: number; readonly read: number } {
    return { kept: this.#kept.size, bytes: this.#bytes, found: this.#found, read: this.#read };
  }

  /** What is kept, else what `read` finds. Synchronous: no commit can come between reading and keeping. */
  answer(compiled: CompiledPlan, environment: Environment, read: () => Answered): Result {
    const plan = this.#planOf(compiled);
    const key = plan === "unkept" ? null : this.#keyOf(plan, environment);
    const kept = plan === "unkept" || key === null ? null : this.#find(plan, key, environment);
    if (kept !== null) {
      this.#found++;
      return kept.result;
    }
    this.#read++;
    const answered = read();
    if (plan === "unkept" || key === null) return answered.result;
    if (answered.rows.json.length <= ANSWER_LENGTH_MAX && this.#isWorthIt(plan.id + key)) this.#keep({ compiled, environment, answered, plan, key });
    return { ...answered.result, cached: "miss" };
  }

  #find(plan: PlanAnswers, key: string, { now }: Environment): Kept | null {
    this.#hear();
    const kept = plan.answers.get(key) ?? null;
    if (kept === null) return null;
    if (kept.validUntil === null || now < kept.validUntil) {
      kept.used = true;
      return kept;
    }
    this.#drop(kept);
    return null;
  }

  /** Null: too long to be kept. */
  #keyOf({ parameters }: PlanAnswers, environment: Environment): string | null {
    const key = runKey(parameters, environment, this.#parts.book);
    return key.length > KEY_LENGTH_MAX ? null : key;
  }

  #planOf(compiled: CompiledPlan): PlanAnswers | "unkept" {
    let plan = this.#plans.get(compiled);
    if (plan === undefined) this.#plans.set(compiled, plan = this.#parts.limits.answerCacheBytes === 0 ? "unkept" : planAnswers(compiled, `${this.#plansMade++} `));
    return plan;
  }

  /** What others have committed is not told in parts. */
  #hear(): void {
    const { unheard } = this.#parts.tables;
    if (unheard === this.#unheard) return;
    this.#unheard = unheard;
    this.#dropAll();
  }

  /** While there is room, every answer is; then only one that is asked for again may take the place of others. */
  #isWorthIt(question: string): boolean {
    if (this.#bytes < this.#parts.limits.answerCacheBytes * ROOMY) return true;
    if (this.#asked.has(question) || this.#askedBefore.has(question)) return true;
    if (this.#asked.size >= ASKED_MAX) {
      this.#askedBefore = this.#asked;
      this.#asked = new Set();
    }
    this.#asked.add(question);
    return false;
  }

  #keep({ compiled, environment, answered, plan, key }: { compiled: CompiledPlan; environment: Environment; answered: Answered; plan: PlanAnswers; key: string }): void {
    const { footprints, validUntil } = this.#dependencies(compiled, environment, answered.rows);
    if (validUntil !== null && validUntil <= environment.now) return;
    const broad = footprints.some(isBroad);
    const keys = footprints.reduce((sum, footprint) => sum + (footprint.key?.values.size ?? 0), 0);
    const bytes = KEPT_BYTES + bytesOfText(answered.rows.json) + 2 * key.length + FOOTPRINT_BYTES * footprints.length + KEY_BYTES * keys;
    const most = this.#parts.limits.answerCacheBytes;
    if (bytes > most) return;
    while (this.#bytes + bytes > most) this.#dropOne(this.#kept);
    if (broad && this.#broad.size >= BROAD_MAX) this.#dropOne(this.#broad);
    const kept: Kept = { result: { ...answered.result, cached: "hit" }, validUntil, bytes, broad, plan, key, used: false };
    plan.answers.set(key, kept);
    this.#kept.add(kept);
    if (broad) this.#broad.add(kept);
    this.#bytes += bytes;
    this.#index.add(kept, footprints);
  }

  #dependencies({ plan }: CompiledPlan, environment: Environment, { rows, lastKeys, json }: RowSet): ReadDependencies {
    const answer = plan.select.some((item) => item.kind === "embed") ? JSON.parse(json) as AnswerRow[] : null;
    return footprintsOf(plan, { environment, rows, lastKeys, answer, nextInstant: this.#nextInstant }, this.#parts);
  }

  #dropOne(from: Set<Kept>): void {
    for (const kept of from) {
      if (!kept.used) return this.#drop(kept);
      kept.used = false;
      from.delete(kept);
      from.add(kept);
    }
  }

  #dropAll(): void {
    for (const kept of this.#kept) this.#drop(kept);
  }

  #drop(kept: Kept): void {
    kept.plan.answers.delete(kept.key);
    this.#kept.delete(kept);
    if (kept.broad) this.#broad.delete(kept);
    this.#bytes -= kept.bytes;
    this.#index.remove(kept);
  }
}

function planAnswers(compiled: CompiledPlan, id: string): PlanAnswers | "unkept" {
  const { asof, refuseScan, count } = compiled.plan;
  if (asof !== undefined || refuseScan || count === "planned" || count === "estimated") return "unkept";
  // What depends on the time alone: for that there is validUntil.
  const parameters = runParameters(compiled);
  return parameters === null ? "unkept" : { id, parameters, answers: new Map() };
}
