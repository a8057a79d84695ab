// Footprints of many readers, found by change: only those that could match are looked at. Where many stand in one place, they are told
// apart by what else their conditions say of single fields. Pure bookkeeping.
import type { RecordValues, Value } from "../base/value.ts";
import { comparerOf } from "../expression/compare-values.ts";
import type { ExpressionType } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { changedFields, keyText, touches, type Footprint, type TouchingChange } from "./footprint.ts";
import { placesOf, type Place } from "./footprint-narrowing.ts";
import { IntervalTree } from "./interval-tree.ts";

interface Entry<Owner> { readonly owner: Owner; readonly footprint: Footprint }

/** One, a few, or many told apart. */
type Spot<Owner> = Entry<Owner> | Set<Entry<Owner>> | Branch<Owner>;
type Columns = Footprint["columns"];

class Branch<Owner> {
  /** By field and text of a value. */
  readonly equal = new Map<string, { readonly type: ExpressionType; readonly byText: Map<string, Spot<Owner>> }>();
  /** By field and the values between two; before that by the columns that they look at, so that those of many plans are passed over at once. */
  readonly between = new Map<Columns, Map<string, IntervalTree<Spot<Owner>>>>();
  readonly rest = new Map<Columns, Set<Entry<Owner>>>();

  get isEmpty(): boolean {
    return this.equal.size === 0 && this.between.size === 0 && this.rest.size === 0;
  }
}

interface Search<Owner> { readonly change: TouchingChange; readonly changed: readonly string[] | null; readonly found: Set<Owner> }

/** More in one place are told apart. */
const TOGETHER_MAX = 16;
/** By so many things. */
const DEPTH_MAX = 4;
const COLUMNS_MAX = 1_000;

export class FootprintIndex<Owner> {
  readonly #book: ExpressionBook;
  readonly #tables = new Map<string, Branch<Owner>>();
  readonly #owners = new Map<Owner, Entry<Owner> | readonly Entry<Owner>[]>();
  /** One object for equal sets. */
  readonly #columns = new WeakMap<ReadonlySet<string>, ReadonlySet<string>>();
  readonly #columnsByText = new Map<string, ReadonlySet<string>>();

  constructor(book: ExpressionBook) {
    this.#book = book;
  }

  /** Owners. */
  get size(): number {
    return this.#owners.size;
  }

  /** More of an owner that is there already comes on top. */
  add(owner: Owner, footprints: readonly Footprint[]): void {
    const own = footprints.map((footprint): Entry<Owner> => ({ owner, footprint }));
    const all = [...this.#entriesOf(owner), ...own];
    this.#owners.set(owner, all.length === 1 ? all[0]! : all);
    for (const entry of own) {
      const { table } = entry.footprint;
      let branch = this.#tables.get(table);
      if (branch === undefined) this.#tables.set(table, branch = new Branch());
      this.#put(branch, entry, 0);
    }
  }

  remove(owner: Owner): void {
    for (const entry of this.#entriesOf(owner)) {
      const { table } = entry.footprint;
      const branch = this.#tables.get(table);
      if (branch === undefined) continue;
      this.#take(branch, entry, 0);
      if (branch.isEmpty) this.#tables.delete(table);
    }
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
      const branch = this.#tables.get(change.table);
      if (branch !== undefined) this.#search(branch, { change, changed: changedFields(change), found });
    }
    return found;
  }

