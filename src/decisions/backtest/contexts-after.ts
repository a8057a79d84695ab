// Recorded contexts as effects would leave them, where that can be told without the data: records that were read by their key. What else an effect
// might change nobody knows; app code, cascades and computed fields among it.
import type { Json, RecordValues, Value } from "../../base/value.ts";
import type { Plan, SelectItem } from "../../query/plan.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import type { Gathered } from "../context/gather.ts";
import { KEY } from "../policy/answer-shape.ts";
import type { CompiledDecision, CompiledEffect } from "../policy/compiled-decision.ts";

export interface PlannedEffect { readonly effect: CompiledEffect; readonly args: RecordValues }

type Row = { readonly [name: string]: Json };

/** Null: it cannot be told. */
export function rowsAfter(decision: CompiledDecision, rows: Gathered["rows"], effects: readonly PlannedEffect[]): Gathered["rows"] | null {
  const after: Record<string, readonly Row[]> = { ...rows };
  for (const planned of effects) {
    // An action is code.
    if (planned.effect.action !== null) return null;
    for (const { declaration: { name }, source } of decision.contexts) {
      if (source.kind !== "query" || !isIn(planned.effect.table.name, source.query.plan)) continue;
      const changed = source.query.id === null ? null : changedRows(after[name] ?? [], source.query.plan, { ...planned, catalog: decision.catalog });
      if (changed === null) return null;
      after[name] = changed;
    }
  }
  return after;
}

function isIn(table: string, plan: Plan): boolean {
  return plan.table === table || plan.select.some((item) => item.kind === "embed" && isIn(table, item.plan));
}

function changedRows(rows: readonly Row[], plan: Plan, { effect: { table, verb }, args, catalog }: PlannedEffect & Pick<CompiledDecision, "catalog">): readonly Row[] | null {
  if (plan.table !== table.name || plan.select.some((item) => item.kind === "embed" && isIn(table.name, item.plan))) return null;
  const [row] = rows;
  // The record was not there, or a new one came with another key.
  if (row === undefined) return verb === "create" ? null : rows;
  const key = row[KEY] ?? row[plan.select.find((item) => isField(item, table.primaryKey))?.alias ?? ""];
  if (key === undefined) return null;
  if (verb === "create" || String(key) !== String(args["id"] ?? null)) return rows;
  const change = changeOf(verb, args);
  return change === null ? null : patched(row, plan, { table, change, catalog });
}

function isField(item: SelectItem, field: string): item is Extract<SelectItem, { kind: "value" }> {
  return item.kind === "value" && item.field === field && item.cast === null && item.value.op === "field" && item.value.within.length === 0 && item.value.path.length === 0;
}

/** By field. Null: the record is gone. */
function changeOf(verb: string, args: RecordValues): ReadonlyMap<string, (before: Json) => Value> | null {
  if (verb === "update") return new Map(Object.entries(args).flatMap(([name, value]) => (name === "id" ? [] : [[name, () => value] as const])));
  if (verb === "increment") return new Map([[String(args["field"]), (before: Json) => Number(before ?? 0) + Number(args["by"] ?? 1)]]);
  return null;
}

function patched(row: Row, { select }: Plan, { table, change, catalog }: { readonly table: CompiledEffect["table"]; readonly catalog: CompiledDecision["catalog"]; readonly change: ReadonlyMap<string, (before: Json) => Value> }): readonly Row[] | null {
  const next: Record<string, Json> = { ...row };
  for (const item of select) {
    if (item.kind !== "value" || item.alias === KEY) continue;
    const field = table.fields.get(item.field);
    const to = change.get(item.field);
    if (field === undefined || field.kind === "computed") return null;
    if (to === undefined) continue;
    if (!isField(item, item.field)) return null;
    next[item.alias] = toWireValue(to(row[item.alias] ?? null), field.type, catalog);
  }
  return [next];
}
