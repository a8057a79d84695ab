// Confinement to a tenant: what every reader of a tenant table asks of each record, besides all rules. Of a caller it says the tenant.
import { typeOfField } from "../expression/field-type.ts";
import type { Expression } from "../expression/expression.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import type { Confinement } from "../tables/confinement.ts";
import type { Permission } from "../tables/authority.ts";
import type { Identity } from "./identity.ts";
import { allOf } from "./permission.ts";

/** Null: not confined, as the runtime itself and an administrator who names no tenant. */
export function confinementOf({ kind, tenant }: Identity): Confinement | null {
  return tenant === null && (kind === "administrator" || kind === "system") ? null : { tenant };
}

/** The record is of the caller's tenant. Of a caller without one that is unknown, so there is none. */
export function ownTenant(table: Table, catalog: Catalog, row = "record"): Permission {
  const field = table.tenant === null ? undefined : table.fields.get(table.tenant);
  if (field === undefined) return true;
  const left: Expression = { op: "field", type: typeOfField(field.type, catalog), row, table: table.name, path: [], field: field.name, within: [] };
  const right: Expression = { op: "variable", type: { kind: "string" }, root: "auth", path: ["tenant"] };
  return { op: "compare", comparison: "eq", left, right };
}

/** A permission to read records, for those of the caller's tenant. */
export function confined(rule: Permission, table: Table, catalog: Catalog): Permission {
  return allOf([ownTenant(table, catalog), rule]);
}
