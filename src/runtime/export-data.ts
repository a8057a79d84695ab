// `ambit export`: all records of a data file, of one snapshot, also while an app writes to it. The target appears whole or not at all.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { fault } from "../base/error.ts";
import { appTables } from "../schema/account-tables.ts";
import type { Catalog } from "../schema/catalog.ts";
import { withDataFile } from "../storage/backup.ts";
import { catalogShape, type CatalogShape } from "../storage/catalog-shape.ts";
import { headOf } from "../storage/check-data.ts";
import type { Connection } from "../storage/connection.ts";
import { FILES_FOLDER } from "../storage/disk-files.ts";
import { ndjsonLines } from "../storage/export-ndjson.ts";
import { postgresScript } from "../storage/export-postgres.ts";
import { sqliteScript } from "../storage/export-sqlite.ts";
import { refuseNewer } from "../storage/data-format.ts";
import { exportFiles } from "./export-files.ts";
import { partialTarget, removePartial } from "../storage/partial-target.ts";
import type { ExportSource } from "../storage/exported-table.ts";
import { writeFailure } from "../storage/write-failure.ts";
import { readMeta } from "../storage/system-tables.ts";

export const EXPORT_FORMATS = ["ndjson", "sqlite", "postgres"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportOptions {
  readonly dataFile: string;
  readonly catalog: Catalog;
  /** Of NDJSON a folder, else a file. */
  readonly target: string;
  readonly format: ExportFormat;
  /** Canonical; what has expired by then is left out. */
  readonly now: string;
}

export interface Exported {
  /** Of the newest log entry that is in it. */
  readonly position: number;
  /** Records by table. */
  readonly records: { readonly [table: string]: number };
}

/** What stands beside the tables of an NDJSON export. */
export interface ExportManifest extends Exported {
  readonly ambitExport: 1;
  readonly time: string;
  /** The next numbers: those before were given out. */
  readonly sequences: readonly { readonly name: string; readonly scope: string; readonly next: string }[];
}

export const MANIFEST_FILE = "export.json";
const CHUNK_CHARACTERS = 1_000_000;

/** Throws USAGE, STORAGE_FULL, or MIGRATION_NEEDED where the data have another shape than the catalog. */
export function exportData(options: ExportOptions): Exported {
  const { target } = options;
  if (existsSync(target) && !(options.format === "ndjson" && readdirSync(target).length === 0)) {
    throw fault("USAGE", `${target} exists already.`, { fix: "Name a target that does not exist; an export replaces nothing." });
  }
  let partial: string | null = null;
  try {
    const made = partial = partialTarget(target);
    const exported = withDataFile(options.dataFile, (connection) => exportFrom(connection, options, made));
    renameSync(made, target);
    return exported;
  } catch (error) {
    throw writeFailure(error, target);
  } finally {
    if (partial !== null) removePartial(partial);
  }
}

function exportFrom(connection: Connection, { catalog, format, now, dataFile }: ExportOptions, partial: string): Exported {
  connection.execute("BEGIN");
  refuseNewer(connection);
  checkShape(connection, catalog);
  const source: ExportSource = { connection, catalog, now };
  const records = countRecords(source);
  const exported = { position: headOf(connection), records };
  if (format === "ndjson") {
    writeFolder(source, partial, exported);
    exportFiles(source, join(dirname(dataFile), FILES_FOLDER), join(partial, FILES_FOLDER));
  }
  else writeLines(partial, format === "sqlite" ? sqliteScript(source) : postgresScript(source));
  connection.execute("COMMIT");
  return exported;
}

function writeFolder(source: ExportSource, folder: string, exported: Exported): void {
  mkdirSync(folder, { mode: 0o700 });
  for (const table of appTables(source.catalog)) writeLines(join(folder, `${table.name}.ndjson`), ndjsonLines(source, table));
  const sequences = source.connection.values(`SELECT "name", "scope", CAST("next" AS TEXT) FROM "$sequence" ORDER BY "name", "scope"`)
    .map(([name, scope, next]) => ({ name: name as string, scope: scope as string, next: next as string }));
  const manifest: ExportManifest = { ambitExport: 1, time: source.now, ...exported, sequences };
  writeLines(join(folder, MANIFEST_FILE), [`${JSON.stringify(manifest, null, 2)}\n`]);
}

/** For its owner alone, and on disk when it returns. */
function writeLines(file: string, lines: Iterable<string>): void {
  const descriptor = openSync(file, "wx", 0o600);
  try {
    let pending = "";
    const flush = (): void => {
      const bytes = Buffer.from(pending);
      for (let offset = 0; offset < bytes.length;) offset += writeSync(descriptor, bytes, offset);
      pending = "";
    };
    for (const line of lines) {
      pending += line;
      if (pending.length > CHUNK_CHARACTERS) flush();
    }
    flush();
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function countRecords({ connection, catalog, now }: ExportSource): Record<string, number> {
  return Object.fromEntries(appTables(catalog).map((table) => {
    const name = `"${table.sqlName.replaceAll("\"", "\"\"")}"`;
    const alive = table.expirationMs !== null || table.expiresAt !== null ? ` WHERE "$expires" IS NULL OR "$expires" > ?1` : " WHERE ?1 IS NOT NULL";
    return [table.name, connection.values(`SELECT count(*) FROM ${name}${alive}`, now)[0]![0] as number];
  }));
}

/** Values are read by the schema's types: they must be those that the data were written with. */
function checkShape(connection: Connection, catalog: Catalog): void {
  const text = readMeta(connection, "catalog");
  const stored = new Map((text === null ? [] : (JSON.parse(text) as CatalogShape).tables).map((table) => [table.sqlName, table]));
  for (const table of catalogShape(catalog).tables) {
    const known = stored.get(table.sqlName);
    const agrees = known !== undefined && JSON.stringify([known.fields, known.primaryKey, known.open]) === JSON.stringify([table.fields, table.primaryKey, table.open]);
    if (!agrees) throw fault("MIGRATION_NEEDED", `The stored data have another shape than ${table.name} in the schema.`, { fix: "Export with the schema that the app runs with, or start the app once with this one." });
    stored.delete(table.sqlName);
  }
  for (const left of stored.values()) throw fault("MIGRATION_NEEDED", `The data have a table ${left.name}, which the schema has not.`, { fix: "Export with the schema that the app runs with." });
}
