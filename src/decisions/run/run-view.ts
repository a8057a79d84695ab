// A run as a caller may see it: its starter its state, answer and what was told; administrators and inspectors more. Never a prompt here.
import type { Identity } from "../../access/identity.ts";
import type { Json } from "../../base/value.ts";
import type { Caller } from "../../resources/body.ts";
import type { DecisionResult, ListedDecision } from "../../resources/decision-port.ts";
import type { DecisionRow } from "../../storage/decision-rows.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { principalOf } from "./admitted-run.ts";
import { reasonClass } from "./ending.ts";

/** Null: nothing that this caller may know of. */
export function runView(row: DecisionRow, { caller, inspect }: Viewer): { readonly [name: string]: Json } | null {
  const standing = standingOf(row, { caller, inspect });
  if (standing === null) return null;
  const sees = standing === "inspector";
  return {
    run: row.id, decision: row.name, state: row.state, source: row.source, reason: sees ? row.reason : reasonClass(row.reason), taint: row.isUntrusted ? "UNTRUSTED" : null,
    admittedAt: new Date(row.admittedMs).toISOString(), endedAt: row.endedMs === null ? null : new Date(row.endedMs).toISOString(),
    status: row.status, answer: row.answer === null ? null : JSON.parse(row.answer) as Json, tells: JSON.parse(row.tells ?? "[]") as Json,
    ...(sees ? { version: row.version, parent: row.parent, subject: row.subject, leaf: row.leaf } : {}),
  };
}

export interface Viewer { readonly caller: Pick<Caller, "identity">; readonly inspect: readonly string[] }

/** Who somebody is to a run; null: nobody who may know of it. */
export function standingOf(row: Pick<DecisionRow, "tenant" | "principal">, { caller: { identity }, inspect }: Viewer): "inspector" | "starter" | null {
  const isWithin = identity.tenant === row.tenant || (identity.kind === "administrator" && identity.tenant === null);
  if (!isWithin) return null;
  if (mayInspect(identity, inspect)) return "inspector";
  return row.principal === principalOf({ identity }) && identity.kind !== "anonymous" ? "starter" : null;
}

/** Prompts, contexts and verdicts, of the runs of their own tenant. */
function mayInspect(identity: Identity, inspect: readonly string[]): boolean {
  return identity.kind === "administrator" || identity.roles.some((role) => inspect.includes(role));
}

/** Of GET /decide, in the mode in which it runs by now. The words of a policy are a part of the prompt: for those who may see one. */
export function listedDecision({ name, declaration: { policy, callable, mode: declared, kind, inspect } }: CompiledDecision, mode: string, { identity }: Viewer["caller"]): ListedDecision {
  return { name, description: kind === "RULE" || mayInspect(identity, inspect) ? policy : null, callable, mode, declared, kind };
}

/** As it is told to who has asked; 202 while it goes on. */
export function resultOf(row: DecisionRow): DecisionResult {
  return {
    run: row.id, state: row.state, status: row.status ?? 202, body: row.answer ?? JSON.stringify({ run: row.id, state: row.state }), source: row.source,
    reason: reasonClass(row.reason), isUntrusted: row.isUntrusted, tells: JSON.parse(row.tells ?? "[]") as string[], replayed: false,
  };
}
