// Actions and endpoints: the role part, the arguments, then the body in its transaction (or without one), then its answer.
import { assert } from "../base/assert.ts";
import { fault } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { Callable } from "../schema/catalog.ts";
import { coerceFields, type Issue } from "../schema/coerce-value.ts";
import { inputsOf } from "../schema/page-arguments.ts";
import { notFound } from "../tables/denial.ts";
import { checkPrecondition } from "../tables/judge.ts";
import { invalid } from "../tables/input-issue.ts";
import type { Precondition } from "../tables/write.ts";
import type { AppFunction } from "./app-code.ts";
import type { Body, Caller } from "./body.ts";
import { callableResult } from "./callable-result.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { Operation, OperationBody, Result } from "./operation.ts";
import { rawInput } from "./code-input.ts";
import { ownCopy } from "./own-copy.ts";
import { notOneRecord } from "./not-one-record.ts";
import { instanceOf } from "./record-override.ts";
import { runDirect, runTransaction } from "./run-body.ts";
import { removeOf, straightWrite, updateOf } from "./straight-write.ts";
import type { Committing, State } from "./work.ts";

export type CallBody = Extract<OperationBody, { kind: "action" | "endpoint" }>;

/** Throws what the rules, the arguments or the body refuse. */
export async function callBody(core: DispatchCore, operation: Operation, body: CallBody, caller: Caller): Promise<Result> {
  const { callable, run, answer } = preparedCall(core, body, caller);
  const transactional = callable.transaction === "SERIALIZABLE";
  return core.keys.run(operation, {
    standing: caller.rights.standing, transactional,
    run: (keep) => (transactional ? runTransaction : runDirect)(core, {
      caller, run, commits: keep !== null,
      complete: (value: unknown, at: Committing) => {
        const result = answer(value, at);
        keep?.(at.connection, result);
        return result;
      },
    }),
  });
}

export interface PreparedCall {
  readonly callable: Callable;
  run(body: Body): Promise<unknown>;
  answer(value: unknown, at: State): Result;
}

/** Throws what the role part or the arguments refuse. */
export function preparedCall(core: DispatchCore, body: CallBody, caller: Caller): PreparedCall {
  const callable = callableOf(core, body);
  caller.rights.requireCall(callable);
  if (callable.webhook !== undefined) throw fault("WEBHOOK_SIGNATURE", `${callable.name} is called with a signature only.`);
  const input = argumentsOf(core, callable, body.input);
  return {
    callable,
    run: body.kind === "endpoint" ? endpointRun(core, callable, input) : actionRun(core, callable, { id: body.id, input, precondition: body.precondition ?? null }),
    answer(value, at) {
      const result = callableResult(core, { callable, value, caller, at });
      if (body.single === true && Array.isArray(result.body) && result.body.length !== 1) throw notOneRecord(result.body.length);
      return result;
    },
  };
}

function callableOf(core: DispatchCore, body: CallBody): Callable {
  const found = body.kind === "endpoint" ? core.catalog.endpoints.get(body.name) : core.catalog.tables.get(body.table)?.actions.get(body.name);
  if (found === undefined) throw fault("NOT_FOUND", `There is no ${body.name} to call.`);
  return found;
}

/** Throws VALIDATION_FAILED. */
export function argumentsOf(core: DispatchCore, callable: Callable, raw: unknown, undeclared?: "drop"): RecordValues {
  const issues: Issue[] = [];
  const values = coerceFields(raw, inputsOf(callable), { catalog: core.catalog, dialect: "wire", path: "", limits: core.limits, ...(undeclared === undefined ? {} : { undeclared }) }, issues);
  if (values === undefined) throw invalid(issues);
  return callable.page ? withoutAbsent(values, callable) : values;
}

/** What `@page` brings and nobody sent is undefined, as a query in code takes it. */
function withoutAbsent(values: RecordValues, callable: Callable): RecordValues {
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== null || callable.arguments.has(name)));
}

/** `where` of its @allow, then the body. */
export function endpointRun(core: DispatchCore, callable: Callable, input: RecordValues): (body: Body) => Promise<unknown> {
  const code = core.app.endpoints.get(callable.name);
  assert(code !== undefined, `endpoint ${callable.name} has its body`);
  return async (body) => {
    requireRule(body, callable, input, {});
    return code.call(undefined, body.context, ownCopy(input));
  };
}

interface ActionCall { readonly id: Value; readonly input: RecordValues; readonly precondition: Precondition | null }

function actionRun(core: DispatchCore, callable: Callable, call: ActionCall): (body: Body) => Promise<unknown> {
  const table = callable.table!;
  const code = core.app.tables.get(table);
  const action = code?.actions.get(callable.name);
  assert(code !== undefined && action !== undefined, `action ${table}.${callable.name} has its body`);
  if (callable.on === "TABLE") {
    return async (body) => {
      requireRule(body, callable, call.input, {});
      return action.call(code.receiver, body.context, { ...call.input });
    };
  }
  return (body) => runOnRecord(body, callable, { ...call, action, code });
}

interface RecordCall extends ActionCall { readonly action: AppFunction; readonly code: Parameters<typeof instanceOf>[1]["code"] }

/** The record is `this`; `this.update` and `this.remove` act without rules, because the action's own @allow has decided. */
async function runOnRecord(body: Body, callable: Callable, { id, input, precondition, action, code }: RecordCall): Promise<unknown> {
  const table = callable.table!;
  const turn = body.work.turn(table, id);
  if (turn !== null) await turn;
  const stored = body.work.get(table, id);
  if (stored === null || body.seen(table, id, "caller") === null) throw notFound(table);
  requireRule(body, callable, input, { record: stored.values });
  checkPrecondition(precondition, stored.version);
  const instance = instanceOf(body, { table, id, code, mode: "system" }, (kind, given) => {
    const write = kind === "remove" ? removeOf(table, id) : updateOf(table, id, rawInput(given, `${table}.update`));
    return straightWrite(body, { write, dialect: "code", mode: "system", sent: null });
  });
  return action.call(instance, ownCopy(input));
}

/** `where` of the callable's @allow, in the state that the body begins with. */
function requireRule(body: Body, callable: Callable, input: RecordValues, rows: { readonly [row: string]: RecordValues | null }): void {
  if (!body.holds(body.caller.rights.mayCall(callable), rows, input)) throw body.caller.rights.callRefusal(callable);
}
