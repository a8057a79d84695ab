// Takes the payloads of a run away, and those of the runs that it has asked and of its shadow: what was asked, read, said, answered and remembered. Their
// records and the tree of the audit log stay, and verify; that it was done is a record, too. Who may is decided elsewhere.
import { fault, toProblem } from "../../base/error.ts";
import type { Random } from "../../base/random.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { erasedAnswer } from "../../resources/forgettable.ts";
import type { Connection } from "../../storage/connection.ts";
import { eraseRun, readRun, treeOf } from "../../storage/decision-rows.ts";
import { eraseAnswersNaming } from "../../storage/forget-rows.ts";
import { forgetMemories } from "../../storage/memory-rows.ts";
import { appendRecord } from "../audit/append-record.ts";

export interface Erasing { readonly timeMs: number; readonly random: Random }

/** In a commit. The ids of what was erased, the run itself last; null: there is no such run, or one of them has not ended. */
export function eraseRuns(connection: Connection, id: string, { timeMs, random }: Erasing): readonly string[] | null {
  const root = readRun(connection, id);
  const rows = root === null ? [] : treeOf(connection, root);
  if (rows.length === 0 || rows.some(({ endedMs }) => endedMs === null)) return null;
  const gone = fault("DECISION_ERASED", "What the run was about has been erased.");
  for (const row of rows) {
    eraseRun(connection, row.id, { status: gone.status, answer: JSON.stringify(toProblem(gone, row.id)) });
    appendRecord(connection, { run: row.id, timeMs, facts: { kind: "erasure", decision: row.name }, payloads: {} }, random);
  }
  const runs = rows.map((row) => row.id);
  forgetMemories(connection, { tenant: undefined, abouts: [], runs });
  // What those were answered who have approved.
  eraseAnswersNaming(connection, runs, erasedAnswer());
  return runs;
}

/** As one commit. Throws NOT_FOUND, CONFLICT. */
export async function eraseNow({ storage, clock, random }: Pick<DispatchCore, "storage" | "clock" | "random">, id: string): Promise<readonly string[]> {
  if (readRun(storage.reader, id) === null) throw fault("NOT_FOUND", "There is no such run of a decision.");
  const erased = await storage.commit((connection) => eraseRuns(connection, id, { timeMs: clock.now(), random }));
  if (erased === null) throw fault("CONFLICT", "The run, or one that it has asked, has not ended.");
  return erased;
}
