// Takes the next record of a query exactly once: found and changed in one commit, so that no two who ask get the same.
import type { Value } from "../base/value.ts";
import type { Plan } from "../query/plan.ts";
import { readIds } from "../storage/read-plan.ts";
import type { RawInput } from "../tables/write.ts";
import type { Body, Mode } from "./body.ts";
import { commitAs } from "./commit-as.ts";
import { changeablePlan } from "./changeable-plan.ts";
import { planEnvironment } from "./planner.ts";
import { hasOverride, writeRecord } from "./record-write.ts";
import type { Written } from "./record-override.ts";
import { ownWrite, updateOf } from "./straight-write.ts";

export interface ClaimRequest { readonly plan: Plan; readonly patch: RawInput; readonly mode: Mode }

/** Null: nothing matches. */
export async function claimRecord(body: Body, request: ClaimRequest): Promise<Written | null> {
  const { plan, patch, mode } = request;
  const rights = body.rights(mode);
  const compiled = changeablePlan(body.core.planner, { plan, rights, verb: "UPDATE", reader: "code" });
  const environment = planEnvironment(rights, body.now);
  if (body.work.transactional || hasOverride(body.core, plan.table)) {
    return body.transact(async (inner) => {
      const [id] = inner.work.read((connection) => readIds(connection, compiled, environment, 1));
      return id === undefined ? null : writeRecord(inner, ownWrite(inner, updateOf(plan.table, id, patch), mode));
    });
  }
  const { tables } = body.core;
  const own = (id: Value): ReturnType<typeof ownWrite> => ownWrite(body, updateOf(plan.table, id, patch), mode);
  const { value } = await tables.commit((session) => {
    const [id] = readIds(session.connection, compiled, { ...environment, now: session.now }, 1);
    if (id === undefined) return null;
    const { write, dialect, sent } = own(id);
    return session.write(write, { dialect, authority: rights.authority, sent });
  }, commitAs(body.caller));
  return value === null ? null : { outcome: value, answer: undefined };
}
