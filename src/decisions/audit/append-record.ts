// One record of a run into the audit log, in the commit that ends it: a canonical record of ids, names, counts, times and commitments, its payloads
// beside it with a salt each, and the nodes that it completes in the tree.
import { createHash } from "node:crypto";
import type { Json } from "../../base/value.ts";
import type { Connection } from "../../storage/connection.ts";
import { auditSize, keepNode, keepParts, keepRecord, readNode } from "../../storage/decision-rows.ts";
import { assert } from "../../base/assert.ts";
import { canonicalJson } from "./canonical-json.ts";
import { appendedNodes, leafHash } from "./merkle-tree.ts";

export interface AuditDraft {
  readonly run: string;
  readonly timeMs: number;
  /** What the record says openly. */
  readonly facts: { readonly [name: string]: Json };
  /** What it commits to, by name: kept beside it, erasable. */
  readonly payloads: { readonly [name: string]: Json };
}

/** 32 random bytes for each payload. Answers the record's number. */
export function appendRecord(connection: Connection, { run, timeMs, facts, payloads }: AuditDraft, salt: () => Uint8Array): number {
  const parts = Object.entries(payloads).map(([name, payload]) => ({ name, salt: salt(), data: canonicalJson(payload) }));
  const commitments = Object.fromEntries(parts.map(({ name, salt: grains, data }) => [name, commitment(grains, data)]));
  keepParts(connection, run, parts);
  const record = canonicalJson({ v: 1, run, time: new Date(timeMs).toISOString(), ...facts, commitments });
  const number = auditSize(connection);
  keepRecord(connection, { number, run, timeMs, record });
  const nodes = appendedNodes(number, leafHash(Buffer.from(record)), (level, index) => nodeAt(connection, level, index));
  for (const { level, index, hash } of nodes) keepNode(connection, level, index, hash);
  return number;
}

/** SHA-256 over salt and bytes, hex. */
export function commitment(salt: Uint8Array, data: string): string {
  return createHash("sha256").update(salt).update(data).digest("hex");
}

export function nodeAt(connection: Connection, level: number, index: number): Uint8Array {
  const hash = readNode(connection, level, index);
  assert(hash !== null, `node ${level} ${index} of the audit tree is kept`);
  return hash;
}
