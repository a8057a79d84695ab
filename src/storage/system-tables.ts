// The runtime's own tables, and the number of the data's format. Names begin with $, which no table of an app can.
import { approvalDdl } from "./approval-rows.ts";
import type { Connection } from "./connection.ts";
import { decisionDdl } from "./decision-rows.ts";
import { embeddingDdl } from "./embedding-rows.ts";
import { fileDdl } from "./file-rows.ts";
import { keyDdl } from "./key-rows.ts";
import { jobDdl } from "./job-rows.ts";
import { memoryDdl } from "./memory-rows.ts";
import { mqttDdl } from "./mqtt-tables.ts";
import { negotiationDdl } from "./negotiation-rows.ts";
import { outboxDdl, webhookDdl } from "./outbox-tables.ts";
import { rolloutDdl } from "./rollout-rows.ts";
import { securityDdl } from "./security-rows.ts";
import { sourceDdl } from "./source-rows.ts";
import { tokenDdl } from "./token-ddl.ts";

/** Raise it with every change of what stands in the file, together with an upgrade from the one before (data-format.ts). */
export const DATA_FORMAT = 3;

/** What an empty file begins with, and every older one has. */
const FIRST_DDL = [
  `CREATE TABLE "$meta" ("key" TEXT PRIMARY KEY, "value" TEXT NOT NULL) STRICT, WITHOUT ROWID`,
  `CREATE TABLE "$log" ("position" INTEGER PRIMARY KEY, "time" TEXT NOT NULL, "entry" TEXT NOT NULL) STRICT`,
  `CREATE TABLE "$sequence" ("name" TEXT NOT NULL, "scope" TEXT NOT NULL, "next" INTEGER NOT NULL, PRIMARY KEY ("name", "scope")) STRICT, WITHOUT ROWID`,
  `CREATE TABLE "$idempotency" ("scope" TEXT NOT NULL, "key" TEXT NOT NULL, "fingerprint" TEXT NOT NULL, "run" TEXT NOT NULL,
    "expires" TEXT NOT NULL, "status" INTEGER, "headers" TEXT, "body" ANY, PRIMARY KEY ("scope", "key")) STRICT`,
  `CREATE INDEX "$idempotency$index(expires)" ON "$idempotency" ("expires")`,
];

/** What came with format 3: work that happens after a commit, files, sessions of MQTT clients, and decisions. */
const FORMAT_3_DDL = [
  ...outboxDdl,
  ...webhookDdl,
  ...fileDdl,
  ...jobDdl,
  ...mqttDdl,
  ...decisionDdl,
  ...memoryDdl,
  ...embeddingDdl,
  ...approvalDdl,
  ...rolloutDdl,
  ...negotiationDdl,
  ...sourceDdl,
  ...tokenDdl,
  ...keyDdl,
  ...securityDdl,
];

export function readMeta(connection: Connection, key: string): string | null {
  return connection.values(`SELECT "value" FROM "$meta" WHERE "key" = ?1`, key)[0]?.[0] as string | undefined ?? null;
}

/** In a transaction of the caller's. */
export function writeMeta(connection: Connection, key: string, value: string): void {
  connection.run(`INSERT INTO "$meta" ("key", "value") VALUES (?1, ?2) ON CONFLICT ("key") DO UPDATE SET "value" = excluded."value"`, key, value);
}

/** Names of the runtime's tables and indexes that are not there, or not as this version makes them. */
export function strangeTables(connection: Connection): readonly string[] {
  const there = new Set(connection.values("SELECT \"sql\" FROM sqlite_schema WHERE \"name\" LIKE '$%'").map(([sql]) => sql));
  return [...FIRST_DDL, ...FORMAT_3_DDL].filter((sql) => sql.startsWith("CREATE") && !there.has(sql)).map((sql) => /"([^"]+)"/.exec(sql)![1]!);
}

/** In an empty file, in a transaction of the caller's. */
export function createSystemTables(connection: Connection): void {
  for (const sql of FIRST_DDL) connection.execute(sql);
  addTablesOfFormat3(connection);
  writeMeta(connection, "format", String(DATA_FORMAT));
}

/** In a transaction of the caller's. */
export function addTablesOfFormat3(connection: Connection): void {
  for (const sql of FORMAT_3_DDL) connection.execute(sql);
}
