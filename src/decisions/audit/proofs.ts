// What proves of the audit log is told: the record of a run with its place in the tree, checkpoints with their key, and that one state of the
// log is the beginning of another. Reads O(log n) hashes, whatever the size of the log.
import { fault } from "../../base/error.ts";
import type { Json } from "../../base/value.ts";
import type { Connection } from "../../storage/connection.ts";
import { auditSize, recordsFrom } from "../../storage/decision-rows.ts";
import { nodeAt } from "./append-record.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { consistencyProof, inclusionProof, type Hash, type NodeAt } from "./merkle-tree.ts";

export interface ProofParts {
  readonly reader: Connection;
  readonly checkpoints: Pick<Checkpoints, "covering" | "verifiers">;
}

/** `whole`: with the record itself, which says more than the starter of a run is told. */
export async function receiptOf({ reader, checkpoints }: ProofParts, { run, leaf, whole }: { readonly run: string; readonly leaf: number; readonly whole: boolean }): Promise<Json> {
  const { size, note } = await checkpoints.covering(leaf);
  const [row] = recordsFrom(reader, leaf, 1);
  const hash = nodesOf(reader)(0, leaf);
  return {
    run, leaf, leafHash: base64(hash), ...(whole ? { record: row!.record } : {}),
    proof: inclusionProof(leaf, size, nodesOf(reader)).map(base64), size, checkpoint: note, verifiers: [...checkpoints.verifiers()],
  };
}

/** Null: there is no record yet. */
export async function newestCheckpoint({ reader, checkpoints }: ProofParts): Promise<Json | null> {
  const size = auditSize(reader);
  if (size === 0) return null;
  const { size: signed, note } = await checkpoints.covering(size - 1);
  return { size: signed, checkpoint: note, verifiers: [...checkpoints.verifiers()] };
}

/** Throws MALFORMED_QUERY for sizes that the log does not have. */
export function consistencyOf({ reader }: ProofParts, { from, to }: { readonly from: number; readonly to: number }): Json {
  const size = auditSize(reader);
  if (!(from > 0 && from <= to && to <= size)) throw fault("MALFORMED_QUERY", `A log of ${size} records is proved from a size of 1 on up to its own.`, { where: "from" });
  return { from, to, proof: consistencyProof(from, to, nodesOf(reader)).map(base64) };
}

function nodesOf(reader: Connection): NodeAt {
  return (level, index) => nodeAt(reader, level, index);
}

function base64(hash: Hash): string {
  return Buffer.from(hash).toString("base64");
}
