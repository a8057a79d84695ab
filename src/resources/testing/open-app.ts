// Test support: a whole app below the interfaces, on a real data directory in a temporary folder. For tests only.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { anonymousIdentity, administratorIdentity, subjectIdentity } from "../../access/identities.ts";
import type { Identity } from "../../access/identity.ts";
import { createAccess, type Access } from "../../access/rights.ts";
import { fakeClock, type FakeClock } from "../../base/clock.ts";
import { dateTimeOf } from "../../base/date-time.ts";
import { AmbitError } from "../../base/error.ts";
import { defaultLimits, type Limits } from "../../base/limits.ts";
import { createLog } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import type { Json } from "../../base/value.ts";
import { readEntries, type LogEntry } from "../../changes/log.ts";
import { compileCatalogExpressions } from "../../expression/compile-catalog.ts";
import { defaultPlan, keyPlan } from "../../query/key-plan.ts";
import type { Plan } from "../../query/plan.ts";
import { parseRestQuery } from "../../query/rest-query.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { Catalog } from "../../schema/catalog.ts";
import { compileSchema } from "../../schema/compile-schema.ts";
import { FILES_FOLDER, diskFiles } from "../../storage/disk-files.ts";
import { FileStore } from "../../storage/file-store.ts";
import { createFileLinks } from "../file-links.ts";
import { openStorage, type Storage } from "../../storage/open-storage.ts";
import { createTables, type Tables } from "../../tables/engine.ts";
import { bindAppCode } from "../app-code.ts";
import { createDispatcher, type Dispatcher } from "../dispatch.ts";
import type { DispatchParts } from "../dispatch-parts.ts";
import { JsonText, type IdempotencyClaim, type OperationBody, type Result } from "../operation.ts";

export interface AppOptions {
  /** Exports of resources.ts. */
  readonly code?: Readonly<Record<string, unknown>>;
  readonly limits?: Partial<Limits>;
  readonly parts?: Partial<DispatchParts>;
  /** False: transactions see what must not be. */
  readonly certifies?: boolean;
  /** Keeps the data of an earlier one. */
  readonly directory?: string;
}

export interface Answer { readonly status: number; readonly body: Json | undefined; readonly result: Result }

export interface OpenApp {
  readonly catalog: Catalog;
  readonly access: Access;
  readonly tables: Tables;
  readonly storage: Storage;
  readonly dispatcher: Dispatcher;
  readonly clock: FakeClock;
  readonly directory: string;
  readonly limits: Limits;
  /** Lines as objects. */
  readonly log: { readonly [name: string]: Json }[];
  as(identity: Identity): Caller;
  /** Requests to what a reload with the same files puts in its place; data and connections stay. */
  reloaded(): Pick<OpenApp, "as" | "dispatcher">;
  entries(): LogEntry[];
  close(keep?: boolean): Promise<void>;
}

export const user = (subject: string, ...roles: string[]): Identity => subjectIdentity({ subject, roles, tenant: null });
export const nobody = anonymousIdentity;
export const administrator = administratorIdentity;

export function openApp(sdl: string, options: AppOptions = {}): OpenApp {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text: sdl });
  const { book, diagnostics: more } = compileCatalogExpressions(catalog);
  const bound = bindAppCode(catalog, options.code ?? null, { file: "resources.ts", loaded: true });
  const problems = [...diagnostics, ...more, ...bound.diagnostics].filter(({ severity }) => severity === "error");
  if (problems.length > 0) throw new Error(problems.map(({ code, message, position }) => `${position.file}:${position.line}:${position.column} ${code} ${message}`).join("\n"));
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), "ambit-app-"));
  const clock = fakeClock();
  const limits = { ...defaultLimits, ...options.limits };
  const random = seededRandom(7);
  const storage = openStorage({ directory, limits, clock, onFatal: (error) => { throw error; } });
  storage.prepareCatalog(catalog, book);
  const tables = createTables({ storage, catalog, book, clock, random, limits, certifies: options.certifies ?? true });
  const access = createAccess({ catalog, book });
  const log: { readonly [name: string]: Json }[] = [];
  const parts: DispatchParts = {
    catalog, book, access, tables, storage, app: bound.code, clock, random, limits,
    log: createLog({ clock, sink: (line) => log.push(JSON.parse(line) as { [name: string]: Json }) }),
    files: { store: new FileStore({ directory, content: diskFiles(join(directory, FILES_FOLDER)), random, clock }), links: createFileLinks(storage, random), types: [] },
    values: { greeting: "hello" }, secrets: { key: "hidden" }, fetch: async () => { throw new Error("no network in tests"); }, development: false,
    sending: { outbox: { unfinished: 0, added() { /* Nobody sends. */ }, replay: async () => false, cancel: async () => false }, guard: { check() { /* Everybody. */ } }, callbackSecret: null, hasMail: false },
    ...options.parts,
  };
  const dispatcher = createDispatcher(parts);
  return {
    catalog, access, tables, storage, dispatcher, clock, directory, limits, log,
    as: (identity) => new Caller({ catalog, access, dispatcher, clock, limits }, identity),
    reloaded() {
      const again = createTables({ storage, catalog, book, clock, random, limits });
      tables.handOver(again);
      const next = createDispatcher({ ...parts, tables: again });
      return { dispatcher: next, as: (identity) => new Caller({ catalog, access, dispatcher: next, clock, limits }, identity) };
    },
    entries: () => readEntries(storage.reader, 0, 1_000_000, catalog),
    async close(keep = false) {
      tables.stop();
      await storage.close();
      if (!keep) rmSync(directory, { recursive: true, force: true });
    },
  };
}

