// Decisions that nobody asked for: a change or a schedule begins them. Each waits as a run of a job of its own name, so that it is queued, taken up after
// a crash, repeated and seen like all other work that happens later.
import { AmbitError } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Caller } from "./body.ts";
import { decisionsOf } from "./decide-operation.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";

/** The input of such a run. `key`: of the event; who decides twice under it is answered what was decided. */
export type TriggeredInput = { readonly input: Json; readonly key: string; readonly depth: number; readonly isUntrusted: boolean };

/** No job that is declared has such a name. */
const PREFIX = "decide:";

export function jobOfDecision(decision: string): string {
  return PREFIX + decision;
}

/** Null: it is a job as declared. */
export function decisionOfJob(job: string): string | null {
  return job.startsWith(PREFIX) ? job.slice(PREFIX.length) : null;
}

/** What its run came to. A record that is gone by now leaves nothing to decide. */
export async function callTriggered(core: DispatchCore, decision: string, { input, key, depth, isUntrusted }: TriggeredInput, caller: Caller): Promise<Result> {
  const request = { name: decision, input: input as { readonly [name: string]: Json }, caller: { ...caller, depth }, key, isAsynchronous: false, trigger: { isUntrusted } };
  try {
    const { run: decided, state, source, reason } = await decisionsOf(core).decide(request);
    return { ...nothing, body: { run: decided, state, source, reason } };
  } catch (error) {
    if (!(error instanceof AmbitError) || error.code !== "NOT_FOUND" || !core.catalog.decisions.has(decision)) throw error;
    return { ...nothing, body: { refused: error.code } };
  }
}
