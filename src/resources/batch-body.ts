// A batch with code of the app in it, or one that takes its time: a body in a transaction, that may run several times.
import { fault } from "../base/error.ts";
import type { Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { Keep } from "./idempotency.ts";
import type { BatchScript, Result } from "./operation.ts";

export async function batchInBody(_core: DispatchCore, _script: BatchScript, _caller: Caller, _keep: Keep | null): Promise<Result> {
  throw fault("NOT_IN_BATCH", "Calls of the app's code cannot be part of a batch yet.");
}
