// A past run reasoned once more: by what its model said then, or by a model that is asked anew. Reads, tools and other decisions are answered from
// its record, or not at all; effects are staged and left.
import type { Limits } from "../../base/limits.ts";
import { silentLog } from "../../base/log.ts";
import type { Json } from "../../base/value.ts";
import { seededRandom } from "../../base/random.ts";
import type { ModelAnswer, ModelRequest } from "../../models/model.ts";
import { keptBack } from "../context/kept-back.ts";
import { converse, reasonOf, type Reasoned, type ToolResult } from "../loop.ts";
import { ANSWER } from "../policy/tool-names.ts";
import { Acting, callKey, Refusal, refused } from "../reason/act.ts";
import { judgeAnswer } from "../reason/judge-answer.ts";
import { firstMessages, toolsOf } from "../reason/prompt.ts";
import type { PastCommit } from "./past-commit.ts";
import type { BacktestedDecision, PastRun } from "./past-run.ts";

/** What was said then is over. */
class NothingMore extends Error {
  override readonly name = "NothingMore";
}

export interface ReasonAgain {
  readonly past: PastRun;
  readonly by: BacktestedDecision;
  readonly limits: Limits;
  /** Is told what answers break. */
  readonly commit: PastCommit;
  /** `kept`: what may stand in no request. */
  ask(request: ModelRequest, kept: readonly string[]): Promise<ModelAnswer>;
  /** Before each call of a tool. Throws OverBudget. */
  calling?(): void;
}

/** By its recorded answers. Where they end without one that stands, nobody knows what the model would have said. */
export async function reasonedThen(parts: Omit<ReasonAgain, "ask">): Promise<Reasoned> {
  const { answers, recorded } = parts.past;
  let next = 0;
  return reasonAgain({
    ...parts,
    async ask() {
      const answer = answers[next++];
      if (answer === undefined) throw new NothingMore("the record has no further answer");
      return answer;
    },
  }, { otherwise: recorded.row.reason ?? "no_model", isRecorded: true });
}

/** `otherwise`: why there is no answer where the record has none. `isRecorded`: nobody reads what is asked. Throws what `ask` throws, unless it is a reason to fall back. */
export async function reasonAgain({ past, by, limits, commit, ask, calling }: ReasonAgain, { otherwise = "no_model", isRecorded = false }: { readonly otherwise?: string; readonly isRecorded?: boolean } = {}): Promise<Reasoned> {
  const { decision, policy, schemas, parse, book } = by;
  const gathered = past.reasoned;
  const { negotiation = null } = gathered.variables;
  const { secret, quarantined } = isRecorded ? { secret: [], quarantined: [] } : keptBack(decision, past.input, gathered.rows);
  const acting = actingOver({ past, by, limits });
  let last = otherwise;
  try {
    return await converse({
      repairs: decision.declaration.repairs, outputTokens: limits.decisionOutputTokens,
      messages: isRecorded ? [] : firstMessages({ decision, input: past.input, gathered, policy, negotiating: negotiation === null ? undefined : { shown: negotiation as Json } }), tools: isRecorded ? [] : toolsOf(decision, schemas),
      ask: (request) => ask(request, [...secret, ...quarantined]),
      carryOut: (answer) => carryOut(answer, { acting, past, ...(calling === undefined ? {} : { calling }) }),
      judge(text) {
        const judged = judgeAnswer(text, { decision, gathered, staged: acting.staged, isUntrusted: acting.isUntrusted, book, parse });
        if (!("output" in judged)) commit.broke(judged.broken);
        if ("repair" in judged) last = judged.otherwise;
        if (!("output" in judged)) return judged;
        const { staged, remembered, isUntrusted, escalated } = acting;
        const taint = isUntrusted ? decision.declaration.negotiates?.taint : undefined;
        if (taint === "FORBID") return { reason: "taint_blocked" };
        if (taint === "ESCALATE") escalated.add("taint:offer");
        return { proposal: { output: judged.output, effects: staged, remembered, source: "model", over: gathered, isUntrusted, escalated: [...escalated] } };
      },
      repairing() {},
    });
  } catch (error) {
    if (error instanceof Refusal) return { refusedBy: error.bounds };
    const reason = error instanceof NothingMore ? last as NonNullable<ReturnType<typeof reasonOf>> : reasonOf(error);
    if (reason === null) throw error;
    return { reason };
  }
}

function actingOver({ past, by, limits }: Pick<ReasonAgain, "past" | "by" | "limits">): Acting {
  const atMs = Date.parse(String(past.reasoned.variables["now"]));
  const acting = new Acting({
    core: { book: by.book, catalog: by.decision.catalog, limits, log: silentLog(), clock: { now: () => atMs, schedule: () => () => {} }, random: seededRandom(atMs) },
    question: { decision: by.decision, input: past.input }, reader: { parse: by.parse, catalog: by.decision.catalog }, data: past.data, writers: null, beyond: null,
  }, past.reasoned);
  // The record has one label for all of the run.
  acting.isUntrusted ||= past.isUntrusted && past.reasoned.isUntrusted;
  return acting;
}

async function carryOut({ calls }: ModelAnswer, { acting, past: { told, isUntrusted }, calling }: { readonly acting: Acting; readonly past: PastRun; calling?(): void }): Promise<ToolResult[]> {
  const results: ToolResult[] = [];
  const last = calls.findLast(({ name }) => name === ANSWER);
  const restored = new Set<string>();
  for (const call of calls) {
    if (call === last) continue;
    calling?.();
    const { id, name, arguments: text } = call;
    const key = callKey(name, text);
    const known = restored.has(key) ? undefined : told.get(key);
    restored.add(key);
    results.push({ id, name, json: name === ANSWER ? JSON.stringify(refused("SUPERSEDED", "The last answer counts.")) : known === undefined ? await acting.act(call) : acting.restore(call, { json: known, isUntrusted }) });
  }
  return results;
}
