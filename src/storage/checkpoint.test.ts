import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkpointer } from "./checkpoint.ts";
import { type Connection, connect } from "./connection.ts";

const LOOK_EVERY = 64;

/** An error of SQLite's own with `code`: Bun tells them by their name. */
const failure = (code: string): Error => Object.defineProperties(new Error(code), { name: { value: "SQLiteError" }, code: { value: code } });

/** Looks once at a log of ten bytes, where SQLite fails to fold it with `code`. */
function lookedOnce(code: string): { readonly look: () => void; readonly waits: () => unknown; readonly close: () => void } {
  const directory = mkdtempSync(join(tmpdir(), "ambit-wal-"));
  const file = join(directory, "data.db");
  writeFileSync(`${file}-wal`, "0123456789");
  const real = connect(new Database(":memory:"), 10);
  real.execute("PRAGMA busy_timeout = 123");
  const connection: Connection = {
    ...real, inTransaction: false,
    values: (sql, ...parameters) => { if (sql.includes("wal_checkpoint")) throw failure(code); return real.values(sql, ...parameters); },
  };
  const wal = checkpointer(connection, file, 5);
  return {
    look: () => { for (let batch = 0; batch < LOOK_EVERY; batch++) wal.afterBatch(); },
    waits: () => real.values("PRAGMA busy_timeout")[0]![0],
    close: () => { real.close(); rmSync(directory, { recursive: true }); },
  };
}

test("a full disk does not stop the writer: the log stays as it is", () => {
  const once = lookedOnce("SQLITE_FULL");
  once.look();
  expect(once.waits()).toBe(123);
  once.close();
});

test("a damaged disk does", () => {
  const once = lookedOnce("SQLITE_IOERR_WRITE");
  expect(() => once.look()).toThrow("SQLITE_IOERR_WRITE");
  once.close();
});
