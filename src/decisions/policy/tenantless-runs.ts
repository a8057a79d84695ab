// TRIGGER_TENANT: what begins without a tenant, by the clock or by a record of a table of all, uses no table with tenants. There it would find nothing, and
// decide over that.
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import { footprintsOf } from "../../query/footprint-plan.ts";
import type { Plan } from "../../query/plan.ts";
import type { Catalog } from "../../schema/catalog.ts";
import type { CompiledDecision } from "./compiled-decision.ts";

interface TenantParts { readonly catalog: Catalog; readonly book: ExpressionBook }

/** `compiled`: all decisions, because what one asks or tries runs with it. */
export function tenantlessRuns(compiled: ReadonlyMap<string, CompiledDecision>, parts: TenantParts): Diagnostic[] {
  return [...compiled.values()].flatMap((decision): Diagnostic[] => {
    const event = tenantlessEvent(decision);
    const used = event === null ? undefined : [...withAsked(decision, compiled)].flatMap((one) => tablesOf(one, parts).map((table) => ({ by: one.name, table }))).find(({ table }) => parts.catalog.tables.get(table)!.tenant !== null);
    return event === null || used === undefined ? [] : [{
      code: "TRIGGER_TENANT", severity: "error", position: decision.declaration.callable.position, edits: [],
      message: `${decision.name} begins ${event}, without a tenant, but ${used.by === decision.name ? "uses" : `${used.by}, which runs with it, uses`} ${used.table}, where each record is of one.`,
      why: "Without a tenant there is no record of such a table, and it would decide over nothing.",
      fix: `Begin it with @on over a table with tenants: it runs in the record's. A job with @every may write such a record for each. Where it is right so, add @acknowledge(rule: "TRIGGER_TENANT", reason: "...").`,
    }];
  });
}

/** Null: each of its events has one, or its author knows. */
function tenantlessEvent({ declaration: { schedules, acknowledged }, triggers }: CompiledDecision): string | null {
  if (acknowledged.some(({ rule }) => rule === null || rule === "TRIGGER_TENANT")) return null;
  if (schedules.length > 0) return "by @every";
  const table = triggers.find((trigger) => trigger.table.tenant === null)?.table;
  return table === undefined ? null : `by @on of ${table.name}`;
}

function withAsked(decision: CompiledDecision, compiled: ReadonlyMap<string, CompiledDecision>): ReadonlySet<CompiledDecision> {
  const found = new Set([decision]);
  for (const { declaration: { mayAsk, rollout } } of found) {
    for (const name of [...mayAsk.map((one) => one.decision), rollout?.candidate ?? ""]) {
      const other = compiled.get(name);
      if (other !== undefined) found.add(other);
    }
  }
  return found;
}

/** That it reads and writes by its declarations. */
function tablesOf({ contexts, reads, writes, effects }: CompiledDecision, parts: TenantParts): string[] {
  const plans = [...contexts.flatMap(({ source }) => (source.kind === "query" ? [source.query.plan] : [])), ...reads.map(({ query }) => query.plan)];
  return [...plans.flatMap((plan) => tablesRead(plan, parts)), ...[...writes, ...effects].map(({ table }) => table.name)];
}

function tablesRead(plan: Plan, { book }: TenantParts): string[] {
  const environment = { rows: {}, variables: {}, now: "1970-01-01T00:00:00.000Z", source: null };
  return footprintsOf(plan, { environment, rows: 1, lastKeys: null }, { book }).footprints.map(({ table }) => table);
}
