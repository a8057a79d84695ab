// One effect as a write of the body that commits the decision: through the app's overrides, under the rights that its declaration says, with
// constraints and checks as for every write.
import { fault } from "../../base/error.ts";
import type { Json, RecordValues, Value } from "../../base/value.ts";
import { coerceValue, noLimits, type Issue } from "../../schema/coerce-value.ts";
import type { Table } from "../../schema/catalog.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import type { Body, Caller, Mode } from "../../resources/body.ts";
import { preparedCall } from "../../resources/callables.ts";
import { writeRecord } from "../../resources/record-write.ts";
import { ownWrite } from "../../resources/straight-write.ts";
import { invalid } from "../../tables/input-issue.ts";
import type { Write } from "../../tables/write.ts";
import type { CompiledEffect } from "../policy/compiled-decision.ts";

export interface EffectWrite {
  readonly effect: CompiledEffect;
  /** By field or argument; `id` of the record, where one is meant. */
  readonly args: Readonly<Record<string, Value>>;
  /** caller: under the rules of whoever `body` acts for. system: the author's. */
  readonly mode: Mode;
}

/** For the record: what was attempted, and the record before and after. */
export interface AppliedEffect {
  readonly operation: string;
  readonly id: Json;
  readonly args: Json;
  readonly before: Json;
  readonly after: Json;
}

/** Throws what the write refuses. */
export async function applyEffect(body: Body, { effect, args, mode }: EffectWrite): Promise<AppliedEffect> {
  const { table, verb, action } = effect;
  const operation = `${table.name}.${verb}`;
  const shown = shownArguments(args);
  if (action !== null) return applyAction(body, { effect, args, mode, operation, shown });
  const id = verb === "create" ? null : keyOf(table, args["id"] ?? null, body);
  const before = id === null ? null : body.work.get(table.name, id)?.values ?? null;
  const { outcome } = await writeRecord(body, ownWrite(body, writeOf({ table, verb, args, id }, body), mode));
  const after = outcome?.record ?? null;
  return { operation, id: wire(outcome?.id ?? id), args: shown, before: recordJson(before, table, body), after: recordJson(after, table, body) };
}

interface Target { readonly table: Table; readonly verb: string; readonly args: EffectWrite["args"]; readonly id: Value }

function writeOf({ table, verb, args, id }: Target, body: Body): Write {
  const { id: _, ...rest } = args;
  switch (verb) {
    case "create": return { kind: "create", table: table.name, input: (table.primaryKey === "id" ? args : rest) as RecordValues, onConflict: null };
    case "update": return { kind: "update", table: table.name, id, input: rest, merge: false, precondition: null };
    case "delete": return { kind: "remove", table: table.name, id, precondition: null };
    case "increment": return { kind: "increment", table: table.name, id, field: fieldOf(table, args["field"] ?? null, body), by: args["by"] as number };
    default: throw fault("VALIDATION_FAILED", `${table.name} has no ${verb}.`);
  }
}

function fieldOf(table: Table, name: Value, body: Body): string {
  if (typeof name === "string" && body.core.catalog.tables.get(table.name)!.fields.has(name)) return name;
  throw fault("VALIDATION_FAILED", `${table.name} has no such field.`);
}

async function applyAction(body: Body, { effect, args, mode, operation, shown }: EffectWrite & { readonly operation: string; readonly shown: Json }): Promise<AppliedEffect> {
  const { table, action } = effect;
  const { id = null, ...input } = args;
  const key = action!.on === "RECORD" ? keyOf(table, id, body) : null;
  const caller: Caller = mode === "system" ? { ...body.caller, rights: body.caller.system } : body.caller;
  const before = key === null ? null : body.work.get(table.name, key)?.values ?? null;
  const wireInput = Object.fromEntries(Object.entries(input).map(([name, value]) => [name, toWireValue(value, action!.arguments.get(name)!.type, body.core.catalog)]));
  await preparedCall(body.core, { kind: "action", table: table.name, id: key, name: action!.name, input: wireInput }, caller).run(body.as(caller));
  const after = key === null ? null : body.work.get(table.name, key)?.values ?? null;
  return { operation, id: wire(key), args: shown, before: recordJson(before, table, body), after: recordJson(after, table, body) };
}

function keyOf(table: Table, id: Value, body: Body): Value {
  const { catalog, limits } = body.core;
  const { type, name } = table.fields.get(table.primaryKey)!;
  const issues: Issue[] = [];
  const key = coerceValue(id, { type: { ...type, required: true }, limits: noLimits }, { catalog, dialect: "code", path: name, limits }, issues);
  if (key === undefined) throw invalid(issues);
  return key;
}

function recordJson(values: RecordValues | null, table: Table, body: Body): Json {
  if (values === null) return null;
  return Object.fromEntries([...table.fields.values()].filter(({ kind }) => kind === "stored").map((field) => [field.name, toWireValue(values[field.name], field.type, body.core.catalog)]));
}

export function shownArguments(args: EffectWrite["args"]): { readonly [name: string]: Json } {
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, wire(value)]));
}

function wire(value: Value): Json {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return (value as readonly Value[]).map(wire);
  if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, wire(item)]));
  return value as Json;
}
