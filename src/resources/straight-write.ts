// A write as the runtime itself does it, without the class's overrides; and how code sees what came of it.
import { AmbitError } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { RawInput, Write, WriteOptions, WriteOutcome } from "../tables/write.ts";
import type { Body, Mode } from "./body.ts";
import { heldFields } from "./code-input.ts";
import { ownFiles } from "./kept-input.ts";
import { sourcesOf } from "./source-port.ts";

export interface RecordWrite {
  readonly write: Write;
  readonly dialect: WriteOptions["dialect"];
  readonly mode: Mode;
  /** Fields held to the caller's field rules; null: all of the input. */
  readonly sent: ReadonlySet<string> | null;
}

/** Refusals of what code did outside of the caller's rules are noted: they may name what the caller must not hear of. */
export async function straightWrite(body: Body, { write, dialect, mode, sent }: RecordWrite): Promise<WriteOutcome> {
  try {
    if (body.table(write.table).source !== undefined) return await sourcesOf(body.core).write(body, { write, dialect, mode, sent });
    const own = ownFiles(body, write);
    return await body.work.write(own === null ? write : await own, { dialect, authority: body.rights(mode).authority, sent });
  } catch (error) {
    if (mode === "system" && error instanceof AmbitError) body.caller.systemRefusals.set(error, write.table);
    throw error;
  }
}

/** What code hands in: its own fields are held to the caller's rules, but for those that only code sets. */
export function ownWrite(body: Body, write: Write, mode: Mode): RecordWrite {
  const input = "input" in write ? write.input : write.kind === "increment" ? { [write.field]: write.by } : null;
  const sent = input === null ? null : heldFields(body.table(write.table), input);
  return { write, dialect: "code", mode, sent };
}

export function updateOf(table: string, id: Value, input: RawInput): Write {
  return { kind: "update", table, id, input, merge: false, precondition: null };
}

export function removeOf(table: string, id: Value): Write {
  return { kind: "remove", table, id, precondition: null };
}

/** The record as code sees it after a write; only its key where the caller may not read it. */
export function shownAfter(body: Body, outcome: WriteOutcome, mode: Mode): RecordValues | null {
  if (outcome.record === null) return null;
  return body.show(outcome.table, { values: outcome.record }, mode) ?? { [body.table(outcome.table).primaryKey]: outcome.id };
}
