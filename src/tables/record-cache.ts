// Committed records that were read by key lately, with their ready JSON, within limits.recordCacheBytes. Moves only after COMMIT.
import { millisecondsOf } from "../base/date-time.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { StoredRow } from "../storage/record-codec.ts";
import type { RecordShape } from "./record-text.ts";

export interface CachedRecord {
  readonly table: string;
  readonly id: Value;
  readonly row: StoredRow;
  readonly expiresAtMs: number;
  /** Ready texts by the shape's identity. */
  texts: Map<RecordShape, string> | null;
  bytes: number;
  /** Since the clock of eviction last came by. */
  used: boolean;
}

const ENTRY_BYTES = 200;
const FIELD_BYTES = 24;

export class RecordCache {
  readonly #bytesMax: number;
  readonly #tables = new Map<string, Map<Value, CachedRecord>>();
  readonly #all = new Set<CachedRecord>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(table: string, id: Value): CachedRecord | undefined {
    const entry = this.#tables.get(table)?.get(id);
    if (entry !== undefined) entry.used = true;
    return entry;
  }

  add(table: string, id: Value, row: StoredRow): CachedRecord {
    this.drop(table, id);
    const expiresAtMs = row.expires === null ? Number.POSITIVE_INFINITY : millisecondsOf(row.expires);
    const entry: CachedRecord = { table, id, row, expiresAtMs, texts: null, bytes: ENTRY_BYTES + bytesOf(row.values), used: false };
    if (entry.bytes > this.#bytesMax) return entry;
    let records = this.#tables.get(table);
    if (records === undefined) this.#tables.set(table, records = new Map());
    records.set(id, entry);
    this.#all.add(entry);
    this.#grow(entry.bytes);
    return entry;
  }

  /** The text of a cached record in one shape, made once for each version of it. */
  text(entry: CachedRecord, shape: RecordShape): string {
    const known = entry.texts?.get(shape);
    if (known !== undefined) return known;
    const text = shape.write(entry.row.values);
    (entry.texts ??= new Map()).set(shape, text);
    const bytes = text.length * 2 + FIELD_BYTES;
    entry.bytes += bytes;
    if (this.#all.has(entry)) this.#grow(bytes);
    return text;
  }

  /** A committed record, where it was cached; null: it is gone. */
  replace(table: string, id: Value, row: StoredRow | null): void {
    if (this.#tables.get(table)?.get(id) === undefined) return;
    if (row === null) this.drop(table, id);
    else this.add(table, id, row);
  }

  drop(table: string, id: Value): void {
    const entry = this.#tables.get(table)?.get(id);
    if (entry !== undefined) this.#remove(entry);
  }

  stats(): { readonly records: number; readonly bytes: number } {
    return { records: this.#all.size, bytes: this.#bytes };
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#bytesMax) this.#evict();
  }

  /** The clock algorithm: what was used since the last round gets another one. */
  #evict(): void {
    for (const entry of this.#all) {
      if (this.#bytes <= this.#bytesMax) return;
      if (!entry.used) {
        this.#remove(entry);
        continue;
      }
      entry.used = false;
      this.#all.delete(entry);
      this.#all.add(entry);
    }
  }

  #remove(entry: CachedRecord): void {
    this.#tables.get(entry.table)?.delete(entry.id);
    if (this.#all.delete(entry)) this.#bytes -= entry.bytes;
  }
}

/** About what the values take in memory; never too little by much. */
function bytesOf(values: RecordValues): number {
  let bytes = 0;
  for (const name in values) bytes += FIELD_BYTES + bytesOfValue(values[name] ?? null);
  return bytes;
}

function bytesOfValue(value: Value): number {
  if (typeof value === "string") return value.length * 2;
  if (typeof value !== "object" || value === null) return 8;
  if (!Array.isArray(value)) return bytesOf(value as RecordValues) + FIELD_BYTES;
  return value.reduce((sum: number, item: Value) => sum + 8 + bytesOfValue(item), FIELD_BYTES);
}
