// The one typed expression: rules, checks, defaults, computed fields (from CEL) and filters (from REST or code) all become this.
// It runs in memory (evaluate.ts) and as SQL (storage/expression-sql.ts) with the same verdict. Frozen data only.
import type { Value } from "../base/value.ts";

/**
 * Types of expressions. int: Int, Long, Money (int64, overflow is unknown). double: Float. string: ID, String, enum.
 * `json` is dynamic (JSON fields, auth.claims). A record is not a value; only its fields are.
 */
export type ExpressionType =
  | { readonly kind: "bool" | "int" | "double" | "string" | "timestamp" | "date" | "duration" | "decimal" | "bytes" | "json" | "null" }
  | { readonly kind: "list"; readonly item: ExpressionType }
  | { readonly kind: "object"; readonly name: string };

/** A row that fields are read from: `record`, `old`, or a name bound by an `exists` around it. */
export type RowName = string;

export type Comparison = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

export type RuleFunction =
  | "size" | "lower" | "upper" | "trim" | "startsWith" | "endsWith" | "contains" | "matches"
  | "abs" | "min" | "max" | "round" | "int" | "double" | "string" | "timestamp" | "duration" | "date" | "year" | "month" | "day";

/**
 * Three-valued: a null operand makes the result null (unknown), also any evaluation error (overflow, division by zero,
 * failed conversion). and/or/not are Kleene. `is-null` and `distinct` alone never yield null.
 */
export type Expression =
  | { readonly op: "literal"; readonly type: ExpressionType; readonly value: Value }
  /** `auth.subject auth.roles auth.tenant auth.claims.a.b input.x args.y` : a root and a path; absent is null. */
  | { readonly op: "variable"; readonly type: ExpressionType; readonly root: string; readonly path: readonly string[] }
  /** Fixed once per operation; for rules and checks of a write, the commit's time. */
  | { readonly op: "now"; readonly type: ExpressionType }
  /**
   * Field `field` of the record that `path` (to-one relations, may be empty) leads to from row `row`; null where the path breaks.
   * `table` is the table of `row`. `within`: path inside a nested object or JSON value, text keys or array indexes.
   */
  | { readonly op: "field"; readonly type: ExpressionType; readonly row: RowName; readonly table: string; readonly path: readonly string[]; readonly field: string; readonly within: readonly (string | number)[] }
  | { readonly op: "not"; readonly operand: Expression }
  /** `present`: other records that it reads are as they are now, where the query around it is about an earlier moment. */
  | { readonly op: "and" | "or"; readonly operands: readonly Expression[]; readonly present?: true }
  | { readonly op: "compare"; readonly comparison: Comparison; readonly left: Expression; readonly right: Expression }
  /** `== null`: true or false, never unknown. */
  | { readonly op: "is-null"; readonly operand: Expression }
  /** IS DISTINCT FROM: never unknown. */
  | { readonly op: "distinct"; readonly left: Expression; readonly right: Expression }
  | { readonly op: "in"; readonly item: Expression; readonly list: Expression }
  | { readonly op: "conditional"; readonly type: ExpressionType; readonly condition: Expression; readonly then: Expression; readonly otherwise: Expression }
  | { readonly op: "arithmetic"; readonly type: ExpressionType; readonly operator: "+" | "-" | "*" | "/" | "%"; readonly left: Expression; readonly right: Expression }
  | { readonly op: "negate"; readonly type: ExpressionType; readonly operand: Expression }
  | { readonly op: "call"; readonly type: ExpressionType; readonly function: RuleFunction; readonly arguments: readonly Expression[] }
  | { readonly op: "list"; readonly type: ExpressionType; readonly items: readonly Expression[] }
  /** exists / all over a list value; `variable` is read with root `variable`. Kleene over the items; `all` of an empty list is true. */
  | { readonly op: "quantify"; readonly quantifier: "exists" | "all"; readonly list: Expression; readonly variable: string; readonly body: Expression }
  /** A record of `table` for which `where` is true exists, else false; `where` sees it as row `row`, and all rows around. Expired records do not exist. */
  | { readonly op: "exists"; readonly table: string; readonly row: RowName; readonly where: Expression }
  /** SQL LIKE with % and _ and backslash escape; `fold` compares Unicode case-folded (ilike). REST's * is already %. */
  | { readonly op: "like"; readonly operand: Expression; readonly pattern: string; readonly fold: boolean }
  /** RE2 search in linear time. */
  | { readonly op: "match"; readonly operand: Expression; readonly pattern: string; readonly fold: boolean }
  /** Lists and JSON: PostgREST cs (left contains right), cd (contained in), ov (overlap). */
  | { readonly op: "contains" | "contained" | "overlaps"; readonly left: Expression; readonly right: Expression }
  /** Value inside JSON: `->` (json) or `->>` (text). */
  | { readonly op: "json-path"; readonly type: ExpressionType; readonly operand: Expression; readonly path: readonly (string | number)[]; readonly asText: boolean }
  /** The json operand as a value of `type`; null where it is of another kind. Comparisons of json with a typed value imply it. */
  | { readonly op: "json-as"; readonly type: ExpressionType; readonly operand: Expression }
  /**
   * Full-text match of own fields of row `row`: fts (words, & | ! operators), plain (all words), phrase, web.
   * Tokens are those of FTS5 unicode61 with diacritics removed; in memory the same tokenizer (base/text-query.ts).
   */
  | { readonly op: "text-search"; readonly row: RowName; readonly table: string; readonly fields: readonly string[]; readonly syntax: "fts" | "plain" | "phrase" | "web"; readonly words: string }
  /** Within `metres` of a point, great-circle (haversine, radius 6371008.8 m); false without a place. `fields`: a GEO index's fields. */
  | { readonly op: "near"; readonly row: RowName; readonly table: string; readonly fields: readonly string[]; readonly latitude: number; readonly longitude: number; readonly metres: number };

/** What an evaluation may look at. All synchronous. */
export interface Environment {
  /** By row name. A row that is absent (no `old` on create) reads as all null. */
  readonly rows: Readonly<Record<RowName, { readonly [field: string]: Value } | null>>;
  /** By root: `auth`, `input`, `args`. */
  readonly variables: Readonly<Record<string, Value>>;
  /** Canonical DateTime text. */
  readonly now: string;
  /** Follows relations; null when the expression is known to be local (`isLocal`). */
  readonly source: RecordSource | null;
}

/** Where an evaluation finds other records, without rules, expired ones invisible. Its implementer is in `tables/`. */
export interface RecordSource {
  /** The record of `table` with this primary key. `looksAt`: its fields that count; without it all do. */
  get(table: string, id: Value, looksAt?: ReadonlySet<string>): { readonly [field: string]: Value } | null;
  /** True if some record satisfies `where` (an `exists` node's), null if unknown. */
  exists(table: string, row: RowName, where: Expression, environment: Environment): boolean | null;
}
