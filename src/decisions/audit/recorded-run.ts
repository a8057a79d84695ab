// What is kept of a run that has ended: its record in the audit log, and those payloads that are what the record has committed to.
import type { Json } from "../../base/value.ts";
import type { Connection } from "../../storage/connection.ts";
import { recordsFrom, type DecisionRow } from "../../storage/decision-rows.ts";
import { payloadsOf, type Members } from "./payloads.ts";

export interface RecordedRun {
  readonly row: DecisionRow;
  readonly record: Members;
  /** By name. */
  readonly payloads: Members;
  /** Names of payloads that are other ones than the record says. */
  readonly changed: readonly string[];
  /** Names of payloads that are gone. */
  readonly erased: readonly string[];
}

/** Null: it has not ended. */
export function recordedRun(connection: Connection, row: DecisionRow): RecordedRun | null {
  if (row.leaf === null) return null;
  const record = JSON.parse(recordsFrom(connection, row.leaf, 1)[0]!.record) as Members;
  const stored = payloadsOf(connection, row.leaf, record);
  const payloads: Members = Object.fromEntries([...stored].flatMap(([name, { data, isCommitted }]) => (isCommitted ? [[name, JSON.parse(data) as Json]] : [])));
  const gone = Object.keys(record["commitments"] as Members).filter((name) => !(name in payloads));
  const changed = gone.filter((name) => stored.has(name));
  return { row, record, payloads, changed, erased: gone.filter((name) => !changed.includes(name)) };
}