  #entriesOf(owner: Owner): readonly Entry<Owner>[] {
    const known = this.#owners.get(owner);
    return known === undefined ? [] : "footprint" in known ? [known] : known;
  }

  #search(branch: Branch<Owner>, search: Search<Owner>): void {
    const { old, new: after } = search.change;
    for (const [columns, entries] of branch.rest) if (concerns(search, columns)) for (const entry of entries) this.#test(entry, search);
    for (const [field, { type, byText }] of branch.equal) {
      const [one, other] = [textAt(old, field, type), textAt(after, field, type)];
      if (one !== null) this.#look(byText.get(one), search);
      if (other !== null && other !== one) this.#look(byText.get(other), search);
    }
    for (const [columns, fields] of branch.between) {
      if (!concerns(search, columns)) continue;
      for (const [field, tree] of fields) {
        const [one, other] = [old?.[field] ?? null, after?.[field] ?? null];
        if (one !== null) tree.visit(one, (spot) => this.#look(spot, search));
        if (other !== null && other !== one) tree.visit(other, (spot) => this.#look(spot, search));
      }
    }
  }

  #look(spot: Spot<Owner> | undefined, search: Search<Owner>): void {
    if (spot === undefined) return;
    if (spot instanceof Branch) this.#search(spot, search);
    else if (spot instanceof Set) for (const entry of spot) this.#test(entry, search);
    else this.#test(spot, search);
  }

  #test({ owner, footprint }: Entry<Owner>, { change, changed, found }: Search<Owner>): void {
    if (!found.has(owner) && touches(change, footprint, this.#book, changed)) found.add(owner);
  }

  #put(branch: Branch<Owner>, entry: Entry<Owner>, depth: number): void {
    const columns = this.#shared(entry.footprint.columns);
    const places = this.#places(entry.footprint, depth);
    if (places === null) valueIn(branch.rest, columns, () => new Set<Entry<Owner>>()).add(entry);
    for (const { field, type, text, between } of places ?? []) {
      if (text !== null) {
        const { byText } = valueIn(branch.equal, field, () => ({ type, byText: new Map<string, Spot<Owner>>() }));
        byText.set(text, this.#joined(byText.get(text), entry, depth + 1));
      } else {
        const fields = valueIn(branch.between, columns, () => new Map<string, IntervalTree<Spot<Owner>>>());
        const tree = valueIn(fields, field, () => new IntervalTree<Spot<Owner>>(comparerOf(type)));
        tree.set(between, this.#joined(tree.get(between), entry, depth + 1));
      }
    }
  }

  #joined(spot: Spot<Owner> | undefined, entry: Entry<Owner>, depth: number): Spot<Owner> {
    if (spot === undefined || spot === entry) return entry;
    if (spot instanceof Branch) {
      this.#put(spot, entry, depth);
      return spot;
    }
    if (!(spot instanceof Set)) return new Set([spot, entry]);
    spot.add(entry);
    if (spot.size <= TOGETHER_MAX) return spot;
    const branch = new Branch<Owner>();
    for (const one of spot) this.#put(branch, one, depth);
    return branch;
  }

  #take(branch: Branch<Owner>, entry: Entry<Owner>, depth: number): void {
    const columns = this.#shared(entry.footprint.columns);
    const places = this.#places(entry.footprint, depth);
    if (places === null) {
      branch.rest.get(columns)?.delete(entry);
      if (branch.rest.get(columns)?.size === 0) branch.rest.delete(columns);
    }
    for (const { field, text, between } of places ?? []) {
      if (text !== null) {
        const { byText } = branch.equal.get(field) ?? {};
        if (byText === undefined) continue;
        const left = this.#without(byText.get(text), entry, depth + 1);
        if (left === undefined) byText.delete(text);
        else byText.set(text, left);
        if (byText.size === 0) branch.equal.delete(field);
      } else {
        const fields = branch.between.get(columns);
        const tree = fields?.get(field);
        if (fields === undefined || tree === undefined) continue;
        const left = this.#without(tree.get(between), entry, depth + 1);
        if (left === undefined) tree.delete(between);
        else tree.set(between, left);
        if (tree.isEmpty) fields.delete(field);
        if (fields.size === 0) branch.between.delete(columns);
      }
    }
  }

  #without(spot: Spot<Owner> | undefined, entry: Entry<Owner>, depth: number): Spot<Owner> | undefined {
    if (spot === undefined || spot === entry) return undefined;
    if (spot instanceof Branch) {
      this.#take(spot, entry, depth);
      return spot.isEmpty ? undefined : spot;
    }
    if (!(spot instanceof Set)) return spot;
    spot.delete(entry);
    return spot.size === 0 ? undefined : spot;
  }

  /** What tells it apart at this depth, the same each time; null: nothing does. Only the first thing may put it in several places. */
  #places({ key, narrowing: narrowings, variables, now }: Footprint, depth: number): readonly Place[] | null {
    if (depth >= DEPTH_MAX) return null;
    if (depth === 0 && key !== null) return [...key.values].map((text) => ({ field: key.field, type: key.type, text, between: NOWHERE }));
    let count = key === null ? 0 : 1;
    for (const narrowing of narrowings) {
      const [way] = narrowing;
      if (key !== null && narrowing.length === 1 && way!.kind === "equal" && way!.field === key.field) continue;
      const places = placesOf(narrowing, { rows: {}, variables, now, source: null }, this.#book);
      if (places === null || (count > 0 && places.length > 1)) continue;
      if (count++ === depth) return places;
    }
    return null;
  }

  #shared(columns: Columns): Columns {
    if (columns === null) return null;
    let shared = this.#columns.get(columns);
    if (shared === undefined) {
      if (this.#columnsByText.size >= COLUMNS_MAX) this.#columnsByText.clear();
      shared = valueIn(this.#columnsByText, [...columns].toSorted().join(" "), () => columns);
      this.#columns.set(columns, shared);
    }
    return shared;
  }
}

const NOWHERE = { low: null, high: null };

/** Where the record stays, a change of other columns is none. */
function concerns<Owner>({ changed }: Search<Owner>, columns: Columns): boolean {
  return changed === null || columns === null || changed.some((field) => columns.has(field));
}

function valueIn<Key, Item>(items: Map<Key, Item>, key: Key, make: () => Item): Item {
  let item = items.get(key);
  if (item === undefined) items.set(key, item = make());
  return item;
}

function textAt(record: RecordValues | null, field: string, type: ExpressionType): string | null {
  return record === null ? null : keyText((record[field] ?? null) as Value, type);
}
