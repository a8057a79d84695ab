// Runs a body of a source: with the rights of whoever asked, without a transaction, within limits.sourceMs, and with bounded answers.
// What fails becomes one of few problems, which tell the client nothing of the source.
import { AmbitError, fault } from "../base/error.ts";
import { describeError } from "../base/log.ts";
import { isDecidedByApp } from "../resources/app-fault.ts";
import type { Caller } from "../resources/body.ts";
import type { DispatchCore } from "../resources/dispatch-parts.ts";
import { runDirect } from "../resources/run-body.ts";
import { isCatalogChanged } from "../storage/catalog-changed.ts";
import { boundedFetch } from "./bounded-fetch.ts";

export interface SourceCall {
  readonly caller: Caller;
  readonly table: string;
  readonly verb: "get" | "put" | "remove";
  run(ctx: object): unknown;
}

/** Throws SOURCE_FAILED, SOURCE_INVALID, SOURCE_TIMEOUT, and what the app refuses with ctx.error. */
export async function callSource(core: DispatchCore, { caller, table, verb, run }: SourceCall): Promise<unknown> {
  const { sourceBytes, sourceMs } = core.limits;
  const ending = new AbortController();
  let isTooLong = false;
  const fetch = boundedFetch(core.fetch, { bytes: sourceBytes, signal: ending.signal, exceeded() { isTooLong = true; } });
  try {
    return await runDirect({ ...core, fetch }, {
      caller: { ...caller, run: null, signal: ending.signal, label: `Sources.${table}.${verb}` },
      commits: false, bodyMs: sourceMs, run: async (body) => run(body.context), complete: (value) => value,
    });
  } catch (error) {
    if (isDecidedByApp(error) || isCatalogChanged(error)) throw error;
    core.log.warn("source-failed", { table, verb, requestId: caller.requestId, ...describeError(error) });
    throw isTooLong ? tooLong(core, table) : problemOf(error, table);
  } finally {
    ending.abort();
  }
}

function problemOf(error: unknown, table: string): AmbitError {
  if (error instanceof AmbitError && error.code === "TRANSACTION_TIMEOUT") return fault("SOURCE_TIMEOUT", `The source of ${table} did not answer in time.`, { cause: error, retryAfterS: 1 });
  return fault("SOURCE_FAILED", `The source of ${table} failed.`, { cause: error, retryAfterS: 1 });
}

function tooLong({ limits }: DispatchCore, table: string): AmbitError {
  return fault("SOURCE_INVALID", `The source of ${table} answered with more than ${limits.sourceBytes} bytes.`);
}

/** What a source answered cannot be kept as a record of its table. */
export function invalidAnswer(core: DispatchCore, table: string, cause: unknown): AmbitError {
  core.log.warn("source-invalid", { table, ...describeError(cause), ...(cause instanceof AmbitError && cause.extras.details !== undefined ? { details: cause.extras.details } : {}) });
  return fault("SOURCE_INVALID", `The source of ${table} answered with what is no ${table}.`, { cause });
}
