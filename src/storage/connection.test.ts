import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { connect } from "./connection.ts";
import { SqlFunctionError } from "./sqlite-failure.ts";

function memory(statementsMax = 100) {
  const database = new Database(":memory:");
  return { database, connection: connect(database, statementsMax) };
}

test("reads rows as objects and as arrays, binds every kind of value", () => {
  const { connection } = memory();
  connection.execute("CREATE TABLE t (a INTEGER, b REAL, c TEXT, d BLOB) STRICT");
  expect(connection.run("INSERT INTO t VALUES (?1, ?2, ?3, ?4)", 9007199254740993n, 1.5, "x", new Uint8Array([1]))).toBe(1);
  connection.run("INSERT INTO t VALUES (?1, ?2, ?3, ?4)", null, null, null, null);
  expect(connection.values("SELECT CAST(a AS TEXT), b, c, d FROM t")).toEqual([["9007199254740993", 1.5, "x", new Uint8Array([1])], [null, null, null, null]]);
  expect(connection.all("SELECT c FROM t")).toEqual([{ c: "x" }, { c: null }]);
  expect(connection.get("SELECT c FROM t WHERE c = ?1", "x")).toEqual({ c: "x" });
  expect(connection.get("SELECT c FROM t WHERE c = ?1", "y")).toBeNull();
  expect(connection.run("UPDATE t SET b = 1")).toBe(2);
});

test("prepares a text once and never keeps more statements than the bound", () => {
  const { database, connection } = memory(10);
  let prepared = 0;
  const prepare = database.prepare.bind(database);
  database.prepare = ((sql: string) => {
    prepared++;
    return prepare(sql);
  }) as typeof database.prepare;
  for (let round = 0; round < 5; round++) for (let index = 0; index < 10; index++) connection.values(`SELECT ${index}`);
  expect(prepared).toBe(10);
  for (let index = 0; index < 1_000; index++) connection.values(`SELECT 1, ${index}`);
  expect(prepared).toBe(1_010);
});

test("a statement that is used stays in the cache while others pass through", () => {
  const { database, connection } = memory(10);
  connection.values("SELECT 'hot'");
  const prepared: string[] = [];
  const prepare = database.prepare.bind(database);
  database.prepare = ((sql: string) => {
    prepared.push(sql);
    return prepare(sql);
  }) as typeof database.prepare;
  for (let index = 0; index < 200; index++) {
    connection.values(`SELECT ${index}`);
    connection.values("SELECT 'hot'");
  }
  // The first round cannot tell it from the others yet.
  expect(prepared.filter((sql) => sql === "SELECT 'hot'").length).toBeLessThan(2);
});

test("a statement that somebody kept works after it was dropped, and counts again", () => {
  const { connection } = memory(3);
  const kept = connection.query("SELECT 42");
  expect(kept.values()).toEqual([[42]]);
  for (let index = 0; index < 50; index++) connection.values(`SELECT ${index}, 0`);
  expect(kept.values()).toEqual([[42]]);
  connection.forgetStatements();
  expect(kept.values()).toEqual([[42]]);
  expect(connection.query("SELECT 42")).toBe(kept);
});

test("an error of one of our functions is told apart from SQLite's", () => {
  const { database, connection } = memory();
  const cause = new TypeError("ours");
  database.function("ambit_broken", () => { throw cause; });
  let thrown: unknown = null;
  try { connection.values("SELECT ambit_broken()"); } catch (error) { thrown = error; }
  expect(thrown).toBeInstanceOf(SqlFunctionError);
  expect((thrown as SqlFunctionError).cause).toBe(cause);
  expect(() => connection.values("SELECT absent")).toThrow("no such column");
});

test("after an error has ended the transaction, no further statement runs by itself", () => {
  const { connection } = memory();
  connection.execute("CREATE TABLE t (a INTEGER UNIQUE ON CONFLICT ROLLBACK) STRICT; INSERT INTO t VALUES (1)");
  connection.run("BEGIN");
  connection.expectTransaction(true);
  expect(() => connection.run("INSERT INTO t VALUES (1)")).toThrow("UNIQUE");
  expect(connection.inTransaction).toBe(false);
  expect(() => connection.run("INSERT INTO t VALUES (2)")).toThrow("has ended the transaction");
  expect(() => connection.execute("INSERT INTO t VALUES (3)")).toThrow("has ended the transaction");
  connection.expectTransaction(false);
  expect(connection.values("SELECT a FROM t")).toEqual([[1]]);
});

test("closing frees every statement", () => {
  const { connection } = memory();
  connection.values("SELECT 1");
  const kept = connection.query("SELECT 2");
  kept.values();
  connection.close();
  expect(() => kept.values()).toThrow();
});
