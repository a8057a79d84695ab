// Removes files that no record refers to, once their time of grace is over, and contents that no file has. What refers to a file is looked
// for where it belongs: the record, and its former versions. Nothing is counted, so nothing can be counted wrong.
import { dateTimeOf } from "../base/date-time.ts";
import type { Clock } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import { describeError, type Log } from "../base/log.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import { fileUrl } from "../schema/file-url.ts";
import { quoted } from "../storage/column.ts";
import type { Connection } from "../storage/connection.ts";
import { type FileRow, condemnFile, countAllPending, deleteFile, filesDue, isContentUsed, keepFile, releaseFile } from "../storage/file-rows.ts";
import type { ContentFolder } from "../storage/file-content.ts";
import type { FileStore } from "../storage/file-store.ts";
import { historyTable, keepsFormer } from "../storage/history-tables.ts";
import type { Storage } from "../storage/open-storage.ts";
import { fileFields } from "./record-files.ts";

export interface FileSweeperOptions {
  readonly storage: Storage;
  readonly store: FileStore;
  readonly clock: Clock;
  readonly log: Log;
  /** What is served now. */
  readonly catalog: () => Catalog;
  readonly limits: () => Limits;
}

export interface FileSweeper {
  /** From now on, once in a while. */
  start(): void;
  /** All that is due, once. */
  sweep(): Promise<void>;
  stop(): void;
  stats(): { readonly pending: number; readonly removedTotal: number };
}

const EVERY_MS = 60_000;
const FIRST_MS = 1_000;
/** A content of which nobody knows has been there for so long before it is taken for lost. */
const UNKNOWN_MS = 3_600_000;
/** Of one commit. */
const PAGE_ROWS = 200;
/** A file in a former version only is looked at again after so long. */
const FORMER_MS = 86_400_000;

export function createFileSweeper(options: FileSweeperOptions): FileSweeper {
  const { clock, log, storage, store, limits } = options;
  const life = { stopped: false, removed: 0 };
  const removeContent = async (hash: string): Promise<void> => {
    if (await store.removeUnused(hash, () => isContentUsed(storage.reader, hash))) life.removed++;
  };
  const sweepFiles = async (): Promise<void> => {
    // Mostly there is nothing to do, which costs no commit.
    for (let full = filesDue(storage.reader, dateTimeOf(clock.now()), 1).length > 0; full && !life.stopped;) {
      const page = await storage.commit((connection) => condemnPage(connection, options));
      for (const hash of new Set(page.condemned.map((row) => row.hash))) await removeContent(hash);
      if (page.condemned.length > 0) await storage.commit((connection) => { for (const { id } of page.condemned) deleteFile(connection, id); });
      full = page.full;
    }
    for (const hash of store.takeUnnoted(limits().fileGraceMs)) await removeContent(hash);
  };
  /** What a crash left of contents that code handed in. Whoever brings some just now, `ambit import` say, has it noted soon. */
  const sweepUnknown = async ({ list, sinceMs }: ContentFolder): Promise<void> => {
    const before = clock.now() - Math.min(UNKNOWN_MS, limits().fileGraceMs);
    for (let first = 0; first < 256 && !life.stopped; first++) {
      for (const hash of await list(first.toString(16).padStart(2, "0"))) {
        if (!isContentUsed(storage.reader, hash) && (await sinceMs(hash) ?? Infinity) < before) await removeContent(hash);
      }
    }
  };
  let unknownAtMs = Number.NEGATIVE_INFINITY;
  const sweep = async (): Promise<void> => {
    await sweepFiles();
    if (store.folder === null || clock.now() < unknownAtMs) return;
    await sweepUnknown(store.folder);
    unknownAtMs = clock.now() + limits().fileGraceMs;
  };
  function run(): void {
    if (life.stopped) return;
    sweep().catch((error: unknown) => { if (!life.stopped) log.warn("file-sweep-failed", { cause: describeError(error) }); }).finally(() => {
      if (!life.stopped) cancel = clock.schedule(Math.min(EVERY_MS, limits().fileGraceMs), run);
    });
  }
  let cancel = (): void => {};
  return {
    start() { cancel = clock.schedule(FIRST_MS, run); },
    sweep,
    stop() {
      life.stopped = true;
      cancel();
    },
    stats: () => ({ pending: countAllPending(storage.reader), removedTotal: life.removed }),
  };
}

interface Page { readonly condemned: readonly FileRow[]; readonly full: boolean }

function condemnPage(connection: Connection, { catalog, clock, limits }: FileSweeperOptions): Page {
  const nowMs = clock.now();
  const rows = filesDue(connection, dateTimeOf(nowMs), PAGE_ROWS);
  const condemned = rows.filter((row) => {
    const table = [...catalog().tables.values()].find(({ sqlName }) => sqlName === row.table);
    if (table !== undefined && row.record !== null) {
      if (isReferred(connection, { table, in: table.sqlName }, row)) return keepFile(connection, row.id);
      if (keepsFormer(table) && isReferred(connection, { table, in: historyTable(table.sqlName) }, row)) return releaseFile(connection, row.id, dateTimeOf(nowMs + Math.min(FORMER_MS, limits().fileGraceMs)));
    }
    condemnFile(connection, row.id);
    return true;
  });
  return { condemned, full: rows.length === PAGE_ROWS };
}

function isReferred(connection: Connection, place: { readonly table: Table; readonly in: string }, { id, record }: FileRow): boolean {
  const columns = fileFields(place.table).map(({ name }) => `instr(ifnull(${quoted(name)}, ''), ?2) > 0`);
  if (columns.length === 0) return false;
  return connection.query(`SELECT 1 FROM ${quoted(place.in)} WHERE ${quoted(place.table.primaryKey)} = ?1 AND (${columns.join(" OR ")}) LIMIT 1`).values(record, fileUrl(id)).length > 0;
}
