// What a plan means, by nested loops over arrays: the oracle of the plan fuzz. Slow, plain, and knows nothing of SQL.
import { matchesText } from "../../src/base/text-query.ts";
import type { Json, RecordValues } from "../../src/base/value.ts";
import type { Plan, SearchClause, SelectItem } from "../../src/query/plan.ts";
import type { Table } from "../../src/schema/catalog.ts";
import { castExpression } from "../../src/storage/plan-cast.ts";
import { groupRows, hasOverflow, shownRow } from "./naive-groups.ts";
import { isAfter, sortRecords } from "./naive-order.ts";
import { wireOf } from "./naive-value.ts";
import type { World } from "./naive-world.ts";

type EmbedItem = Extract<SelectItem, { kind: "embed" }>;
type JsonObject = { [key: string]: Json };

/** All rows of the plan in order, before the page. A ranking leaves them in the order of their keys. */
export function recordsOf(plan: Plan, world: World, candidates: readonly RecordValues[] = world.alive(plan.table)): RecordValues[] {
  const table = world.table(plan.table);
  const found = candidates.filter((record) => isMatch(plan, record, world)
    && (plan.search === null || isHit(plan.search, record, table, world))
    && (plan.similar === null || ((record[plan.similar.field] ?? null) !== null && world.holds(plan.similar.visibleWhen, record))));
  return sortRecords(found, plan, world);
}

/** Filter and inner embeds. */
function isMatch(plan: Plan, record: RecordValues, world: World): boolean {
  return world.holds(plan.filter, record) && plan.select.every((item) => item.kind !== "embed" || !item.inner || hasMatch(item, record, plan, world));
}

function hasMatch(item: EmbedItem, record: RecordValues, plan: Plan, world: World): boolean {
  const relation = world.table(plan.table).fields.get(item.relation)!.relation!;
  return world.holds(item.visibleWhen, record) && world.related(relation, record).some((other) => isMatch(item.plan, other, world));
}

function isHit(search: SearchClause, record: RecordValues, table: Table, world: World): boolean {
  const places = new Map<string, SearchClause["paths"][number][]>();
  for (const path of search.paths) {
    const place = path.path.slice(0, -1).join(".");
    places.set(place, [...(places.get(place) ?? []), path]);
  }
  return [...places.values()].some((paths) => textRows(paths[0]!.path.slice(0, -1), record, table, world).some((row) => {
    const texts = paths.filter(({ visibleWhen }) => world.holds(visibleWhen, row)).map(({ path }) => (row[path.at(-1)!] ?? null) as string | null);
    return matchesText(texts, "web", search.words);
  }));
}

function textRows(relations: readonly string[], record: RecordValues, table: Table, world: World): readonly RecordValues[] {
  const [first, ...rest] = relations;
  if (first === undefined) return [record];
  const relation = table.fields.get(first)!.relation!;
  return world.related(relation, record).flatMap((other) => textRows(rest, other, world.table(relation.table), world));
}

/** The answer to a plan, without `count`. */
export function naiveRead(plan: Plan, world: World, candidates?: readonly RecordValues[]): JsonObject[] {
  const records = recordsOf({ ...plan, after: null }, world, candidates);
  if (plan.grouped) {
    const groups = groupRows(plan, records, world);
    if (groups.some(hasOverflow)) world.noteOverflow();
    return paged(groups, plan).map(shownRow);
  }
  const after = plan.after === null ? records : records.filter((record) => isAfter(record, plan, world));
  return paged(after, plan).map((record) => objectOf(plan, record, world));
}

function paged<Row>(rows: readonly Row[], { limit, offset }: Plan): Row[] {
  return rows.slice(offset, limit === null ? undefined : offset + limit);
}

export function objectOf(plan: Plan, record: RecordValues, world: World): JsonObject {
  const table = world.table(plan.table);
  const object: JsonObject = Object.create(null) as JsonObject;
  for (const item of plan.select) {
    if (item.kind === "open") mergeOpen(object, record, table);
    else if (item.kind === "embed") embedInto(object, item, record, { table, world });
    else if (item.kind === "value" && world.holds(item.visibleWhen, record)) {
      const value = castExpression(item.value, item.cast);
      object[item.alias] = wireOf(world.value(value, record), value, table, world.catalog);
    }
  }
  return object;
}

/** Null is as absent there. What an alias names is the alias's. */
function mergeOpen(object: JsonObject, record: RecordValues, table: Table): void {
  for (const name of Object.keys(record)) {
    if (name !== "$expires" && !table.fields.has(name) && record[name] !== null && !Object.hasOwn(object, name)) object[name] = record[name] as Json;
  }
}

interface EmbedPlace { readonly table: Table; readonly world: World }

function embedInto(object: JsonObject, item: EmbedItem, record: RecordValues, { table, world }: EmbedPlace): void {
  const relation = table.fields.get(item.relation)!.relation!;
  if (item.plan.select.length === 0 || !world.holds(item.visibleWhen, record)) return;
  const rows = naiveRead(item.plan, world, world.related(relation, record));
  if (!item.spread) object[item.alias] = relation.kind === "one" ? rows[0] ?? null : rows;
  else if (relation.kind !== "one") for (const key of spreadKeys(item.plan, world)) object[key.name] = rows.map((row) => row[key.name] ?? null);
  else if (rows[0] !== undefined) Object.assign(object, rows[0]);
  else for (const key of spreadKeys(item.plan, world)) if (!key.masked) object[key.name] = null;
}

/** Keys that a plan's items give to what they are spread into. `masked`: only where some row shows it. */
function spreadKeys(plan: Plan, world: World): { name: string; masked: boolean }[] {
  return plan.select.flatMap((item) => {
    if (item.kind === "open" || (item.kind === "embed" && item.plan.select.length === 0)) return [];
    const masked = item.kind !== "aggregate" && item.visibleWhen !== null;
    if (item.kind === "embed" && item.spread) {
      // In a list what is hidden is null.
      const many = world.table(plan.table).fields.get(item.relation)!.relation!.kind !== "one";
      return spreadKeys(item.plan, world).map((key) => ({ name: key.name, masked: (key.masked && !many) || masked }));
    }
    return [{ name: item.alias, masked }];
  });
}
