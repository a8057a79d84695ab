// POST /batch: several operations, one transaction, all or none. The interface reads them; here they are carried out.
import { batchInBody } from "./batch-body.ts";
import { BatchSession, NotInSession } from "./batch-session.ts";
import type { Caller } from "./body.ts";
import { commitAs } from "./commit-as.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { Keep } from "./idempotency.ts";
import type { BatchPass, BatchScript, Operation, Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";
import type { Leave } from "./usage-limits.ts";

/** Throws the problem of the first operation that fails, with its place. */
export function runBatch(core: DispatchCore, operation: Operation, script: BatchScript, caller: Caller): Promise<Result> {
  return core.keys.run(operation, {
    standing: caller.rights.standing, transactional: true,
    async run(keep) {
      const { counted, leave } = countedScript(core, script, caller);
      try {
        return await inOneCommit(core, counted, caller, keep);
      } catch (error) {
        if (!(error instanceof NotInSession)) throw error;
        return await batchInBody(core, counted, caller, keep);
      } finally {
        leave();
      }
    },
  });
}

/** Each operation is counted as if it came by itself, and once, however often the transaction runs. */
function countedScript(core: DispatchCore, script: BatchScript, { from }: Caller): { readonly counted: BatchScript; leave(): void } {
  if (from === undefined) return { counted: script, leave: () => {} };
  const seen = new Set<number>();
  const leaves: Leave[] = [];
  const begin = (): BatchPass => {
    const pass = script.begin();
    return {
      step: (index, dispatch) => pass.step(index, (operation) => {
        if (!seen.has(index)) leaves.push(core.limiting.beginPart(operation.body, from));
        seen.add(index);
        return dispatch(operation);
      }),
      isReferred: (index) => pass.isReferred(index),
      answers: () => pass.answers(),
    };
  };
  return { counted: { length: script.length, begin }, leave: () => { for (const leave of leaves) leave?.(); } };
}

async function inOneCommit(core: DispatchCore, script: BatchScript, caller: Caller, keep: Keep | null): Promise<Result> {
  const { value } = await core.tables.commit((session) => {
    const result: Result = { ...nothing, body: new BatchSession(core, caller, session).run(script) };
    keep?.(session.connection, result);
    return result;
  }, commitAs(caller));
  return value;
}
