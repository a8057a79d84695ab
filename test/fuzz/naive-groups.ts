// Groups and aggregates over arrays. Sums are exact; a sum beyond its type throws AGGREGATE_OVERFLOW.
import { addDecimals } from "../../src/base/decimal.ts";
import { fault } from "../../src/base/error.ts";
import { compareText } from "../../src/base/text.ts";
import type { Json, RecordValues, Value } from "../../src/base/value.ts";
import { compareValues } from "../../src/expression/compare-values.ts";
import type { Expression, ExpressionType } from "../../src/expression/expression.ts";
import { typeOf } from "../../src/expression/field-type.ts";
import type { Plan, SelectItem } from "../../src/query/plan.ts";
import { castExpression } from "../../src/storage/plan-cast.ts";
import { compareKeys } from "./naive-order.ts";
import { fieldType, wireOf } from "./naive-value.ts";
import type { World } from "./naive-world.ts";

type AggregateItem = Extract<SelectItem, { kind: "aggregate" }>;
interface Group { readonly keys: readonly Value[]; readonly records: RecordValues[] }
/** What a member is ordered by, and what is shown; undefined: beyond what its type holds. */
interface Cell { readonly value: Value; readonly type: ExpressionType; readonly json: Json | undefined }
type GroupRow = ReadonlyMap<string, Cell>;

/** All groups in order, before the page. */
export function groupRows(plan: Plan, records: readonly RecordValues[], world: World): GroupRow[] {
  const items = plan.select.filter((item) => item.kind === "value");
  const values = items.map((item) => castExpression(item.value, item.cast));
  const groups = groupsOf(records, values, world);
  const rows = groups.map((group) => rowOf(plan, group, world));
  const byKey = items.map((item) => ({ item: item.alias, descending: false, nulls: "first" as const }));
  rows.sort((left, right) => {
    for (const { item, ...direction } of [...plan.order, ...byKey]) {
      const [a, b] = [left.get(item!)!, right.get(item!)!];
      const difference = compareKeys(a.value, b.value, a.type, direction);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  return rows;
}

/** Throws AGGREGATE_OVERFLOW. Only for rows that are shown: whether SQLite works out the others is its business. */
export function shownRow(row: GroupRow): { [key: string]: Json } {
  return Object.fromEntries([...row].map(([alias, { json }]) => {
    if (json === undefined) throw fault("AGGREGATE_OVERFLOW", "A sum is beyond what its type holds.");
    return [alias, json];
  }));
}

export function hasOverflow(row: GroupRow): boolean {
  return [...row.values()].some(({ json }) => json === undefined);
}

function groupsOf(records: readonly RecordValues[], values: readonly Expression[], world: World): Group[] {
  if (values.length === 0) return [{ keys: [], records: [...records] }];
  const groups: Group[] = [];
  for (const record of records) {
    const keys = values.map((value) => world.value(value, record));
    const known = groups.find((group) => group.keys.every((key, index) => compareKeys(key, keys[index]!, typeOf(values[index]!), { descending: false, nulls: "first" }) === 0));
    if (known === undefined) groups.push({ keys, records: [record] });
    else known.records.push(record);
  }
  return groups;
}

function rowOf(plan: Plan, group: Group, world: World): Map<string, Cell> {
  const table = world.table(plan.table);
  const row = new Map<string, Cell>();
  for (const item of plan.select) {
    if (item.kind === "value") {
      const value = castExpression(item.value, item.cast);
      const shown = group.records.map((record) => world.value(value, record)).reduce((best, one) => (best !== null && compareText(storedText(one), storedText(best)) < 0 ? one : best));
      row.set(item.alias, { value: shown, type: typeOf(value), json: wireOf(shown, value, table, world.catalog) });
    } else if (item.kind === "aggregate") row.set(item.alias, castCell(aggregate(item, group.records, plan, world), item.cast));
  }
  return row;
}

/** Equal values may be written differently: the group shows the first as text. */
function storedText(value: Value): string {
  return typeof value === "string" ? value : JSON.stringify(value, (_key, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner));
}

function castCell(cell: Cell, cast: AggregateItem["cast"]): Cell {
  if (cast !== "text" || cell.value === null || cell.json === undefined) return cell;
  const text = String(cell.value);
  return { value: text, type: { kind: "string" }, json: text };
}

const INT: ExpressionType = { kind: "int" };
const DOUBLE: ExpressionType = { kind: "double" };

function aggregate(item: AggregateItem, records: readonly RecordValues[], plan: Plan, world: World): Cell {
  const { value } = item;
  if (value === null) return { value: records.length, type: INT, json: records.length };
  const values = records.map((record) => world.value(value, record)).filter((one) => one !== null);
  const table = world.table(plan.table);
  const type = typeOf(value);
  switch (item.function) {
    case "count": return { value: values.length, type: INT, json: values.length };
    case "sum": return sum(values, type, fieldType(value, table, world.catalog)?.name === "Long");
    case "avg": {
      const average = values.length === 0 ? null : total(values, type) / values.length;
      return { value: average, type: DOUBLE, json: average };
    }
    default: {
      const sign = item.function === "min" ? 1 : -1;
      const best = values.reduce<Value>((found, one) => (found === null || sign * compareValues(one, found, type) < 0 || (compareValues(one, found, type) === 0 && compareText(storedText(one), storedText(found)) < 0) ? one : found), null);
      return { value: best, type, json: wireOf(best, value, table, world.catalog) };
    }
  }
}

/** Integers are added up exactly before they are rounded. */
function total(values: readonly Value[], type: ExpressionType): number {
  if (type.kind === "int") return Number(values.reduce<bigint>((sum, one) => sum + BigInt(one as number), 0n));
  return compensatedSum(values.map(Number));
}

/** Kahan's and Babuska's, as SQLite adds doubles. */
function compensatedSum(values: readonly number[]): number {
  let sum = 0;
  let lost = 0;
  for (const value of values) {
    const next = sum + value;
    lost += Math.abs(sum) > Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum + lost;
}

function sum(values: readonly Value[], type: ExpressionType, isLong: boolean): Cell {
  if (values.length === 0) return { value: null, type, json: null };
  if (type.kind === "decimal") {
    const total = (values as string[]).reduce((left, right) => addDecimals(left, right)!);
    return { value: total, type, json: total };
  }
  if (type.kind === "double") {
    const exact = compensatedSum(values as number[]);
    return { value: exact, type, json: exact };
  }
  const total = values.reduce<bigint>((left, right) => left + BigInt(right as number), 0n);
  const bound = isLong ? 2n ** 63n - 1n : BigInt(Number.MAX_SAFE_INTEGER);
  if (total > bound || total < (isLong ? -bound - 1n : -bound)) return { value: total, type, json: undefined };
  return { value: total, type, json: isLong ? String(total) : Number(total) };
}
