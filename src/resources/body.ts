// One run of app code: whose rights, which work, which context. Made anew for each attempt of a transaction.
import type { Identity } from "../access/identity.ts";
import type { Rights } from "../access/rights.ts";
import type { Sender } from "../access/sender.ts";
import type { AmbitError } from "../base/error.ts";
import { dateTimeOf } from "../base/date-time.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { isTrue } from "../expression/evaluate.ts";
import { isLocal } from "../expression/inspect.ts";
import type { Table } from "../schema/catalog.ts";
import type { Permission } from "../tables/authority.ts";
import type { StoredRecord } from "../tables/write.ts";
import type { BodyCalls } from "./body-calls.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { JobRun } from "./job-port.ts";
import type { Operation } from "./operation.ts";
import { currentScope, runWithin } from "./body-scope.ts";
import { ownCopy } from "./own-copy.ts";
import type { Work } from "./work.ts";

/** On whose behalf app code runs. */
export interface Caller {
  readonly identity: Identity;
  readonly rights: Rights;
  /** Without rules, for `ctx.system`. */
  readonly system: Rights;
  readonly requestId: string;
  readonly request: Operation["request"];
  /** Who is counted for what is done within it; absent: nobody. */
  readonly from?: Sender;
  /** Of a tool's call, for `ctx.callKey`; absent: no model calls. */
  readonly callKey?: string;
  /** For `ctx.signal`. */
  readonly signal: AbortSignal | null;
  /** Of a job. */
  readonly run: JobRun | null;
  /** Of a decision that a change has begun (CommitOptions); absent: 0. */
  readonly depth?: number;
  /** Refusals of writes without rules, and the table: told to the caller only as far as they may know it. */
  readonly systemRefusals: WeakMap<AmbitError, string>;
  /** The operation, for the log: `Order.cancel`, `create Order`. */
  readonly label: string;
}

/** caller: under the caller's rules. system: without rules. */
export type Mode = "caller" | "system";

export interface BodyRun {
  readonly core: DispatchCore;
  readonly caller: Caller;
  readonly work: Work;
  readonly calls: BodyCalls;
  /** Runs `inner` in a transaction of its own. */
  transact<T>(inner: (body: Body) => Promise<T>, root: object): Promise<T>;
  /** Of the body around it, if there is one. */
  readonly root?: object;
  /** Fixed for the run; without it, now. */
  readonly nowMs?: number;
  /** Makes the `ctx` that app code gets. */
  createContext(body: Body): object;
}

export class Body {
  readonly core: DispatchCore;
  readonly caller: Caller;
  readonly calls: BodyCalls;
  /** Equal for all bodies that serve one request together. */
  readonly root: object;
  /** Fixed for the run. */
  readonly nowMs: number;
  readonly now: string;
  readonly #run: BodyRun;
  #context: object | null = null;

  constructor(run: BodyRun) {
    this.#run = run;
    this.core = run.core;
    this.caller = run.caller;
    this.root = run.root ?? this;
    this.calls = run.calls;
    this.nowMs = run.nowMs ?? run.core.clock.now();
    this.now = dateTimeOf(this.nowMs);
  }

  get context(): object {
    return this.#context ??= this.#run.createContext(this);
  }

  /** In this transaction, or in one of its own. */
  transact<T>(inner: (body: Body) => Promise<T>): Promise<T> {
    return this.work.transactional ? inner(this) : this.#run.transact((body) => runWithin({ root: this.root, work: body.work, part: null }, () => inner(body)), this.root);
  }

  /** Of the transaction that runs just now, also where it was begun by `ctx.transaction` inside this body. */
  get work(): Work {
    return currentScope(this.root)?.work ?? this.#run.work;
  }

  /** The same run for another operation of the same request. */
  as(caller: Caller): Body {
    return new Body({ ...this.#run, caller, root: this.root, nowMs: this.nowMs });
  }

  rights(mode: Mode): Rights {
    return mode === "caller" ? this.caller.rights : this.caller.system;
  }

  table(name: string): Table {
    return this.core.catalog.tables.get(name)!;
  }

  /** Whether a rule holds on these rows, own writes included. */
  holds(permission: Permission, rows: { readonly [row: string]: RecordValues | null }, input: RecordValues | null): boolean {
    if (typeof permission === "boolean") return permission;
    const variables = { auth: this.caller.rights.auth, input };
    const { book } = this.core;
    const local = isLocal(permission, book);
    return this.work.ask(local, (source) => isTrue(permission, { rows, variables, now: this.now, source }, book));
  }

  /** The record as code sees it under the mode's rules; null: there is none for it. */
  seen(table: string, id: Value, mode: Mode): RecordValues | null {
    const stored = this.work.get(table, id);
    return stored === null ? null : this.show(table, stored, mode);
  }

  show(table: string, stored: Pick<StoredRecord, "values">, mode: Mode): RecordValues | null {
    const rights = this.rights(mode);
    const view = this.core.views.of(table, rights, "code");
    return ownCopy(this.work.ask(view.local, (source) => view.show({ rights, values: stored.values, now: this.now, source })));
  }
}
