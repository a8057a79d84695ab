// A batch with code of the app in it, or one that takes its time: a body in a transaction, which may run several times. What it answers
// is put together in the commit, operation by operation as the writes go in.
import { assert } from "../base/assert.ts";
import { AmbitError, fault } from "../base/error.ts";
import { incident } from "./app-fault.ts";
import { AnswersInOrder } from "./batch-answers.ts";
import { Doubts, ofOperation, PlacedProblem } from "./batch-problem.ts";
import { readAt, type ReadBody } from "./batch-read.ts";
import { LATER, looksForRecords } from "./batch-session.ts";
import type { Body, Caller } from "./body.ts";
import { BodyConflict } from "./body-conflict.ts";
import { BufferedWork } from "./buffered-work.ts";
import { preparedCall, type CallBody } from "./callables.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { Keep } from "./idempotency.ts";
import type { BatchPass, BatchScript, Operation, Result } from "./operation.ts";
import { messageOf, PUBLISHED, type PublishBody } from "./publish-operation.ts";
import { nothing } from "./read-operations.ts";
import { hasOverride } from "./record-write.ts";
import { runTransaction } from "./run-body.ts";
import { tellable } from "./system-refusal.ts";
import { stateOf, type State } from "./work.ts";
import { requireVerb, tableOf, writeEach, writeOn, type WriteBody, type Written } from "./write-operations.ts";
import { writeResult } from "./write-result.ts";

/** One attempt. */
interface Attempt { readonly pass: BatchPass; readonly answers: AnswersInOrder }

export function batchInBody(core: DispatchCore, script: BatchScript, caller: Caller, keep: Keep | null): Promise<Result> {
  return runTransaction<Attempt, Result>(core, {
    caller, commits: keep !== null,
    run: (body) => new BatchBody(core, body, script).run(),
    along: ({ answers }, writes, session) => answers.upTo(writes, session),
    complete({ pass, answers }, at) {
      answers.rest(at);
      const result: Result = { ...nothing, body: pass.answers() };
      keep?.(at.connection, result);
      return result;
    },
  });
}

/** After so long others get their turn. */
const TURN_MS = 10;

class BatchBody {
  readonly #core: DispatchCore;
  readonly #body: Body;
  readonly #work: BufferedWork;
  readonly #script: BatchScript;
  readonly #pass: BatchPass;
  readonly #answers: AnswersInOrder;
  readonly #doubts = new Doubts();

  constructor(core: DispatchCore, body: Body, script: BatchScript) {
    assert(body.work instanceof BufferedWork, "a batch is a transaction");
    this.#core = core;
    this.#body = body;
    this.#work = body.work;
    this.#script = script;
    this.#pass = script.begin();
    this.#answers = new AnswersInOrder(this.#pass);
  }

