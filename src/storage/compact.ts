// Rewrites the data file without what was deleted: SQLite marks pages as free and leaves their bytes, full-text indexes keep the words. Takes about as
// long as copying the file, and nothing is served meanwhile; so it is asked for, or done at a start.
import type { Catalog } from "../schema/catalog.ts";
import { quoted, textTable } from "./column.ts";
import type { Connection } from "./connection.ts";
import { searchDdl } from "./search-ddl.ts";
import { failureScope } from "./sqlite-failure.ts";
import { readMeta, writeMeta } from "./system-tables.ts";

const DUE = "compaction";

/** In a commit: something was deleted whose bytes must go. */
export function markForCompaction(connection: Connection): void {
  writeMeta(connection, DUE, "due");
}

export function isCompactionDue(connection: Connection): boolean {
  return readMeta(connection, DUE) === "due";
}

/** Outside of transactions. False: the disk has no room for a second copy, or somebody reads the file; it stays due. */
export function compactFile(connection: Connection, catalog: Catalog): boolean {
  try {
    refillTexts(connection, catalog);
    connection.forgetStatements();
    connection.execute("VACUUM");
    const isFolded = connection.values("PRAGMA wal_checkpoint(TRUNCATE)")[0]?.[0] === 0;
    if (isFolded) connection.run(`DELETE FROM "$meta" WHERE "key" = ?1`, DUE);
    return isFolded;
  } catch (error) {
    if (failureScope(error) === "fatal") throw error;
    return false;
  }
}

/** A row that is deleted from a full-text index without contents leaves its words until its segment is merged. */
function refillTexts(connection: Connection, catalog: Catalog): void {
  const parts = [...catalog.tables.values()].flatMap((table) => searchDdl(table, catalog).filter(({ name }) => name === textTable(table)));
  connection.execute("BEGIN IMMEDIATE");
  try {
    for (const { name, fill } of parts) connection.execute(`INSERT INTO ${quoted(name)} (${quoted(name)}) VALUES ('delete-all'); ${fill}`);
    connection.execute("COMMIT");
  } catch (error) {
    if (connection.inTransaction) connection.execute("ROLLBACK");
    throw error;
  }
}
