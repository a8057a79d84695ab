// Runs a batch of works in one transaction, a savepoint each, and one durable COMMIT. Knows nothing of queues and answers.
// A batch that is voided runs again, each work in its own transaction. Error classes: sqlite-failure.ts.
import { AssertionFailure, assert } from "../base/assert.ts";
import type { Connection } from "./connection.ts";
import { answerFor, failureScope } from "./sqlite-failure.ts";

/** Synchronous. May run twice: keep what it collects inside it. Failures are thrown, never swallowed after a statement failed. */
export type Work<Result> = (connection: Connection) => Result;

export type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** The state of the data file is not known any more, or our own bookkeeping failed: nothing may be written after it. */
export class WriterStopped extends Error {
  override readonly name = "WriterStopped";
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/**
 * Null: the batch is void and undone; `runAlone` each. Outcomes of the first works, at least of one: those after them are left once
 * `isLong` says so. Throws what stops the writer.
 */
export function runBatch(connection: Connection, works: readonly Work<unknown>[], isLong: () => boolean = () => false): Outcome[] | null {
  const outcomes = openBatch(connection, works, isLong);
  if (outcomes !== null) closeBatch(connection, outcomes);
  return outcomes;
}

/** The same without COMMIT: `closeBatch` follows, unless the answer is null. */
export function openBatch(connection: Connection, works: readonly Work<unknown>[], isLong: () => boolean = () => false): Outcome[] | null {
  const refused = begin(connection);
  if (refused !== null) return works.map(() => refused);
  const outcomes: Outcome[] = [];
  for (const work of works) {
    const outcome = works.length === 1 ? attempt(connection, work) : attemptInSavepoint(connection, work);
    if (outcome === null) {
      rollback(connection);
      return null;
    }
    outcomes.push(outcome);
    if (isLong()) break;
  }
  return outcomes;
}

/** One more work in an open batch. False: the batch is void and undone. */
export function extendBatch(connection: Connection, work: Work<unknown>): boolean {
  if (attemptInSavepoint(connection, work) !== null) return true;
  rollback(connection);
  return false;
}

export function closeBatch(connection: Connection, outcomes: readonly Outcome[]): void {
  if (!connection.inTransaction) return;
  if (outcomes.some((outcome) => outcome.ok)) commit(connection);
  else rollback(connection);
}

/** In a transaction of its own; whatever it meets is its answer. Throws what stops the writer. */
export function runAlone(connection: Connection, work: Work<unknown>): Outcome {
  const refused = begin(connection);
  if (refused !== null) return refused;
  try {
    const value = synchronous(work(connection));
    assert(connection.inTransaction, "the transaction is still open after the work");
    commit(connection);
    return { ok: true, value };
  } catch (error) {
    if (stopsWriter(error)) throw error;
    rollback(connection);
    return { ok: false, error: answerFor(error) };
  }
}

/** Runs `work` and undoes it. */
export function runAndUndo<Result>(connection: Connection, work: Work<Result>): Result {
  assertNoTransaction(connection);
  connection.run("BEGIN");
  connection.expectTransaction(true);
  try {
    return synchronous(work(connection));
  } finally {
    rollback(connection);
  }
}

export function stopsWriter(error: unknown): boolean {
  return error instanceof WriterStopped || failureScope(error) === "fatal";
}

function attemptInSavepoint(connection: Connection, work: Work<unknown>): Outcome | null {
  // Outside of a transaction it would open one of its own, and RELEASE would commit it.
  if (!connection.inTransaction) throw new WriterStopped("no transaction is open before SAVEPOINT");
  connection.run("SAVEPOINT request");
  const outcome = attempt(connection, work);
  if (outcome === null) return null;
  if (!outcome.ok) connection.run("ROLLBACK TO request");
  connection.run("RELEASE request");
  return outcome;
}

/** Null: what went wrong concerns more than this work. */
function attempt(connection: Connection, work: Work<unknown>): Outcome | null {
  try {
    const value = synchronous(work(connection));
    return connection.inTransaction ? { ok: true, value } : null;
  } catch (error) {
    const scope = failureScope(error);
    if (scope === "fatal") throw error;
    return scope === "request" && connection.inTransaction ? { ok: false, error: answerFor(error) } : null;
  }
}

/** The answer for everybody where no transaction can begin: nothing ran. */
function begin(connection: Connection): Outcome | null {
  assertNoTransaction(connection);
  try {
    connection.run("BEGIN IMMEDIATE");
  } catch (error) {
    if (stopsWriter(error)) throw error;
    return { ok: false, error: answerFor(error) };
  }
  connection.expectTransaction(true);
  return null;
}

function commit(connection: Connection): void {
  connection.expectTransaction(false);
  try {
    connection.run("COMMIT");
  } catch (error) {
    throw new WriterStopped("COMMIT failed", error);
  }
}

function rollback(connection: Connection): void {
  connection.expectTransaction(false);
  try {
    if (connection.inTransaction) connection.run("ROLLBACK");
  } catch (error) {
    throw new WriterStopped("ROLLBACK failed", error);
  }
}

function assertNoTransaction(connection: Connection): void {
  if (connection.inTransaction) throw new WriterStopped("a transaction is open where none may be");
}

function synchronous<Result>(value: Result): Result {
  if (value instanceof Promise) {
    value.catch(() => {});
    throw new AssertionFailure("work in a commit is synchronous");
  }
  return value;
}
