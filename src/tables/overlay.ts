// What one write session has read and staged, over what SQLite holds: the state that its rules, checks and reads see. No rules here.
import type { Change } from "../changes/change.ts";
import type { Connection } from "../storage/connection.ts";
import type { StoredRow } from "../storage/record-codec.ts";
import type { SqlValue, Value } from "../base/value.ts";
import type { Authority } from "./authority.ts";
import { comparedText } from "./compared-value.ts";
import type { TableModel, UniqueKey } from "./table-model.ts";

/** Who caused a staged change: for errors that name only what they may read, and for references that they may not see. */
export interface Writer {
  readonly authority: Authority | null;
  /** Fields that the caller itself sent. */
  readonly sent: ReadonlySet<string>;
}

/** One record that the session has met. */
export interface Slot {
  readonly model: TableModel;
  readonly id: Value;
  /** Before the session, expired or not. */
  readonly original: StoredRow | null;
  /** What SQLite holds now. */
  stored: StoredRow | null;
  /** What it shall hold. The same object as `stored` when there is nothing to do. */
  current: StoredRow | null;
  cause: Change["cause"];
  writer: Writer;
}

interface JournalEntry {
  readonly slot: Slot;
  readonly current: StoredRow | null;
  readonly cause: Change["cause"];
  readonly writer: Writer;
}

export const systemWriter: Writer = { authority: null, sent: new Set() };

export class Overlay {
  readonly connection: Connection;
  /** Canonical time of the session: what has expired by then is not seen. */
  readonly now: string;
  /** Slots whose `current` is not in SQLite yet; may hold some that are. */
  readonly dirty = new Set<Slot>();
  /** Dirty ones that could not be applied alone. */
  readonly waiting = new Set<Slot>();
  /** Slots staged since constraints were last looked at. */
  readonly unsettled = new Set<Slot>();
  /** SQLite has been written to since it was last as before. */
  isApplied = false;
  /** Met, or back to what they were, since then. */
  readonly #untouched = new Set<Slot>();
  /** Every slot that was ever staged. */
  readonly #staged = new Set<Slot>();
  /** In order of application: the order of the log entry. */
  readonly applied = new Set<Slot>();
  readonly #slots = new Map<string, Map<Value, Slot>>();
  readonly #journal: JournalEntry[] = [];
  /** By table: slots that may point to other records by a key which SQLite does not hold yet. */
  readonly #pointing = new Map<string, Set<Slot>>();
  readonly #unique = new Map<UniqueKey, Map<string, Set<Slot>>>();

  constructor(connection: Connection, now: string) {
    this.connection = connection;
    this.now = now;
  }

  /** The slot of a key, read from SQLite at first sight. */
  slot(model: TableModel, id: Value): Slot {
    const known = this.#table(model).get(id);
    if (known !== undefined) return known;
    const row = this.connection.query(model.codec.selectSql).values(model.codec.key(id))[0];
    return this.#add(model, id, row === undefined ? null : model.codec.decode(row));
  }

  /** The slot of a key that was just made up and cannot exist. */
  fresh(model: TableModel, id: Value): Slot {
    return this.#table(model).get(id) ?? this.#add(model, id, null);
  }

  /** The slot of a row just read from SQLite; what is staged for it stays. */
  adopt(model: TableModel, columns: readonly SqlValue[]): Slot {
    const row = model.codec.decode(columns);
    const id = row.values[model.primaryKey.name]!;
    return this.#table(model).get(id) ?? this.#add(model, id, row);
  }

  /** The record as the session sees it; null when there is none or it has expired. */
  visible(slot: Slot): StoredRow | null {
    return slot.current === null || this.isExpired(slot.current) ? null : slot.current;
  }

  /** The session itself has taken the record away. */
  isRemoved(model: TableModel, id: Value): boolean {
    const slot = this.#table(model).get(id);
    return slot !== undefined && slot.original !== null && slot.current === null;
  }

  isExpired(row: StoredRow): boolean {
    return row.expires !== null && row.expires <= this.now;
  }

  /** A new record has taken the key of one that had expired. */
  isReplaced(slot: Slot): boolean {
    return slot.current !== null && slot.original !== null && slot.current !== slot.original && this.isExpired(slot.original);
  }

