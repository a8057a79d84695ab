// Asking a decision as an Operation, and as `ctx.decide` of app code. What a decision does is behind the port.
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Body, Caller } from "./body.ts";
import { rawInput } from "./code-input.ts";
import { fromWireValue } from "../schema/wire-value.ts";
import type { DecisionPort } from "./decision-port.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { JsonText, type Operation, type OperationBody, type Result } from "./operation.ts";
import { readsOnly } from "./reading-work.ts";
import { nothing } from "./read-operations.ts";

type DecisionBody = Extract<OperationBody, { kind: "decide" | "decisions" | "proof" }>;

export async function answerDecision(core: DispatchCore, operation: Operation, body: DecisionBody, caller: Caller): Promise<Result> {
  const port = decisionsOf(core);
  if (body.kind === "decisions") {
    const list = port.list(caller).map(({ name, description, mode, kind }): Json => ({ name, description, mode, kind }));
    return { ...nothing, body: list };
  }
  if (body.kind === "proof") {
    const proof = await port.proof(body.ask, caller);
    if (proof === null) throw fault("NOT_FOUND", "There is no such proof.");
    return { ...nothing, body: proof };
  }
  const result = await port.decide({ name: body.name, input: body.input, caller, key: operation.idempotency?.key ?? null, isAsynchronous: body.isAsynchronous === true });
  const { body: text, status, ...decision } = result;
  return { ...nothing, status, body: new JsonText(text), replayed: result.replayed, decision };
}

/** Throws NOT_FOUND where there are no decisions. */
export function decisionsOf({ decisions }: DispatchCore): DecisionPort {
  if (decisions === null) throw fault("NOT_FOUND", "There are no decisions.");
  return decisions;
}

/** `ctx.decide`: each decision by its name. */
export function deciders(body: Body): object {
  let calls = 0;
  return new Proxy(Object.freeze({}), {
    get(_, name) {
      if (typeof name !== "string" || !body.core.catalog.decisions.has(name)) return undefined;
      return (input: unknown, options?: { readonly key?: unknown }) => body.calls.start(`ctx.decide.${name}`, () => decideFromCode(body, { name, input, key: typeof options?.key === "string" ? options.key : `${body.caller.requestId} ${++calls}` }));
    },
  });
}

interface Asked { readonly name: string; readonly input: unknown; readonly key: string }

async function decideFromCode(body: Body, { name, input, key }: Asked): Promise<object> {
  if (body.work.readsOnly === true) throw readsOnly("ctx.decide");
  if (body.work.transactional) throw fault("DECIDE_IN_TRANSACTION", `ctx.decide.${name} was called inside the transaction of ${body.caller.label}.`);
  const result = await decisionsOf(body.core).decide({ name, input: rawInput(input, `ctx.decide.${name}`), caller: body.caller, key, isAsynchronous: false });
  const { catalog } = body.core;
  const value = result.status === 200 ? fromWireValue(JSON.parse(result.body) as Json, catalog.decisions.get(name)!.callable.result, catalog) : null;
  return decided(result, result.status, value);
}

/** As GraphQL and code see it: `value`, the body, in the answering states only. */
export function decided<Body>({ run, state, source, reason, isUntrusted, tells }: NonNullable<Result["decision"]>, status: number, value: Body): { readonly [name: string]: Json | Body } {
  return { run, state, source, reason, taint: isUntrusted ? "UNTRUSTED" : null, tells: [...tells], ...(status === 200 ? { value } : {}) };
}
