// Where compiled expressions are found: by their CEL's identity, and computed fields by name. Made by compile-catalog.ts.
import { assert } from "../base/assert.ts";
import type { Catalog, Cel } from "../schema/catalog.ts";
import type { Expression } from "./expression.ts";

export interface ExpressionBook {
  readonly catalog: Catalog;
  /** Of a Cel of this catalog that compiled. */
  of(cel: Cel): Expression;
  /** All of them. */
  expressions(): Iterable<Expression>;
  /** Of a computed field that is not stored: what stands in its place. Null for every other field. */
  computed(table: string, field: string): Expression | null;
  /** Of an @every(input) that compiled: the arguments by name. */
  inputs(cel: Cel): ReadonlyMap<string, Expression>;
  /** Items that `exists` and `all` may visit; a longer list makes them unknown. */
  readonly ruleSteps: number;
}

export function expressionBook(catalog: Catalog, { compiled, inputs }: { readonly compiled: ReadonlyMap<Cel, Expression>; readonly inputs: ReadonlyMap<Cel, ReadonlyMap<string, Expression>> }, ruleSteps: number): ExpressionBook {
  return {
    catalog,
    ruleSteps,
    *expressions() {
      yield* compiled.values();
      for (const named of inputs.values()) yield* named.values();
    },
    of(cel) {
      const expression = compiled.get(cel);
      assert(expression !== undefined, `a compiled expression: ${cel.source}`);
      return expression;
    },
    inputs(cel) {
      const found = inputs.get(cel);
      assert(found !== undefined, `compiled arguments: ${cel.source}`);
      return found;
    },
    computed(table, field) {
      const found = catalog.tables.get(table)?.fields.get(field);
      if (found?.kind !== "computed" || found.fill?.kind !== "computed") return null;
      const expression = compiled.get(found.fill.rule);
      assert(expression !== undefined, `a compiled computed field: ${table}.${field}`);
      return expression;
    },
  };
}

/** Items that a quantifier may visit: inside another one the root of that, so that both together stay bounded. */
export function itemsMax(book: ExpressionBook, level: number): number {
  return level === 0 ? book.ruleSteps : Math.floor(Math.sqrt(book.ruleSteps));
}
