// Forgetting as an Operation, the administrator's: the same as `ctx.forget`, and the file is rewritten without what was erased.
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { forgetFrom } from "./forget.ts";
import type { Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";
import { runTransaction } from "./run-body.ts";

export async function answerForget(core: DispatchCore, subject: string, caller: Caller): Promise<Result> {
  if (!caller.rights.administrator) throw fault("FORBIDDEN", "People are forgotten by the administrator.");
  const receipt = await runTransaction(core, { caller, commits: true, run: (body) => forgetFrom(body, subject), complete: (value) => value });
  const compacted = await core.storage.compact(core.catalog);
  return { ...nothing, body: { ...receipt, compacted } as unknown as Json };
}
