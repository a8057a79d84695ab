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
  const field = equalityField(filter, table);
  return field !== null && leadsIndex(field, table, catalog);
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

/** Some index begins with the field: the primary key's, a declared one, or that of a key that relations go by (ddl.ts). */
export function leadsIndex(field: string, table: Table, catalog: Catalog): boolean {
  if (field === table.primaryKey || table.indexes.some((index) => index.kind === "BTREE" && index.fields[0] === field)) return true;
  const relations = [...catalog.tables.values()].flatMap((other) => [...other.fields.values()].map(({ relation }) => ({ relation, here: other.name === table.name })));
  return relations.some(({ relation, here }) => relation !== null && ((relation.kind === "one" && here && relation.from === field)
    || (relation.kind === "many" && relation.table === table.name && relation.to === field)
    || (relation.through?.table === table.name && (relation.through.from === field || relation.through.to === field))));
}

/** Some index holds the field, so that it may give an order among records that agree in what comes before it. */
export function isInIndex(field: string, table: Table): boolean {
  return field === table.primaryKey || fieldOf(table, field).kind === "stored" && table.indexes.some((index) => index.kind === "BTREE" && index.fields.includes(field));
}
