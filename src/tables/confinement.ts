// Whose records of tenant tables one session may touch. Holds for every write, with rules or without; only the runtime's own work,
// and an administrator who names no tenant, are not confined.
import type { RecordValues, Value } from "../base/value.ts";
import type { Table } from "../schema/catalog.ts";

export interface Confinement {
  /** Null: of none, so no record of a tenant table is there. */
  readonly tenant: string | null;
}

/** Null: not confined. */
export function isWithin(confinement: Confinement | null, table: Table, values: RecordValues): boolean {
  if (confinement === null || table.tenant === null) return true;
  return confinement.tenant !== null && values[table.tenant] === confinement.tenant;
}

export function isSameConfinement(left: Confinement | null, right: Confinement | null): boolean {
  return left === null || right === null ? left === right : left.tenant === right.tenant;
}

/** The tenant of a record; null where its table has none. */
export function tenantOf(table: Table, values: RecordValues): Value {
  return table.tenant === null ? null : values[table.tenant] ?? null;
}
