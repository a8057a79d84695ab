// What an inclusion proof costs in a log of many leaves: its nodes are rows, as in a data file.
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { nodeAt } from "../../src/decisions/audit/append-record.ts";
import { appendedNodes, inclusionProof, isIncluded, leafHash, rootOf } from "../../src/decisions/audit/merkle-tree.ts";
import { connect } from "../../src/storage/connection.ts";
import { decisionDdl, keepNodes } from "../../src/storage/decision-rows.ts";

const PROOFS = 2_000;

/** Milliseconds of one proof, median and 99th of a hundred. */
export function measureProofs(work: string, leaves: number): { readonly medianMs: number; readonly p99Ms: number } {
  const database = new Database(join(work, "proofs.db"), { create: true });
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
  const connection = connect(database, 100);
  for (const statement of decisionDdl) if (statement.includes("$audit_node")) connection.execute(statement);
  const leafOf = (number: number): Uint8Array => leafHash(Buffer.from(String(number)));
  connection.execute("BEGIN");
  // Only left siblings that are still needed are kept in memory.
  const frontier = new Map<string, Uint8Array>();
  for (let number = 0; number < leaves; number++) {
    const nodes = appendedNodes(number, leafOf(number), (level, index) => frontier.get(`${level} ${index}`)!);
    keepNodes(connection, nodes);
    for (const { level, index, hash } of nodes) {
      frontier.set(`${level} ${index}`, hash);
      if (index % 2 === 1) for (const one of [index, index - 1]) frontier.delete(`${level} ${one}`);
    }
  }
  connection.execute("COMMIT");
  const at = (level: number, index: number): Uint8Array => nodeAt(connection, level, index);
  const root = rootOf(leaves, at);
  const times = Array.from({ length: PROOFS }, () => {
    const index = Math.floor(Math.random() * leaves);
    const startedMs = performance.now();
    const proof = inclusionProof(index, leaves, at);
    const tookMs = performance.now() - startedMs;
    if (!isIncluded(leafOf(index), { index, size: leaves }, proof, root)) throw new Error(`leaf ${index} is not proved`);
    return tookMs;
  }).toSorted((left, right) => left - right);
  connection.close();
  return { medianMs: times[PROOFS / 2]!, p99Ms: times[Math.floor(PROOFS * 0.99)]! };
}
