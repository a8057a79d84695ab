// The audit log as lines that anybody can keep elsewhere: each record with its number and the hash of its leaf, then the checkpoints and who signed
// them. Held against the data later, they tell the first record that is another one.
import type { Json } from "../../base/value.ts";
import type { Connection } from "../../storage/connection.ts";
import { auditKeys, checkpointsFrom, readNode, recordsFrom } from "../../storage/decision-rows.ts";

const PAGE = 1_000;

export interface Exported { readonly records: number; readonly checkpoints: number }

/** `from`: the number of the first record. `line`: told each, without its end. */
export function exportLog(connection: Connection, from: number, line: (text: string) => void): Exported {
  let records = 0;
  for (let next = from; ;) {
    const page = recordsFrom(connection, next, PAGE);
    for (const { number, record } of page) line(JSON.stringify({ number, leaf: Buffer.from(readNode(connection, 0, number) ?? []).toString("base64"), record }));
    records += page.length;
    if (page.length < PAGE) break;
    next = page.at(-1)!.number + 1;
  }
  line(JSON.stringify({ verifiers: auditKeys(connection).map(({ verifier }) => verifier) }));
  let checkpoints = 0;
  for (let size = from; ;) {
    const page = checkpointsFrom(connection, size, PAGE);
    for (const { note } of page) line(JSON.stringify({ checkpoint: note }));
    checkpoints += page.length;
    if (page.length < PAGE) break;
    size = page.at(-1)!.size + 1;
  }
  return { records, checkpoints };
}

export interface KeptLeaf { readonly number: number; /** Base64. */ readonly leaf: string }

/** The leaves among such lines, in order. Null: a line is none of an export. */
export function* leavesIn(lines: Iterable<string>): Generator<KeptLeaf | null> {
  for (const text of lines) {
    const line = parsed(text);
    if (line === null) yield null;
    else if (typeof line["number"] === "number" && typeof line["leaf"] === "string") yield { number: line["number"], leaf: line["leaf"] };
  }
}

function parsed(text: string): { readonly [name: string]: Json } | null {
  try {
    const line = JSON.parse(text) as Json;
    return typeof line === "object" && line !== null && !Array.isArray(line) ? line : null;
  } catch {
    return null;
  }
}
