// Operands whose values come with each run: one plan, made once, then serves every query that differs in values alone.
// A value is a variable of the plan, `values[INDEX]`, and is read by the same rules as one that stands in the query.
import type { Value } from "../base/value.ts";
import type { Expression } from "../expression/expression.ts";
import { sameType, typeOfField } from "../expression/field-type.ts";
import type { Catalog, TypeRef } from "../schema/catalog.ts";
import type { Operand } from "./query-syntax.ts";
import { searchMatch } from "./rankings.ts";
import { textType } from "./resolve-field.ts";
import { textOperand } from "./text-operand.ts";

/** As which type a value is read, and what an error calls its place. */
export interface OpenValue { readonly type: TypeRef; readonly where: string; /** It is words to search for, and becomes what FTS5 is asked. */ readonly isWords?: true }

/** The root of the variables. */
export const openValuesRoot = "values";

export class OpenOperands {
  readonly #catalog: Catalog;
  readonly #values: (OpenValue | null)[] = [];
  #fit = true;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** The next operand. `text` is what stands there now. */
  operand(text: string, where: string): Operand {
    const index = this.#values.push(null) - 1;
    return { ...textOperand(text, where), open: (type) => this.#open(index, type, where), openWords: () => this.#openWords(index, where) };
  }

  /** In order of the operands. Null: some must be known before there is a plan. */
  values(): readonly OpenValue[] | null {
    const found = this.#values.flatMap((value) => (value === null ? [] : [value]));
    return this.#fit && found.length === this.#values.length ? found : null;
  }

  #open(index: number, type: TypeRef, where: string): Expression | null {
    const known = this.#values[index];
    const own = typeOfField(type, this.#catalog);
    if (!isOpenType(type) || (known !== null && known !== undefined && !sameType(typeOfField(known.type, this.#catalog), own))) {
      this.#fit = false;
      return null;
    }
    this.#values[index] = { type, where };
    return { op: "variable", type: own, root: openValuesRoot, path: [String(index)] };
  }

  #openWords(index: number, where: string): Expression {
    this.#values[index] = { type: textType, where, isWords: true };
    return { op: "variable", type: { kind: "string" }, root: openValuesRoot, path: [String(index)] };
  }
}

/** What is compared in the form in which it is stored: any other form is better worked out once, with the plan. */
export function isOpenType(type: TypeRef): boolean {
  if (type.list) return false;
  if (type.kind === "enum") return true;
  return type.kind === "scalar" && ["ID", "String", "Int", "Long", "Money", "Float", "Boolean", "DateTime", "Date"].includes(type.name);
}

/** Throws what the query itself would for such a value. */
export function readOpenValues(values: readonly OpenValue[], texts: readonly string[], catalog: Catalog): Value[] {
  return values.map(({ type, where, isWords }, index) => (isWords === true ? searchMatch(texts[index]!) : textOperand(texts[index]!, where).value(type, catalog)));
}
