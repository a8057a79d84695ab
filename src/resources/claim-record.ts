// Takes the next record of a query exactly once: found and changed in one commit, so that no two who ask get the same.
import { fault } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import type { Environment } from "../expression/expression.ts";
import { orderKeys } from "../query/order-keys.ts";
import type { Plan } from "../query/plan.ts";
import { fromWireValue } from "../schema/wire-value.ts";
import type { CompiledPlan } from "../storage/plan-sql.ts";
import { readIds } from "../storage/read-plan.ts";
import type { RawInput } from "../tables/write.ts";
import type { WriteOf } from "../tables/write-record.ts";
import type { Body, Mode } from "./body.ts";
import { commitAs } from "./commit-as.ts";
import { changeablePlan } from "./changeable-plan.ts";
import { ownFiles } from "./kept-input.ts";
import { keyType, planEnvironment } from "./planner.ts";
import { hasOverride, writeRecord } from "./record-write.ts";
import type { Written } from "./record-override.ts";
import { ownWrite, updateOf } from "./straight-write.ts";

export interface ClaimRequest { readonly plan: Plan; readonly patch: RawInput; readonly mode: Mode }

/** Null: nothing matches. */
export async function claimRecord(body: Body, request: ClaimRequest): Promise<Written | null> {
  const { plan, patch, mode } = request;
  if (body.table(plan.table).source !== undefined) throw fault("NOT_AVAILABLE", `${plan.table} has a source: its records are not claimed.`, { fix: "Claim a record of a table of your own." });
  const rights = body.rights(mode);
  const compiled = changeablePlan(body.core.planner, { plan, rights, verb: "UPDATE", reader: "code" });
  const environment = planEnvironment(rights, body.now);
  if (body.work.transactional || hasOverride(body.core, plan.table)) {
    return body.transact(async (inner) => {
      const id = firstOf(inner, compiled, environment);
      return id === null ? null : writeRecord(inner, ownWrite(inner, updateOf(plan.table, id, patch), mode));
    });
  }
  const { tables } = body.core;
  const files = ownFiles(body, updateOf(plan.table, null, patch));
  const kept = files === null ? patch : (await files as WriteOf<"update">).input;
  const own = (id: Value): ReturnType<typeof ownWrite> => ownWrite(body, updateOf(plan.table, id, kept), mode);
  const { value } = await tables.commit((session) => {
    const [id] = readIds(session.connection, compiled, { ...environment, now: session.now }, 1);
    if (id === undefined) return null;
    const { write, dialect, sent } = own(id);
    return session.write(write, { dialect, authority: rights.authority, sent });
  }, commitAs(body.caller));
  return value === null ? null : { outcome: value, answer: undefined };
}

/** The key of the first record; null: there is none. Read with its place in the order, so that records behind it do not matter. */
function firstOf(body: Body, compiled: CompiledPlan, environment: Environment): Value {
  const { planner, catalog } = body.core;
  const { plan } = compiled;
  if (plan.offset > 0 || plan.search !== null || plan.similar !== null || plan.near !== null) return body.work.ids(compiled, environment, 1)[0] ?? null;
  const table = body.table(plan.table);
  const { lastKeys } = body.work.rows(planner.compile({ ...plan, limit: 1 }), environment);
  const index = orderKeys(plan, table, keyType(table, catalog)).findIndex(({ name }) => name === table.primaryKey);
  return lastKeys === null ? null : fromWireValue(lastKeys[index]!, table.fields.get(table.primaryKey)!.type, catalog);
}
