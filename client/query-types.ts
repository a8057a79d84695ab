// Typed queries: the same objects as `ctx.db` takes in code of the app. Types only.
import type { Json, TableTypes } from "./app-types.ts";

/** A plain value is equality; null is "is null"; operators are those of REST. */
export type Condition<T> = T | null | Operators<T>;
export interface Operators<T> {
  readonly eq?: T | Quantified<T>; readonly neq?: T | Quantified<T>; readonly gt?: T | Quantified<T>; readonly gte?: T | Quantified<T>; readonly lt?: T | Quantified<T>; readonly lte?: T | Quantified<T>;
  readonly in?: readonly T[]; readonly is?: null | boolean | "null" | "not_null" | "unknown"; readonly isdistinct?: T | null;
  readonly like?: string | Quantified<string>; readonly ilike?: string | Quantified<string>; readonly match?: string | Quantified<string>; readonly imatch?: string | Quantified<string>;
  readonly fts?: string; readonly plfts?: string; readonly phfts?: string; readonly wfts?: string;
  readonly not?: Condition<T>;
}
export type Quantified<T> = { readonly any: readonly T[] } | { readonly all: readonly T[] };
export interface ListCondition<T> { readonly cs?: readonly T[]; readonly cd?: readonly T[]; readonly ov?: readonly T[]; readonly is?: null | "null" | "not_null"; readonly eq?: readonly T[]; readonly not?: ListCondition<T> }
export interface JsonCondition { readonly cs?: Json; readonly cd?: Json; readonly is?: null | "null" | "not_null"; readonly eq?: Json; readonly not?: JsonCondition; readonly [path: string]: unknown }
/** Conditions over conditions. */
export interface Logic<Where> { readonly or?: readonly Where[]; readonly and?: readonly Where[]; readonly not?: Where }

export type Direction = "asc" | "desc" | "asc.nullsfirst" | "asc.nullslast" | "desc.nullsfirst" | "desc.nullslast";
export type Order<Row> = { readonly [Field in keyof Row]?: Direction | { readonly [field: string]: Direction } };

/** A field's name, all of them, or relations with what is selected of them. */
export type SelectItem<Row> = (OwnNames<Row> & string) | "*" | { readonly [Relation in keyof Row]?: readonly (string | object)[] | object };

export interface Shape<Row, Select extends readonly SelectItem<Row>[] = readonly SelectItem<Row>[]> {
  readonly select?: Select;
  readonly order?: Order<Row> | readonly Order<Row>[];
  readonly limit?: number;
  readonly offset?: number;
  /** `next` of the page before. */
  readonly after?: string | null;
  readonly search?: string;
  /** The rows as they were. Not of what is followed. */
  readonly asof?: Date | string;
  readonly near?: { readonly field?: string; readonly latitude: number; readonly longitude: number; readonly metres: number };
  readonly similar?: { readonly field?: string; readonly vector: readonly number[] } | { readonly field?: string; readonly text: string };
}

export type Query<Table extends TableTypes, Select extends readonly SelectItem<Table["record"]>[] = readonly SelectItem<Table["record"]>[]> = Table["where"] & Shape<Table["record"], Select>;

type Flat<T> = { [Name in keyof T]: T[Name] };
type Names<Row, Item> = Item extends "*" ? OwnNames<Row> : Item extends keyof Row ? Item : never;
/** Relations come only where they are selected: they are the optional lists and records of a row. */
type OwnNames<Row> = Row extends { readonly $relations?: infer Relations } ? Exclude<keyof Row, keyof NonNullable<Relations> | "$relations"> : keyof Row;
type Inner<Related, Select> = Select extends readonly SelectItem<Related>[] ? Selected<Related, Select> : Select extends { readonly select: infer Items extends readonly SelectItem<Related>[] } ? Selected<Related, Items> : OwnRow<Related>;
type Embedded<Value, Select> = NonNullable<Value> extends readonly (infer Related)[] ? readonly Inner<Related, Select>[] : Inner<NonNullable<Value>, Select> | null;
type Embeds<Row, Item> = Item extends object ? { readonly [Relation in keyof Item & keyof Row]: Embedded<Row[Relation], Item[Relation]> } : never;
type Together<Union> = (Union extends unknown ? (one: Union) => void : never) extends (all: infer All) => void ? All : unknown;

/** A row without its relations. */
export type OwnRow<Row> = Pick<Row, OwnNames<Row> & keyof Row>;
/** What a selection leaves of a row. Without one: all of its own fields. */
export type Selected<Row, Select> = readonly SelectItem<Row>[] extends Select ? OwnRow<Row>
  : Select extends readonly (infer Item)[] ? Flat<Pick<Row, Names<Row, Item> & keyof Row> & ([Extract<Item, object>] extends [never] ? unknown : Together<Embeds<Row, Extract<Item, object>>>)> : OwnRow<Row>;

/** A page: its rows, and what `after` takes for the next one. */
export interface Page<Row> { readonly rows: readonly Row[]; readonly next: string | null }
