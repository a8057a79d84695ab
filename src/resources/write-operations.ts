// POST, PUT, PATCH, DELETE of records, one or many: without overrides straight in one commit, with them as a body in a transaction.
// Bulk is atomic. What `returning` asks for is read in the commit, under READ rules.
import { fault } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import { coerceValue } from "../schema/coerce-value.ts";
import { checkPrecondition } from "../tables/judge.ts";
import type { WriteSession } from "../tables/write-session.ts";
import type { Write, WriteOptions, WriteOutcome } from "../tables/write.ts";
import type { Body, Caller } from "./body.ts";
import { commitAs } from "./commit-as.ts";
import { changeablePlan } from "./changeable-plan.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { Keep } from "./idempotency.ts";
import type { Operation, OperationBody, Result } from "./operation.ts";
import { planEnvironment } from "./planner.ts";
import { hasOverride, writeRecord } from "./record-write.ts";
import { readySourced } from "./read-source.ts";
import { committing, runDirect, runTransaction } from "./run-body.ts";
import { plainRecord } from "./table-instance.ts";
import { rowTexts, writeResult, type WriteDone } from "./write-result.ts";
import { stateOf, type Effect, type State } from "./work.ts";

export type WriteBody = Extract<OperationBody, { kind: "create" | "replace" | "update" | "remove" | "update-many" | "remove-many" }>;

export function writeBody(core: DispatchCore, operation: Operation, body: WriteBody, caller: Caller): Promise<Result> {
  requireVerb(body, caller);
  if (hasSource(core, body)) return atSource(core, operation, body, caller);
  const write = hasOverride(core, tableOf(body)) ? throughOverrides : inOneCommit;
  return core.keys.run(operation, { standing: caller.rights.standing, transactional: true, run: (keep) => write(core, body, caller, { keep, effect: operation.effect ?? null }) });
}

export function tableOf(body: WriteBody): string {
  return "plan" in body ? body.plan.table : body.table;
}

/** The role part: where no rule could ever permit the write, nothing runs. */
export function requireVerb(body: WriteBody, { rights }: Caller): void {
  const table = tableOf(body);
  switch (body.kind) {
    case "create": return rights.require(table, "CREATE");
    case "replace": return rights.require(table, rights.permission(table, "CREATE") === false ? "UPDATE" : "CREATE");
    case "update": case "update-many": return rights.require(table, "UPDATE");
    case "remove": case "remove-many": return rights.require(table, "DELETE");
  }
}

/** What happens in the same commit. */
interface Beside { readonly keep: Keep | null; readonly effect: Effect | null }

async function inOneCommit(core: DispatchCore, body: WriteBody, caller: Caller, { keep, effect }: Beside): Promise<Result> {
  const { value } = await core.tables.commit((session) => {
    const written = writeOn(core, inSession(session), body, caller);
    if (keep !== null || body.returning !== null) session.flush();
    const result = writeResult(core, { ...written, body, caller, at: committing(session) });
    keep?.(session.connection, result);
    effect?.store?.(session);
    return result;
  }, commitAs(caller));
  effect?.tell?.();
  return value;
}

/** Outside of a transaction: its source is written first. */
function atSource(core: DispatchCore, operation: Operation, body: WriteBody, caller: Caller): Promise<Result> {
  if ("plan" in body || (body.kind === "create" && body.inputs.length !== 1)) {
    throw fault("TOO_MANY_ROWS", `Records of ${tableOf(body)} are written at their source, one by one.`, { fix: "Send a request for each of them." });
  }
  return core.keys.run(operation, {
    standing: caller.rights.standing, transactional: false,
    run: () => runDirect(core, {
      caller, commits: false,
      run: async (run) => {
        if ("id" in body) await readySourced(run, run.table(body.table), body.id);
        const written = await writeEach(core, run, body);
        if (operation.effect !== undefined) await run.work.effect(operation.effect);
        return written;
      },
      complete: ({ done, before }, at) => writeResult(core, { body, done, before, caller, at }),
    }),
  });
}

function hasSource(core: DispatchCore, body: WriteBody): boolean {
  return core.catalog.tables.get(tableOf(body))!.source !== undefined;
}

/** Where something is written without overrides: the state that it meets, where what was written before is seen, and how. */
export interface WriteTarget {
  readonly at: State;
  write(writes: readonly Write[], options: WriteOptions): readonly WriteOutcome[];
}

export function inSession(session: WriteSession): WriteTarget {
  return { at: committing(session), write: (writes, options) => (writes.length === 1 ? [session.write(writes[0]!, options)] : session.writeAll(writes, options)) };
}

export function writeOn(core: DispatchCore, { at, write }: WriteTarget, body: WriteBody, caller: Caller): Written {
  if (hasSource(core, body)) throw fault("NOT_IN_BATCH", `Records of ${tableOf(body)} are written at their source, which a transaction cannot undo.`);
  checkAbsence(core, body, caller, at);
  const { writes, before } = writesOf(core, body, caller, at);
  const outcomes = write(writes, { dialect: "wire", authority: caller.rights.authority, sent: null });
  return { done: outcomes.map(doneOf), before };
}

