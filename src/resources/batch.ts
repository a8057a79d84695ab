// POST /batch: several operations, one transaction, all or none. The interface reads them; here they are carried out.
import { batchInBody } from "./batch-body.ts";
import { BatchSession, NotInSession } from "./batch-session.ts";
import type { Caller } from "./body.ts";
import { commitAs } from "./commit-as.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { Keep } from "./idempotency.ts";
import type { BatchScript, Operation, Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";

/** Throws the problem of the first operation that fails, with its place. */
export function runBatch(core: DispatchCore, operation: Operation, script: BatchScript, caller: Caller): Promise<Result> {
  return core.keys.run(operation, {
    standing: caller.rights.standing, transactional: true,
    async run(keep) {
      try {
        return await inOneCommit(core, script, caller, keep);
      } catch (error) {
        if (!(error instanceof NotInSession)) throw error;
        return batchInBody(core, script, caller, keep);
      }
    },
  });
}

async function inOneCommit(core: DispatchCore, script: BatchScript, caller: Caller, keep: Keep | null): Promise<Result> {
  const { value } = await core.tables.commit((session) => {
    const result: Result = { ...nothing, body: new BatchSession(core, caller, session).run(script) };
    keep?.(session.connection, result);
    return result;
  }, commitAs(caller));
  return value;
}
