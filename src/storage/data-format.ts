// The number of the data's format: an empty file is made, an older one is upgraded in one transaction after a snapshot, a newer one and
// that of another program are refused.
import { fault } from "../base/error.ts";
import type { Connection } from "./connection.ts";
import { renewEpoch } from "./epoch.ts";
import { DATA_FORMAT, addTablesOfFormat3, createSystemTables, readMeta, strangeTables, writeMeta } from "./system-tables.ts";

export interface FormatUpgrade {
  readonly from: number;
  /** To `from + 1`, in a transaction of the caller's. Sees the data as every version that wrote `from` left it. */
  upgrade(connection: Connection): void;
}

/** One for each older format, in order. None is ever changed once it was released. */
const UPGRADES: readonly FormatUpgrade[] = [
  { from: 1, upgrade: renewEpoch },
  { from: 2, upgrade: addTablesOfFormat3 },
];

export interface FormatOptions {
  /** Called before an upgrade, outside of transactions; what it throws prevents the upgrade. */
  keep(format: number): void;
  /** For tests: other formats than those there are. */
  readonly formats?: { readonly newest: number; readonly upgrades: readonly FormatUpgrade[] };
}

/** Outside of transactions. Throws DATA_NEWER, or DATA_DAMAGED for a file of another program, or of a version between two releases. */
export function prepareFormat(connection: Connection, options: FormatOptions): void {
  if (connection.get("SELECT 1 FROM sqlite_schema LIMIT 1") === null) return inTransaction(connection, () => {
    createSystemTables(connection);
    renewEpoch(connection);
  });
  const { newest, upgrades } = options.formats ?? { newest: DATA_FORMAT, upgrades: UPGRADES };
  const format = refuseNewer(connection, newest);
  if (format === newest) return refuseStrange(connection, options);
  const steps = upgrades.filter(({ from }) => from >= format);
  if (steps.length !== newest - format) throw fault("DATA_DAMAGED", `The data has format ${format}, which never was.`);
  options.keep(format);
  inTransaction(connection, () => {
    for (const step of steps) step.upgrade(connection);
    writeMeta(connection, "format", String(newest));
    refuseStrange(connection, options);
  });
}

/** The number says what is there only for releases: what was written between two of them may be laid out otherwise. */
function refuseStrange(connection: Connection, { formats }: FormatOptions): void {
  const strange = formats === undefined ? strangeTables(connection) : [];
  if (strange.length === 0) return;
  throw fault("DATA_DAMAGED", `The data says format ${DATA_FORMAT}, but is not laid out so: ${strange.join(", ")}.`, {
    fix: "A version between two releases has written it, or something else has changed it. Export it with the version that wrote it (`ambit export`), or restore a backup; data of development may be deleted.",
  });
}

/** Throws DATA_NEWER for data that this version cannot read, or DATA_DAMAGED. */
export function refuseNewer(connection: Connection, newest = DATA_FORMAT): number {
  const format = formatOf(connection);
  if (!(format <= newest)) throw fault("DATA_NEWER", `The data has format ${format}; this version knows formats up to ${newest}.`);
  return format;
}

function formatOf(connection: Connection): number {
  const ours = connection.get("SELECT 1 FROM sqlite_schema WHERE name = '$meta'") !== null;
  if (!ours) throw fault("DATA_DAMAGED", "The data file was not written by Ambit.");
  return Number(readMeta(connection, "format"));
}

function inTransaction(connection: Connection, work: () => void): void {
  connection.execute("BEGIN IMMEDIATE");
  try {
    work();
    connection.execute("COMMIT");
  } catch (error) {
    if (connection.inTransaction) connection.execute("ROLLBACK");
    throw error;
  }
}
