// The arguments of an effect as a model supplies them: the declared fields and no others, with an id where the effect makes a record. Pure.
import type { RecordValues } from "../../base/value.ts";
import type { CompiledWrite } from "../policy/compiled-decision.ts";
import { argument, readFields, type ArgumentReader } from "./read-arguments.ts";

/** Undefined: they are not of the declared types. */
export function stagedArguments({ declaration, table, action, verb }: CompiledWrite, text: string, reader: ArgumentReader, newId: () => string): RecordValues | undefined {
  const members = action === null ? table.fields : action.arguments;
  const supplied = new Map(declaration.fields.flatMap((name) => {
    const member = members.get(name);
    return member === undefined ? [] : [[name, { ...argument(name, verb === "create" || action !== null ? member.type : { ...member.type, required: false }), limits: member.limits }] as const];
  }));
  const args = readFields(text, supplied, reader);
  if (args === undefined) return undefined;
  const isNew = verb === "create" && !declaration.set.has(table.primaryKey) && args[table.primaryKey] === undefined && ["ID", "String"].includes(table.fields.get(table.primaryKey)!.type.name);
  return isNew ? { ...args, [table.primaryKey]: newId() } : args;
}

/** By what the model was told of it. Undefined: it was not staged. */
export function stagedAgain(write: CompiledWrite, { arguments: text, json }: { readonly arguments: string; readonly json: string }, reader: ArgumentReader): RecordValues | undefined {
  const told = JSON.parse(json) as { readonly staged?: string | number } | null;
  return told?.staged === undefined ? undefined : stagedArguments(write, text, reader, () => String(told.staged));
}
