// POST /T/id/restore: a deleted record comes back, with what its deletion took along. A write of its own: no override runs.
import type { Caller } from "./body.ts";
import { commitAs } from "./commit-as.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { Operation, OperationBody, Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";
import { committing } from "./run-body.ts";
import { rowTexts } from "./write-result.ts";
import { JsonText } from "./operation.ts";

type RestoreBody = Extract<OperationBody, { kind: "restore" }>;

export function restoreBody(core: DispatchCore, operation: Operation, body: RestoreBody, caller: Caller): Promise<Result> {
  caller.rights.require(body.table, "DELETE");
  return core.keys.run(operation, {
    standing: caller.rights.standing, transactional: true,
    run: async (keep) => (await core.tables.commit((session) => {
      const { id } = session.restore(body.table, body.id, caller.rights.authority);
      session.flush();
      const [text] = rowTexts(core, { returning: body.returning, ids: [id], caller, at: committing(session) }) ?? [];
      const result: Result = { ...nothing, body: text === undefined ? undefined : new JsonText(text), affected: session.changes.length };
      keep?.(session.connection, result);
      return result;
    }, commitAs(caller))).value,
  });
}
