// Serializable transactions without locks: what a transaction has read, as footprints, is held against the entries that were committed
// since. Before each read it moves on to the newest state, if none of them touches what it has read: so all its reads are of one state.
import type { Value } from "../base/value.ts";
import { logHead } from "../changes/log.ts";
import type { Change } from "../changes/change.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { FootprintIndex } from "../query/footprint-index.ts";
import { isBroad, touches, type Footprint } from "../query/footprint.ts";
import type { Storage } from "../storage/open-storage.ts";

/** Why a transaction has to run again. */
export interface Touch {
  /** Whose change it was; empty where that is not known any more. */
  readonly records: readonly { readonly table: string; readonly id: Value }[];
  /** Equal for transactions that are in each other's way. */
  readonly lane: string;
}

interface Entry {
  readonly changes: readonly Change[];
  /** Another one: the record types may have changed. */
  readonly book: ExpressionBook;
}

/** Kept changes of one position on. */
export interface RecentLimits {
  readonly certificationEntries: number;
  readonly certificationChanges: number;
}

/** Entries that transactions under way may have to be held against, those of a batch before its COMMIT too. Nobody under way: none. */
export class RecentEntries {
  readonly #limits: RecentLimits;
  readonly #entries = new Map<number, Entry>();
  readonly #readers = new Set<ReadSet>();
  #changes = 0;
  #head = { generation: -1, position: 0 };

  constructor(limits: RecentLimits) {
    this.#limits = limits;
  }

