// Memory as Operations. What is remembered, and how, is behind the port of decisions.
import { fault } from "../base/error.ts";
import type { Caller } from "./body.ts";
import { decisionsOf } from "./decide-operation.ts";
import type { RecallQuestion, RememberRequest } from "./decision-port.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { Operation, Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";
import { runTransaction } from "./run-body.ts";

export function answerRecall(core: DispatchCore, ask: RecallQuestion, caller: Caller): Result {
  const known = decisionsOf(core).recall(ask, caller);
  if (known === null) throw fault("NOT_FOUND", "There is no such record.");
  return { ...nothing, body: known };
}

export function answerRemember(core: DispatchCore, operation: Operation, ask: RememberRequest, caller: Caller): Promise<Result> {
  const port = decisionsOf(core);
  return core.keys.run(operation, {
    standing: caller.rights.standing, transactional: true,
    run: (keep) => runTransaction(core, {
      caller, commits: keep !== null, run: (body) => port.remember(ask, body),
      complete(kept, at): Result {
        const result = { ...nothing, status: 201, body: kept };
        keep?.(at.connection, result);
        return result;
      },
    }),
  });
}
