// One read transaction for all reads of a turn of the event loop. SQLite locks and unlocks the file around every read that stands
// alone, which costs several times as much as a small read itself; so those that come together share one.
import type { Database } from "bun:sqlite";

export interface ReadSnapshot {
  /** Before each read: what follows sees one state, until `end` or the end of this turn. */
  begin(): void;
  /** The next read sees what is committed by then. */
  end(): void;
  /** For good: what was prepared would keep the file open. */
  close(): void;
}

/** `schedule` calls back at the end of this turn. */
export function readSnapshot(database: Database, schedule: (end: () => void) => void): ReadSnapshot {
  const [opening, closing] = [database.prepare("BEGIN"), database.prepare("COMMIT")];
  let open = false;
  let scheduled = false;
  const end = (): void => {
    if (!open) return;
    open = false;
    // An error may have ended it already.
    if (database.inTransaction) closing.run();
  };
  return {
    begin() {
      if (open) return;
      opening.run();
      open = true;
      if (scheduled) return;
      scheduled = true;
      schedule(() => {
        scheduled = false;
        end();
      });
    },
    end,
    close() {
      end();
      opening.finalize();
      closing.finalize();
    },
  };
}