  stage(slot: Slot, current: StoredRow | null, cause: Change["cause"], writer: Writer): void {
    this.#journal.push({ slot, current: slot.current, cause: slot.cause, writer: slot.writer });
    slot.current = current;
    slot.cause = cause;
    slot.writer = writer;
    if (current === slot.original) this.#untouched.add(slot);
    this.#staged.add(slot);
    this.dirty.add(slot);
    this.unsettled.add(slot);
    if (current === null) return;
    if (slot.model.foreignKeys.some(({ field }) => current.values[field] !== null && current.values[field] !== slot.stored?.values[field])) this.#setOf(this.#pointing, slot.model.table.name).add(slot);
    for (const [key, index] of this.#unique) if (key.fields[0] !== undefined && slot.model.uniqueKeys.includes(key)) this.#index(index, key, slot);
  }

  /** A place to roll back to. */
  mark(): number {
    return this.#journal.length;
  }

  /** Undoes what was staged since `mark`. */
  rollback(mark: number): void {
    while (this.#journal.length > mark) {
      const { slot, current, cause, writer } = this.#journal.pop()!;
      slot.current = current;
      slot.cause = cause;
      slot.writer = writer;
      this.dirty.add(slot);
      // As before the session: there is nothing for constraints to look at.
      if (current !== slot.original) continue;
      this.unsettled.delete(slot);
      this.#untouched.add(slot);
    }
  }

  /** SQLite has undone everything: what is staged is to be applied again. What was only read may have changed and is forgotten. */
  rewind(): void {
    this.applied.clear();
    this.waiting.clear();
    for (const slot of this.#untouched) {
      if (slot.current !== slot.original) continue;
      this.#staged.delete(slot);
      this.dirty.delete(slot);
      this.#forget(slot);
    }
    this.#untouched.clear();
    if (!this.isApplied) return;
    this.isApplied = false;
    for (const slot of this.#staged) {
      slot.stored = slot.original;
      this.dirty.add(slot);
    }
  }

  /** How many records of `table` the session has met. */
  countOf(table: string): number {
    return this.#slots.get(table)?.size ?? 0;
  }

  /** Slots of `table` that may point to something by a key not in SQLite yet. */
  pointing(table: string): readonly Slot[] {
    return [...this.#pointing.get(table) ?? []].filter((slot) => this.#isKnown(slot));
  }

  /** A staged or met slot whose current values equal `values` in the fields of `key`, other than `except`. */
  holder(model: TableModel, key: UniqueKey, values: readonly Value[], except: Slot | null): Slot | null {
    let index = this.#unique.get(key);
    if (index === undefined) {
      index = new Map();
      this.#unique.set(key, index);
      for (const slot of this.#table(model).values()) this.#index(index, key, slot);
    }
    const wanted = comparedText(key, values);
    for (const slot of index.get(wanted) ?? []) {
      const row = slot === except || !this.#isKnown(slot) ? null : this.visible(slot);
      if (row !== null && comparedText(key, key.fields.map((field) => row.values[field.name] ?? null)) === wanted) return slot;
    }
    return null;
  }

  #forget(slot: Slot): void {
    const slots = this.#table(slot.model);
    if (slots.get(slot.id) === slot) slots.delete(slot.id);
  }

  /** False for one that was forgotten. */
  #isKnown(slot: Slot): boolean {
    return this.#table(slot.model).get(slot.id) === slot;
  }

  #index(index: Map<string, Set<Slot>>, key: UniqueKey, slot: Slot): void {
    if (slot.current === null) return;
    const { values } = slot.current;
    this.#setOf(index, comparedText(key, key.fields.map((field) => values[field.name] ?? null))).add(slot);
  }

  #table(model: TableModel): Map<Value, Slot> {
    let slots = this.#slots.get(model.table.name);
    if (slots === undefined) this.#slots.set(model.table.name, slots = new Map());
    return slots;
  }

  #add(model: TableModel, id: Value, row: StoredRow | null): Slot {
    const slot: Slot = { model, id, original: row, stored: row, current: row, cause: "write", writer: systemWriter };
    this.#table(model).set(id, slot);
    this.#untouched.add(slot);
    for (const [key, index] of this.#unique) if (model.uniqueKeys.includes(key)) this.#index(index, key, slot);
    return slot;
  }

  #setOf(map: Map<string, Set<Slot>>, key: string): Set<Slot> {
    let set = map.get(key);
    if (set === undefined) map.set(key, set = new Set());
    return set;
  }
}
