// The answer to what ctx.send sent, told to the endpoint that `then` named. Called by the app's own code, so no @allow is asked. What the
// endpoint writes is committed together with the note that it was told, so it has its effect once.
import { assert } from "../base/assert.ts";
import { fault } from "../base/error.ts";
import type { Caller } from "./body.ts";
import { callableResult } from "./callable-result.ts";
import { argumentsOf } from "./callables.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { OperationBody, Result } from "./operation.ts";
import { ownCopy } from "./own-copy.ts";
import { runTransaction } from "./run-body.ts";

export type AnsweredBody = Extract<OperationBody, { kind: "answered" }>;

export async function tellAnswer(core: DispatchCore, body: AnsweredBody, caller: Caller): Promise<Result> {
  const callable = core.catalog.endpoints.get(body.name);
  if (callable === undefined || callable.transaction !== "SERIALIZABLE") throw fault("NOT_FOUND", `There is no endpoint ${body.name} that could be told an answer.`);
  const input = argumentsOf(core, callable, body.input);
  const code = core.app.endpoints.get(callable.name);
  assert(code !== undefined, `endpoint ${callable.name} has its body`);
  return runTransaction(core, {
    caller, commits: true,
    run: async (inner) => code.call(undefined, inner.context, ownCopy(input)),
    complete(value, at) {
      const result = callableResult(core, { callable, value, caller, at });
      body.settle(at.connection, at.now);
      return result;
    },
  });
}
