// The table that token-rows.ts keeps.
export const tokenDdl: readonly string[] = [
  `CREATE TABLE "$revoked" ("subject" TEXT PRIMARY KEY, "time" INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
  `CREATE INDEX "$revoked$index(time)" ON "$revoked" ("time")`,
];