  async run(): Promise<Attempt> {
    const { clock } = this.#core;
    let turnMs = clock.now();
    for (let index = 0; index < this.#script.length; index++) {
      await this.#step(index);
      if (clock.now() - turnMs < TURN_MS) continue;
      await new Promise<void>((resolve) => { clock.schedule(0, resolve); });
      turnMs = clock.now();
    }
    const problem = this.#work.verify();
    if (problem !== null) throw this.#doubts.blame(problem, this.#script.length - 1, null).problem;
    return { pass: this.#pass, answers: this.#answers };
  }

  async #step(index: number): Promise<void> {
    let caller = this.#body.caller;
    try {
      await this.#pass.step(index, (operation) => {
        caller = { ...caller, request: operation.request, label: `operation ${index} of a batch` };
        return this.#carryOut(index, operation, this.#body.as(caller));
      });
    } catch (error) {
      if (error !== LATER) throw this.#problem(error, index, caller);
    }
  }

  #problem(error: unknown, index: number, caller: Caller): unknown {
    if (error instanceof BodyConflict || error instanceof PlacedProblem) return error instanceof PlacedProblem ? error.problem : error;
    const told = tellable(this.#core, error, caller);
    if (told instanceof AmbitError) return ofOperation(told, index);
    return ofOperation(incident("INTERNAL", "Something failed in an unexpected way.", { requestId: caller.requestId, body: caller.label, thrown: told }, this.#core), index);
  }

  async #carryOut(index: number, { body }: Operation, run: Body): Promise<Result> {
    switch (body.kind) {
      case "get": case "query": return this.#read(index, body, run);
      case "action": case "endpoint": return this.#call(index, body, run);
      case "create": case "replace": case "update": case "remove": case "update-many": case "remove-many": return this.#write(index, body, run);
      case "publish": return this.#publish(body, run);
      default: throw fault("NOT_IN_BATCH", "This cannot be part of a batch.");
    }
  }

  async #publish(body: PublishBody, run: Body): Promise<Result> {
    const message = messageOf(this.#core, run.caller, { ...body, dialect: "wire", mode: "caller", nowMs: run.nowMs });
    await this.#work.effect(this.#core.channels.effectOf(message));
    this.#answers.add({ writes: this.#work.written, given: "place", queries: false, ready: () => PUBLISHED, of: null });
    return PUBLISHED;
  }

  #read(index: number, body: ReadBody, run: Body): Result {
    this.#requireConstraints(index, "reads");
    const ready = (at: State): Result => readAt(this.#core, body, run.caller, at);
    const { written } = this.#work;
    this.#answers.add({ writes: written, given: written === 0 ? "now" : "place", queries: true, ready, of: body.kind === "get" ? body : null });
    return ready(stateOf(this.#work, run.now));
  }

  async #call(index: number, body: CallBody, run: Body): Promise<Result> {
    const call = preparedCall(this.#core, body, run.caller);
    this.#requireConstraints(index, "calls code");
    const value = await call.run(run);
    const ready = (at: State): Result => call.answer(value, at);
    this.#answers.add({ writes: this.#work.written, given: "place", queries: false, ready, of: null });
    return ready(stateOf(this.#work, run.now));
  }

  async #write(index: number, body: WriteBody, run: Body): Promise<Result> {
    requireVerb(body, run.caller);
    const overridden = hasOverride(this.#core, tableOf(body));
    if (overridden || looksForRecords(body)) this.#requireConstraints(index, overridden ? "calls code" : "looks for records");
    const written = overridden ? await run.calls.start(run.caller.label, () => writeEach(this.#core, run, body)) : this.#writeAll(index, body, run);
    const ready = (at: State): Result => writeResult(this.#core, { ...written, body, caller: run.caller, at });
    const queries = body.returning !== null;
    const isLate = queries && !this.#doubts.isEmpty;
    this.#answers.add({ writes: this.#work.written, given: isLate ? "end" : "place", queries, ready, of: { table: tableOf(body), id: written.done[0]?.id ?? null } });
    // Nobody needs it before the commit, and it would cost a rehearsal of all that was written so far.
    const isLeft = queries && !looksForRecords(body) && !overridden && !this.#pass.isReferred(index);
    if (isLate || isLeft) throw LATER;
    return ready(stateOf(this.#work, run.now));
  }

  #writeAll(index: number, body: WriteBody, run: Body): Written {
    return writeOn(this.#core, {
      at: stateOf(this.#work, run.now),
      write: (writes, options) => {
        if (writes.length === 0) return [];
        const { outcomes, problem } = this.#work.writeAll(writes, options);
        this.#doubts.note(index, problem);
        return outcomes;
      },
    }, body, run.caller);
  }

  /** Before what needs them: throws what they refuse, as the problem of who broke them. */
  #requireConstraints(index: number, why: string): void {
    if (this.#doubts.isEmpty) return;
    const problem = this.#work.verify();
    if (problem !== null) throw this.#doubts.blame(problem, index, why);
    this.#doubts.note(index, null);
  }
}