function throughOverrides(core: DispatchCore, body: WriteBody, caller: Caller, { keep, effect }: Beside): Promise<Result> {
  return runTransaction(core, {
    caller, commits: keep !== null,
    run: (run) => run.calls.start(caller.label, async () => {
      const written = await writeEach(core, run, body);
      if (effect !== null) await run.work.effect(effect);
      return written;
    }),
    complete: ({ done, before }, at) => {
      const result = writeResult(core, { body, done, before, caller, at });
      keep?.(at.connection, result);
      return result;
    },
  });
}

export interface Written { readonly done: readonly WriteDone[]; readonly before: readonly string[] | null }

export async function writeEach(core: DispatchCore, run: Body, body: WriteBody): Promise<Written> {
  const at = stateOf(run.work, run.now);
  checkAbsence(core, body, run.caller, at);
  const { writes, before } = writesOf(core, body, run.caller, at);
  const done: WriteDone[] = [];
  for (const write of writes) {
    const { outcome, answer } = await writeRecord(run, { write, dialect: "wire", mode: "caller", sent: null });
    done.push(outcome === null ? answeredOnly(run, write, answer) : doneOf(outcome));
  }
  return { done, before };
}

function doneOf({ status, id }: WriteOutcome): WriteDone {
  return { status, id };
}

/** The override answered without going on: about the record that it names, if any. */
function answeredOnly(run: Body, write: Write, answer: unknown): WriteDone {
  const table = run.table(write.table);
  const record = plainRecord(answer, table);
  const key = typeof record === "object" && record !== null ? (record as { readonly [field: string]: Value })[table.primaryKey] ?? null : null;
  return { status: "ignored", id: key ?? ("id" in write ? write.id : null) };
}

/** The single writes that the operation comes down to; and the rows as they were, where `returning` asks for what is removed. */
function writesOf(core: DispatchCore, body: WriteBody, caller: Caller, at: State): { writes: readonly Write[]; before: readonly string[] | null } {
  switch (body.kind) {
    case "create": return { writes: body.inputs.map((input) => ({ kind: "create", table: body.table, input, onConflict: body.onConflict })), before: null };
    case "replace": return { writes: [{ kind: "replace", table: body.table, id: body.id, input: body.input, precondition: body.precondition }], before: null };
    case "update": return { writes: [{ kind: "update", table: body.table, id: body.id, input: body.input, merge: body.merge, precondition: body.precondition }], before: null };
    case "remove": return { writes: [{ kind: "remove", table: body.table, id: body.id, precondition: body.precondition }], before: rowTexts(core, { returning: body.returning, ids: [body.id], caller, at }) };
    case "update-many": {
      const writes = idsOf(core, body, caller, at).map((id): Write => ({ kind: "update", table: body.plan.table, id, input: body.input, merge: body.merge, precondition: null }));
      return { writes, before: null };
    }
    case "remove-many": {
      const ids = idsOf(core, body, caller, at);
      const before = rowTexts(core, { returning: body.returning, ids, caller, at });
      return { writes: ids.map((id): Write => ({ kind: "remove", table: body.plan.table, id, precondition: null })), before };
    }
  }
}

/** Records found under READ that the verb's rule permits to change. Throws TOO_MANY_ROWS. */
function idsOf(core: DispatchCore, body: Extract<WriteBody, { kind: "update-many" | "remove-many" }>, { rights }: Caller, at: State): Value[] {
  const { bulkRows } = core.limits;
  const most = Math.min(bulkRows, body.maxAffected ?? bulkRows);
  const compiled = changeablePlan(core.planner, { plan: body.plan, rights, verb: body.kind === "update-many" ? "UPDATE" : "DELETE", reader: "wire" });
  const ids = at.ids(compiled, planEnvironment(rights, at.now), most + 1);
  if (ids.length <= most) return ids;
  throw body.maxAffected !== null && most === body.maxAffected
    ? fault("TOO_MANY_ROWS", `More than ${most} records match.`, { details: `More than ${most} records match, which is what max-affected permits.` })
    : fault("TOO_MANY_ROWS", `A request writes at most ${bulkRows} records.`, { fix: "Narrow the filter." });
}

/** POST with If-None-Match: * (or If-Match) is about the record whose key it names, if the caller sees it. */
function checkAbsence(core: DispatchCore, body: WriteBody, { rights }: Caller, at: State): void {
  if (body.kind !== "create" || body.precondition === null) return;
  const table = core.catalog.tables.get(body.table)!;
  const key = table.fields.get(table.primaryKey)!;
  const id = coerceValue(body.inputs[0]?.[key.name], key, { catalog: core.catalog, dialect: "wire", path: key.name, limits: core.limits }, []) ?? null;
  const stored = id === null ? null : at.get(body.table, id);
  const isSeen = stored !== null && core.views.of(body.table, rights, "wire").show({ rights, values: stored.values, now: at.now, source: at.source }) !== null;
  checkPrecondition(body.precondition, isSeen ? stored.version : null);
}
