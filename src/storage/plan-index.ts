// Which conditions of a filter an index of the table can answer, by the catalog alone. SQLite decides; this only guides what it is offered.
import type { Expression } from "../expression/expression.ts";
import { isClosed } from "../expression/inspect.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import { fieldOf } from "./column.ts";
import { ownField } from "./plan-value.ts";

/** The filter asks for few values of an indexed field, so that its records are found without visiting others. */
export function findsByIndex(filter: Expression | null, table: Table, catalog: Catalog): boolean {
  if (filter === null) return false;
  if (filter.op === "and") return filter.operands.some((operand) => findsByIndex(operand, table, catalog));
  const field = equalityField(asEquality(filter), table);
  return field !== null && leadsIndex(field, table, catalog);
}

/** `is.true` and the like as an equality, which an index can answer. As a condition of rows both say the same. */
export function asEquality(condition: Expression): Expression {
  if (condition.op !== "not" || condition.operand.op !== "distinct") return condition;
  const { left, right } = condition.operand;
  return right.op === "literal" && right.value !== null ? { op: "compare", comparison: "eq", left, right } : condition;
}

/** The own field that must have one of some given values. */
function equalityField(condition: Expression, table: Table): string | null {
  switch (condition.op) {
    case "compare": {
      if (condition.comparison !== "eq" || !isClosed(condition.right)) return null;
      return ownField(condition.left, table)?.name ?? null;
    }
    case "in": return isClosed(condition.list) ? ownField(condition.item, table)?.name ?? null : null;
    default: return null;
  }
}

/** Conditions that bound one indexed field besides the primary key from below or above: those of the first such field. */
export function rangeConditions(filter: Expression | null, table: Table, catalog: Catalog): readonly Expression[] {
  const operands = filter === null ? [] : filter.op === "and" ? filter.operands : [filter];
  const fields = operands.map((operand) => rangeField(operand, table));
  const first = fields.find((field) => field !== null && field !== table.primaryKey && leadsIndex(field, table, catalog)) ?? null;
  return first === null ? [] : operands.filter((_operand, index) => fields[index] === first);
}

function rangeField(condition: Expression, table: Table): string | null {
  if (condition.op === "like") return !condition.fold && /^[^%_\\]/.test(condition.pattern) ? ownField(condition.operand, table)?.name ?? null : null;
  if (condition.op !== "compare" || condition.comparison === "eq" || condition.comparison === "ne" || !isClosed(condition.right)) return null;
  return ownField(condition.left, table)?.name ?? null;
}

const leading = new WeakMap<Table, ReadonlySet<string>>();

/** Some index begins with the field: the primary key's, a declared one, or that of a key that relations go by (ddl.ts). */
export function leadsIndex(field: string, table: Table, catalog: Catalog): boolean {
  let known = leading.get(table);
  if (known === undefined) leading.set(table, known = new Set([table.primaryKey, ...declaredLeads(table), ...relationKeys(table, catalog)]));
  // A tenant's records are not few.
  return known.has(field) && (field !== table.tenant || field === table.primaryKey);
}

function declaredLeads(table: Table): string[] {
  return table.indexes.filter(({ kind }) => kind === "BTREE").map(({ fields }) => fields[0]!);
}

function relationKeys(table: Table, catalog: Catalog): string[] {
  const keys: string[] = [];
  for (const other of catalog.tables.values()) {
    for (const { relation } of other.fields.values()) {
      if (relation === null) continue;
      if (relation.kind === "one" && other === table) keys.push(relation.from);
      if (relation.kind === "many" && relation.table === table.name) keys.push(relation.to);
      if (relation.through?.table === table.name) keys.push(relation.through.from, relation.through.to);
    }
  }
  return keys;
}

/** Some index holds the field, so that it may give an order among records that agree in what comes before it. */
export function isInIndex(field: string, table: Table): boolean {
  return field === table.primaryKey || fieldOf(table, field).kind === "stored" && table.indexes.some((index) => index.kind === "BTREE" && index.fields.includes(field));
}
