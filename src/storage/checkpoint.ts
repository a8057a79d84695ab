// Keeps the write-ahead log short. SQLite folds it into the file by itself; where readers prevented that for long, this does it between batches.
import { statSync } from "node:fs";
import type { Connection } from "./connection.ts";
import { failureScope } from "./sqlite-failure.ts";

export interface Checkpointer {
  /** Outside of transactions. Looks at the file only now and then. */
  afterBatch(): void;
  /** Bytes of the write-ahead log when it was last looked at. */
  walBytes(): number;
}

const BATCHES_BETWEEN_LOOKS = 64;

export function checkpointer(connection: Connection, dataFile: string, walBytesMax: number): Checkpointer {
  let batches = 0;
  let size = 0;
  let nextAt = walBytesMax;
  return {
    afterBatch() {
      if (++batches % BATCHES_BETWEEN_LOOKS !== 0) return;
      size = statSync(`${dataFile}-wal`, { throwIfNoEntry: false })?.size ?? 0;
      if (size < nextAt) return;
      const busy = !truncate(connection);
      // A reader that holds on will do so for a while: try again when it has grown on.
      nextAt = busy ? size + walBytesMax / 4 : walBytesMax;
      if (!busy) size = 0;
    },
    walBytes: () => size,
  };
}

/** Without waiting for readers: nothing else is served meanwhile. A disk that is full now keeps the log as it is: what is committed is in it. */
function truncate(connection: Connection): boolean {
  const waitMs = connection.values("PRAGMA busy_timeout")[0]![0];
  connection.execute("PRAGMA busy_timeout = 0");
  try {
    return connection.values("PRAGMA wal_checkpoint(TRUNCATE)")[0]?.[0] === 0;
  } catch (error) {
    if (failureScope(error) === "fatal") throw error;
    return false;
  } finally {
    connection.execute(`PRAGMA busy_timeout = ${waitMs}`);
  }
}
