// Cancels a run and those that it has asked, the asked before who asks, in one commit: each either ends here or had ended before. Whatever such a
// run does afterwards meets the fence of its end.
import type { Json, RecordValues } from "../../base/value.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { Connection } from "../../storage/connection.ts";
import { readRun, stepsOf, treeOf, type DecisionRow } from "../../storage/decision-rows.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { readAdmission } from "./admission.ts";
import { callbackAdded } from "./callback.ts";
import { cancelled } from "./ending.ts";
import type { RunEnd } from "./run-tally.ts";
import { noFacts, storeRun } from "./store-run.ts";

/** ended: before it was to be cancelled. raced: it ended while this was under way. */
export interface CancelledNode { readonly run: string; readonly outcome: "cancelled" | "ended" | "raced"; readonly state: string }

export interface CancelParts {
  /** Null: the app has it no more. */
  decisionOf(name: string): CompiledDecision | null;
  /** Once it is durable. */
  ended(end: RunEnd): void;
}

/** One that has not ended, in a commit of the caller's. */
export function cancelRun(connection: Connection, row: DecisionRow, { core: { random, clock }, decision }: { readonly core: Pick<DispatchCore, "random" | "clock">; readonly decision: CompiledDecision | null }): RunEnd {
  const input: { readonly [name: string]: Json } = readAdmission(connection, row.id)?.input ?? {};
  const facts = { ...noFacts, steps: stepsOf(connection, row.id).length };
  return storeRun({ connection }, cancelled, null, { admitted: { ...row, key: null }, epoch: row.epoch, decision, input: input as RecordValues, facts, random, nowMs: clock.now() });
}

/** In the order in which they were cancelled; the run itself comes last. */
export async function cancelRuns(root: DecisionRow, core: DispatchCore, { decisionOf, ended }: CancelParts): Promise<readonly CancelledNode[]> {
  const ends: RunEnd[] = [];
  const before = new Map(treeOf(core.storage.reader, root).map((row) => [row.id, row]));
  const cancel = (connection: Connection): CancelledNode[] => treeOf(connection, readRun(connection, root.id) ?? root).map((row): CancelledNode => {
    const known = before.get(row.id);
    if (row.endedMs !== null) return { run: row.id, outcome: known === undefined || known.endedMs !== null ? "ended" : "raced", state: row.state };
    ends.push(cancelRun(connection, row, { core, decision: decisionOf(row.name) }));
    return { run: row.id, outcome: "cancelled", state: cancelled.state };
  });
  const nodes = await core.storage.commit((connection) => {
    ends.length = 0;
    return cancel(connection);
  });
  ends.forEach(ended);
  for (const { run, outcome } of nodes) {
    const row = outcome === "cancelled" ? readRun(core.storage.reader, run) : null;
    if (row !== null) callbackAdded({ ...row, key: null }, core);
  }
  return nodes;
}
