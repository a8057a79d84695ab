// Runs of jobs for those outside: told to and cancelled by whoever enqueued them, and the administrator, who may also list, replay and
// enqueue. Within a tenant nobody sees the runs of another.
import { dateTimeOf } from "../base/date-time.ts";
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Body, Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { jobsOf, orderOf } from "./enqueue.ts";
import type { RunView } from "./job-port.ts";
import type { LiveSubscription } from "./live-frame.ts";
import type { Result, RunQuestion } from "./operation.ts";
import { nothing } from "./read-operations.ts";
import { runDirect } from "./run-body.ts";
import type { RunProgress, RunSink } from "./run-watch.ts";

/** Throws NOT_FOUND for a run that the caller may not see. */
export async function answerRun(core: DispatchCore, ask: RunQuestion, caller: Caller): Promise<Result> {
  switch (ask.do) {
    case "find": {
      const decided = core.decisions?.run(ask.id, caller) ?? null;
      return decided === null ? told(core, ask.id, caller) : { ...nothing, body: decided as Json };
    }
    case "cancel": {
      const nodes = await core.decisions?.cancel(ask.id, caller) ?? null;
      if (nodes !== null) {
        // It comes last. Whoever asks twice, or at once with somebody else, has what they want.
        if (nodes.at(-1)?.state !== "CANCELLED") throw fault("CONFLICT", "The run has ended already.", { details: { nodes: nodes as unknown as Json } });
        return { ...nothing, body: { run: ask.id, state: "CANCELLED", nodes: nodes as unknown as Json } };
      }
      if (!await jobsOf(core).cancel(visible(core, ask.id, caller).id)) throw fault("CONFLICT", "The run has ended already.");
      return told(core, ask.id, caller);
    }
    case "trace": {
      const trace = await core.decisions?.trace(ask.id, caller) ?? null;
      if (trace === null) throw fault("NOT_FOUND", "There is no such run of a decision.");
      return { ...nothing, body: trace as Json };
    }
    case "replay":
      requireAdministrator(caller);
      if (!await jobsOf(core).replay(visible(core, ask.id, caller).id)) throw fault("CONFLICT", "Only a run that has failed or was cancelled is replayed, and only while no other has its dedupe key.");
      return told(core, ask.id, caller);
    case "list": {
      requireAdministrator(caller);
      const { runs, next } = jobsOf(core).list({ ...ask, tenant: caller.identity.tenant });
      return { ...nothing, body: runs.map((run) => shown(run, true)), nextCursor: next };
    }
    default: {
      requireAdministrator(caller);
      const order = orderOf(core, ask, { dialect: "wire", nowMs: core.clock.now() });
      const { id, isKnown, effect } = jobsOf(core).order({ ...order, identity: caller.identity });
      if (!isKnown) await runDirect(core, { caller, commits: false, complete: () => undefined, run: (body: Body) => body.work.effect(effect) });
      return { ...told(core, id, caller), status: 201 };
    }
  }
}

/** How far a run has come, until it ends. Throws NOT_FOUND for one that the caller may not see. */
export function followRun(core: DispatchCore, id: string, { caller, sink }: { readonly caller: Pick<Caller, "identity" | "rights">; readonly sink: RunSink }): LiveSubscription {
  return core.runs.follow(id, () => core.decisions?.progress(id, caller) ?? progressOf(visible(core, id, caller)), { identity: caller.identity, sink });
}

function progressOf({ state, progress, endedMs }: RunView): RunProgress {
  return { state, done: progress?.done ?? null, total: progress?.total ?? null, isOver: endedMs !== null };
}

function told(core: DispatchCore, id: string, caller: Caller): Result {
  return { ...nothing, body: shown(visible(core, id, caller), caller.rights.administrator) };
}

function visible(core: DispatchCore, id: string, { identity, rights }: Pick<Caller, "identity" | "rights">): RunView {
  const run = jobsOf(core).find(id);
  const isOwn = run !== null && identity.kind === "subject" && run.owner.kind === "subject" && run.owner.subject === identity.subject && run.owner.tenant === identity.tenant;
  const isAdministrators = run !== null && rights.administrator && (identity.tenant === null || run.owner.tenant === identity.tenant);
  if (run === null || !(isOwn || isAdministrators)) throw fault("NOT_FOUND", "There is no run with this id.");
  return run;
}

function requireAdministrator({ rights, identity }: Caller): void {
  if (rights.administrator) return;
  throw identity.kind === "anonymous" ? fault("UNAUTHENTICATED", "Jobs are administered by the administrator.") : fault("FORBIDDEN", "Jobs are administered by the administrator.");
}

/** `whole`: with what only the administrator is told. */
function shown(run: RunView, whole: boolean): Json {
  const { id, job, state, attempts, progress, result, problem } = run;
  const at = (ms: number | null): string | null => (ms === null ? null : dateTimeOf(ms));
  const common = {
    id, job, state, attempts, progress, result, problem: problem as unknown as Json,
    enqueuedAt: at(run.enqueuedMs), dueAt: at(run.dueMs), startedAt: at(run.startedMs), endedAt: at(run.endedMs),
  };
  return whole ? { ...common, priority: run.priority, input: run.input, owner: { ...run.owner } } : common;
}