  /** The entry now stands at `position`; one that stood there before was undone. */
  record(position: number, changes: readonly Change[], book: ExpressionBook): void {
    if (this.#readers.size === 0) return;
    this.#drop(position);
    this.#entries.set(position, { changes, book });
    this.#changes += changes.length;
    const { certificationEntries, certificationChanges } = this.#limits;
    while (this.#entries.size > certificationEntries || this.#changes > certificationChanges) this.#drop(this.#entries.keys().next().value!);
  }

  /** Of the state that readers see: many begin within one of them. */
  headOf({ generation, reader }: Storage): number {
    if (this.#head.generation !== generation) this.#head = { generation, position: logHead(reader) };
    return this.#head.position;
  }

  join(reader: ReadSet): void {
    this.#readers.add(reader);
  }

  leave(reader: ReadSet): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#entries.clear();
    this.#changes = 0;
  }

  /** Those after `since` up to `head`, in order; undefined for one that is not kept, or not by these types. */
  *between(since: number, head: number, book: ExpressionBook): Iterable<readonly Change[] | undefined> {
    for (let position = since + 1; position <= head; position++) {
      const entry = this.#entries.get(position);
      yield entry?.book === book ? entry.changes : undefined;
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  #drop(position: number): void {
    const entry = this.#entries.get(position);
    if (entry === undefined) return;
    this.#entries.delete(position);
    this.#changes -= entry.changes.length;
  }
}

const recentByStorage = new WeakMap<Storage, RecentEntries>();

/** One for the data: a reload makes the tables anew, and transactions of before and after it meet each other's entries. */
export function recentEntries(storage: Storage, limits: RecentLimits): RecentEntries {
  let recent = recentByStorage.get(storage);
  if (recent === undefined) recentByStorage.set(storage, recent = new RecentEntries(limits));
  return recent;
}

export interface ReadSetParts {
  readonly storage: Storage;
  readonly recent: RecentEntries;
  readonly book: ExpressionBook;
  readonly limits: { readonly transactionFootprints: number };
  /** False only in tests, to show what would go wrong. */
  readonly certifies: boolean;
}

/** Up to so many of a table, looking at each is quicker than an index. */
const UNINDEXED_MAX = 24;
/** Those that say nothing of single fields are all looked at for each change: of more than so many the whole table counts as read. */
const BROAD_MAX = 500;

/** What was read of one table. */
class TableReads {
  readonly #book: ExpressionBook;
  readonly #named = new Map<string, Footprint>();
  readonly #all: Footprint[] = [];
  #index: FootprintIndex<Footprint> | null = null;
  #broad = 0;

  constructor(book: ExpressionBook) {
    this.#book = book;
  }

  get size(): number {
    return this.#all.length;
  }

  get isTooWide(): boolean {
    return this.#broad > BROAD_MAX;
  }

  /** False: it was there. */
  add(footprint: Footprint): boolean {
    const name = signatureOf(footprint);
    if (name !== null) {
      if (this.#named.has(name)) return false;
      this.#named.set(name, footprint);
    }
    if (isBroad(footprint)) this.#broad++;
    this.#all.push(footprint);
    this.#index?.add(footprint, [footprint]);
    return true;
  }

  /** One that the change touches; null: none. */
  touchedBy(change: Change): Footprint | null {
    if (this.#all.length > UNINDEXED_MAX) {
      const [first] = this.#indexed().touched([change]);
      return first ?? null;
    }
    for (const footprint of this.#all) if (touches(change, footprint, this.#book)) return footprint;
    return null;
  }

  #indexed(): FootprintIndex<Footprint> {
    if (this.#index === null) {
      this.#index = new FootprintIndex(this.#book);
      for (const footprint of this.#all) this.#index.add(footprint, [footprint]);
    }
    return this.#index;
  }
}

/** What one attempt of a transaction has read, and as of when. */
export class ReadSet {
  readonly #parts: ReadSetParts;
  /** Null: so much of the table was read that any change of it counts. */
  readonly #tables = new Map<string, TableReads | null>();
  #size = 0;
  /** Everything read is as of this entry; null: nothing has been read. */
  #position: number | null = null;
  #generation = -1;

  constructor(parts: ReadSetParts) {
    this.#parts = parts;
  }

  note(footprint: Footprint): void {
    const { book, limits } = this.#parts;
    let reads = this.#tables.get(footprint.table);
    if (reads === null) return;
    if (reads === undefined) this.#tables.set(footprint.table, reads = new TableReads(book));
    if (!reads.add(footprint) || (++this.#size <= limits.transactionFootprints && !reads.isTooWide)) return;
    this.#size -= reads.size;
    this.#tables.set(footprint.table, null);
  }

  /** Something has been read. */
  get hasBegun(): boolean {
    return this.#position !== null;
  }

  /** Before a read: moves on to the state that it will see. Not null: what was read before is not so any more, and nothing may be read. */
  extend(): Touch | null {
    const { storage, recent } = this.#parts;
    if (this.#generation === storage.generation) return null;
    const head = recent.headOf(storage);
    if (this.#position === null) recent.join(this);
    else {
      const touch = this.certify(head);
      if (touch !== null) return touch;
    }
    this.#position = head;
    this.#generation = storage.generation;
    return null;
  }

  /** Whether all that was read is still so as of `head`, which may be of the batch under way. */
  certify(head: number): Touch | null {
    const { recent, book, certifies } = this.#parts;
    if (this.#position === null || !certifies || this.#tables.size === 0) return null;
    for (const changes of recent.between(this.#position, head, book)) {
      const touch = changes === undefined ? { records: [], lane: "" } : this.#touched(changes);
      if (touch !== null) return touch;
    }
    return null;
  }

  /** The attempt is over. */
  end(): void {
    this.#parts.recent.leave(this);
  }

  #touched(changes: readonly Change[]): Touch | null {
    let lane: string | null = null;
    const records: { table: string; id: Value }[] = [];
    for (const change of changes) {
      const reads = this.#tables.get(change.table);
      if (reads === undefined) continue;
      const footprint = reads === null ? null : reads.touchedBy(change);
      if (reads !== null && footprint === null) continue;
      lane ??= footprint === null ? change.table : laneOf(footprint);
      records.push({ table: change.table, id: change.id });
    }
    return lane === null ? null : { records, lane };
  }
}

/** Who reads the same waits for each other. */
export function laneOf(footprint: Footprint): string {
  return signatureOf(footprint) ?? footprint.table;
}

/** Equal for equal reads by one key; null for others, which are mostly different. */
function signatureOf({ table, key, predicate, columns, referenced }: Footprint): string | null {
  if (key === null || predicate !== null || key.values.size !== 1 || referenced) return null;
  return `${table} ${key.field} ${columns === null ? "*" : [...columns].join(",")} ${[...key.values][0]}`;
}
