// The order of records by a plan's keys, and which of them come after its cursor.
import type { Json, RecordValues, Value } from "../../src/base/value.ts";
import { compareValues } from "../../src/expression/compare-values.ts";
import type { ExpressionType } from "../../src/expression/expression.ts";
import { typeOf, typeOfField } from "../../src/expression/field-type.ts";
import { orderKeys } from "../../src/query/order-keys.ts";
import type { OrderTerm, Plan } from "../../src/query/plan.ts";
import { fieldType } from "./naive-value.ts";
import type { World } from "./naive-world.ts";

export interface Direction { readonly descending: boolean; readonly nulls: "first" | "last" }

export function compareKeys(left: Value, right: Value, type: ExpressionType, { descending, nulls }: Direction): number {
  if (left === null || right === null) {
    if (left === right) return 0;
    return (left === null) === (nulls === "first") ? -1 : 1;
  }
  return descending ? -compareValues(left, right, type) : compareValues(left, right, type);
}

function termsOf(plan: Plan, world: World): readonly OrderTerm[] {
  const table = world.table(plan.table);
  return orderKeys(plan, table, typeOfField(table.fields.get(table.primaryKey)!.type, world.catalog));
}

export function sortRecords(records: readonly RecordValues[], plan: Plan, world: World): RecordValues[] {
  if (plan.grouped) return [...records];
  const terms = termsOf(plan, world);
  const keyed = records.map((record) => ({ record, keys: terms.map((term) => world.value(term.value, record)) }));
  keyed.sort((left, right) => firstDifference(terms, (index) => compareKeys(left.keys[index]!, right.keys[index]!, typeOf(terms[index]!.value), terms[index]!)));
  return keyed.map(({ record }) => record);
}

export function isAfter(record: RecordValues, plan: Plan, world: World): boolean {
  const terms = termsOf(plan, world);
  const table = world.table(plan.table);
  return firstDifference(terms, (index) => {
    const { value, ...direction } = terms[index]!;
    const wire = plan.after![index]!;
    const isLong = wire !== null && fieldType(value, table, world.catalog)?.name === "Long";
    return compareKeys(world.value(value, record), isLong ? BigInt(wire as string) : (wire as Json as Value), typeOf(value), direction);
  }) > 0;
}

function firstDifference(terms: readonly unknown[], compare: (index: number) => number): number {
  for (let index = 0; index < terms.length; index++) {
    const difference = compare(index);
    if (difference !== 0) return difference;
  }
  return 0;
}
