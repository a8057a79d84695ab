// A batch that needs no code of the app: its operations one after the other inside one commit, in step with nobody else.
// Constraints are looked at in the end, and before whatever looks for records.
import { assert } from "../base/assert.ts";
import { AmbitError, fault } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import type { WriteSession } from "../tables/write-session.ts";
import type { StoredRecord } from "../tables/write.ts";
import { Doubts, ofOperation, PlacedProblem } from "./batch-problem.ts";
import { readAt } from "./batch-read.ts";
import type { Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { BatchPass, BatchScript, JsonText, Operation, OperationBody, Result } from "./operation.ts";
import { hasOverride } from "./record-write.ts";
import { committing } from "./run-body.ts";
import { inSession, requireVerb, tableOf, writeOn, type WriteBody, type Written } from "./write-operations.ts";
import { writeResult } from "./write-result.ts";

/** Not this way: it runs code of the app, or takes too long to keep everybody waiting. An AmbitError, so that it concerns this request alone. */
export class NotInSession extends AmbitError {
  constructor() {
    super(500, "INTERNAL", "The batch is carried out in another way.");
  }
}

/** Its answer is not given now: constraints do not hold yet, or nobody asks for it before the commit. */
export const LATER = Symbol("later");

/** An answer that tells a record's version, as long as the record stays what it was. */
interface Versioned { readonly table: string; readonly id: Value; readonly record: StoredRecord | null; readonly result: Result }

export class BatchSession {
  readonly #core: DispatchCore;
  readonly #caller: Caller;
  readonly #session: WriteSession;
  readonly #doubts = new Doubts();
  readonly #versioned = new Map<number, Versioned>();
  readonly #late = new Map<number, () => Result>();
  #writes = 0;

  constructor(core: DispatchCore, caller: Caller, session: WriteSession) {
    this.#core = core;
    this.#caller = caller;
    this.#session = session;
  }

  /** Throws the problem of the first operation that fails, or NotInSession. */
  run(script: BatchScript): JsonText {
    try {
      return this.#run(script);
    } catch (error) {
      throw error instanceof PlacedProblem ? error.problem : error;
    }
  }

  #run(script: BatchScript): JsonText {
    const { clock, limits } = this.#core;
    const untilMs = clock.now() + limits.batchMs;
    const pass = script.begin();
    for (let index = 0; index < script.length; index++) {
      if (clock.now() > untilMs) throw new NotInSession();
      this.#step(pass, index, ({ body }) => this.#carryOut(index, body));
    }
    this.#flush(script.length - 1, null);
    for (const [index, { table, id, record, result }] of this.#versioned) {
      // Two states of one commit have one version between them: only the last is told by it.
      if (this.#session.get(table, id) !== record && result.version! > this.#session.head) this.#late.set(index, () => ({ ...result, version: null }));
    }
    for (const [index, result] of this.#late) this.#step(pass, index, result);
    return pass.answers();
  }

  #step(pass: BatchPass, index: number, dispatch: (operation: Operation) => Result): void {
    try {
      assert(!(pass.step(index, dispatch) instanceof Promise), "an operation in a commit is synchronous");
    } catch (error) {
      if (error === LATER) return;
      throw error instanceof NotInSession || error instanceof PlacedProblem ? error : ofOperation(error, index);
    }
  }

  #carryOut(index: number, body: OperationBody): Result {
    switch (body.kind) {
      case "get": case "query": {
        this.#flush(index, "reads");
        const result = readAt(this.#core, body, this.#caller, committing(this.#session));
        return body.kind === "get" ? this.#noted(index, result, body) : result;
      }
      case "create": case "replace": case "update": case "remove": case "update-many": case "remove-many":
        return this.#write(index, body);
      case "action": case "endpoint": case "publish": throw new NotInSession();
      default: throw fault("NOT_IN_BATCH", "This cannot be part of a batch.");
    }
  }

  #write(index: number, body: WriteBody): Result {
    requireVerb(body, this.#caller);
    if (hasOverride(this.#core, tableOf(body))) throw new NotInSession();
    if (looksForRecords(body)) this.#flush(index, "looks for records");
    const written = writeOn(this.#core, inSession(this.#session), body, this.#caller);
    this.#count(written.done.length);
    const holds = this.#holds(index);
    if (body.returning === null) return this.#answer(index, body, written);
    if (!holds) {
      this.#late.set(index, () => this.#answer(index, body, written));
      throw LATER;
    }
    this.#session.flush();
    return this.#answer(index, body, written);
  }

  #answer(index: number, body: WriteBody, written: Written): Result {
    const result = writeResult(this.#core, { ...written, body, caller: this.#caller, at: committing(this.#session) });
    return this.#noted(index, result, { table: tableOf(body), id: written.done[0]?.id ?? null });
  }

  #noted(index: number, result: Result, { table, id }: { readonly table: string; readonly id: Value }): Result {
    if (result.version !== null) this.#versioned.set(index, { table, id, record: this.#session.get(table, id), result });
    return result;
  }

  /** Whether constraints hold by now. */
  #holds(index: number): boolean {
    let problem: AmbitError | null = null;
    try {
      this.#session.verify();
    } catch (error) {
      if (!(error instanceof AmbitError)) throw error;
      problem = error;
    }
    this.#doubts.note(index, problem);
    return problem === null;
  }

  /** Throws what constraints refuse as the problem of who broke them. `why`: what operation `index` does that needs them; null: it is the end. */
  #flush(index: number, why: string | null): void {
    try {
      this.#session.verify();
      this.#session.flush();
      this.#doubts.note(index, null);
    } catch (error) {
      throw error instanceof AmbitError ? this.#doubts.blame(error, index, why) : error;
    }
  }

  #count(writes: number): void {
    const { transactionWrites } = this.#core.limits;
    this.#writes += writes;
    if (this.#writes > transactionWrites) throw fault("TOO_MANY_ROWS", `A transaction writes at most ${transactionWrites} times.`);
  }
}

/** Asks SQLite, which must hold what is staged. */
export function looksForRecords(body: WriteBody): boolean {
  return body.kind === "update-many" || body.kind === "remove-many" || (body.kind === "remove" && body.returning !== null);
}