interface CallerParts { readonly catalog: Catalog; readonly access: Access; readonly dispatcher: Dispatcher; readonly clock: FakeClock; readonly limits: Limits }

/** One identity's requests, in the words of REST. */
export class Caller {
  readonly #parts: CallerParts;
  readonly #identity: Identity;
  #key: IdempotencyClaim | null = null;

  constructor(parts: CallerParts, identity: Identity) {
    this.#parts = parts;
    this.#identity = identity;
  }

  /** The same caller, sending an Idempotency-Key. */
  keyed(key: string, fingerprint = "body", scope = "POST /"): Caller {
    const caller = new Caller(this.#parts, this.#identity);
    caller.#key = { key, scope, fingerprint };
    return caller;
  }

  get(table: string, id: string | number, query = ""): Promise<Answer> {
    const { plan, plain } = keyPlan(id, urlPairs(query), this.#context(table));
    return this.send({ kind: "get", table, id, plan, plain });
  }

  list(table: string, query = ""): Promise<Answer> {
    return this.send({ kind: "query", plan: this.plan(table, query), explain: false });
  }

  create(table: string, input: unknown, more: Partial<Extract<OperationBody, { kind: "create" }>> = {}): Promise<Answer> {
    return this.send({ kind: "create", table, inputs: (Array.isArray(input) ? input : [input]) as never, onConflict: null, precondition: null, returning: this.whole(table), ...more });
  }

  update(table: string, id: string | number, input: object, more: Partial<Extract<OperationBody, { kind: "update" }>> = {}): Promise<Answer> {
    return this.send({ kind: "update", table, id, input: input as never, merge: false, precondition: null, returning: this.whole(table), ...more });
  }

  replace(table: string, id: string | number, input: object): Promise<Answer> {
    return this.send({ kind: "replace", table, id, input: input as never, precondition: null, returning: this.whole(table) });
  }

  remove(table: string, id: string | number): Promise<Answer> {
    return this.send({ kind: "remove", table, id, precondition: null, returning: this.whole(table) });
  }

  updateMany(table: string, query: string, input: object, maxAffected: number | null = null): Promise<Answer> {
    return this.send({ kind: "update-many", plan: this.bulk(table, query), input: input as never, merge: false, maxAffected, returning: this.whole(table) });
  }

  removeMany(table: string, query: string, maxAffected: number | null = null): Promise<Answer> {
    return this.send({ kind: "remove-many", plan: this.bulk(table, query), maxAffected, returning: this.whole(table) });
  }

  act(table: string, id: string | number | null, name: string, input: object = {}): Promise<Answer> {
    return this.send({ kind: "action", table, id, name, input: input as never });
  }

  call(name: string, input: object = {}): Promise<Answer> {
    return this.send({ kind: "endpoint", name, input: input as never });
  }

  async send(body: OperationBody): Promise<Answer> {
    const result = await this.#parts.dispatcher.dispatch({
      body, identity: this.#identity, requestId: "r1", idempotency: this.#key, request: { method: "POST", path: "/", headers: {} }, signal: null,
    });
    return { status: result.status, body: result.body instanceof JsonText ? JSON.parse(result.body.text) as Json : result.body, result };
  }

  plan(table: string, query: string): Plan {
    return parseRestQuery(urlPairs(query), this.#context(table)).plan;
  }

  bulk(table: string, query: string): Plan {
    return { ...this.plan(table, query), limit: null };
  }

  whole(table: string): Plan {
    return defaultPlan(this.#context(table));
  }

  #context(name: string): { table: NonNullable<ReturnType<Catalog["tables"]["get"]>>; scope: ReturnType<Access["rights"]>["scope"]; limits: Limits; now: string } {
    const { catalog, access, limits, clock } = this.#parts;
    return { table: catalog.tables.get(name)!, scope: access.rights(this.#identity).scope, limits, now: dateTimeOf(clock.now()) };
  }
}

export interface Refusal { readonly code: string; readonly status: number; readonly message: string; readonly details: unknown; readonly where: unknown }

/** The problem that the promise, or the call, ends in. */
export async function refusal(work: Promise<unknown> | (() => unknown)): Promise<Refusal> {
  let caught: unknown;
  try {
    const value = await (typeof work === "function" ? work() : work);
    throw new Error(`it was not refused: ${JSON.stringify(value)}`);
  } catch (error) {
    caught = error;
  }
  if (!(caught instanceof AmbitError)) throw caught;
  return { code: caught.code, status: caught.status, message: caught.message, details: caught.extras.details, where: caught.extras.where };
}
