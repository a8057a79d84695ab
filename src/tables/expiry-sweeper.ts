// Deletes records whose time has come, within limits.expiryLagMs, in entries of cause `expiry`. They were invisible from the instant on;
// this only makes room and tells subscribers. What a RESTRICT child keeps stays invisible, is counted, and is tried again later.
import { dateTimeOf, millisecondsOf } from "../base/date-time.ts";
import { AmbitError } from "../base/error.ts";
import type { Clock } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import type { SqlValue } from "../base/value.ts";
import { EXPIRES_COLUMN, quoted } from "../storage/column.ts";
import type { Connection } from "../storage/connection.ts";
import type { Session } from "./session.ts";
import type { TableModel, TableModels } from "./table-model.ts";

export interface SweeperOptions {
  readonly models: TableModels;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly reader: Connection;
  commit<Result>(work: (session: Session) => Result): Promise<Result>;
}

export interface Sweeper {
  start(): void;
  stop(): void;
  /** A record was committed that goes at `expires`. */
  expect(expires: string): void;
  /** Records that the last sweep found due and had to keep. */
  blocked(): number;
}

interface Page {
  readonly model: TableModel;
  readonly after: readonly [string, SqlValue];
}

const PAGE_ROWS = 500;
const BLOCKED_RETRY_MS = 60_000;
/** Timers of the platform do not go further than some weeks. */
const WAIT_MAX_MS = 3_600_000;

export function createSweeper(options: SweeperOptions): Sweeper {
  const { clock, limits } = options;
  const models = [...options.models.values()].filter((model) => model.expires);
  let blocked = 0;
  let cancel: (() => void) | null = null;
  let dueMs = Number.POSITIVE_INFINITY;
  let lastRunMs = Number.NEGATIVE_INFINITY;
  let state: "stopped" | "waiting" | "running" = "stopped";

  const wake = (atMs: number): void => {
    if (state !== "waiting" || atMs >= dueMs) return;
    cancel?.();
    dueMs = atMs;
    // Records that go one after the other share an entry, as far as the lag allows.
    const runMs = Math.max(atMs, lastRunMs + limits.expiryLagMs / 2);
    cancel = clock.schedule(Math.min(Math.max(runMs - clock.now(), 0), WAIT_MAX_MS), () => { void run(); });
  };
  const rest = (nextMs: number): void => {
    if (state !== "running") return;
    state = "waiting";
    wake(nextMs);
  };
  const run = async (): Promise<void> => {
    state = "running";
    dueMs = Number.POSITIVE_INFINITY;
    lastRunMs = clock.now();
    try {
      let kept = 0;
      for (const model of models) kept += await sweepTable(options, model, () => state !== "running");
      blocked = kept;
      rest(Math.min(nextDue(options.reader, models, lastRunMs), kept > 0 ? lastRunMs + BLOCKED_RETRY_MS : Number.POSITIVE_INFINITY));
    } catch {
      // The disk is full, or the writer is busy or gone: the records are invisible all the same.
      rest(lastRunMs + limits.expiryLagMs);
    }
  };
  return {
    start() {
      if (state !== "stopped" || models.length === 0) return;
      state = "waiting";
      wake(nextDue(options.reader, models, Number.NEGATIVE_INFINITY));
    },
    stop() {
      state = "stopped";
      cancel?.();
      cancel = null;
      dueMs = Number.POSITIVE_INFINITY;
    },
    expect: (expires) => wake(millisecondsOf(expires)),
    blocked: () => blocked,
  };
}

/** How many due records had to stay. */
async function sweepTable(options: SweeperOptions, model: TableModel, stopped: () => boolean): Promise<number> {
  let kept = 0;
  let page: Page | null = { model, after: ["", ""] };
  while (page !== null && !stopped()) {
    const current: Page = page;
    const swept: Swept = await options.commit((session) => sweepPage(session, current));
    kept += swept.kept;
    page = swept.next;
  }
  return kept;
}

interface Swept { readonly next: Page | null; readonly kept: number }

/** One page of due records, in the session's own entry. */
function sweepPage(session: Session, { model, after }: Page): Swept {
  const { table, codec } = model;
  const [expires, key] = [quoted(EXPIRES_COLUMN), quoted(table.primaryKey)];
  const rows = session.connection.query(
    `SELECT ${codec.columns} FROM ${quoted(table.sqlName)} WHERE ${expires} IS NOT NULL AND ${expires} <= ?1 AND (${expires}, ${key}) > (?2, ?3) ORDER BY ${expires}, ${key} LIMIT ?4`,
  ).values(session.now, after[0], after[1], PAGE_ROWS);
  let kept = 0;
  let last: Page | null = null;
  for (const columns of rows) {
    const row = codec.decode(columns);
    last = { model, after: [row.expires!, codec.key(row.values[table.primaryKey]!)] };
    if (!expireOne(session, model, columns)) kept++;
  }
  return { next: rows.length < PAGE_ROWS ? null : last, kept };
}

/** False: something still refers to it, or it takes too much with it. */
function expireOne(session: Session, model: TableModel, columns: readonly SqlValue[]): boolean {
  try {
    session.expire(model, columns);
    return true;
  } catch (error) {
    if (error instanceof AmbitError && (error.code === "REFERENCE_VIOLATION" || error.code === "CHECK_FAILED" || error.code === "TOO_MANY_ROWS" || error.code === "VALIDATION_FAILED")) return false;
    throw error;
  }
}

/** Milliseconds of the first expiry after `afterMs`. */
function nextDue(reader: Connection, models: readonly TableModel[], afterMs: number): number {
  const after = Number.isFinite(afterMs) ? dateTimeOf(afterMs) : "";
  let due = Number.POSITIVE_INFINITY;
  for (const { table } of models) {
    const expires = quoted(EXPIRES_COLUMN);
    const first = reader.query(`SELECT min(${expires}) FROM ${quoted(table.sqlName)} WHERE ${expires} IS NOT NULL AND ${expires} > ?1`).values(after)[0]?.[0] ?? null;
    if (first !== null) due = Math.min(due, millisecondsOf(first as string));
  }
  return due;
}
