// Test support: the context as a test's bodies see it, typed as loosely as tests need. Apps get generated types instead. For tests only.
import type { Json } from "../../base/value.ts";

/** A record whose fields a test names and knows the types of. */
export interface Row {
  readonly id: string;
  readonly number: number;
  readonly available: number;
  readonly total: number;
  readonly note: string | null;
  readonly title: string;
  readonly status: string;
  readonly version: bigint;
}

type Written = { readonly [field: string]: unknown };

export interface TestTable {
  get(id: unknown): Promise<Row | null>;
  find(query?: object): Promise<Row[]>;
  first(query?: object): Promise<Row | null>;
  query(query?: object): Promise<{ rows: Row[]; next: string | null }>;
  count(query?: object): Promise<number>;
  create(input: Written): Promise<Row>;
  update(id: unknown, patch: Written): Promise<Row>;
  upsert(input: Written): Promise<Row>;
  remove(id: unknown): Promise<void>;
  increment(id: unknown, field: string, by: number | bigint | string): Promise<Row>;
  claim(query: object, patch: Written): Promise<Row | null>;
}

export interface TestContext {
  readonly db: { readonly [table: string]: TestTable };
  readonly system: { readonly [table: string]: TestTable };
  readonly auth: { readonly subject: string | null; readonly roles: readonly string[]; readonly tenant: string | null; readonly claims: object };
  readonly values: { readonly [name: string]: string };
  readonly secrets: { readonly [name: string]: string };
  readonly log: { info(message: string, fields?: object): void };
  readonly decide: (name: string) => void;
  enqueue(job: string, input?: object, options?: object): Promise<string>;
  at(time: Date | string, job: string, input?: object, options?: object): Promise<string>;
  progress(done: number, total?: number): void;
  readonly signal: AbortSignal;
  error(status: number, code: string, message: string, details?: Json): Error;
  fetch(url: string): Promise<Response>;
  transaction<T>(run: (ctx: TestContext) => Promise<T>): Promise<T>;
  now(): Date;
  id(): string;
}

/** What bodies in a test get as their arguments. */
export interface TestArguments { readonly id: string; readonly stockId: string; readonly mode: string; readonly count: number; readonly reason: string | null }
