// What a failure inside a batch means: for one request, for the batch, or for the writer. The list is semantics.md's; keep them equal.
import { SQLiteError } from "bun:sqlite";
import { AmbitError, fault } from "../base/error.ts";

/** One of our own SQL functions threw `cause` inside a statement. */
export class SqlFunctionError extends Error {
  override readonly name = "SqlFunctionError";
  constructor(cause: unknown) {
    super("an SQL function failed", { cause });
  }
}

/** What a statement threw, told apart: errors that are not SQLite's come from our functions. */
export function statementError(error: unknown): unknown {
  return error instanceof SQLiteError || error instanceof AmbitError ? error : new SqlFunctionError(error);
}

/**
 * request: only the request that met it fails, if the transaction is still open.
 * batch: nothing of the batch may be acknowledged; its members run again, alone.
 * fatal: the file or the disk cannot be trusted any more; the writer stops.
 */
export type FailureScope = "request" | "batch" | "fatal";

export function failureScope(error: unknown): FailureScope {
  if (error instanceof AmbitError || error instanceof SqlFunctionError) return "request";
  if (!(error instanceof SQLiteError)) return "batch";
  const code = error.code ?? "";
  if (/^SQLITE_(CONSTRAINT|TOOBIG|MISMATCH)/.test(code)) return "request";
  return /^SQLITE_(IOERR|CORRUPT|NOTADB)/.test(code) ? "fatal" : "batch";
}

/** What the request is told that met `error`: our problem where it is the machine's, else the error itself. */
export function answerFor(error: unknown): unknown {
  if (error instanceof SqlFunctionError) return error.cause;
  if (!(error instanceof SQLiteError)) return error;
  const code = error.code ?? "";
  if (code.startsWith("SQLITE_FULL")) return fault("STORAGE_FULL", "The write did not fit on the disk; nothing of it was kept.", { cause: error });
  if (code.startsWith("SQLITE_NOMEM")) return fault("OVERLOADED", "There was no memory for the write; nothing of it was kept.", { cause: error, retryAfterS: 1 });
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
    return fault("UNAVAILABLE", "Another program is writing to the data file; nothing was kept.", { cause: error, retryAfterS: 1 });
  }
  return error;
}
