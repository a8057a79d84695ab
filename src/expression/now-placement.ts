// Where now() may stand in rules and filters: `field OP now() ± constant` on an indexed field. So a read knows until when it
// holds, and an index serves it. Defaults and checks are free.
import type { Catalog } from "../schema/catalog.ts";
import type { Expression } from "./expression.ts";
import { isClosed, partsOf, usesNow } from "./inspect.ts";

/** The comparisons, or lone uses of now(), that are not as they must be. */
export function misplacedNow(expression: Expression, catalog: Catalog): readonly Expression[] {
  if (!usesNow(expression)) return [];
  if (expression.op === "compare") return isPlaced(expression.left, expression.right, catalog) || isPlaced(expression.right, expression.left, catalog) ? [] : [expression];
  const parts = partsOf(expression).filter(usesNow);
  return expression.op === "now" || expression.op === "arithmetic" || parts.length === 0 ? [expression] : parts.flatMap((part) => misplacedNow(part, catalog));
}

function isPlaced(field: Expression, instant: Expression, catalog: Catalog): boolean {
  return field.op === "field" && field.within.length === 0 && isIndexed(field, catalog) && isInstant(instant);
}

function isInstant(expression: Expression): boolean {
  if (expression.op === "now") return true;
  if (expression.op !== "arithmetic") return false;
  return expression.left.op === "now" && isClosed(expression.right) && !usesNow(expression.right);
}

function isIndexed({ table, path, field }: Extract<Expression, { op: "field" }>, catalog: Catalog): boolean {
  const name = path.reduce((at, step) => catalog.tables.get(at)?.fields.get(step)?.relation?.table ?? "", table);
  const end = catalog.tables.get(name);
  return end !== undefined && (end.primaryKey === field || end.indexes.some((index) => index.kind === "BTREE" && index.fields[0] === field));
}
