// Where on the log a moment lies that a query asks about, and whether what it asks about is still known then.
import { dateTimeOf, millisecondsOf } from "../base/date-time.ts";
import { fault } from "../base/error.ts";
import type { Clock } from "../base/clock.ts";
import { logHead } from "../changes/log.ts";
import { readPosition } from "../changes/wire-position.ts";
import type { Environment } from "../expression/expression.ts";
import { asOfRoot, tablesAsked } from "../query/as-of.ts";
import type { AsOf, Plan } from "../query/plan.ts";
import { tableLabel } from "../query/resolution.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import type { Connection } from "../storage/connection.ts";
import { readEpoch } from "../storage/epoch.ts";
import { readHistoryStart, type HistoryStart } from "../storage/history-tables.ts";
import { positionAt, timeAt } from "../storage/moments.ts";

export interface AsOfParts { readonly catalog: Catalog; readonly reader: Connection; readonly clock: Clock }

/** The environment in which a plan about an earlier moment runs. Throws HISTORY_GONE, MALFORMED_QUERY. */
export function asOfEnvironment(parts: AsOfParts, plan: Plan, asof: AsOf, environment: Environment): Environment {
  const { rows, now, source, variables } = environment;
  const known = [...tablesAsked(plan, parts.catalog)].map((name) => startOf(parts, parts.catalog.tables.get(name)!));
  const moment = asof.kind === "time" ? byTime(parts, asof.time, known) : byPosition(parts, asof.position, known);
  return { rows, now, source, variables: { ...variables, [asOfRoot]: moment } };
}

interface Start { readonly table: Table; readonly start: HistoryStart }

interface Moment { readonly [name: string]: number | string; readonly position: number; readonly time: string }

function startOf({ reader }: AsOfParts, table: Table): Start {
  return { table, start: readHistoryStart(reader, table.sqlName) ?? { position: Number.MAX_SAFE_INTEGER, time: "9999-12-31T23:59:59.999Z" } };
}

function byTime({ reader, clock }: AsOfParts, time: string, known: readonly Start[]): Moment {
  const nowMs = clock.now();
  if (time > dateTimeOf(nowMs)) throw fault("MALFORMED_QUERY", "asof lies in the future.", { where: "asof", fix: "Leave it out to read what is there now." });
  for (const { table, start } of known) {
    const oldest = dateTimeOf(nowMs - (table.historyMs ?? 0));
    const since = start.time > oldest ? start.time : oldest;
    if (time < since) throw gone(table, since);
  }
  const position = positionAt(reader, time, logHead(reader));
  return { time, position: Math.max(position, ...known.map(({ start }) => start.position)) };
}

function byPosition({ reader }: AsOfParts, text: string, known: readonly Start[]): Moment {
  const found = readPosition(text);
  if (found === null) throw fault("MALFORMED_QUERY", "That is no position.", { where: "asof", fix: "Take it from the history of a record." });
  if (found.epoch !== readEpoch(reader)) throw fault("HISTORY_GONE", "The position belongs to data that has been restored from a backup since.", { where: "asof", fix: "Ask by time." });
  const { position } = found;
  if (position > logHead(reader)) throw fault("MALFORMED_QUERY", "Nothing has been written at that position yet.", { where: "asof", fix: "Take it from the history of a record." });
  for (const { table, start } of known) if (position < start.position) throw gone(table, start.time);
  return { position, time: timeAt(reader, position) ?? dateTimeOf(0) };
}

/** `millisecondsOf` keeps the time canonical whatever stood in the file. */
function gone(table: Table, since: string): Error {
  const time = dateTimeOf(millisecondsOf(since));
  return fault("HISTORY_GONE", `The history of ${tableLabel(table)} begins at ${time}.`, { where: "asof", details: { since: time }, fix: `Ask for ${time} or later.` });
}
