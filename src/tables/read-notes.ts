// What the writes of a draft read on their way, as footprints: records, probes of unique and foreign keys, rules over other records.
// A commit notes nothing: it is held against what its draft noted.
import type { Value } from "../base/value.ts";
import type { Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { fieldsRead } from "../expression/inspect.ts";
import { equalityFootprint, keyFootprint, noColumns, type Footprint } from "../query/footprint.ts";
import type { Table } from "../schema/catalog.ts";
import type { Permission } from "./authority.ts";
import { modelOf, type Referrer, type TableModel, type UniqueKey } from "./table-model.ts";
import type { WriteContext } from "./write-context.ts";

/** Takes footprints in. */
export interface ReadNotes { note(footprint: Footprint): void }

/** The whole record with this key, or that there is none. */
export function noteRecord({ reads }: WriteContext, { table }: TableModel, id: Value): void {
  reads?.note(keyFootprint(table, id));
}

/** That there is a record with this key, or none; and what `rule` looks at in it. */
export function noteExistence({ reads, book }: WriteContext, { table }: TableModel, id: Value, rule: Permission = true): void {
  reads?.note(keyFootprint(table, id, typeof rule === "boolean" ? noColumns : columnsOf(rule, table, book)));
}

/** Who has these unique values, if anybody. No value is null. */
export function noteUnique({ reads }: WriteContext, { table }: TableModel, key: UniqueKey, values: readonly Value[]): void {
  reads?.note(equalityFootprint(table, Object.fromEntries(key.fields.map(({ name }, index) => [name, values[index] ?? null])), noColumns, key.fold));
}

/** Which records refer to one. Those that let go of it are written anew. */
export function noteReferrers({ reads, models }: WriteContext, referrer: Referrer, id: Value): void {
  reads?.note(equalityFootprint(modelOf(models, referrer.table).table, { [referrer.field]: id }, referrer.onDelete === "SET_NULL" ? null : noColumns));
}

/** Fields of row `record` that the rule looks at; what lies behind a relation is noted when it is read. */
function columnsOf(rule: Expression, table: Table, book: ExpressionBook): ReadonlySet<string> {
  const columns = new Set<string>();
  const visit = (expression: Expression): void => {
    for (const { row, path: [relation], field } of fieldsRead(expression)) {
      if (row !== "record") continue;
      const name = relation === undefined ? field : table.fields.get(relation)?.relation?.from ?? field;
      const computed = book.computed(table.name, name);
      if (computed === null) columns.add(name);
      else visit(computed);
    }
  };
  visit(rule);
  return columns;
}
