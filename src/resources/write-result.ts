// What a write answers: numbers, keys and versions, and the rows that `returning` asks for as the caller may read them.
import type { Value } from "../base/value.ts";
import type { Plan } from "../query/plan.ts";
import type { WriteOutcome } from "../tables/write.ts";
import type { Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { JsonText, type Result } from "./operation.ts";
import { planEnvironment } from "./planner.ts";
import { nothing } from "./read-operations.ts";
import type { RecordView } from "./record-view.ts";
import type { WriteBody } from "./write-operations.ts";
import type { State } from "./work.ts";

export interface WriteDone { readonly status: WriteOutcome["status"]; readonly id: Value }

export interface WriteAnswer {
  readonly body: WriteBody;
  readonly done: readonly WriteDone[];
  /** Rows read before they were removed; null: they are read now. */
  readonly before: readonly string[] | null;
  readonly caller: Caller;
  readonly at: State;
}

export function writeResult(core: DispatchCore, { body, done, before, caller, at }: WriteAnswer): Result {
  const { returning } = body;
  const isList = body.kind === "create" || body.kind === "update-many" || body.kind === "remove-many";
  const written = done.filter(({ status }) => status !== "ignored");
  // As in PostgREST: with ignore-duplicates only what was written is answered. What an override answered in its place is.
  const shown = body.kind === "create" && body.onConflict?.resolution === "ignore" ? written : done;
  const texts = returning === null ? null : before ?? rowTexts(core, { returning, ids: shown.map(({ id }) => id), caller, at });
  const created = done.filter(({ status }) => status === "created");
  const one = done.length === 1 && body.kind !== "remove" && body.kind !== "remove-many" ? done[0]! : null;
  return {
    ...nothing,
    status: created.length > 0 ? 201 : 200,
    body: texts === null ? undefined : isList ? new JsonText(`[${texts.join(",")}]`) : texts[0] === undefined ? undefined : new JsonText(texts[0]),
    version: one === null ? null : versionOf(core, { table: "plan" in body ? body.plan.table : body.table, id: one.id, returning }, caller, at),
    range: texts === null ? null : { offset: 0, rows: texts.length, total: null },
    affected: written.length,
    createdId: done.length === 1 && created.length === 1 ? created[0]!.id : null,
  };
}

/** One text for each of the records that the caller may read. Null without `returning`. */
export function rowTexts(core: DispatchCore, request: { readonly returning: Plan | null; readonly ids: readonly Value[]; readonly caller: Caller; readonly at: State }): string[] | null {
  const { returning, ids, caller, at } = request;
  if (returning === null) return null;
  if (caller.rights.permission(returning.table, "READ") === false) return [];
  const { compiled } = core.planner.prepare(core.planner.byKey(returning), caller.rights, "wire");
  return ids.flatMap((id) => {
    if (id === null) return [];
    const { json, rows } = at.rows(compiled, planEnvironment(caller.rights, at.now, id));
    return rows === 0 ? [] : [json.slice(1, -1)];
  });
}

/** Only where a GET of the record would carry it too, and for what is answered is the record itself. */
function versionOf(core: DispatchCore, of: { readonly table: string; readonly id: Value; readonly returning: Plan | null }, { rights }: Caller, at: State): number | null {
  const view = core.views.of(of.table, rights, "wire");
  if (!view.unconditional || view.read === false || of.id === null) return null;
  if (of.returning !== null && !isWhole(of.returning, view)) return null;
  return at.get(of.table, of.id)?.version ?? null;
}

/** All own fields under their own names, and nothing else. */
function isWhole(plan: Plan, view: RecordView): boolean {
  const names = new Set(view.fields.map(({ field }) => field.name));
  return plan.select.length === names.size && plan.select.every((item) =>
    item.kind === "value" && item.cast === null && item.alias === item.field && names.has(item.field) && item.value.op === "field" && item.value.within.length === 0);
}
