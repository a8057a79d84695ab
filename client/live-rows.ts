// The local copy of a followed query: rows by key, in the order that was asked for. Frames in, state out; no sockets, no time.
import type { TableFacts } from "./app-types.ts";
import { orderTerms, type OrderTerm } from "./query-text.ts";

export type Row = { readonly [field: string]: unknown };

export type LiveChange<Value> =
  | { readonly type: "enter" | "update"; readonly key: string | number; readonly row: Value }
  | { readonly type: "leave"; readonly key: string | number };

export interface WireChange { readonly type: "enter" | "update" | "leave"; readonly key: string | number; readonly record?: Row }

type Compare = (left: Row, right: Row) => number;

interface Entry { readonly key: string; readonly row: Row }

export class LiveRows {
  readonly #key: string;
  /** Null: rows stay where they are, others come behind them. */
  readonly #compare: Compare | null;
  #entries: Entry[] = [];
  readonly #known = new Map<string, Entry>();
  #rows: readonly Row[] | null = null;

  constructor(key: string, compare: Compare | null) {
    this.#key = key;
    this.#compare = compare;
  }

  /** The same list until something changes. */
  get rows(): readonly Row[] {
    return this.#rows ??= this.#entries.map(({ row }) => row);
  }

  /** These are all rows. Groups have no key: they are told apart by their place. */
  replace(rows: readonly Row[]): void {
    this.#entries = rows.map((row, index) => ({ key: Object.hasOwn(row, this.#key) ? JSON.stringify(row[this.#key]) : `#${index}`, row }));
    this.#rows = null;
    this.#known.clear();
    for (const entry of this.#entries) this.#known.set(entry.key, entry);
    if (this.#compare !== null) this.#entries.sort((left, right) => this.#compare!(left.row, right.row));
  }

  /** Of one commit. Telling a change twice changes nothing. */
  apply(changes: readonly WireChange[]): void {
    if (changes.length === 0) return;
    this.#rows = null;
    for (const change of changes) {
      const key = JSON.stringify(change.key);
      if (change.type === "leave") this.#remove(key);
      else this.#put({ key, row: change.record! });
    }
  }

  #remove(key: string): void {
    const entry = this.#known.get(key);
    if (entry === undefined) return;
    this.#known.delete(key);
    this.#entries.splice(this.#placeOf(entry), 1);
  }

  #put(entry: Entry): void {
    const before = this.#known.get(entry.key);
    this.#known.set(entry.key, entry);
    const place = before === undefined ? -1 : this.#placeOf(before);
    if (before !== undefined && (this.#compare === null || this.#compare(before.row, entry.row) === 0)) {
      this.#entries[place] = entry;
      return;
    }
    if (before !== undefined) this.#entries.splice(place, 1);
    this.#entries.splice(this.#compare === null ? this.#entries.length : this.#firstNotBefore(entry.row, this.#compare), 0, entry);
  }

  /** Of one that is there. The primary key is part of the order, so no two rows are equal in it. */
  #placeOf(entry: Entry): number {
    return this.#compare === null ? this.#entries.indexOf(entry) : this.#firstNotBefore(entry.row, this.#compare);
  }

  #firstNotBefore(row: Row, compare: Compare): number {
    let [from, to] = [0, this.#entries.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (compare(this.#entries[middle]!.row, row) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

/** What a live query must select besides, to be put in order here. */
export function fieldsOfOrder(query: Row): string[] {
  return orderTerms(query["order"]).flatMap(({ relation, field }) => (relation === null ? [field] : []));
}

/** As the server orders; null where only the server can: by relations, relevance, distance. */
export function rowOrder(query: Row, facts: TableFacts): Compare | null {
  const asked = orderTerms(query["order"]);
  if (["search", "near", "similar"].some((name) => query[name] !== undefined && query[name] !== null) && asked.length === 0) return null;
  // The key comes last, in the direction of the term before it.
  const last = { relation: null, field: facts.key, direction: asked.at(-1)?.direction.startsWith("desc") === true ? "desc" : "asc" };
  const terms = [...asked, last];
  const kinds = new Map(Object.entries(facts.order ?? {}));
  if (terms.some(({ relation, field }) => relation !== null || kinds.get(field) === "server")) return null;
  const compares = terms.map((term) => fieldOrder(term, kinds.get(term.field) === "number"));
  return (left, right) => {
    for (const compare of compares) {
      const order = compare(left, right);
      if (order !== 0) return order;
    }
    return 0;
  };
}

function fieldOrder({ field, direction }: OrderTerm, isNumber: boolean): Compare {
  const sign = direction.startsWith("desc") ? -1 : 1;
  const nulls = (direction.includes("nulls") ? direction.endsWith("first") : sign < 0) ? -1 : 1;
  return (left, right) => {
    const [one, other] = [left[field] ?? null, right[field] ?? null];
    if (one === null || other === null) return one === other ? 0 : one === null ? nulls : -nulls;
    return sign * compareValues(one, other, isNumber);
  };
}

function compareValues(left: unknown, right: unknown, isNumber: boolean): number {
  if (typeof left === "string" && typeof right === "string") return isNumber ? compareNumbers(left, right) : compareText(left, right);
  return Number(left) - Number(right);
}

/** Decimal numbers as text, exactly. */
function compareNumbers(left: string, right: string): number {
  const [one, other] = [parts(left), parts(right)];
  if (one.sign !== other.sign) return one.sign - other.sign;
  const digits = Math.max(one.fraction.length, other.fraction.length);
  const whole = BigInt(one.whole + one.fraction.padEnd(digits, "0")) - BigInt(other.whole + other.fraction.padEnd(digits, "0"));
  return one.sign * (whole < 0n ? -1 : whole > 0n ? 1 : 0);
}

function parts(text: string): { readonly sign: number; readonly whole: string; readonly fraction: string } {
  const [, minus, whole = "0", fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const isZero = !/[1-9]/.test(whole + fraction);
  return { sign: isZero ? 0 : minus === "-" ? -1 : 1, whole, fraction };
}

/** By code points, as UTF-8 bytes compare. */
export function compareText(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const [one, other] = [left.charCodeAt(index), right.charCodeAt(index)];
    if (one === other) continue;
    const isPair = (code: number): boolean => code >= 0xd800 && code <= 0xdfff;
    // A pair is beyond all that one unit can be.
    return isPair(one) === isPair(other) ? one - other : isPair(one) ? 1 : -1;
  }
  return left.length - right.length;
}
