// One write session: dispatches writes, undoes what fails, settles constraints, applies, and appends the one log entry.
import { assert, unreachable } from "../base/assert.ts";
import type { Change } from "../changes/change.ts";
import { appendEntry, reservePosition } from "../changes/log.ts";
import { equalValues } from "../base/equal-values.ts";
import type { Limits } from "../base/limits.ts";
import type { SqlValue, Value } from "../base/value.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { RecordSource } from "../expression/expression.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Connection } from "../storage/connection.ts";
import type { StoredRow } from "../storage/record-codec.ts";
import { applyPossible, applyStaged } from "./apply-staged.ts";
import type { Authority } from "./authority.ts";
import { isSameConfinement, isWithin, type Confinement } from "./confinement.ts";
import { settleConstraints } from "./constraints.ts";
import { checkImported, importRecords, type ImportedRow, type ImportMode, type ImportOutcome } from "./import-records.ts";
import { completed, copyRecord } from "./fill-record.ts";
import { incrementRecord } from "./increment-record.ts";
import { Overlay, systemWriter, type Slot } from "./overlay.ts";
import { runChecks } from "./judge.ts";
import { keepFormer } from "./keep-former.ts";
import { settleFiles } from "./record-files.ts";
import { createRecordSource } from "./record-source.ts";
import { noteRecord, type ReadNotes } from "./read-notes.ts";
import { carryOutActions, expireSlot } from "./referential-actions.ts";
import { restoreRecord } from "./restore-record.ts";
import { Sequences } from "./sequences.ts";
import { modelOf, type TableModel, type TableModels } from "./table-model.ts";
import { probeUnique } from "./unique-holder.ts";
import { upsertRecord } from "./upsert-record.ts";
import { writeBulk } from "./write-bulk.ts";
import type { WriteContext } from "./write-context.ts";
import { createRecord, removeRecord, replaceRecord, updateRecord } from "./write-record.ts";
import type { WriteSession } from "./write-session.ts";
import type { StoredRecord, Write, WriteOptions, WriteOutcome } from "./write.ts";

export interface SessionOptions {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly models: TableModels;
  readonly limits: Limits;
  readonly connection: Connection;
  /** Canonical. */
  readonly now: string;
  readonly actor: string | null;
  readonly requestId: string;
  /** Null: not confined. */
  readonly confinement: Confinement | null;
  /** Of a draft: told what its writes and rules read. */
  readonly reads: ReadNotes | null;
  createId(): string;
}

/** What a session committed. */
export interface SessionEntry {
  readonly position: number;
  readonly time: string;
  readonly changes: readonly Change[];
  /** What stands in SQLite now, for caches. */
  readonly rows: readonly { readonly table: string; readonly id: Value; readonly row: StoredRow | null }[];
}

export class Session implements WriteSession {
  readonly now: string;
  readonly connection: Connection;
  readonly source: RecordSource;
  readonly #options: SessionOptions;
  readonly #overlay: Overlay;
  readonly #context: WriteContext;
  /** Records that came back from the trash. */
  readonly #restored: Slot[] = [];
  readonly #afterEntry: (() => void)[] = [];
  #position: number | null = null;
  /** Once applying failed, SQLite holds half of it: nothing but the rollback may follow. */
  #failure: { readonly error: unknown } | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.now = options.now;
    this.connection = options.connection;
    this.#overlay = new Overlay(options.connection, options.now);
    this.source = createRecordSource({
      catalog: options.catalog, book: options.book, reads: options.reads,
      connection: () => {
        applyPossible(this.#overlay, options.connection);
        return options.connection;
      },
      get: (table, id) => this.#visible(modelOf(options.models, table), id)?.values ?? null,
    });
    this.#context = this.#createContext();
  }

