// What a run needs to go on elsewhere after a crash: its input and what it has read. Kept with the run, dropped with its end, when the record has both.
import { assert } from "../../base/assert.ts";
import type { Json, RecordValues, Value } from "../../base/value.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import type { Connection } from "../../storage/connection.ts";
import { dropProposal, readAdmitted } from "../../storage/decision-rows.ts";
import type { Question, Recorded } from "../context/gather.ts";

export interface Admission extends Recorded {
  /** As over the wire. */
  readonly input: { readonly [name: string]: Json };
  readonly isFromUntrusted: boolean;
  /** Of the caller; absent: 0. */
  readonly depth?: number;
  /** It was to be approved, and does not stand any more: it is reasoned anew. Absent: it was not. */
  readonly anew?: Anew;
}

export interface Anew {
  readonly read: Recorded;
  /** Steps that it had taken before. */
  readonly steps: number;
  readonly beganMs: number;
  /** Until then people may be asked. */
  readonly dueMs: number;
}

export interface Admitting { readonly question: Question; readonly own: Value | undefined; readonly read: Recorded }

export function admissionOf({ question, own, read }: Admitting): string {
  const { decision: { declaration: { callable }, catalog }, isFromUntrusted = false, caller: { depth = 0 } } = question;
  const input: Record<string, Json> = wireInput(question.input, question);
  if (own !== undefined) input["own"] = toWireValue(own, callable.result, catalog);
  const admission: Admission = { ...read, input, isFromUntrusted, ...(depth === 0 ? {} : { depth }) };
  return JSON.stringify(admission);
}

/** Keeps that it is reasoned anew, and nothing of what was proposed. */
export function keepAnew(connection: Connection, run: string, anew: Anew): void {
  const admission = readAdmission(connection, run);
  assert(admission !== null, "a run that has not ended has its admission");
  dropProposal(connection, run, JSON.stringify({ ...admission, anew }));
}

/** Null: it was admitted with its end, or has ended. */
export function readAdmission(connection: Connection, run: string): Admission | null {
  const kept = readAdmitted(connection, run);
  return kept === null ? null : JSON.parse(kept) as Admission;
}

function wireInput(input: RecordValues, { decision: { declaration: { callable }, catalog } }: Question): Record<string, Json> {
  return Object.fromEntries([...callable.arguments].flatMap(([name, { type }]) => {
    const value = input[name];
    return value === undefined ? [] : [[name, toWireValue(value, type, catalog)]];
  }));
}
