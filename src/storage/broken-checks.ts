// Records that rules new in the schema would refuse: asked once, when a @check is added or changed.
import { dateTimeOf } from "../base/date-time.ts";
import type { Value } from "../base/value.ts";
import { isTrue } from "../expression/evaluate.ts";
import { isLocal } from "../expression/inspect.ts";
import type { RecordSource } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Catalog, CheckRule, Table } from "../schema/catalog.ts";
import type { CatalogShape } from "./catalog-shape.ts";
import { type Difference, difference, remedied } from "./compare-shapes.ts";
import type { Connection } from "./connection.ts";
import { recordCodec } from "./record-codec.ts";
import { storedRows } from "./stored-rows.ts";

export interface CheckContext { readonly connection: Connection; readonly catalog: Catalog; readonly book: ExpressionBook; readonly nowMs: number }

/** Tables are those of `old` that are still there, already in their new shape. Of those `filled` the rules that look at a record alone were asked before. */
export function brokenChecks(context: CheckContext, old: CatalogShape, filled: ReadonlySet<string> = new Set()): Difference[] {
  const known = new Map(old.tables.map((table) => [table.sqlName, table.checks ?? []]));
  return [...context.catalog.tables.values()].flatMap((table) => {
    const before = known.get(table.sqlName);
    const added = before === undefined ? [] : table.checks.filter(({ rule }) => !before.includes(rule.source) && !(filled.has(table.sqlName) && isLocal(context.book.of(rule), context.book)));
    return added.length === 0 ? [] : brokenIn(context, table, added);
  });
}

/** A record is as it may be if it could be created so, or written again unchanged. */
function brokenIn({ connection, catalog, book, nowMs }: CheckContext, table: Table, checks: readonly CheckRule[]): Difference[] {
  const rules = checks.map((check) => ({ check, expression: book.of(check.rule), broken: 0 }));
  const now = dateTimeOf(nowMs);
  const source = sourceOf(connection, catalog, now);
  for (const { values, expires } of storedRows({ connection, catalog, table })) {
    if (expires !== null && expires <= now) continue;
    const holds = (expression: (typeof rules)[number]["expression"], before: typeof values | null): boolean =>
      isTrue(expression, { rows: { record: values, old: before }, variables: {}, now, source }, book);
    for (const rule of rules) if (!holds(rule.expression, null) && !holds(rule.expression, values)) rule.broken++;
  }
  return rules.filter(({ broken }) => broken > 0).map(({ check, broken }) =>
    remedied(difference(table, check.field, `has a new rule, ${check.rule.source}, that does not hold in ${broken} records`, "Leave the rule out, or correct the records, by writing them or in Migrations."), { make: "unchecked", rule: check.rule.source }));
}

function sourceOf(connection: Connection, catalog: Catalog, now: string): RecordSource {
  return {
    get(name: string, id: Value) {
      const table = catalog.tables.get(name);
      if (table === undefined) return null;
      const codec = recordCodec(table, catalog);
      const row = connection.values(codec.selectSql, codec.key(id))[0];
      const stored = row === undefined ? null : codec.decode(row);
      return stored === null || (stored.expires !== null && stored.expires <= now) ? null : stored.values;
    },
    exists: () => null,
  };
}
