// Asking a decision as an Operation, and as `ctx.decide` of app code. What a decision does is behind the port.
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Body, Caller } from "./body.ts";
import { rawInput } from "./code-input.ts";
import { fromWireValue } from "../schema/wire-value.ts";
import type { DecisionPort, KeepAnswer, ListedDecision, NegotiationQuestion } from "./decision-port.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { JsonText, type Operation, type OperationBody, type Result } from "./operation.ts";
import { readsOnly } from "./reading-work.ts";
import { nothing } from "./read-operations.ts";

type DecisionBody = Extract<OperationBody, { kind: "decide" | "decisions" | "decisions-overview" | "decision-mode" | "proof" | "approval" | "negotiation" }>;

export async function answerDecision(core: DispatchCore, operation: Operation, body: DecisionBody, caller: Caller): Promise<Result> {
  const port = decisionsOf(core);
  if (body.kind === "decisions") {
    return { ...nothing, body: port.list(caller).map((one) => listed(one, caller)) };
  }
  if (body.kind === "decision-mode") {
    if (!caller.rights.administrator) throw caller.identity.kind === "anonymous" ? fault("UNAUTHENTICATED", "Modes are the administrator's.") : fault("FORBIDDEN", "Modes are the administrator's.");
    return { ...nothing, body: listed(await port.setMode(body.name, body.mode, caller), caller) };
  }
  if (body.kind === "decisions-overview") {
    if (!caller.rights.administrator || caller.identity.tenant !== null) throw fault(caller.identity.kind === "anonymous" ? "UNAUTHENTICATED" : "FORBIDDEN", "Decisions are administered by the administrator.");
    return { ...nothing, body: await port.administer(body.ask, caller) };
  }
  if (body.kind === "approval") {
    const { ask } = body;
    return keyed(core, { operation, caller, writes: ask.do === "decide" ? "in one commit" : null }, (keep) => port.approvals(ask, caller, keep));
  }
  if (body.kind === "negotiation") {
    const { ask } = body;
    return keyed(core, { operation, caller, writes: WRITES[ask.do] }, (keep) => port.negotiate(ask, caller, keep));
  }
  if (body.kind === "proof") {
    const proof = await port.proof(body.ask, caller);
    if (proof === null) throw fault("NOT_FOUND", "There is no such proof.");
    return { ...nothing, body: proof };
  }
  const result = await port.decide({ name: body.name, input: body.input, caller, key: operation.idempotency?.key ?? null, isAsynchronous: body.isAsynchronous === true, ...(body.callback === undefined ? {} : { callback: body.callback }) });
  const { body: text, status, ...decision } = result;
  return { ...nothing, status, body: new JsonText(text), replayed: result.replayed, decision };
}

/** How it changes anything. Rounds are runs, with commits of their own. */
type Writes = "in one commit" | "in several" | null;
const WRITES: Readonly<Record<NegotiationQuestion["do"], Writes>> = {
  start: "in several", counter: "in several", accept: "in one commit", decline: "in one commit", release: "in one commit", find: null, offer: null, commitment: null, commitments: null,
};

interface Keyed { readonly operation: Operation; readonly caller: Caller; readonly writes: Writes }
interface Said { readonly status?: number; readonly body: Json; readonly next: string | null }

async function keyed(core: DispatchCore, { operation, caller, writes }: Keyed, ask: (keep: KeepAnswer | null) => Promise<Said>): Promise<Result> {
  const resultOf = ({ status = 200, body, next }: Said): Result => ({ ...nothing, status, body, nextCursor: next });
  if (writes === null) return resultOf(await ask(null));
  return core.keys.run(operation, {
    standing: caller.rights.standing, transactional: writes === "in one commit",
    run: async (keep) => resultOf(await ask(keep === null ? null : (connection, body) => keep(connection, resultOf({ body, next: null })))),
  });
}

/** Administrators see besides what the schema says. */
function listed({ name, description, mode, declared, kind }: ListedDecision, { rights }: Caller): Json {
  return { name, description, mode, kind, ...(rights.administrator ? { declared } : {}) };
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
      return (input: unknown, options?: { readonly key?: unknown }) => body.calls.start(`ctx.decide.${name}`, () => decideFromCode(body, { name, input, key: typeof options?.key === "string" ? options.key : null, derived: () => `${body.caller.requestId} ${++calls}` }));
    },
  });
}

interface Asked { readonly name: string; readonly input: unknown; readonly key: string | null; /** Instead of one that is given. */ derived(): string }

async function decideFromCode(body: Body, asked: Asked): Promise<object> {
  const { name } = asked;
  const { catalog } = body.core;
  const decision = catalog.decisions.get(name)!;
  if (body.work.readsOnly === true) throw readsOnly("ctx.decide");
  if (body.work.transactional && decision.kind !== "RULE") throw fault("DECIDE_IN_TRANSACTION", `ctx.decide.${name} was called inside the transaction of ${body.caller.label}.`);
  const input = rawInput(asked.input, `ctx.decide.${name}`);
  const port = decisionsOf(body.core);
  // What joins a transaction is repeated with it.
  const result = body.work.transactional ? await port.decideWithin({ name, input, key: asked.key }, body) : await port.decide({ name, input, caller: body.caller, key: asked.key ?? asked.derived(), isAsynchronous: false, isOfCode: true });
  const value = result.status === 200 ? fromWireValue(JSON.parse(result.body) as Json, decision.callable.result, catalog) : null;
  return decided(result, result.status, value);
}

/** As GraphQL and code see it: `value`, the body, in the answering states only. */
export function decided<Body>({ run, state, source, reason, isUntrusted, tells }: NonNullable<Result["decision"]>, status: number, value: Body): { readonly [name: string]: Json | Body } {
  return { run, state, source, reason, taint: isUntrusted ? "UNTRUSTED" : null, tells: [...tells], ...(status === 200 ? { value } : {}) };
}
