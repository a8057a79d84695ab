// The plan for one record by its key, and the plan of a whole record as writes answer it.
import { assert } from "../base/assert.ts";
import { fault } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import type { Expression } from "../expression/expression.ts";
import { typeOfField } from "../expression/field-type.ts";
import type { Table } from "../schema/catalog.ts";
import { buildPlan } from "./build-plan.ts";
import type { Plan } from "./plan.ts";
import { createResolution, tableLabel, type QueryContext } from "./resolution.ts";
import { readFlag, readNames, readParameters } from "./rest-parameters.ts";
import { atMoment, readItems, refuseMisspelt, refuseUnavailable, type Parameters } from "./rest-query.ts";

export interface KeyQuery {
  readonly plan: Plan;
  /** The whole record and nothing else was asked for: its own fields, no embeds, no casts. */
  readonly plain: boolean;
  readonly explain: boolean;
  /** As in RestQuery. */
  readonly columns: readonly string[] | null;
}

/** `id` is canonical. Takes `select`, `columns`, `explain` and what shapes embeds; a filter or page of the record itself is refused. */
export function keyPlan(id: Value, parameters: Parameters, context: QueryContext): KeyQuery {
  const request = readParameters(parameters);
  const { single, levels } = request;
  const { table } = context;
  refuseUnavailable(request);
  refuseMisspelt(request, context);
  const misplaced = levels.find((level) => level.path.length === 0)?.where ?? (["after", "near", "search", "similar", "on_conflict"] as const).find((name) => single[name] !== null);
  if (misplaced !== undefined) {
    throw fault("MALFORMED_QUERY", `${misplaced} does not apply to one record.`, { where: misplaced, fix: `Ask the list: /${tableLabel(table)}?${table.primaryKey}=eq.ID&...` });
  }
  const built = buildPlan({ table, items: readItems(single.select), levels, depth: 0 }, createResolution(context));
  return {
    plan: atMoment({ ...built, filter: keyFilter(id, table, context), limit: 1 }, single.asof, context),
    plain: single.asof === null && (single.select === null || single.select.trim() === "*"),
    explain: readFlag(single.explain, "explain"),
    columns: single.columns === null ? null : readNames(single.columns, "columns"),
  };
}

/** All values of a record that the caller may name; no filter, no bound. */
export function defaultPlan(context: QueryContext): Plan {
  return buildPlan({ table: context.table, items: [{ kind: "all" }], levels: [], depth: 0 }, createResolution(context));
}

/** The primary key is `id`. */
export function keyFilter(id: Value, table: Table, { scope }: QueryContext): Expression {
  const key = table.fields.get(table.primaryKey);
  assert(key !== undefined, `${table.name} has its primary key`);
  const type = typeOfField(key.type, scope.catalog);
  const left: Expression = { op: "field", type, row: "record", table: table.name, path: [], field: key.name, within: [] };
  return { op: "compare", comparison: "eq", left, right: { op: "literal", type, value: id } };
}
