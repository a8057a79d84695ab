// Data operations of a body in a transaction: writes are buffered and rehearsed, so that each validates, fills and throws at its
// call; reads see them. All is of one state: what was read is held against what others commit, before each read and in the commit.
import { AmbitError, fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import type { Value } from "../base/value.ts";
import type { Environment, RecordSource } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { footprintsOf } from "../query/footprint-plan.ts";
import { keyFootprint } from "../query/footprint.ts";
import type { Catalog } from "../schema/catalog.ts";
import { expires } from "../storage/column.ts";
import type { Connection } from "../storage/connection.ts";
import type { Storage } from "../storage/open-storage.ts";
import type { CompiledPlan } from "../storage/plan-sql.ts";
import { readIds, readRows, type RowSet } from "../storage/read-plan.ts";
import { failureScope } from "../storage/sqlite-failure.ts";
import { laneOf, type ReadSet, type Touch } from "../tables/certification.ts";
import type { CommitOptions, Draft, Tables } from "../tables/engine.ts";
import type { WriteSession } from "../tables/write-session.ts";
import type { StoredRecord, Write, WriteOptions, WriteOutcome } from "../tables/write.ts";
import { BodyConflict } from "./body-conflict.ts";
import { BodyMistake } from "./body-calls.ts";
import { currentPart, isPartOf, Part, runWithin } from "./body-scope.ts";
import type { LanePlace } from "./conflict-lanes.ts";
import { isSameOutcome, pinned } from "./pinned-write.ts";
import { rankedTables } from "./ranked-tables.ts";
import type { Effect, Work } from "./work.ts";

export interface BufferedParts {
  readonly tables: Tables;
  readonly storage: Storage;
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly limits: Limits;
}

interface BufferedWrite {
  /** As they are committed: what the rehearsal made up is given. Several: a bulk. */
  readonly items: readonly BufferedItem[];
  /** In which nested part. */
  readonly part: Part | null;
  /** Counts all writes, also those undone. */
  readonly number: number;
}

interface BufferedItem {
  readonly write: Write;
  readonly options: WriteOptions;
  readonly outcome: WriteOutcome;
}

/** Carries out an outcome of a step that leaves nothing. */
class Foreseen {
  readonly outcome: WriteOutcome;

  constructor(outcome: WriteOutcome) {
    this.outcome = outcome;
  }
}

/** Of a record that is not committed yet. */
const UNCOMMITTED = 0;

export class BufferedWork implements Work {
  readonly transactional = true;
  readonly source: RecordSource;
  readonly #parts: BufferedParts;
  readonly #who: CommitOptions;
  readonly #reads: ReadSet;
  readonly #place: LanePlace;
  readonly #atMs: number;
  readonly #committed: RecordSource;
  #draft: Draft;
  #writes: BufferedWrite[] = [];
  #written = 0;
  #effects: { readonly effect: Effect; readonly part: Part | null }[] = [];
  /** Single writes in all. */
  #count = 0;
  /** What own writes, with their cascades, made of records; null: to be asked for again. */
  #own: Map<string, StoredRecord | null> | null = new Map();
  /** Once set, nothing more is read or written, whatever the body does about it. */
  #failure: Error | null = null;

  /** All is read, and rehearsed, as of `atMs`. */
  constructor(parts: BufferedParts, who: CommitOptions, { place, atMs }: { readonly place: LanePlace; readonly atMs: number }) {
    this.#atMs = atMs;
    this.#place = place;
    this.#parts = parts;
    this.#who = who;
    this.#reads = parts.tables.readSet();
    this.#committed = parts.tables.sourceFor(this.#reads, atMs);
    this.#draft = parts.tables.draft(who, this.#reads, atMs);
    this.source = {
      get: (table, id, looksAt) => this.ask(false, (source) => source!.get(table, id, looksAt)),
      exists: (table, row, where, environment) => this.ask(false, (source) => source!.exists(table, row, where, environment)),
    };
  }

  get isEmpty(): boolean {
    return this.#writes.length === 0;
  }

  /** Some effect is stored. */
  get stores(): boolean {
    return this.#effects.some(({ effect }) => effect.store !== undefined);
  }

  /** Why this attempt cannot be committed; null: nothing is known against it. */
  get failure(): Error | null {
    return this.#failure;
  }

  turn(table: string, id: Value): Promise<void> | null {
    return this.#reads.hasBegun ? null : this.#place.join(laneOf(keyFootprint(this.#parts.catalog.tables.get(table)!, id)));
  }

  get(table: string, id: Value): StoredRecord | null {
    this.#advance();
    const own = this.#ownRecords().get(nameOf(table, id));
    if (own !== undefined) return own;
    this.#reads.note(keyFootprint(this.#parts.catalog.tables.get(table)!, id));
    return this.#parts.tables.get(table, id, this.#atMs);
  }

  rows(compiled: CompiledPlan, environment: Environment): RowSet {
    return this.#query(compiled, environment, (connection) => {
      const found = readRows(connection, compiled, environment);
      const hasLists = compiled.plan.select.some(({ kind }) => kind === "embed");
      this.#noteRead(compiled, { environment, rows: found.rows, lastKeys: found.lastKeys, answer: hasLists ? JSON.parse(found.json) as { [name: string]: unknown }[] : null });
      return found;
    });
  }

  ids(compiled: CompiledPlan, environment: Environment, limit: number): Value[] {
    return this.#query(compiled, environment, (connection) => {
      const found = readIds(connection, compiled, environment, limit);
      this.#noteRead(compiled, { environment, rows: found.length, lastKeys: null });
      return found;
    });
  }

  ask<T>(local: boolean, question: (source: RecordSource | null) => T): T {
    if (local) return question(null);
    this.#advance();
    return this.isEmpty ? question(this.#committed) : this.#draft.step((session) => question(session.source));
  }

  preview(write: Write, options: WriteOptions): WriteOutcome | null {
    this.#advance();
    try {
      return this.#draft.step((session): never => { throw new Foreseen(session.write(write, options)); });
    } catch (error) {
      if (error instanceof Foreseen) return error.outcome;
      if (error instanceof AmbitError) return null;
      throw error;
    }
  }

  async write(write: Write, options: WriteOptions): Promise<WriteOutcome> {
    this.#begin(1);
    const outcome = this.#draft.step((session) => {
      const made = session.write(write, options);
      session.verify();
      return made;
    });
    this.#keep([write], options, [outcome]);
    return outcome;
  }

  /** One bulk, whose order does not decide its outcome. `problem`: what constraints say against it so far; they are looked at again by `verify`. */
  writeAll(writes: readonly Write[], options: WriteOptions): { readonly outcomes: readonly WriteOutcome[]; readonly problem: AmbitError | null } {
    this.#begin(writes.length);
    const done = this.#draft.step((session) => {
      const outcomes = writes.length === 1 ? [session.write(writes[0]!, options)] : session.writeAll(writes, options);
      return { outcomes, problem: refusalOf(session) };
    });
    this.#keep(writes, options, done.outcomes);
    return done;
  }

  async effect(effect: Effect): Promise<void> {
    this.#begin(1);
    this.#effects.push({ effect, part: currentPart(this) });
    this.#count++;
  }

  /** What constraints say against what was written; null: nothing. */
  verify(): AmbitError | null {
    this.#advance();
    return this.isEmpty ? null : this.#draft.step(refusalOf);
  }

  /** Calls of `write` and `writeAll` so far. */
  get written(): number {
    return this.#writes.length;
  }

  async nested<T>(root: object, run: () => Promise<T>): Promise<T> {
    const part = new Part(currentPart(this));
    const begun = this.#written;
    try {
      return await runWithin({ root, work: this, part }, run);
    } catch (error) {
      if (this.#failure === null) this.#undo(part, begun);
      throw this.#failure ?? error;
    } finally {
      part.isOpen = false;
    }
  }

  /** Nothing was written: what was read must still be so, and then it is the state of now. */
  certify(): void {
    this.#advance();
  }

  /** In the commit: all writes, if the state is still the one that the body saw. `alone`: nobody else commits, so refusals are real. */
  apply(session: WriteSession, alone: boolean, along: (writes: number) => void = () => {}): void {
    if (this.#failure !== null) throw this.#failure;
    const touch = this.#reads.certify(session.head);
    if (touch !== null) throw new BodyConflict(touch);
    let other: WriteOutcome | null;
    try {
      other = this.#replay(session, this.#writes, along);
      session.flush();
    } catch (error) {
      // Anything else concerns the batch or the writer.
      if (alone || failureScope(error) !== "request") throw error;
      throw new BodyConflict(this.#ownTouch(), error);
    }
    if (other !== null && !alone) throw new BodyConflict({ ...this.#ownTouch(), lane: other.table });
    for (const { effect } of this.#effects) effect.store?.(session);
  }

  /** It is committed. */
  tell(): void {
    for (const { effect } of this.#effects) effect.tell?.();
  }

  /** The attempt is over: what it left behind reads and writes nothing any more. */
  end(): void {
    this.#failure ??= new BodyMistake("ctx.transaction was used after its function had ended.");
    this.#reads.end();
  }

  /** Before each read: to the newest state, unless that is another one in what was read. */
  #advance(): void {
    if (this.#failure !== null) throw this.#failure;
    const touch = this.#reads.extend();
    if (touch !== null) throw this.#failure = new BodyConflict(touch);
  }

  #query<T>(compiled: CompiledPlan, environment: Environment, read: (connection: Connection) => T): T {
    this.#advance();
    try {
      if (this.isEmpty) return read(this.#parts.storage.reader);
      return this.#draft.step((session) => {
        this.#refuseRanked(compiled, session);
        session.flush();
        return read(session.connection);
      });
    } catch (error) {
      // Also a refusal tells what is there.
      this.#noteRead(compiled, { environment, rows: 1, lastKeys: null });
      throw error;
    }
  }

  #noteRead({ plan }: CompiledPlan, reading: Parameters<typeof footprintsOf>[1]): void {
    for (const footprint of footprintsOf(plan, reading, this.#parts).footprints) this.#reads.note(footprint);
  }

  #refuseRanked({ plan }: CompiledPlan, session: WriteSession): void {
    const ranked = rankedTables(plan, this.#parts.catalog);
    if (ranked.size === 0) return;
    const written = session.changes.find(({ table }) => ranked.has(table));
    if (written === undefined) return;
    throw fault("SEARCH_AFTER_WRITE", `search, similar and near do not see what this transaction has written to ${written.table}.`);
  }

  #ownRecords(): ReadonlyMap<string, StoredRecord | null> {
    return this.#own ??= new Map(this.#draft.step((session) => session.changes.map(({ table, id }) => {
      // One that was written with its end in the past is there for nobody.
      const made = session.get(table, id);
      return [nameOf(table, id), made === null ? null : { values: made.values, version: UNCOMMITTED }] as const;
    })));
  }

  /** The first that came out otherwise than the body saw it; null: none. */
  #replay(session: WriteSession, writes: readonly BufferedWrite[], along: (writes: number) => void = () => {}): WriteOutcome | null {
    let other: WriteOutcome | null = null;
    along(0);
    writes.forEach(({ items }, index) => {
      const [first] = items;
      const outcomes = items.length === 1 ? [session.write(first!.write, first!.options)] : session.writeAll(items.map(({ write }) => write), new Map(items.map(({ write, options }) => [write, options])));
      other ??= items.find(({ outcome }, item) => !isSameOutcome(outcomes[item]!, outcome, this.#parts.catalog))?.outcome ?? null;
      along(index + 1);
    });
    return other;
  }

  #begin(writes: number): void {
    const { transactionWrites } = this.#parts.limits;
    if (currentPart(this)?.isOpen === false) throw new BodyMistake("A nested ctx.transaction wrote after its function had ended.");
    this.#advance();
    if (this.#count + writes > transactionWrites) throw fault("TOO_MANY_ROWS", `A transaction writes at most ${transactionWrites} times.`);
  }

  #keep(writes: readonly Write[], options: WriteOptions, outcomes: readonly WriteOutcome[]): void {
    const items = writes.map((write, index) => ({ ...pinned(write, options, outcomes[index]!, this.#parts.catalog), outcome: outcomes[index]! }));
    this.#writes.push({ items, part: currentPart(this), number: this.#written++ });
    this.#count += writes.length;
    this.#rememberOwn(outcomes);
  }

  /** Only what may have changed other records too has all of them looked at again: a body may read and write by turns, thousands of times. */
  #rememberOwn(outcomes: readonly WriteOutcome[]): void {
    for (const { status, table, id, record } of outcomes) {
      if (this.#own === null || status === "unchanged" || status === "ignored") continue;
      if (status === "deleted" || record === null || expires(this.#parts.catalog.tables.get(table)!)) this.#own = null;
      else this.#own.set(nameOf(table, id), { values: record, version: UNCOMMITTED });
    }
  }

  /** Takes back what was written within the part: the others are rehearsed anew without it. */
  #undo(failed: Part, begun: number): void {
    const kept = this.#writes.filter(({ part }) => !isPartOf(part, failed));
    this.#effects = this.#effects.filter(({ part }) => !isPartOf(part, failed));
    const lost = this.#writes.length - kept.length;
    this.#writes = kept;
    this.#count = this.#items().length + this.#effects.length;
    if (lost === 0) return;
    this.#own = null;
    this.#advance();
    this.#draft = this.#parts.tables.draft(this.#who, this.#reads, this.#atMs);
    if (kept.length === 0 || this.#isAsBefore(kept)) return;
    // Beside it others were written, which built upon it; else it is the time that made the difference.
    const beside = kept.some(({ number }) => number >= begun);
    throw this.#failure = beside ? new BodyMistake("What a nested ctx.transaction wrote was used outside of it before it failed.") : new BodyConflict(this.#ownTouch());
  }

  #isAsBefore(writes: readonly BufferedWrite[]): boolean {
    try {
      return this.#draft.step((session) => this.#replay(session, writes)) === null;
    } catch (error) {
      if (error instanceof AmbitError) return false;
      throw error;
    }
  }

  #items(): readonly BufferedItem[] {
    return this.#writes.flatMap(({ items }) => items);
  }

  #ownTouch(): Touch {
    return {
      records: this.#items().map(({ outcome }) => ({ table: outcome.table, id: outcome.id })),
      lane: [...new Set(this.#items().map(({ write }) => write.table))].join(" "),
    };
  }
}

function refusalOf(session: WriteSession): AmbitError | null {
  try {
    session.verify();
    return null;
  } catch (error) {
    if (error instanceof AmbitError) return error;
    throw error;
  }
}

function nameOf(table: string, id: Value): string {
  return `${table} ${typeof id} ${String(id)}`;
}
