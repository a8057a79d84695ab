// Who has looked into a run goes into the audit log as well: a record of its own, whose name of the person is a payload of that run.
import type { Random } from "../../base/random.ts";
import type { Connection } from "../../storage/connection.ts";
import { recordsOfRun } from "../../storage/decision-rows.ts";
import { appendRecord } from "./append-record.ts";

export interface Look {
  readonly run: string;
  readonly decision: string;
  /** What was looked at: `trace`. */
  readonly at: string;
  /** Who it was. */
  readonly principal: string;
  readonly timeMs: number;
}

/** In a commit. */
export function recordLook(connection: Connection, { run, decision, at, principal, timeMs }: Look, random: Random): void {
  // Payloads of a run have names of their own.
  const name = `look ${recordsOfRun(connection, run).length}`;
  appendRecord(connection, { run, timeMs, facts: { kind: "look", decision, at }, payloads: { [name]: principal } }, random);
}
