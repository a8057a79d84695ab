// Forgetting as an Operation, the administrator's: as `ctx.forget`, in as many transactions as it takes, and the file is rewritten without what was erased.
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { forgetIn, joined, type Receipt } from "./forget.ts";
import type { Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";
import { runTransaction } from "./run-body.ts";

/** Records of one transaction, beside what goes along with them. */
const RECORDS_MAX = 1_000;

export async function answerForget(core: DispatchCore, subject: string, caller: Caller): Promise<Result> {
  if (!caller.rights.administrator) throw fault("FORBIDDEN", "People are forgotten by the administrator.");
  let receipt: Receipt | null = null;
  for (let isWhole = false; !isWhole;) {
    const part = await runTransaction(core, { caller, commits: true, run: (body) => forgetIn(body, subject, Math.min(RECORDS_MAX, Math.ceil(core.limits.transactionWrites / 2))), complete: (value) => value });
    receipt = receipt === null ? part.receipt : joined(receipt, part.receipt);
    ({ isWhole } = part);
  }
  const compacted = await core.storage.compact(core.catalog);
  return { ...nothing, body: { ...receipt, compacted } as unknown as Json };
}
