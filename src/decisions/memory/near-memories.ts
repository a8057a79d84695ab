// What lies near the words of a question, by vectors: asked once, when a run begins, and kept with it as ids, so that whatever reads the memory again
// asks no model and finds the same. Of the records that its @memory names, and of no other. Where no model answers, words alone find.
import { EmbeddingFailure, MEMORY_MODEL, type EmbeddingAlias } from "../../resources/embedding-port.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { memoryVectors } from "../../storage/memory-vectors.ts";
import type { Gathered, Question } from "../context/gather.ts";
import { textsIn } from "./words.ts";

/** The rest of its time is for its model. */
const SHARE_OF_DEADLINE = 4;

interface Candidate { readonly id: string; readonly vector: Float32Array }
/** Of one @memory. */
interface Candidates { readonly list: readonly Candidate[]; /** As many as may be shown, and those that are read anyway. */ readonly most: number }

export interface Until { readonly signal: AbortSignal; /** Of the run. */ readonly deadlineMs: number }

/** Null: no model is there to be asked, or there is nothing that it could find. */
export function nearMemories(question: Question, gathered: Gathered, core: DispatchCore, until: Until): Promise<readonly string[]> | null {
  const model = question.decision.memories.length === 0 ? null : core.embeddings?.of(MEMORY_MODEL) ?? null;
  if (model === null || gathered.missing !== null || gathered.overflow !== null) return null;
  const text = textsIn(question.input, question.decision);
  const candidates = text === "" ? [] : candidatesOf(question, gathered, { core, model });
  return candidates.every(({ list }) => list.length === 0) ? null : nearest(candidates, { text, model, question, core, until });
}

function candidatesOf({ decision: { memories } }: Question, { memory, variables }: Gathered, { core, model }: { readonly core: DispatchCore; readonly model: EmbeddingAlias }): Candidates[] {
  const nowMs = Date.parse(String(variables["now"]));
  return memories.map(({ declaration: { reads, maxAgeMs } }, index) => {
    const { about = null, tenant = null, items = [] } = memory[index] ?? {};
    if (about === null || reads.length === 0) return { list: [], most: 0 };
    const list = memoryVectors(core.storage.reader, { about, tenant }, { model: model.identity, predicates: reads, knownMs: nowMs, sinceMs: maxAgeMs === null ? null : nowMs - maxAgeMs });
    return { list, most: core.limits.memoryRecalled + items.length };
  });
}

interface Asking { readonly text: string; readonly model: EmbeddingAlias; readonly question: Question; readonly core: DispatchCore; readonly until: Until }

async function nearest(candidates: readonly Candidates[], { text, model, question, core: { clock, limits, log }, until: { signal, deadlineMs } }: Asking): Promise<readonly string[]> {
  const waitMs = Math.min(limits.embeddingQueryMs, Math.max(0, deadlineMs - clock.now()) / SHARE_OF_DEADLINE);
  const late = new AbortController();
  const cancel = clock.schedule(waitMs, () => late.abort());
  try {
    const vector = await model.embedQuery(text, { signal: AbortSignal.any([signal, late.signal]), deadlineMs: clock.now() + waitMs });
    return candidates.flatMap(({ list, most }) => {
      const near = list.map(({ id, vector: other }) => ({ id, likeness: likeness(vector, other) })).filter(({ likeness: one }) => one > 0);
      return near.sort((left, right) => right.likeness - left.likeness).slice(0, most).map(({ id }) => id);
    });
  } catch (error) {
    if (!(error instanceof EmbeddingFailure)) throw error;
    if (error.isAboutTexts) log.warn("embedding-failed", { model: MEMORY_MODEL, decision: question.decision.name, problem: error.message });
    return [];
  } finally {
    cancel();
  }
}

/** The cosine; 0 where one has no direction, or another length. */
export function likeness(one: readonly number[], other: Float32Array): number {
  if (one.length !== other.length) return 0;
  let [product, ownSquare, otherSquare] = [0, 0, 0];
  for (let index = 0; index < other.length; index++) {
    const [left, right] = [one[index]!, other[index]!];
    product += left * right;
    ownSquare += left * left;
    otherSquare += right * right;
  }
  return ownSquare === 0 || otherSquare === 0 ? 0 : product / Math.sqrt(ownSquare * otherSquare);
}
