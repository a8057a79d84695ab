// The tables behind ctx.send and incoming webhooks: what is to be sent, what was answered to it, and what has come already.

/**
 * `due`: milliseconds, when it may be sent next; null: it is not to be sent, or waits behind another one of its `order`. `key`: what the
 * receiver tells repetitions by, once for each `scope`, which is a tenant or empty.
 */
export const outboxDdl = [
  `CREATE TABLE "$outbox" ("number" INTEGER PRIMARY KEY AUTOINCREMENT, "scope" TEXT NOT NULL, "key" TEXT NOT NULL, "state" TEXT NOT NULL,
    "order" TEXT, "host" TEXT NOT NULL, "due" INTEGER, "attempts" INTEGER NOT NULL, "request" TEXT NOT NULL, "body" BLOB,
    "sender" TEXT NOT NULL, "created" TEXT NOT NULL, "finished" TEXT, "answer" TEXT, "problem" TEXT) STRICT`,
  `CREATE UNIQUE INDEX "$outbox$unique(key,scope)" ON "$outbox" ("key", "scope")`,
  `CREATE INDEX "$outbox$index(due)" ON "$outbox" ("due", "number", "host") WHERE "due" IS NOT NULL`,
  `CREATE INDEX "$outbox$index(host,due)" ON "$outbox" ("host", "due", "number") WHERE "due" IS NOT NULL`,
  `CREATE INDEX "$outbox$index(order)" ON "$outbox" ("order", "number") WHERE "order" IS NOT NULL AND "state" = 'waiting'`,
  `CREATE INDEX "$outbox$index(state)" ON "$outbox" ("state", "number")`,
  `CREATE INDEX "$outbox$index(finished)" ON "$outbox" ("finished") WHERE "finished" IS NOT NULL`,
];

/** `newest`: the highest sequence that had an effect. */
export const webhookDdl = [
  `CREATE TABLE "$webhook" ("endpoint" TEXT NOT NULL, "id" TEXT NOT NULL, "time" TEXT NOT NULL, PRIMARY KEY ("endpoint", "id")) STRICT, WITHOUT ROWID`,
  `CREATE INDEX "$webhook$index(time)" ON "$webhook" ("time")`,
  `CREATE TABLE "$webhook$sequence" ("endpoint" TEXT NOT NULL, "per" TEXT NOT NULL, "newest" INTEGER NOT NULL, PRIMARY KEY ("endpoint", "per")) STRICT, WITHOUT ROWID`,
];
