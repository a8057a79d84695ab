// The row of a run as it is admitted: who has asked, under which key, until when its holder answers for it.
import { storedIdentity } from "../../access/stored-identity.ts";
import { uuidv7 } from "../../base/random.ts";
import type { RecordValues } from "../../base/value.ts";
import type { RawInput } from "../../tables/write.ts";
import type { Caller } from "../../resources/body.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { AdmittedRun } from "../../storage/decision-rows.ts";
import { canonicalJson } from "../audit/canonical-json.ts";
import { valueOf } from "../bounds/judge.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { fingerprintOf } from "./read-question.ts";

export interface Admitted { readonly caller: Caller; readonly input: RecordValues; readonly raw: RawInput; readonly key: string | null; readonly now: string }

export function admittedRun({ decision, version }: { readonly decision: CompiledDecision; readonly version: string }, { caller, input, raw, key, now }: Admitted, core: DispatchCore): Omit<AdmittedRun, "callback"> {
  const { identity } = caller;
  const judging = { variables: { input, auth: caller.rights.auth, now }, now, book: core.book };
  const declared = key === null && decision.idempotency !== null ? valueOf(decision.idempotency, judging) : null;
  const used = key ?? (typeof declared === "string" ? declared : null);
  const principal = principalOf(caller);
  const admittedMs = core.clock.now();
  return {
    id: uuidv7(core.clock, core.random), name: decision.name, version, parent: null, tenant: identity.tenant,
    caller: storedIdentity(identity), principal, subject: null, arm: null,
    admittedMs, leaseMs: admittedMs + decision.declaration.deadlineMs,
    key: used === null ? null : { scope: canonicalJson([identity.tenant, decision.name, principal]), key: used, fingerprint: fingerprintOf(raw), expiresMs: admittedMs + core.limits.idempotencyMs },
  };
}

/** One person, whatever roles they have. */
export function principalOf({ identity: { kind, subject, isDecision } }: Pick<Caller, "identity">): string {
  return canonicalJson([isDecision === true ? "decision" : kind, subject]);
}