  write(write: Write, options: WriteOptions): WriteOutcome {
    return this.#atomically(() => {
      const outcome = this.#writeOne(write, options);
      carryOutActions(this.#context);
      return outcome;
    });
  }

  writeAll(writes: readonly Write[], options: WriteOptions | ReadonlyMap<Write, WriteOptions>): readonly WriteOutcome[] {
    const optionsOf = (write: Write): WriteOptions => (options instanceof Map ? options.get(write)! : options as WriteOptions);
    return this.#atomically(() => {
      const outcomes = writeBulk(this.#options.models, writes, (write) => this.#atomically(() => this.#writeOne(write, optionsOf(write))));
      carryOutActions(this.#context);
      return outcomes;
    });
  }

  restore(table: string, id: Value, authority: Authority | null): WriteOutcome {
    return this.#atomically(() => restoreRecord(this.#context, { table, id, authority }, this.#restored));
  }

  importRecords(rows: readonly ImportedRow[], mode: ImportMode): readonly ImportOutcome[] {
    return this.#atomically(() => importRecords(this.#context, rows, mode));
  }

  checkImported(row: ImportedRow): void {
    this.#atomically(() => checkImported(this.#context, row));
  }

  get(table: string, id: Value): StoredRecord | null {
    const model = modelOf(this.#options.models, table);
    noteRecord(this.#context, model, id);
    return this.#visible(model, id);
  }

  #visible(model: TableModel, id: Value): StoredRecord | null {
    const found = this.#overlay.visible(this.#overlay.slot(model, id));
    return found !== null && isWithin(this.#options.confinement, model.table, found.values) ? found : null;
  }

  flush(): void {
    if (this.#failure !== null) throw this.#failure.error;
    try {
      settleConstraints(this.#context);
      applyStaged(this.#overlay, this.connection);
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  verify(): void {
    const staged = [...this.#overlay.unsettled];
    try {
      settleConstraints(this.#context);
      for (const slot of staged) probeUnique(this.#context, slot);
    } catch (error) {
      for (const slot of staged) this.#overlay.unsettled.add(slot);
      throw error;
    }
  }

  /** One step of a draft: what `work` stages stays staged, unless it throws; SQLite is undone by the caller in any case. */
  step<Result>(work: (session: WriteSession) => Result): Result {
    this.#failure = null;
    this.#overlay.rewind();
    return this.#atomically(() => work(this));
  }

  get head(): number {
    return this.#context.position() - 1;
  }

  get changes(): readonly Change[] {
    const slots = new Set([...this.#overlay.applied, ...this.#overlay.waiting, ...this.#overlay.dirty]);
    return [...slots].flatMap((slot) => changesOf(slot, this.#overlay));
  }

  afterEntry(work: () => void): void {
    this.#afterEntry.push(work);
  }

  /** Applies what is staged and appends the entry. Null: nothing differs, nothing was written. */
  finish(): SessionEntry | null {
    this.flush();
    const entry = this.#append();
    for (const work of this.#afterEntry) work();
    return entry;
  }

  #append(): SessionEntry | null {
    const changes = [...this.#overlay.applied].flatMap((slot) => changesOf(slot, this.#overlay));
    if (changes.length === 0) return null;
    this.#context.sequences.save();
    const { actor, requestId } = this.#options;
    const position = appendEntry(this.connection, { position: this.#context.position(), time: this.now, actor, requestId, changes });
    for (const slot of this.#overlay.applied) this.#settleFiles(slot);
    keepFormer({ connection: this.connection, catalog: this.#options.catalog, position, time: this.now, actor, restored: new Set(this.#restored) }, this.#overlay);
    const rows = [...this.#overlay.applied].map(({ model, id, current }) => ({ table: model.table.name, id, row: current }));
    return { position, time: this.now, changes, rows };
  }

  fillVector({ table, id, field }: { readonly table: string; readonly id: Value; readonly field: string }, vector: readonly number[] | null): void {
    this.#atomically(() => {
      const model = modelOf(this.#options.models, table);
      const slot = this.#overlay.slot(model, id);
      const row = this.#overlay.visible(slot);
      if (row === null) return;
      const values = completed(this.#context, model, { ...copyRecord(model, row.values), [field]: vector }, []);
      runChecks(this.#context, model, { old: row.values, record: values }, null);
      if (!equalValues(row.values[field] ?? null, values[field] ?? null)) this.#overlay.stage(slot, { ...row, values }, "embedding", systemWriter);
    });
  }

  /** Deletes an expired row, as just read, with what hangs on it. Throws, without a trace, where something still refers to it. */
  expire(model: TableModel, columns: readonly SqlValue[]): void {
    this.#atomically(() => {
      const slot = this.#overlay.adopt(model, columns);
      if (slot.current === null || !this.#overlay.isExpired(slot.current)) return;
      expireSlot(this.#context, slot);
      carryOutActions(this.#context);
      settleConstraints(this.#context);
    });
  }

  #settleFiles({ model, id, original, current }: Slot): void {
    if (model.files.length === 0 || original === current) return;
    settleFiles(this.#context.files, { table: model.table, fields: model.files, id, before: original?.values ?? null, after: current?.values ?? null });
  }

  #writeOne(write: Write, options: WriteOptions): WriteOutcome {
    const context = this.#context;
    assert(options.authority === null || isSameConfinement(options.authority.confinement ?? null, this.#options.confinement), "a session is confined as its caller is");
    switch (write.kind) {
      case "create": return write.onConflict === null ? createRecord(context, write, options) : upsertRecord(context, write, options);
      case "replace": return replaceRecord(context, write, options);
      case "update": return updateRecord(context, write, options);
      case "remove": return removeRecord(context, write, options);
      case "increment": return incrementRecord(context, write, options);
      default: return unreachable(write);
    }
  }

  #atomically<Result>(work: () => Result): Result {
    if (this.#failure !== null) throw this.#failure.error;
    const { sequences, removed } = this.#context;
    const marks = { overlay: this.#overlay.mark(), sequences: sequences.mark(), removed: removed.length, restored: this.#restored.length };
    try {
      return work();
    } catch (error) {
      this.#overlay.rollback(marks.overlay);
      sequences.rollback(marks.sequences);
      removed.length = marks.removed;
      this.#restored.length = marks.restored;
      throw error;
    }
  }

  #createContext(): WriteContext {
    const { catalog, book, models, limits, connection, actor, confinement, reads, createId } = this.#options;
    return {
      catalog, book, models, limits, actor, confinement, reads, createId, source: this.source,
      files: { connection, now: this.now, actor, tenant: confinement?.tenant ?? null, graceMs: limits.fileGraceMs },
      overlay: this.#overlay, sequences: new Sequences(connection), removed: [],
      position: () => this.#position ??= reservePosition(connection),
    };
  }
}

function changesOf({ model, id, original, current, cause }: Slot, overlay: Overlay): Change[] {
  if (original === current) return [];
  const change = { table: model.table.name, id };
  if (original !== null && overlay.isExpired(original)) {
    const expiry: Change = { ...change, old: original.values, new: null, cause: "expiry" };
    return current === null ? [expiry] : [expiry, { ...change, old: null, new: current.values, cause }];
  }
  return [{ ...change, old: original?.values ?? null, new: current?.values ?? null, cause }];
}
