// Footprints of many readers, found by change: only those that could match are looked at. Pure bookkeeping.
import type { RecordValues } from "../base/value.ts";
import type { ExpressionType } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { changedFields, keyText, touches, type Footprint, type TouchingChange } from "./footprint.ts";

interface Entry<Owner> { readonly owner: Owner; readonly footprint: Footprint }

/** Of one table: by field and text of a value, and those without a key. */
interface TableEntries<Owner> {
  readonly keyed: Map<string, { readonly type: ExpressionType; readonly byText: Map<string, Set<Entry<Owner>>> }>;
  /** By the columns that they look at: one set for all footprints of a plan, so that all are passed over at once. */
  readonly rest: Map<Footprint["columns"], Set<Entry<Owner>>>;
}

export class FootprintIndex<Owner> {
  readonly #book: ExpressionBook;
  readonly #tables = new Map<string, TableEntries<Owner>>();
  readonly #owners = new Map<Owner, Entry<Owner>[]>();

  constructor(book: ExpressionBook) {
    this.#book = book;
  }

  /** Owners. */
  get size(): number {
    return this.#owners.size;
  }

  /** More of an owner that is there already comes on top. */
  add(owner: Owner, footprints: readonly Footprint[]): void {
    const own = this.#owners.get(owner) ?? [];
    this.#owners.set(owner, own);
    for (const footprint of footprints) {
      const entry: Entry<Owner> = { owner, footprint };
      own.push(entry);
      for (const place of this.#places(footprint)) place.add(entry);
    }
  }

  remove(owner: Owner): void {
    for (const entry of this.#owners.get(owner) ?? []) this.#drop(entry);
    this.#owners.delete(owner);
  }

  clear(): void {
    this.#tables.clear();
    this.#owners.clear();
  }

  /** Owners that some change touches. */
  touched(changes: readonly TouchingChange[]): Set<Owner> {
    const found = new Set<Owner>();
    for (const change of changes) {
      const table = this.#tables.get(change.table);
      if (table === undefined) continue;
      const changed = changedFields(change);
      const test = (entries: ReadonlySet<Entry<Owner>> | undefined): void => {
        if (entries === undefined) return;
        for (const { owner, footprint } of entries) if (!found.has(owner) && touches(change, footprint, this.#book, changed)) found.add(owner);
      };
      for (const [columns, entries] of table.rest) if (changed === null || columns === null || changed.some((field) => columns.has(field))) test(entries);
      for (const [field, { type, byText }] of table.keyed) {
        const [before, after] = [textAt(change.old, field, type), textAt(change.new, field, type)];
        if (before !== null) test(byText.get(before));
        if (after !== null && after !== before) test(byText.get(after));
      }
    }
    return found;
  }

  /** Where the footprint's entry stands; made where there are none yet. */
  #places({ table: name, key, columns }: Footprint): Set<Entry<Owner>>[] {
    let table = this.#tables.get(name);
    if (table === undefined) this.#tables.set(name, table = { keyed: new Map(), rest: new Map() });
    if (key === null) return [placeIn(table.rest, columns)];
    let field = table.keyed.get(key.field);
    if (field === undefined) table.keyed.set(key.field, field = { type: key.type, byText: new Map() });
    const { byText } = field;
    return [...key.values].map((text) => placeIn(byText, text));
  }

  #drop(entry: Entry<Owner>): void {
    const { table: name, key, columns } = entry.footprint;
    const table = this.#tables.get(name);
    if (table === undefined) return;
    if (key === null) removeFrom(table.rest, columns, entry);
    else {
      const byText = table.keyed.get(key.field)?.byText;
      if (byText === undefined) return;
      for (const text of key.values) removeFrom(byText, text, entry);
      if (byText.size === 0) table.keyed.delete(key.field);
    }
    if (table.rest.size === 0 && table.keyed.size === 0) this.#tables.delete(name);
  }
}

function placeIn<Key, Item>(places: Map<Key, Set<Item>>, key: Key): Set<Item> {
  let place = places.get(key);
  if (place === undefined) places.set(key, place = new Set());
  return place;
}

function removeFrom<Key, Item>(places: Map<Key, Set<Item>>, key: Key, item: Item): void {
  const place = places.get(key);
  place?.delete(item);
  if (place?.size === 0) places.delete(key);
}

function textAt(record: RecordValues | null, field: string, type: ExpressionType): string | null {
  return record === null ? null : keyText(record[field] ?? null, type);
}
