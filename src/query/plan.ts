// A read, resolved against the Catalog: what every grammar (REST, code, later GraphQL) becomes and storage/ turns into SQL.
// Frozen data only. Access rules are added to it by access/rule-plan.ts, as more filters and masks.
import type { Expression, ExpressionType } from "../expression/expression.ts";
import type { Json } from "../base/value.ts";

/**
 * What comes out. count: a number. sum: exact or AGGREGATE_OVERFLOW; of Int and Money a number (within 2^53), of Long a
 * decimal string, of Decimal a decimal string, of Float a double. avg: a double, always. min, max: the wire form of the
 * field's own type, by the order of expression/compare-values.ts. Nulls do not take part; sum, avg, min, max of nothing
 * are null, count is 0. JSON takes part only through a cast, which makes `value` a call of int or double; a sum of those is a number.
 */
export type AggregateFunction = "count" | "sum" | "avg" | "min" | "max";

/** PostgREST casts in select: `field::text`. What cannot be converted is null. Lists, objects and JSON become their JSON text. */
export type Cast = "text" | "int" | "float" | "boolean" | "json";

export type SelectItem =
  | {
      readonly kind: "value"; readonly alias: string;
      /** A field, a path in JSON, or a mask around one (`conditional`). */
      readonly value: Expression;
      /** The field read, for footprints, ETags and masks. */
      readonly field: string;
      readonly cast: Cast | null;
      /** Set by access: absent from the output on records where this is not true. */
      readonly visibleWhen: Expression | null;
    }
  | { readonly kind: "aggregate"; readonly alias: string; readonly function: AggregateFunction; /** null: count of rows. */ readonly value: Expression | null; readonly field: string | null; readonly cast: Cast | null }
  | {
      readonly kind: "embed"; readonly alias: string; readonly relation: string;
      /**
       * Of the other table. Its `filter` does not contain the join. An empty `select` leaves the embed out of the output:
       * it then only serves `inner`. Its limit is `limits.embedRows` unless asked for; null for one (to-one relations).
       */
      readonly plan: Plan;
      /** `!inner`: parents without a match are left out. A match passes the embed's filter and its own inner embeds; limit and offset do not count. */
      readonly inner: boolean;
      /** `...relation(a,b)`: its items become the parent's (to-one), or lists of values (to-many). */
      readonly spread: boolean;
      /** Set by access: the mask of the relation field itself. */
      readonly visibleWhen: Expression | null;
      /** Set by access, through a join table: which of its rows lead somewhere. Row `record` is one of them. */
      readonly linkFilter?: Expression | null;
    }
  /** `*` of an @table(open: true): the undeclared fields, merged into the output. */
  | { readonly kind: "open" };

export interface OrderTerm {
  readonly value: Expression;
  /** What the term is called in the request, so that cursors can be compared. A plain field's own name. */
  readonly name: string;
  /** Set in grouped plans, and only there: the alias of the select item to order by. `value` is then not used. */
  readonly item?: string;
  readonly descending: boolean;
  /** PostgREST's default: nulls last when ascending, first when descending. */
  readonly nulls: "first" | "last";
}

/** `search=`: ranked; best first unless `order` says otherwise. Of several rankings search counts before similar, similar before near. `words`: in the syntax `web` of base/text-query.ts. `paths`: own text fields, or through relations to many. */
export interface SearchClause {
  readonly words: string;
  /** In place of `words`: a variable that holds what FTS5 is asked (query/open-operand.ts). */
  readonly match?: Expression;
  readonly paths: readonly { readonly path: readonly string[]; readonly weight: number; /** Set by access: a hit counts only where this holds on the row that holds the text (row `record`). */ readonly visibleWhen: Expression | null }[];
}

/** `similar=`: nearest first unless `order` says otherwise. Records without a vector do not take part. */
export interface SimilarClause {
  readonly field: string;
  readonly vector: readonly number[];
  /** Set where `vector` is that of a text, which this alias must embed before the plan can run: until then it is empty. */
  readonly words?: { readonly text: string; readonly model: string };
  /** Set by access: records whose vector is hidden do not take part. */
  readonly visibleWhen: Expression | null;
}

/** `near=`: within the distance, nearest first unless `order` says otherwise. The filter holds a `near` expression as well. */
export interface NearClause { readonly fields: readonly string[]; readonly latitude: number; readonly longitude: number; readonly metres: number }

/**
 * Conditions on other tables (`customer=not.is.null`, `{ customer: { vip: true } }`) are `exists` expressions that contain
 * their join; their rows are called r1, r2, ... within one request. A field of a to-one relation in `order`, or in
 * `select` of a grouped plan (from `...customer(city)`), is a `field` with a path. Access adds the rules of what both reach.
 */
export interface Plan {
  /** Name of the table in the Catalog. The row is called `record` in all expressions of this plan; embeds have their own plan and row. */
  readonly table: string;
  readonly select: readonly SelectItem[];
  /**
   * Over row `record`. Filters on embeds stand in the embed's plan.
   */
  readonly filter: Expression | null;
  /** As asked for; without aggregates, storage orders by `orderKeys` of query/order-keys.ts, which ends in the primary key. */
  readonly order: readonly OrderTerm[];
  /** Null: no bound. Grammars put `limits.pageRows` where the request has none; bulk writes use the request's own. */
  readonly limit: number | null;
  readonly offset: number;
  /** Values of the last row's `orderKeys`, in wire form: rows strictly after it. Never with aggregates, nor with a ranking. */
  readonly after: readonly Json[] | null;
  readonly count: "exact" | "planned" | "estimated" | null;
  readonly search: SearchClause | null;
  readonly similar: SimilarClause | null;
  readonly near: NearClause | null;
  /** True when some item is an aggregate: the `value` items are grouped by, and there are no embeds. Without `value` items there is always one row. */
  readonly grouped: boolean;
  /** `Prefer: scan=refuse`. */
  readonly refuseScan: boolean;
  /** Of the outermost plan: the rows, also of embeds and relations, are those of this moment. Absent: as they are. */
  readonly asof?: AsOf;
}

/** A time, or a position as it stands on the wire. */
export type AsOf = { readonly kind: "time"; readonly time: string } | { readonly kind: "position"; readonly position: string };

export type { ExpressionType };
