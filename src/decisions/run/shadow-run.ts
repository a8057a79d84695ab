// The run beside one that has answered: from what that one saw, or, of another decision, from what it reads itself. Nothing but its record comes of it.
import type { Json } from "../../base/value.ts";
import { uuidv7 } from "../../base/random.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { beside } from "../../resources/run-body.ts";
import type { AdmittedRun, DecisionRow } from "../../storage/decision-rows.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import { gather, type Gathered, type Question } from "../context/gather.ts";
import type { Reasoner } from "../loop.ts";
import type { ReadyDecision } from "../ready-decision.ts";
import { asCandidate } from "../rollout/rollouts.ts";

/** `gathered` null: it reads for itself. `row`: of the run that has answered. */
export interface ShadowOf { readonly question: Question; readonly gathered: Gathered | null; readonly admitted: AdmittedRun; readonly row: DecisionRow }

export async function shadowRun({ decision, version, reasoner }: ReadyDecision & { readonly reasoner: Reasoner }, { question, gathered, admitted, row: { id: parent, answer, subject } }: ShadowOf, core: DispatchCore): Promise<void> {
  const admittedMs = core.clock.now();
  const aside: AdmittedRun = {
    ...admitted, id: uuidv7(core.clock, core.random), name: decision.name, version, parent, subject, principal: canonicalJson(["shadow", decision.name]),
    key: null, callback: null, arm: asCandidate(admitted.arm, decision), admittedMs, leaseMs: admittedMs + decision.declaration.deadlineMs,
  };
  const seen = gathered ?? gather(question, beside(core), core);
  if (seen.missing !== null || seen.overflow !== null) return;
  await reasoner.shadow({
    question, admitted: aside, own: undefined, signal: new AbortController().signal, admittedNow() {}, fallback: () => ({ output: undefined, source: "fallback" }),
    shadowed: { gathered: seen, answered: JSON.parse(answer ?? "null") as Json },
  });
}
