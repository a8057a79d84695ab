// Runs a class's own create, update or remove around one write. `super.create` and its like go on with the caller's operation.
import type { RecordValues, Value } from "../base/value.ts";
import { denied, notFound } from "../tables/denial.ts";
import { checkPrecondition } from "../tables/judge.ts";
import type { RawInput, Write, WriteOutcome } from "../tables/write.ts";
import { CONTINUATION, type CreateContinuation, type RecordContinuation, type TableBase } from "./app-api.ts";
import type { AppFunction, TableCode } from "./app-code.ts";
import type { Body, Mode } from "./body.ts";
import { codeInput, rawInput, sentThrough } from "./code-input.ts";
import { incremented } from "./incremented.ts";
import { ownCopy } from "./own-copy.ts";
import { ownWrite, removeOf, shownAfter, straightWrite, updateOf, type RecordWrite } from "./straight-write.ts";
import { createInstance, fillInstance } from "./table-instance.ts";

export interface Override {
  readonly code: TableCode;
  readonly run: AppFunction;
  readonly verb: "create" | "update" | "remove";
  /** Null: of a record that is to be created. */
  readonly id: Value;
}

export interface Written {
  /** Null: the override did not go on with the operation. */
  readonly outcome: WriteOutcome | null;
  /** What the override answered; undefined without one. */
  readonly answer: unknown;
}

export function writeThrough(body: Body, request: RecordWrite, override: Override): Promise<Written> {
  return override.verb === "create" ? createThrough(body, request, override) : changeThrough(body, request, override);
}

async function createThrough(body: Body, request: RecordWrite, override: Override): Promise<Written> {
  const { write, mode, dialect } = request;
  const table = body.table(write.table);
  const given = codeInput(body, { table, input: inputOf(write), dialect, mode, verb: "create", mergeInto: null });
  let outcome: WriteOutcome | null = null;
  const goOn = async (name: string, input: unknown): Promise<unknown> => {
    const raw = rawInput(input, `${name}.create`);
    if (outcome !== null || name !== write.table) return shownAfter(body, await straightWrite(body, ownWrite(body, createOf(name, raw), mode)), mode);
    const sent = sentThrough(body, table, { input: given, sent: sentOf(request), kept: raw, verb: "create", mode });
    outcome = await straightWrite(body, { write: { ...write, input: raw } as Write, dialect: "code", mode, sent });
    return shownAfter(body, outcome, mode);
  };
  const continuation: CreateContinuation = { create: (name, input) => body.calls.start(`super.create of ${name}`, () => goOn(name, input)) };
  const ctx: object = Object.create(body.context, { [CONTINUATION]: { value: continuation } });
  const answer = await override.run.call(override.code.receiver, ctx, ownCopy(given));
  return { outcome, answer };
}

async function changeThrough(body: Body, request: RecordWrite, { code, run, verb, id }: Override): Promise<Written> {
  const { write, mode } = request;
  const stored = body.work.get(write.table, id);
  if (stored === null || body.seen(write.table, id, mode) === null) throw notFound(write.table);
  if ("precondition" in write && write.precondition !== null) {
    refuseUnpermitted(body, request, verb === "remove" ? "DELETE" : "UPDATE", stored.values);
    checkPrecondition(write.precondition, stored.version);
  }
  const patch = verb === "update" ? patchOf(body, request, stored.values) : {};
  let outcome: WriteOutcome | null = null;
  const change: InstanceWrite = async (kind, given) => {
    const raw = kind === "update" ? rawInput(given, `${write.table}.update`) : {};
    if (outcome !== null || kind !== verb) return straightWrite(body, ownWrite(body, kind === "update" ? updateOf(write.table, id, raw) : removeOf(write.table, id), mode));
    const sent = sentThrough(body, body.table(write.table), { input: patch, sent: sentOf(request), kept: raw, verb: "update", mode });
    outcome = await straightWrite(body, { write: continued(write, raw, id), dialect: "code", mode, sent });
    return outcome;
  };
  const instance = instanceOf(body, { table: write.table, id, code, mode }, change);
  const answer = verb === "update" ? await run.call(instance, ownCopy(patch)) : await run.call(instance);
  return { outcome, answer };
}

/** Whoever may not change the record hears that, and nothing of its version. */
function refuseUnpermitted(body: Body, { write, mode }: RecordWrite, verb: "UPDATE" | "DELETE", record: RecordValues): void {
  const rights = body.rights(mode);
  if (rights.authority === null || body.holds(rights.permission(write.table, verb), { record, old: record }, null)) return;
  throw denied(rights.authority, write.table, verb, "stored record");
}

export type InstanceWrite = (kind: "update" | "remove", given: unknown) => Promise<WriteOutcome>;

/** The record as `this`, for overrides and actions. `write` carries out what the body asks of it. */
export function instanceOf(body: Body, of: { readonly table: string; readonly id: Value; readonly code: TableCode; readonly mode: Mode }, write: InstanceWrite): TableBase {
  const values = body.seen(of.table, of.id, "system");
  if (values === null) throw notFound(of.table);
  const change = async (kind: "update" | "remove", given: unknown): Promise<unknown> => {
    const outcome = await write(kind, given);
    if (outcome.record === null) return undefined;
    const now = body.show(of.table, { values: outcome.record }, "system");
    if (now !== null) fillInstance(instance, now);
    return shownAfter(body, outcome, of.mode);
  };
  const continuation: RecordContinuation = {
    update: (patch) => body.calls.start(`update of ${of.table}`, () => change("update", patch)),
    remove: () => body.calls.start(`remove of ${of.table}`, () => change("remove", undefined)),
  };
  const instance = createInstance(of.code, values, { ctx: body.context, continuation });
  return instance;
}

export function createOf(table: string, input: RawInput): Write {
  return { kind: "create", table, input, onConflict: null };
}

function inputOf(write: Write): RawInput {
  return "input" in write ? write.input : {};
}

function sentOf({ write, sent }: RecordWrite): ReadonlySet<string> {
  return sent ?? new Set(write.kind === "increment" ? [write.field] : Object.keys(inputOf(write)));
}

/** The operation with what the override made of its input. An upsert has found its record, an increment its sum. */
function continued(write: Write, input: RawInput, id: Value): Write {
  switch (write.kind) {
    case "replace": return { ...write, input };
    case "update": return { ...write, input, merge: false };
    case "create": case "increment": return updateOf(write.table, id, input);
    case "remove": return write;
  }
}

function patchOf(body: Body, { write, dialect, mode }: RecordWrite, old: RecordValues): { [field: string]: unknown } {
  const table = body.table(write.table);
  if (write.kind === "increment") return { [write.field]: incremented(table, write.field, old, write.by) };
  return codeInput(body, { table, input: inputOf(write), dialect, mode, verb: "update", mergeInto: write.kind === "update" && write.merge ? old : null });
}
