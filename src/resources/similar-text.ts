// `similar` by a text: before the query runs, its text becomes a vector by the model of the field. Of transactions nothing here is asked: they wait
// for nobody outside.
import { fault } from "../base/error.ts";
import type { Plan } from "../query/plan.ts";
import type { Body } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { EmbeddingFailure } from "./embedding-port.ts";

export function isByText(plan: Plan): boolean {
  return plan.similar?.words !== undefined;
}

/** One plan for each vector, so that what is asked again is compiled once. */
const known = new WeakMap<Plan, { readonly vector: readonly number[]; readonly plan: Plan }>();

/** The plan with the vector of its text. Throws EMBEDDING_UNAVAILABLE. */
export async function withVector(core: Pick<DispatchCore, "embeddings" | "clock" | "limits">, plan: Plan, signal: AbortSignal | null): Promise<Plan> {
  const { similar } = plan;
  if (similar?.words === undefined) return plan;
  const { words: { text, model }, ...clause } = similar;
  const vector = await vectorOf(core, { text, model }, signal);
  const before = known.get(plan);
  if (before?.vector === vector) return before.plan;
  const whole: Plan = { ...plan, similar: { ...clause, vector } };
  known.set(plan, { vector, plan: whole });
  return whole;
}

/** The same for code of the app. */
export async function withVectorIn(body: Body, plan: Plan): Promise<Plan> {
  if (!isByText(plan)) return plan;
  if (body.work.transactional) {
    throw fault("EXTERNAL_IN_TRANSACTION", `A model would have been asked for similar inside the transaction of ${body.caller.label}.`, { fix: "Ask before the transaction: declare the callable with transaction: NONE." });
  }
  return withVector(body.core, plan, body.caller.signal);
}

async function vectorOf({ embeddings, clock, limits }: Pick<DispatchCore, "embeddings" | "clock" | "limits">, { text, model }: { readonly text: string; readonly model: string }, signal: AbortSignal | null): Promise<readonly number[]> {
  const alias = embeddings?.of(model) ?? null;
  if (alias === null) throw fault("EMBEDDING_UNAVAILABLE", "No model is configured that embeds the text.", { where: "similar", fix: "Pass a vector, or configure the model." });
  const late = new AbortController();
  const cancel = clock.schedule(limits.embeddingQueryMs, () => late.abort());
  try {
    return await alias.embedQuery(text, { signal: signal === null ? late.signal : AbortSignal.any([signal, late.signal]), deadlineMs: clock.now() + limits.embeddingQueryMs });
  } catch (error) {
    if (!(error instanceof EmbeddingFailure)) throw error;
    // That nobody answers is logged where it begins, not for each who asks.
    throw fault("EMBEDDING_UNAVAILABLE", "The model that embeds the text does not answer.", { where: "similar", retryAfterS: Math.max(1, Math.ceil((error.retryAfterMs ?? 0) / 1_000)), ...(error.isAboutTexts ? { cause: error } : {}) });
  } finally {
    cancel();
  }
}
