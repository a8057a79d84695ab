// The name that an index has in the file. Renamed tables and columns, and tables that were filled beside the live one, keep their
// indexes under the names that these were made with; so an index is found by what it is.
import type { IndexShape } from "./catalog-shape.ts";
import type { Connection } from "./connection.ts";

/** Null: there is no such index. */
export function indexName(connection: Connection, sqlName: string, index: Pick<IndexShape, "name" | "sql" | "unique">): string | null {
  if (connection.get("SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1 AND tbl_name = ?2", index.name, sqlName) !== null) return index.name;
  const wanted = JSON.stringify(indexedColumns(index.sql));
  const candidates = connection.values(`SELECT "name" FROM pragma_index_list(?1) WHERE "origin" = 'c' AND "unique" = ?2`, sqlName, Number(index.unique));
  for (const [name] of candidates) {
    const columns = connection.values(`SELECT "name" FROM pragma_index_info(?1) ORDER BY "seqno"`, name!).map((row) => row[0]);
    if (JSON.stringify(columns) === wanted) return name as string;
  }
  return null;
}

/** `(...)` and what follows: all of CREATE INDEX but the two names. */
export function indexTail(sql: string): string {
  return /^CREATE (?:UNIQUE )?INDEX "(?:[^"]|"")*" ON "(?:[^"]|"")*" (\(.*)$/s.exec(sql)![1]!;
}

function indexedColumns(sql: string): string[] {
  const [list] = /^\((?:"(?:[^"]|"")*"(?:, )?)*\)/.exec(indexTail(sql))!;
  return [...list.matchAll(/"((?:[^"]|"")*)"/g)].map((match) => match[1]!.replaceAll('""', '"'));
}
