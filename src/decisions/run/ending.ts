// How runs end: the terminal states, and what each answers. The one place that knows which status, body and words go out.
import type { DecisionMode } from "../../schema/decision.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { assert } from "../../base/assert.ts";
import type { ErrorCode } from "../../base/error-registry.ts";
import { type AmbitError, fault, toProblem } from "../../base/error.ts";
import type { Value } from "../../base/value.ts";
import type { MemoryPlace } from "../../storage/memory-rows.ts";
import type { TypeRef, Catalog } from "../../schema/catalog.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import type { Gathered } from "../context/gather.ts";
import type { StagedFact } from "../memory/remember.ts";
import type { AppliedEffect } from "../effects/apply-effect.ts";

export type TerminalState = "DECIDED" | "DECIDED_BY_HUMAN" | "FELL_BACK" | "REFUSED" | "DENIED" | "REJECTED_BY_HUMAN" | "EXPIRED" | "CANCELLED" | "SHADOWED" | "FAILED";

/** Who gave the answer. */
export type Source = "model" | "rule" | "fallback" | "human";

/** Why a run fell back, with the name where there is one: `bound:cap`, `budget:cost`. */
export type FallbackReason =
  | "mode_shadow" | "mode_off" | "no_model" | "provider_unavailable" | "provider_timeout" | "rate_limited" | "circuit_open" | "model_refused" | "output_invalid"
  | "tool_not_allowed" | "loop_detected" | "taint_blocked" | "approval_timeout" | `bound:${string}` | `budget:${string}` | "context_overflow" | "conflict" | "crash_recovered" | "replay_divergence";

export interface Ending {
  readonly state: TerminalState;
  readonly reason: FallbackReason | string | null;
  readonly source: Source | null;
  /** Undefined: it has no answer. */
  readonly output: Value | undefined;
  /** What the caller learns of the bounds that decided. */
  readonly tells: readonly string[];
  readonly isUntrusted: boolean;
  /** For the record alone. */
  readonly clamped: readonly string[];
  readonly noted: readonly string[];
  /** Bounds with else: ESCALATE that a person has let pass. Absent: none. */
  readonly lifted?: readonly string[];
  readonly effects: readonly AppliedEffect[];
  /** What it leaves in memory: an episode of each of these records, and facts. Absent: nothing. */
  readonly memory?: { readonly places: readonly MemoryPlace[]; readonly facts: readonly StagedFact[]; readonly rowsMax: number };
  /** The contexts with the effects, as bounds in the commit saw them. Absent: there was no such commit. */
  readonly after?: Gathered["rows"];
}

/** By a fault of the server. */
export const failed: Ending = { state: "FAILED", reason: null, source: null, output: undefined, tells: [], isUntrusted: false, clamped: [], noted: [], effects: [] };

/** By whoever may. */
export const cancelled: Ending = { ...failed, state: "CANCELLED" };

/** By a person, who may have said why. */
export function rejected(reason: string | null): Ending {
  return { ...failed, state: "REJECTED_BY_HUMAN", source: "human", tells: reason === null ? [] : [reason] };
}

/** Nobody has approved in time. */
export const expired: Ending = { ...failed, state: "EXPIRED", reason: "approval_timeout" };

/** What goes out and is kept under the key. */
export interface DecisionAnswer {
  readonly status: number;
  /** JSON text. */
  readonly body: string;
}

const REFUSALS: Readonly<Partial<Record<TerminalState, { readonly code: ErrorCode; readonly message: string }>>> = {
  REFUSED: { code: "DECISION_REFUSED", message: "The decision was refused." },
  DENIED: { code: "DECISION_DENIED", message: "This is not decided." },
  REJECTED_BY_HUMAN: { code: "DECISION_REJECTED", message: "A person has rejected it." },
  EXPIRED: { code: "DECISION_EXPIRED", message: "Nobody approved in time." },
  CANCELLED: { code: "DECISION_CANCELLED", message: "The run was cancelled." },
  FAILED: { code: "DECISION_FAILED", message: "The run failed." },
};

/** Names of bounds, messages of providers and expressions never appear in it. The body is the same for whoever repeats the request. */
export function answerOf({ state, output, tells }: Ending, { type, run }: { readonly type: { readonly result: TypeRef; readonly catalog: Catalog } | null; readonly run: string }): DecisionAnswer {
  const refusal = refusalOf({ state, run, tells });
  if (refusal === null) {
    assert(type !== null, "who answers knows the type");
    return { status: 200, body: JSON.stringify(toWireValue(output ?? null, { ...type.result, required: false }, type.catalog)) };
  }
  return { status: refusal.status, body: JSON.stringify(toProblem(refusal, run)) };
}

/** Null: a run that ends so has an answer, or has not ended. */
export function refusalOf({ state, run, tells }: { readonly state: string; readonly run: string; readonly tells: readonly string[] }): AmbitError | null {
  const refusal = REFUSALS[state as TerminalState];
  return refusal === undefined ? null : fault(refusal.code, refusal.message, { details: { run, tells: [...tells] } });
}

export function isAnswered(state: string): boolean {
  return state === "DECIDED" || state === "DECIDED_BY_HUMAN" || state === "FELL_BACK";
}

/** What the starter of a run may know of a reason: bounds, budgets and contexts without their names. */
export function reasonClass(reason: string | null): string | null {
  if (reason?.startsWith("context_missing:") === true) return "context_missing";
  return reason !== null && /^(?:bound|budget):/.test(reason) ? "bounded" : reason;
}

/** Why no model is asked; null: its answer is the rule's. Undefined: one is. */
export function directReason({ declaration: { kind } }: Pick<CompiledDecision, "declaration">, mode: DecisionMode): FallbackReason | null | undefined {
  if (kind === "RULE") return null;
  if (mode === "OFF") return "mode_off";
  return mode === "SHADOW" ? "mode_shadow" : undefined;
}
