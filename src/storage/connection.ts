// A thin typed face of bun:sqlite: bound values only, prepared statements kept by their text, at most so many at once.
// Integers come back as JavaScript numbers: read a Long as CAST(... AS TEXT).
import type { Database, Statement as NativeStatement } from "bun:sqlite";
import type { SqlValue } from "../base/value.ts";
import { statementError } from "./sqlite-failure.ts";

export type SqlRow = { readonly [column: string]: SqlValue };

/** Stays usable when the cache drops it: it then prepares itself again. */
export interface Statement {
  readonly sql: string;
  all(...parameters: readonly SqlValue[]): SqlRow[];
  get(...parameters: readonly SqlValue[]): SqlRow | null;
  /** Rows as arrays, in order of the select list. */
  values(...parameters: readonly SqlValue[]): SqlValue[][];
  /** Row after row, so that they need not be in memory all at once and reading may stop early. */
  iterate(...parameters: readonly SqlValue[]): Iterable<SqlRow>;
  /** Rows changed, without those that triggers changed. */
  run(...parameters: readonly SqlValue[]): number;
}

export interface Connection {
  /** Prepared and cached by its text. Keep the text free of values. */
  query(sql: string): Statement;
  all(sql: string, ...parameters: readonly SqlValue[]): SqlRow[];
  get(sql: string, ...parameters: readonly SqlValue[]): SqlRow | null;
  values(sql: string, ...parameters: readonly SqlValue[]): SqlValue[][];
  run(sql: string, ...parameters: readonly SqlValue[]): number;
  /** One or more statements without parameters, not cached: DDL, pragmas. */
  execute(sql: string): void;
  /** A transaction is open. SQLite ends it by itself on some errors. */
  readonly inTransaction: boolean;
  /** While true: once an error has ended the transaction, every further statement throws instead of committing by itself. */
  expectTransaction(expected: boolean): void;
  /** After a change of the tables: statements know the columns that they were prepared with. */
  forgetStatements(): void;
  close(): void;
}

/** `beforeEach` is called before each statement. */
export function connect(database: Database, statementsMax: number, beforeEach: () => void = () => {}): Connection {
  const cache = new StatementCache(database, statementsMax, new TransactionGuard(database, beforeEach));
  return {
    query: (sql) => cache.statement(sql),
    all: (sql, ...parameters) => cache.statement(sql).all(...parameters),
    get: (sql, ...parameters) => cache.statement(sql).get(...parameters),
    values: (sql, ...parameters) => cache.statement(sql).values(...parameters),
    run: (sql, ...parameters) => cache.statement(sql).run(...parameters),
    execute: (sql) => cache.guard.run(() => database.exec(sql)),
    get inTransaction() { return database.inTransaction; },
    expectTransaction: (expected) => cache.guard.expect(expected),
    forgetStatements: () => cache.clear(),
    close() {
      cache.clear();
      database.close(true);
    },
  };
}

class TransactionLost extends Error {
  override readonly name = "TransactionLost";
}

/** After `SQLITE_FULL` and its like SQLite may have rolled back everything: what follows would stand in no transaction. */
class TransactionGuard {
  readonly #database: Database;
  readonly #beforeEach: () => void;
  #expected = false;
  #lost = false;

  constructor(database: Database, beforeEach: () => void) {
    this.#database = database;
    this.#beforeEach = beforeEach;
  }

  expect(expected: boolean): void {
    this.#expected = expected;
    this.#lost = false;
  }

  run<Result>(step: () => Result): Result {
    this.check();
    try {
      return step();
    } catch (error) {
      throw this.failed(error);
    }
  }

  check(): void {
    if (this.#lost) throw new TransactionLost("an earlier error has ended the transaction");
    this.#beforeEach();
  }

  failed(error: unknown): unknown {
    if (this.#expected && !this.#database.inTransaction) this.#lost = true;
    return error instanceof TransactionLost ? error : statementError(error);
  }
}

/** Drops the one that was not used for longest, nearly: a used statement gets a second round (clock algorithm). */
class StatementCache {
  readonly guard: TransactionGuard;
  readonly #database: Database;
  readonly #max: number;
  readonly #statements = new Map<string, CachedStatement>();

  constructor(database: Database, max: number, guard: TransactionGuard) {
    this.guard = guard;
    this.#database = database;
    this.#max = max;
  }

  statement(sql: string): CachedStatement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    if (this.#statements.size >= this.#max) this.#dropOne();
    const statement = new CachedStatement(sql, this.guard, () => this.#prepare(statement));
    this.#statements.set(sql, statement);
    return statement;
  }

  clear(): void {
    for (const statement of this.#statements.values()) statement.drop();
    this.#statements.clear();
  }

  #prepare(statement: CachedStatement): NativeStatement<SqlRow, SqlValue[]> {
    const native = this.#database.prepare<SqlRow, SqlValue[]>(statement.sql);
    const current = this.#statements.get(statement.sql);
    if (current !== statement) {
      // It was dropped while somebody kept it: it takes its place again, so that the bound holds.
      current?.drop();
      if (current === undefined && this.#statements.size >= this.#max) this.#dropOne();
      this.#statements.set(statement.sql, statement);
    }
    return native;
  }

  #dropOne(): void {
    for (const [sql, statement] of this.#statements) {
      this.#statements.delete(sql);
      if (!statement.used) {
        statement.drop();
        return;
      }
      statement.used = false;
      this.#statements.set(sql, statement);
    }
  }
}

class CachedStatement implements Statement {
  readonly sql: string;
  /** Since the clock last came by. */
  used = false;
  readonly #guard: TransactionGuard;
  readonly #prepare: () => NativeStatement<SqlRow, SqlValue[]>;
  readonly #explains: boolean;
  #native: NativeStatement<SqlRow, SqlValue[]> | null = null;

  constructor(sql: string, guard: TransactionGuard, prepare: () => NativeStatement<SqlRow, SqlValue[]>) {
    this.sql = sql;
    this.#guard = guard;
    this.#prepare = prepare;
    this.#explains = /^\s*EXPLAIN\b/i.test(sql);
  }

  all(...parameters: SqlValue[]): SqlRow[] {
    try { return this.#use().all(...parameters); } catch (error) { throw this.#guard.failed(error); } finally { this.#done(); }
  }

  get(...parameters: SqlValue[]): SqlRow | null {
    try { return this.#use().get(...parameters); } catch (error) { throw this.#guard.failed(error); }
  }

  values(...parameters: SqlValue[]): SqlValue[][] {
    try { return this.#use().values(...parameters) as SqlValue[][]; } catch (error) { throw this.#guard.failed(error); } finally { this.#done(); }
  }

  *iterate(...parameters: SqlValue[]): Iterable<SqlRow> {
    try { yield* this.#use().iterate(...parameters); } catch (error) { throw this.#guard.failed(error); } finally { this.#done(); }
  }

  run(...parameters: SqlValue[]): number {
    try { return this.#use().run(...parameters).changes; } catch (error) { throw this.#guard.failed(error); }
  }

  drop(): void {
    this.#native?.finalize();
    this.#native = null;
  }

  /** Bun does not reset an EXPLAIN that was read to its end: its snapshot would stay, and this connection would see no later commit. */
  #done(): void {
    if (this.#explains) this.drop();
  }

  #use(): NativeStatement<SqlRow, SqlValue[]> {
    this.#guard.check();
    this.used = true;
    return this.#native ??= this.#prepare();
  }
}
