// Who has written the text among what a decision reads for which nobody answers, as far as the data tell: whoever created the record, and whoever
// wrote it last. They must not let through what they may have talked a model into.
import type { Json } from "../../base/value.ts";
import type { Plan } from "../../query/plan.ts";
import type { Catalog, Field } from "../../schema/catalog.ts";
import { fromWireValue } from "../../schema/wire-value.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { State } from "../../resources/work.ts";
import { writerOf } from "../../changes/log.ts";
import { KEY } from "../policy/answer-shape.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import type { Gathered } from "../context/gather.ts";
import { untrustedIn } from "../context/taint.ts";

type Row = { readonly [name: string]: Json };

/** Subjects, each once. */
export function textWriters({ contexts }: CompiledDecision, { rows }: Pick<Gathered, "rows">, parts: { readonly state: State; readonly core: DispatchCore }): string[] {
  const found = new Set<string>();
  for (const { declaration: { name }, source } of contexts) if (source.kind === "query") for (const row of rows[name] ?? []) collect(row, source.query.plan, { ...parts, found });
  return [...found];
}

/** The same of rows that a model has read. */
export function rowWriters(rows: readonly Row[], plan: Plan, parts: { readonly state: State; readonly core: DispatchCore }): string[] {
  const found = new Set<string>();
  for (const row of rows) collect(row, plan, { ...parts, found });
  return [...found];
}

/** Such text is there, as the field's value or inside it. */
function isWritten(value: Json, field: Field | undefined, catalog: Catalog): boolean {
  if (field === undefined || value === null || value === "") return false;
  return field.limits.untrusted || untrustedIn({ value }, new Map([["value", field]]), { catalog });
}

interface Collecting { readonly state: State; readonly core: DispatchCore; readonly found: Set<string> }

function collect(row: Row, plan: Plan, collecting: Collecting): void {
  const { state, core, found } = collecting;
  const table = core.catalog.tables.get(plan.table)!;
  const written: string[] = [];
  for (const item of plan.select) {
    if (item.kind === "value" && isWritten(row[item.alias] ?? null, table.fields.get(item.field), core.catalog)) written.push(item.field);
    if (item.kind !== "embed") continue;
    const inner = row[item.alias];
    for (const one of Array.isArray(inner) ? inner : [inner]) if (typeof one === "object" && one !== null && !Array.isArray(one)) collect(one, item.plan, collecting);
  }
  const key = row[KEY];
  if (written.length === 0 || key === undefined) return;
  const stored = state.get(table.name, fromWireValue(key, table.fields.get(table.primaryKey)!.type, core.catalog));
  if (stored === null) return;
  const creators = [...table.fields.values()].filter(({ fill }) => fill?.kind === "created-by").map(({ name }) => stored.values[name]);
  for (const subject of [...creators, writerOf(core.storage.reader, stored.written ?? stored.version, { table: table.name, id: key, fields: written })]) if (typeof subject === "string") found.add(subject);
}
