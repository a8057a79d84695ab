// Plans whose rows are plain columns of one table: then Bun makes the objects and JSON.stringify the text, faster than SQLite does.
import type { Plan } from "../query/plan.ts";
import { quoted } from "./column.ts";
import { column, type RowAlias } from "./plan-scope.ts";
import { fieldForm, ownField } from "./plan-value.ts";

export interface PlainColumns {
  /** The select list, each column under its member's name. */
  readonly sql: string;
  /** Members that hold 0 and 1 for false and true. */
  readonly booleans: readonly string[];
}

/** Beyond so many rows they are better not in memory all at once. */
const ROWS_MAX = 100;
/** JavaScript would put such keys first, or not take them as keys. */
const AWKWARD_KEY = /^(\d+|__proto__)$/;

/** Null where something in the plan needs more than a column. Only names of the schema get into the text. */
export function plainColumns({ select, limit }: Plan, { alias, table }: RowAlias): PlainColumns | null {
  if (limit === null || limit > ROWS_MAX) return null;
  const names = new Set<string>();
  const booleans: string[] = [];
  const list: string[] = [];
  for (const item of select) {
    const field = item.kind === "value" && item.cast === null && item.visibleWhen === null ? ownField(item.value, table) : null;
    if (field === null || item.kind !== "value" || !table.fields.has(item.alias) || AWKWARD_KEY.test(item.alias) || names.has(item.alias)) return null;
    const form = fieldForm(field.type);
    if (form === "json") return null;
    if (form === "boolean") booleans.push(item.alias);
    names.add(item.alias);
    const sql = column(alias, field.name);
    list.push(`${form === "long" ? `CAST(${sql} AS TEXT)` : sql} AS ${quoted(item.alias)}`);
  }
  return list.length === 0 ? null : { sql: list.join(", "), booleans };
}
