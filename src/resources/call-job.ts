// One attempt of a job: the arguments, then the body without a transaction, with the rights of whoever enqueued it; its end joins the
// body's last transaction where it can. Retries and states are the business of jobs/.
import { assert } from "../base/assert.ts";
import { fault } from "../base/error.ts";
import type { Body, Caller } from "./body.ts";
import { callableResult } from "./callable-result.ts";
import { argumentsOf } from "./callables.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { JobEnd } from "./job-end.ts";
import type { Json } from "../base/value.ts";
import type { OperationBody, Result } from "./operation.ts";
import { ownCopy } from "./own-copy.ts";
import { beside, runDirect } from "./run-body.ts";
import { callTriggered, decisionOfJob, type TriggeredInput } from "./triggered-decision.ts";

/** Throws what the arguments or the body refuse. Where the body ended with a transaction, the run's end is written by then. */
export async function callJob(core: DispatchCore, { name, input: raw, run }: Extract<OperationBody, { kind: "job" }>, caller: Caller): Promise<Result> {
  const decision = decisionOfJob(name);
  if (decision !== null) return callTriggered(core, decision, raw as unknown as TriggeredInput, caller);
  const job = core.catalog.jobs.get(name);
  if (job === undefined) throw fault("NOT_FOUND", `There is no job ${name} any more.`);
  const code = core.app.jobs.get(name);
  assert(code !== undefined, `job ${name} has its body`);
  const input = argumentsOf(core, job, raw);
  const end = new JobEnd();
  const untilEnd = async (body: Body): Promise<Result> => {
    const value = await code.call(undefined, body.context, ownCopy(input));
    body.calls.finish();
    const result = callableResult(core, { callable: job, value, caller, at: end.state ?? beside(core) });
    await end.returned(run.succeed(result.body as Json | undefined));
    return result;
  };
  return runDirect(core, {
    caller, end, commits: false, bodyMs: core.limits.jobMs, complete: (result: Result) => result,
    run: (body) => untilEnd(body).catch(async (error: unknown) => {
      await end.failed();
      throw error;
    }),
  });
}
