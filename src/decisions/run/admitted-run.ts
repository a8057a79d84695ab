// The row of a run as it is admitted: who has asked, under which key, until when its holder answers for it.
import { storedIdentity } from "../../access/stored-identity.ts";
import { uuidv7 } from "../../base/random.ts";
import { fault } from "../../base/error.ts";
import type { Value } from "../../base/value.ts";
import type { Caller } from "../../resources/body.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { AdmittedRun } from "../../storage/decision-rows.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import { valueOf } from "../bounds/judge.ts";
import type { Question } from "../context/gather.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { fingerprintOf } from "./read-question.ts";

export interface Admitted {
  readonly question: Question;
  /** The caller's own answer. */
  readonly own: Value | undefined;
  /** Of the request. */
  readonly key: string | null;
  /** Without one of the request, the declared one counts. */
  readonly isKeyed: boolean;
  readonly now: string;
}

export function admittedRun({ decision, version }: { readonly decision: CompiledDecision; readonly version: string }, { question, own, key, isKeyed, now }: Admitted, core: DispatchCore): Omit<AdmittedRun, "callback"> {
  const { caller, caller: { identity } } = question;
  const used = key ?? (isKeyed ? declaredKey(question, now, core) : null);
  const principal = principalOf(caller);
  const admittedMs = core.clock.now();
  return {
    id: uuidv7(core.clock, core.random), name: decision.name, version, parent: null, tenant: identity.tenant,
    caller: storedIdentity(identity), principal, subject: null, arm: null,
    admittedMs, leaseMs: admittedMs + decision.declaration.deadlineMs,
    key: used === null ? null : { scope: canonicalJson([identity.tenant, decision.name, principal]), key: used, fingerprint: fingerprintOf(question, own), expiresMs: admittedMs + core.limits.idempotencyMs },
  };
}

/** Null: none, where the expression is null or empty. Throws VALIDATION_FAILED where it has no value: what is repeated would be decided twice. */
function declaredKey({ decision: { name, idempotency }, input, caller }: Question, now: string, { book, limits }: DispatchCore): string | null {
  if (idempotency === null) return null;
  const key = valueOf(idempotency, { variables: { input, auth: caller.rights.auth, now }, now, book });
  if (key === null || key === "") return null;
  if (typeof key === "string" && key.length <= limits.idempotencyKeyLength) return key;
  throw fault("VALIDATION_FAILED", `The key of ${name} cannot be made of this input.`, { fix: "Correct the input, or send an Idempotency-Key." });
}

/** One person, whatever roles they have. */
export function principalOf({ identity: { kind, subject, isDecision } }: Pick<Caller, "identity">): string {
  return canonicalJson([isDecision === true ? "decision" : kind, subject]);
}

/** Null: of nobody who has a name. */
export function subjectIn(principal: string): string | null {
  return (JSON.parse(principal) as [kind: string, subject: string | null])[1];
}
