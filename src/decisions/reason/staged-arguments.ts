// The arguments of an effect as a model supplies them: the declared fields and no others, with an id where the effect makes a record; and what is known of
// the others before there is an answer. Pure.
import type { RecordValues, Value } from "../../base/value.ts";
import { someIn } from "../../expression/inspect.ts";
import type { Expression } from "../../expression/expression.ts";
import { valueOf, type Judging } from "../bounds/judge.ts";
import type { InputField } from "../../schema/catalog.ts";
import type { CompiledWrite } from "../policy/compiled-decision.ts";
import { argument, readFields, type ArgumentReader } from "./read-arguments.ts";

/** Undefined: they are not of the declared types. */
export function stagedArguments({ declaration, members, table, verb }: CompiledWrite, text: string, reader: ArgumentReader, newId: () => string): RecordValues | undefined {
  const supplied = new Map([...suppliedMembers({ declaration, members })].map(([name, { type, limits }]) => [name, { ...argument(name, verb === "update" && name !== "id" ? { ...type, required: false } : type), limits }]));
  const args = readFields(text, supplied, reader);
  if (args === undefined) return undefined;
  const isNew = verb === "create" && !declaration.set.has(table.primaryKey) && args[table.primaryKey] === undefined && ["ID", "String"].includes(table.fields.get(table.primaryKey)!.type.name);
  return isNew ? { ...args, [table.primaryKey]: newId() } : args;
}

/** The only ones that a model supplies. */
export function suppliedMembers({ declaration, members }: Pick<CompiledWrite, "declaration" | "members">): ReadonlyMap<string, InputField> {
  return new Map(declaration.fields.flatMap((name) => {
    const member = members.get(name);
    return member === undefined ? [] : [[name, member] as const];
  }));
}

/** By what the model was told of it. Undefined: it was not staged. */
export function stagedAgain(write: CompiledWrite, { arguments: text, json }: { readonly arguments: string; readonly json: string }, reader: ArgumentReader): RecordValues | undefined {
  const told = JSON.parse(json) as { readonly staged?: string | number } | null;
  return told?.staged === undefined ? undefined : stagedArguments(write, text, reader, () => String(told.staged));
}

/** What an effect is called with, as far as it is known when it is staged. */
export interface KnownArguments {
  readonly args: RecordValues;
  /** Null: the record is not known yet, or there is none before. */
  readonly id: Value;
  /** Whether what an expression looks at is all known; else it is judged when there is an answer. */
  isJudged(expression: Expression): boolean;
}

/** There from PROPOSED on. */
const OF_ANSWER: readonly string[] = ["out", "effects", "mem", "negotiation", "run"];

/** With that of `set` which does not wait for the answer. */
export function knownArguments({ set, table }: CompiledWrite, supplied: RecordValues, judging: Omit<Judging, "bounds">): KnownArguments {
  const args: Record<string, Value> = { ...supplied };
  const later = new Set<string>();
  for (const [name, expression] of set) {
    const value = readsAnswer(expression) ? undefined : valueOf(expression, judging);
    if (value === undefined) later.add(name);
    else args[name] = value;
  }
  const isOpen = (root: string, [first]: readonly string[]): boolean => (root === "args" && (first === undefined ? later.size > 0 : later.has(first))) || (root === "row" && (later.has("id") || later.has(table.primaryKey)));
  return {
    args, id: args["id"] ?? args[table.primaryKey] ?? null,
    isJudged: (expression) => !readsAnswer(expression) && !someIn(expression, (part) => part.op === "variable" && isOpen(part.root, part.path)),
  };
}

function readsAnswer(expression: Expression): boolean {
  return someIn(expression, (part) => part.op === "variable" && OF_ANSWER.includes(part.root));
}
