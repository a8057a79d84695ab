// Along a way of relations from one record to another: which rows in between belong to the caller's tenant, because a row at one of the
// two ends does and references never leave a tenant. There nobody need ask again.
import type { Catalog, Relation, Table } from "../schema/catalog.ts";

export interface WayStep { readonly from: Table; readonly relation: Relation; readonly to: Table }

export interface KeptTenants {
  /** By step: its row is of the tenant. Never so of the last, which is asked itself. */
  readonly rows: readonly boolean[];
  /** By step: its row of the join table is. */
  readonly links: readonly boolean[];
}

/** The first record and the last row are known to be the caller's, where their tables have tenants. */
export function keptTenants(steps: readonly WayStep[], catalog: Catalog): KeptTenants {
  const tables = [...steps.slice(0, 1).map(({ from }) => from), ...steps.map(({ to }) => to)];
  const held = steps.map((step) => isHeld(step, catalog));
  const hasTenant = tables.map(({ tenant }) => tenant !== null);
  const fromStart = [...hasTenant];
  for (let index = 1; index < tables.length; index++) fromStart[index] = hasTenant[index]! && fromStart[index - 1]! && held[index - 1]!;
  const fromEnd = [...hasTenant];
  for (let index = tables.length - 2; index >= 0; index--) fromEnd[index] = hasTenant[index]! && fromEnd[index + 1]! && held[index]!;
  const isKept = (index: number): boolean => fromStart[index]! || fromEnd[index]!;
  return {
    rows: steps.map((_, index) => index + 1 < steps.length && isKept(index + 1)),
    links: steps.map((_, index) => held[index]! && (isKept(index) || isKept(index + 1))),
  };
}

/** Its keys are references, so that each write of them was looked at. */
function isHeld({ from, relation, to }: WayStep, catalog: Catalog): boolean {
  if (relation.kind === "many") return refers(to, relation.to, from);
  const join = catalog.tables.get(relation.through?.table ?? "");
  return join !== undefined && relation.through !== null && refers(join, relation.through.from, from) && refers(join, relation.through.to, to);
}

function refers(table: Table, key: string, target: Table): boolean {
  return [...table.fields.values()].some(({ relation }) => relation?.kind === "one" && relation.from === key && relation.table === target.name);
}
