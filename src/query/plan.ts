// A read, resolved against the Catalog: what every grammar (REST, code, later GraphQL) becomes and storage/ turns into SQL.
// Frozen data only. Access rules are added to it by access/rule-plan.ts, as more filters and masks.
import type { Expression, ExpressionType } from "../expression/expression.ts";
import type { Json } from "../base/value.ts";

export type AggregateFunction = "count" | "sum" | "avg" | "min" | "max";

/** PostgREST casts in select: `field::text`. */
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
      /** Of the other table. Its `filter` does not contain the join. */
      readonly plan: Plan;
      /** `!inner`: parents without a match are left out. */
      readonly inner: boolean;
      /** `...relation(a,b)`: its items become the parent's (to-one), or lists of values (to-many). */
      readonly spread: boolean;
      /** Set by access: the mask of the relation field itself. */
      readonly visibleWhen: Expression | null;
    }
  /** `*` of an @table(open: true): the undeclared fields, merged into the output. */
  | { readonly kind: "open" };

export interface OrderTerm {
  readonly value: Expression;
  /** What the term is called in the request, so that cursors can be compared. */
  readonly name: string;
  readonly descending: boolean;
  /** PostgREST's default: nulls last when ascending, first when descending. */
  readonly nulls: "first" | "last";
}

/** `search=`: ranked; best first unless `order` says otherwise. `paths`: own text fields, or through relations to many. */
export interface SearchClause {
  readonly words: string;
  readonly paths: readonly { readonly path: readonly string[]; readonly weight: number; /** Set by access: a hit counts only where this holds on the row that holds the text (row `record`). */ readonly visibleWhen: Expression | null }[];
}

/** `similar=`: nearest first. */
export interface SimilarClause {
  readonly field: string;
  readonly vector: readonly number[];
  /** Set by access: records whose vector is hidden do not take part. */
  readonly visibleWhen: Expression | null;
}

/** `near=`: within the distance, nearest first unless `order` says otherwise. The filter holds a `near` expression as well. */
export interface NearClause { readonly fields: readonly string[]; readonly latitude: number; readonly longitude: number; readonly metres: number }

export interface Plan {
  /** Name of the table in the Catalog. The row is called `record` in all expressions of this plan; embeds have their own plan and row. */
  readonly table: string;
  readonly select: readonly SelectItem[];
  /**
   * Over row `record`. Filters on embeds stand in the embed's plan.
   */
  readonly filter: Expression | null;
  /** As asked for; storage adds the primary key as the last key where there are no aggregates. */
  readonly order: readonly OrderTerm[];
  readonly limit: number | null;
  readonly offset: number;
  /** Values of the last row's order keys (the primary key last), in wire form: rows strictly after it. */
  readonly after: readonly Json[] | null;
  readonly count: "exact" | "planned" | "estimated" | null;
  readonly search: SearchClause | null;
  readonly similar: SimilarClause | null;
  readonly near: NearClause | null;
  /** `select=` distinct on nothing: true when some item is an aggregate, then the `value` items are grouped by. */
  readonly grouped: boolean;
  /** `Prefer: scan=refuse`. */
  readonly refuseScan: boolean;
}

export type { ExpressionType };
