// Committed records that were read by key lately, within limits.recordCacheBytes. Moves only after COMMIT.
// Compact, so that many fit: who only ever asked for a record's text has no values kept.
import { millisecondsOf } from "../base/date-time.ts";
import { bytesOfText } from "../base/text.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { StoredRow } from "../storage/record-codec.ts";
import type { RecordShape } from "./record-text.ts";

/** A record's JSON in one shape. `text` null: its rule hides it. */
export interface RecordText {
  readonly text: string | null;
  readonly version: number;
}

export interface CachedRecord {
  readonly version: number;
  readonly expiresAtMs: number;
  /** Null where nobody has asked for values. */
  readonly row: StoredRow | null;
}

/** About what an entry and its places take beside text and values. */
const ENTRY_BYTES = 220;
const TEXT_BYTES = 80;
const FIELD_BYTES = 24;

/** Is itself the text in its first shape, one object less to fetch from far memory; what a GET looks at stands first, together. */
class Entry implements CachedRecord, RecordText {
  readonly version: number;
  readonly expiresAtMs: number;
  /** The first shape that was asked for: mostly there is no other. */
  shape: RecordShape | null = null;
  text: string | null = null;
  /** Since the clock of eviction last came by. */
  used = false;
  row: StoredRow | null = null;
  others: Map<RecordShape, RecordText> | null = null;
  bytes = ENTRY_BYTES;
  /** Place in the ring; negative: in none. */
  place = -1;
  readonly records: Map<Value, Entry>;
  readonly id: Value;

  constructor(records: Map<Value, Entry>, id: Value, { version, expires }: StoredRow) {
    this.version = version;
    this.expiresAtMs = expires === null ? Number.POSITIVE_INFINITY : millisecondsOf(expires);
    this.records = records;
    this.id = id;
    if (typeof id === "string") this.bytes += id.length;
  }
}

export class RecordCache {
  readonly #bytesMax: number;
  readonly #tables = new Map<string, Map<Value, Entry>>();
  /** All entries, in no order; the hand goes round. */
  readonly #ring: Entry[] = [];
  #hand = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(table: string, id: Value): CachedRecord | undefined {
    const entry = this.#tables.get(table)?.get(id);
    if (entry !== undefined && !entry.used) entry.used = true;
    return entry;
  }

  /** Undefined: not made yet. */
  text(record: CachedRecord, shape: RecordShape): RecordText | undefined {
    const entry = record as Entry;
    return entry.shape === shape ? entry : entry.others?.get(shape);
  }

  /** `row` is the committed record as just read: its values are kept. */
  addValues(table: string, id: Value, row: StoredRow): void {
    const entry = this.#entryOf(table, id, row);
    if (entry.row !== null) return;
    entry.row = row;
    this.#grow(entry, bytesOf(row.values));
  }

  /** `row` is the committed record as just read: its text in this shape is kept. */
  addText(table: string, id: Value, row: StoredRow, shape: RecordShape): RecordText {
    const entry = this.#entryOf(table, id, row);
    const text = shape.write(row.values);
    if (entry.shape === null) {
      entry.shape = shape;
      entry.text = text;
    } else (entry.others ??= new Map()).set(shape, { text, version: row.version });
    this.#grow(entry, TEXT_BYTES + bytesOfText(text ?? ""));
    return { text, version: row.version };
  }

  /** A committed record, where it was cached; null: it is gone. */
  replace(table: string, id: Value, row: StoredRow | null): void {
    const entry = this.#tables.get(table)?.get(id);
    if (entry === undefined) return;
    this.#remove(entry);
    if (row === null) return;
    if (entry.row === null && entry.shape !== null) this.addText(table, id, row, entry.shape);
    else this.addValues(table, id, row);
  }

  stats(): { readonly records: number; readonly bytes: number } {
    return { records: this.#ring.length, bytes: this.#bytes };
  }

  #entryOf(table: string, id: Value, row: StoredRow): Entry {
    let records = this.#tables.get(table);
    if (records === undefined) this.#tables.set(table, records = new Map());
    const known = records.get(id);
    if (known !== undefined) {
      if (known.version === row.version) return known;
      this.#remove(known);
    }
    const entry = new Entry(records, id, row);
    records.set(id, entry);
    entry.place = this.#ring.push(entry) - 1;
    this.#bytes += entry.bytes;
    return entry;
  }

  #grow(entry: Entry, bytes: number): void {
    entry.bytes += bytes;
    this.#bytes += bytes;
    if (entry.bytes > this.#bytesMax) this.#remove(entry);
    else if (this.#bytes > this.#bytesMax) this.#evict();
  }

  /** The clock algorithm: what was used since the last round gets another one. */
  #evict(): void {
    while (this.#bytes > this.#bytesMax) {
      if (this.#hand >= this.#ring.length) this.#hand = 0;
      const entry = this.#ring[this.#hand]!;
      if (!entry.used) this.#remove(entry);
      else {
        entry.used = false;
        this.#hand++;
      }
    }
  }

  /** The last one takes its place. */
  #remove(entry: Entry): void {
    if (entry.place < 0) return;
    const last = this.#ring.pop()!;
    if (last !== entry) {
      this.#ring[entry.place] = last;
      last.place = entry.place;
    }
    entry.place = -1;
    entry.records.delete(entry.id);
    this.#bytes -= entry.bytes;
  }
}

/** About what the values take in memory; never too little by much. */
function bytesOf(values: RecordValues): number {
  let bytes = 0;
  for (const name in values) bytes += FIELD_BYTES + bytesOfValue(values[name] ?? null);
  return bytes;
}

function bytesOfValue(value: Value): number {
  if (typeof value === "string") return FIELD_BYTES + bytesOfText(value);
  if (typeof value !== "object" || value === null) return 8;
  if (!Array.isArray(value)) return bytesOf(value as RecordValues) + FIELD_BYTES;
  return value.reduce((sum: number, item: Value) => sum + 8 + bytesOfValue(item), FIELD_BYTES);
}
