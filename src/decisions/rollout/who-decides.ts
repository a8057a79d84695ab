// Puts a challenger in the place of the decision that was asked, or beside it, as its rollout says. Everything else of the run is as it was asked.
import type { Value } from "../../base/value.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { DecisionMode } from "../../schema/decision.ts";
import type { AdmittedRun } from "../../storage/decision-rows.ts";
import type { RawInput } from "../../tables/write.ts";
import type { Question } from "../context/gather.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import type { ReadyDecision } from "../ready-decision.ts";
import { readQuestion } from "../run/read-question.ts";
import { armText, type Rollouts } from "./rollouts.ts";

/** Who is asked beside a run that has answered. */
export interface Shadowing { readonly ready: ReadyDecision; readonly question: Question }

export interface Decided {
  readonly ready: ReadyDecision;
  readonly question: Question;
  readonly own: Value | undefined;
  readonly admitted: AdmittedRun;
  /** Lower than its own: the part of a rollout that only looks on. */
  readonly mode?: DecisionMode;
  readonly beside?: Shadowing;
}

export interface RolloutParts {
  readonly core: DispatchCore;
  readonly rollouts: Rollouts;
  readyOf(name: string): ReadyDecision | null;
  modeOf(decision: CompiledDecision): DecisionMode;
}

export function whoDecides(asked: Decided & { readonly raw: RawInput }, { core, rollouts, readyOf, modeOf }: RolloutParts): Partial<Decided> {
  const { ready: champion, question: { input, caller, isFromUntrusted }, admitted, raw } = asked;
  const { rollout } = champion.decision;
  if (rollout === null) return {};
  const named = rollout.declaration.candidate;
  const candidate = named === null ? champion : readyOf(named);
  if (candidate === null) return {};
  const choice = rollouts.choose(champion, candidate, { input, auth: caller.rights.auth, now: new Date(admitted.admittedMs).toISOString(), sticky: admitted.key?.key ?? admitted.id });
  const isEnforced = choice?.arm === "candidate" && modeOf(candidate.decision) === "ENFORCE" && candidate.reasoner !== null;
  const counted: AdmittedRun = choice === null ? admitted : { ...admitted, arm: armText(choice, isEnforced ? "candidate" : "champion") };
  if (named === null) return isEnforced ? { admitted: counted } : { mode: "SHADOW", admitted: counted };
  if (choice === null) return {};
  const { decision, version } = candidate;
  const { own, question } = readQuestion(asAsked(raw, champion.decision, decision), decision, core, { caller, ...(isFromUntrusted === undefined ? {} : { isFromUntrusted }) });
  if (!isEnforced) return { admitted: counted, ...(choice.beside ? { beside: { ready: candidate, question } } : {}) };
  return { ready: candidate, own, question, admitted: { ...counted, name: decision.name, version, leaseMs: admitted.admittedMs + decision.declaration.deadlineMs } };
}

/** Without the answer that the caller sends along, where the candidate has no use for one. */
function asAsked(raw: RawInput, { declaration: champion }: CompiledDecision, { declaration: candidate }: CompiledDecision): RawInput {
  if (champion.fallback?.kind !== "own" || candidate.fallback?.kind === "own") return raw;
  return Object.fromEntries(Object.entries(raw).filter(([name]) => name !== "own"));
}
