// Levels with aggregates: what a to-one relation spreads into them becomes their own, so that a grouped plan has no embeds.
import { assert } from "../base/assert.ts";
import { fault } from "../base/error.ts";
import type { Expression } from "../expression/expression.ts";
import { partsOf, withParts } from "../expression/inspect.ts";
import type { Catalog, Field, Table, ValueLimits } from "../schema/catalog.ts";
import type { SelectItem } from "./plan.ts";
import { conjunction, planMatch, relatedExists } from "./related-exists.ts";
import { isRelation, relatedTable, visibleField, type RelationField, type Resolution } from "./resolution.ts";

export interface Level {
  readonly table: Table;
  readonly select: readonly SelectItem[];
  readonly filter: Expression | null;
}

type EmbedItem = Extract<SelectItem, { kind: "embed" }>;
type FieldExpression = Extract<Expression, { op: "field" }>;

/** The level as it is when nothing in it aggregates. Throws MALFORMED_QUERY, MIXED_CURRENCY. */
export function groupedLevel(level: Level, resolution: Resolution): Level & { readonly grouped: boolean } {
  const grouped = level.select.some((item) => item.kind === "aggregate" || (item.kind === "embed" && isOwnSpread(item, level.table) && item.plan.grouped));
  if (!grouped) return { ...level, grouped };
  const flat = hoisted(level, resolution);
  refuseMixedCurrencies(flat, resolution);
  return { ...flat, grouped };
}

function hoisted({ table, select, filter }: Level, resolution: Resolution): Level {
  const conditions = [filter];
  const items = select.flatMap((item): readonly SelectItem[] => {
    if (item.kind === "open") throw fault("MALFORMED_QUERY", "* of this table cannot be grouped by.", { where: "select", fix: "Name the fields to group by." });
    if (item.kind !== "embed") return [item];
    const relation = relationField(item, table);
    if (item.inner) conditions.push(relatedExists(relation, { row: "record", table }, resolution, (child) => planMatch(item.plan, child, resolution)));
    if (item.plan.select.length === 0) return [];
    if (!isOwnSpread(item, table)) {
      throw fault("MALFORMED_QUERY", `${item.relation} cannot be grouped by as a whole.`, { where: "select", fix: relation.relation.kind === "one" ? `Spread it: ...${item.relation}(FIELD).` : "Leave it out, or aggregate inside it alone." });
    }
    const child = hoisted({ table: relatedTable(relation, resolution.catalog), select: item.plan.select, filter: item.plan.filter }, resolution);
    if (child.filter !== null && !item.inner) throw fault("MALFORMED_QUERY", `A filter on ${item.relation} beside aggregates needs !inner.`, { where: "select", fix: `Write ...${item.relation}!inner(...).` });
    return child.select.map((one) => moved(one, relation, table));
  });
  return { table, select: items, filter: conjunction(conditions) };
}

function isOwnSpread(item: EmbedItem, table: Table): boolean {
  return item.spread && relationField(item, table).relation.kind === "one";
}

function relationField(item: EmbedItem, table: Table): RelationField {
  const field: Field | undefined = table.fields.get(item.relation);
  assert(field !== undefined && isRelation(field), `relation ${item.relation} of a plan is in table ${table.name}`);
  return field;
}

function moved(item: SelectItem, relation: RelationField, table: Table): SelectItem {
  if (item.kind === "value") return { ...item, value: throughRelation(item.value, relation, table) };
  return item.kind === "aggregate" && item.value !== null ? { ...item, value: throughRelation(item.value, relation, table) } : item;
}

/** An expression over the related record as one over the record that has the relation. */
function throughRelation(expression: Expression, relation: RelationField, table: Table): Expression {
  if (expression.op === "field") return { ...expression, table: table.name, path: [relation.name, ...expression.path] };
  return withParts(expression, partsOf(expression).map((part) => throughRelation(part, relation, table)));
}

/** Money whose currency stands in a field is added up only within one currency. */
function refuseMixedCurrencies({ table, select }: Level, resolution: Resolution): void {
  const groups = new Set(select.flatMap((item) => (item.kind === "value" && item.cast === null && item.value.op === "field" ? [placeKey(item.value)] : [])));
  for (const item of select) {
    if (item.kind !== "aggregate" || (item.function !== "sum" && item.function !== "avg") || item.value?.op !== "field") continue;
    const currency = currencyField(item.value, table, resolution.catalog);
    if (currency === null || groups.has(placeKey(currency))) continue;
    const isVisible = currency.path.length === 0 && currency.within.length === 0 && visibleField(currency.field, table, resolution.scope) !== null;
    throw fault("MIXED_CURRENCY", `${item.function}() of ${item.field} would add up several currencies.`, { where: "select", ...(isVisible ? { fix: `Select ${currency.field} too, so that it is grouped by.` } : {}) });
  }
}

function placeKey({ path, field, within }: FieldExpression): string {
  return JSON.stringify([path, field, within]);
}

/** The field beside `money` that holds its currency, or null if the schema fixes it. */
function currencyField(money: FieldExpression, table: Table, catalog: Catalog): FieldExpression | null {
  let owner: Table | undefined = table;
  for (const step of money.path) owner = catalog.tables.get(owner?.fields.get(step)?.relation?.table ?? "");
  const start = owner?.fields.get(money.field);
  assert(start !== undefined, `field ${money.field} of a plan is in the catalog`);
  let holder: { readonly type: Field["type"]; readonly limits: ValueLimits } = start;
  for (const step of money.within) {
    const part = typeof step === "number" ? undefined : catalog.objects.get(holder.type.name)?.fields.get(step);
    if (part !== undefined) holder = part;
  }
  const { currency } = holder.limits;
  if (currency === null || !("field" in currency)) return null;
  return money.within.length === 0 ? { ...money, field: currency.field } : { ...money, within: [...money.within.slice(0, -1), currency.field] };
}
