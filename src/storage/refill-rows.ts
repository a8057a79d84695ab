// Writes columns anew that follow from the rest of a record: stored computed fields, folded text, the time of expiry.
// Row by row through the codec, so that they are what a write would have made of them.
import { dateTimeOf } from "../base/date-time.ts";
import type { Limits } from "../base/limits.ts";
import type { RecordValues, SqlValue, Value } from "../base/value.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import { coerceValue } from "../schema/coerce-value.ts";
import { EXPIRES_COLUMN, fieldOf, quoted } from "./column.ts";
import { type Difference, difference } from "./compare-shapes.ts";
import type { Connection } from "./connection.ts";
import { recordCodec } from "./record-codec.ts";
import { storedRows } from "./stored-rows.ts";

export interface RefillContext {
  readonly connection: Connection;
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly table: Table;
  readonly limits: Limits;
  readonly nowMs: number;
}

/** Computes and writes `fields` of every row. Returns where a required one comes out as null, or as what the field does not hold. */
export function refillRows(context: RefillContext, fields: readonly string[]): Difference[] {
  const { connection, table, catalog } = context;
  const codec = recordCodec(table, catalog);
  const update = codec.update(fields);
  for (const { values, version, expires } of storedRows(context)) {
    const { values: computed, misfit } = computedValues(context, fields, values);
    if (misfit !== null) return [difference(table, misfit, "has a value by its rule that its type or limits do not hold in some records", "Change the rule, or the type and limits.")];
    const missing = fields.find((name) => computed[name] === null && fieldOf(table, name).type.required);
    if (missing !== undefined) return [difference(table, missing, "has no value by its rule in some records", "Make it nullable, or guard the rule.")];
    connection.run(update.sql, ...update.encode(computed, version, expires));
  }
  return [];
}

/** One may read another: as often as there are fields, or until nothing moves any more. */
export function computedValues({ book, catalog, table, limits, nowMs }: RefillContext, fields: readonly string[], values: RecordValues): { values: RecordValues; misfit: string | null } {
  const result: { [field: string]: Value } = { ...values };
  const environment = { rows: { record: result }, variables: {}, now: dateTimeOf(nowMs), source: null };
  const rules = fields.flatMap((name) => {
    const { fill } = fieldOf(table, name);
    return fill?.kind === "computed" ? [{ name, expression: book.of(fill.rule) }] : [];
  });
  let misfit: string | null = null;
  for (let round = 0, moved = true; moved && round < rules.length; round++) {
    moved = false;
    misfit = null;
    for (const { name, expression } of rules) {
      const computed = evaluate(expression, environment, book);
      const value = computed === null ? null : coerceValue(computed, fieldOf(table, name), { catalog, dialect: "code", path: name, limits }, []);
      if (value === undefined) misfit ??= name;
      moved ||= (value ?? null) !== result[name];
      result[name] = value ?? null;
    }
  }
  return { values: result, misfit };
}

/** The instant at which each record is gone, as if it were written now: the earlier of its own time and the table's expiration. */
export function expireRows({ connection, table, nowMs }: RefillContext): void {
  const own: string = table.expiresAt === null ? "NULL" : quoted(table.expiresAt);
  const last: SqlValue = table.expirationMs === null ? null : dateTimeOf(nowMs + table.expirationMs);
  connection.run(`UPDATE ${quoted(table.sqlName)} SET ${quoted(EXPIRES_COLUMN)} = CASE WHEN ${own} IS NULL OR ${own} > ?1 THEN coalesce(?1, ${own}) ELSE ${own} END`, last);
}

/** Where null was filled in the field that says when a record is gone, it is gone then, if not before. */
export function expireFilledRows({ connection, table }: RefillContext, field: string): void {
  const [own, expires] = [quoted(field), quoted(EXPIRES_COLUMN)];
  connection.run(`UPDATE ${quoted(table.sqlName)} SET ${expires} = ${own} WHERE ${expires} IS NULL OR ${expires} > ${own}`);
}
