// A plan about an earlier moment: in place of each table with a history stand the rows that were valid then, those that still stand and
// those that ended later, as one common table expression under another name. Rules keep reading the tables as they are.
import type { Expression } from "../expression/expression.ts";
import { asOfRoot } from "../query/as-of.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import { EXPIRES_COLUMN, ROW_COLUMN, VERSION_COLUMN, quoted } from "./column.ts";
import { columnsDdl } from "./ddl.ts";
import { UNTIL_COLUMN, historyTable } from "./history-tables.ts";
import type { Bindings } from "./plan-bindings.ts";

const POSITION: Expression = { op: "variable", type: { kind: "int" }, root: asOfRoot, path: ["position"] };
const TIME: Expression = { op: "variable", type: { kind: "timestamp" }, root: asOfRoot, path: ["time"] };

const catalogs = new WeakMap<Catalog, Catalog>();

/** The catalog in which tables with a history are as they were. No index answers for former versions. */
export function asOfCatalog(catalog: Catalog): Catalog {
  let then = catalogs.get(catalog);
  if (then === undefined) {
    const tables = [...catalog.tables].map(([name, table]) => [name, table.historyMs === null ? table : { ...table, sqlName: asOfName(table), indexes: [] }] as const);
    catalogs.set(catalog, then = { ...catalog, tables: new Map(tables) });
  }
  return then;
}

/** Puts what `marked`, compiled in `asOfCatalog(present)`, reads in front of it. */
export function withFormerRows(marked: string, present: Catalog, bindings: Bindings): string {
  const used = [...present.tables.values()].filter((table) => table.historyMs !== null && marked.includes(quoted(asOfName(table))));
  if (used.length === 0) return marked;
  const position = bindings.bind({ kind: "closed", expression: POSITION });
  const time = bindings.bind({ kind: "closed", expression: TIME });
  return `WITH ${used.map((table) => formerRows(table, position, time)).join(", ")} ${marked}`;
}

function asOfName(table: Table): string {
  return `${table.sqlName}$asof`;
}

function formerRows(table: Table, position: string, time: string): string {
  const names = columnsDdl(table).map(({ name }) => name).filter((name) => name !== ROW_COLUMN);
  const expires = names.includes(EXPIRES_COLUMN);
  // Whether they were alive is decided here, by the time of then.
  const columns = names.map((name) => (name === EXPIRES_COLUMN ? `NULL AS ${quoted(name)}` : quoted(name))).join(", ");
  const version = quoted(VERSION_COLUMN);
  const alive = expires ? ` AND ifnull(${quoted(EXPIRES_COLUMN)} > ${time}, 1)` : "";
  return `${quoted(asOfName(table))} AS NOT MATERIALIZED (SELECT ${columns} FROM ${quoted(table.sqlName)} WHERE ${version} <= ${position}${alive}`
    + ` UNION ALL SELECT ${columns} FROM ${quoted(historyTable(table.sqlName))} WHERE ${quoted(UNTIL_COLUMN)} > ${position} AND ${version} <= ${position}${alive})`;
}
