// Runs of decisions as tests of an app look at them: how each ended, with the names that nobody else is told, what the model did and what was applied.
import type { Json } from "../base/value.ts";
import type { Connection } from "../storage/connection.ts";
import { readPayloads, recordsFrom, runsOf, type DecisionRow } from "../storage/decision-rows.ts";

export interface TestDecision {
  readonly run: string;
  readonly decision: string;
  readonly state: string;
  readonly source: string | null;
  /** As it is: `bound:cap`, not `bounded`. */
  readonly reason: string | null;
  readonly taint: "UNTRUSTED" | null;
  /** The run that has asked it, or that it stands beside. */
  readonly parent: string | null;
  readonly tells: readonly string[];
  readonly input: Json;
  /** Null: it has none. */
  readonly output: Json;
  /** That were applied; of a run beside a SHADOW, that would have been. */
  readonly effects: readonly { readonly operation: string; readonly id: Json; readonly args: Json; readonly before: Json; readonly after: Json }[];
  /** Of the model, `answer` too, with what each came to. Arguments that are no JSON are text. */
  readonly calls: readonly { readonly name: string; readonly arguments: Json; readonly result: Json }[];
  /** Requests to the model. */
  readonly steps: number;
  readonly repairs: number;
  /** Bounds by name. */
  readonly clamped: readonly string[];
  readonly noted: readonly string[];
  /** All that the model has seen, as text. */
  readonly seen: string;
  /** Of a run beside a SHADOW. */
  readonly agrees: boolean | null;
}

interface Turn {
  readonly messages: readonly { readonly role: string; readonly results?: readonly { readonly id: string; readonly json: string }[] }[];
  readonly tools?: Json;
  readonly answer: { readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[] };
}

interface Record { readonly steps: number; readonly repairs: number; readonly clamped: readonly string[]; readonly noted: readonly string[] }

/** More than a test makes. */
const RUNS_MAX = 100_000;

/** In the order in which they ended; `name` null: all. */
export function endedDecisions(reader: Connection, name: string | null): TestDecision[] {
  const ended = runsOf(reader, { name, beforeMs: null, limit: RUNS_MAX }).filter(({ leaf }) => leaf !== null);
  return ended.sort((one, other) => one.leaf! - other.leaf!).map((row) => told(reader, row));
}

function told(reader: Connection, row: DecisionRow): TestDecision {
  const parts = new Map(Object.entries(JSON.parse(readPayloads(reader, row.leaf!)?.payloads ?? "{}") as { readonly [name: string]: Json }));
  const { steps, repairs, clamped, noted } = JSON.parse(recordsFrom(reader, row.leaf!, 1)[0]!.record) as Record;
  const transcript = (parts.get("transcript") ?? []) as unknown as readonly Turn[];
  const comparison = parts.get("comparison") as { readonly agrees: boolean } | undefined;
  return {
    run: row.id, decision: row.name, state: row.state, source: row.source, reason: row.reason, taint: row.isUntrusted ? "UNTRUSTED" : null, parent: row.parent,
    tells: JSON.parse(row.tells ?? "[]") as string[], input: parts.get("input") ?? null, output: parts.get("output") ?? null,
    effects: (parts.get("effects") ?? []) as unknown as TestDecision["effects"], calls: callsOf(transcript), steps, repairs, clamped, noted,
    seen: JSON.stringify(transcript.map(({ messages, tools }) => ({ messages, tools }))), agrees: comparison?.agrees ?? null,
  };
}

function callsOf(transcript: readonly Turn[]): TestDecision["calls"] {
  return transcript.flatMap(({ answer: { calls } }, index) => {
    const last = transcript[index + 1]?.messages.at(-1);
    return calls.map(({ id, name, arguments: text }) => {
      const json = last?.results?.find((result) => result.id === id)?.json;
      return { name, arguments: read(text), result: json === undefined ? null : read(json) };
    });
  });
}

function read(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
