// One record of a run into the audit log, in the commit that ends it: a canonical record of ids, names, counts, times and commitments, its payloads
// beside it with a salt each, and the nodes that it completes in the tree.
import type { Json } from "../../base/value.ts";
import type { Random } from "../../base/random.ts";
import type { Connection } from "../../storage/connection.ts";
import { auditSize, keepNodes, keepRecord, readNode } from "../../storage/decision-rows.ts";
import { assert } from "../../base/assert.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import { appendedNodes, leafHash } from "./merkle-tree.ts";
import { committed } from "./payloads.ts";

export interface AuditDraft {
  readonly run: string;
  readonly timeMs: number;
  /** What the record says openly. */
  readonly facts: { readonly [name: string]: Json };
  /** What it commits to, by name: kept beside it, erasable. */
  readonly payloads: { readonly [name: string]: Json };
}

/** Answers the record's number. */
export function appendRecord(connection: Connection, { run, timeMs, facts, payloads }: AuditDraft, random: Random): number {
  const { commitments, kept } = committed(payloads, random);
  const record = canonicalJson({ v: 1, run, time: new Date(timeMs).toISOString(), ...facts, commitments });
  const number = auditSize(connection);
  keepRecord(connection, { number, run, timeMs, record }, kept);
  keepNodes(connection, appendedNodes(number, leafHash(Buffer.from(record)), (level, index) => nodeAt(connection, level, index)));
  return number;
}

export function nodeAt(connection: Connection, level: number, index: number): Uint8Array {
  const hash = readNode(connection, level, index);
  assert(hash !== null, `node ${level} ${index} of the audit tree is kept`);
  return hash;
}
