// How long a run may reason: the least of its deadline and its time budgets, and a wait that ends then whatever the provider does. Cancels nothing itself.
import { ModelFailure } from "../../models/model.ts";
import type { Budget } from "../../schema/decision.ts";

/** Milliseconds. `deadlineMs`: of the decision, or what whoever asked for it has left. */
export function reasoningMs(budgets: readonly Budget[], deadlineMs: number): number {
  return budgets.reduce((least, { per, timeMs }) => (per === "RUN" && timeMs !== null ? Math.min(least, timeMs) : least), deadlineMs);
}

/** A provider that does not care about being given up is not waited for. Throws ModelFailure once `signal` is aborted. */
export function inTime<Answer>(asking: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  return Promise.race([asking, new Promise<never>((_, reject) => {
    const end = (): void => reject(new ModelFailure("provider_timeout", "the deadline has passed"));
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  })]);
}
