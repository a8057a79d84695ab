// The text of a record that a model turns into its vector (@embed). What is secret has none. Asks nobody.
import type { RecordValues } from "../base/value.ts";
import type { Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { isTrue } from "../expression/evaluate.ts";
import type { Table } from "../schema/catalog.ts";

/** A field that is filled with the vector of other fields' texts. */
export interface EmbeddedField {
  readonly table: Table;
  readonly field: string;
  readonly from: readonly string[];
  /** An alias. */
  readonly model: string;
  /** Records for which it holds are never shown to a model. */
  readonly secret: Expression | null;
}

export function embeddedFields(table: Table, book: ExpressionBook): EmbeddedField[] {
  return [...table.fields.values()].flatMap(({ name, fill }) => (fill?.kind !== "embedding" ? []
    : [{ table, field: name, from: fill.from, model: fill.model, secret: table.secretWhere ? book.of(table.secretWhere) : null }]));
}

/** The texts that there are, in the order of `from`, with an empty line between them. Null: there is none, or it is secret. */
export function embeddedText({ from, secret }: EmbeddedField, values: RecordValues, now: string, book: ExpressionBook): string | null {
  const texts = from.map((name) => values[name] ?? null).filter((value): value is string => typeof value === "string" && value.trim() !== "");
  if (texts.length === 0) return null;
  return secret !== null && isTrue(secret, { rows: { record: values }, variables: {}, now, source: null }, book) ? null : texts.join("\n\n");
}
