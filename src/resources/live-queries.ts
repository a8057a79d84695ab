// All queries that are followed: finds those that a committed entry concerns by their footprints, and lets each tell its subscribers.
// Equal queries are one. Called after COMMIT, so nothing here throws; what fails ends its own query alone.
import { createHash } from "node:crypto";
import type { Rights } from "../access/rights.ts";
import type { Sender } from "../access/sender.ts";
import { AmbitError, fault } from "../base/error.ts";
import { dateTimeOf, millisecondsOf } from "../base/date-time.ts";
import type { Value } from "../base/value.ts";
import { logHead } from "../changes/log.ts";
import { positionText } from "../changes/wire-position.ts";
import type { Environment, Expression } from "../expression/expression.ts";
import { FootprintIndex } from "../query/footprint-index.ts";
import { footprintsOf } from "../query/footprint-plan.ts";
import type { ReadDependencies } from "../query/footprint.ts";
import type { NextInstant } from "../query/footprint-time.ts";
import type { Plan } from "../query/plan.ts";
import { readEpoch } from "../storage/epoch.ts";
import { nextInstants } from "../storage/next-instant.ts";
import type { CompiledPlan } from "../storage/plan-sql.ts";
import { readRows } from "../storage/read-plan.ts";
import type { CommittedEntry } from "../tables/engine.ts";
import { incident } from "./app-fault.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { LiveSink, LiveSubscription, PlacedFrame, ResetReason } from "./live-frame.ts";
import { LiveHerd } from "./live-herd.ts";
import { livePlan, rowWriter, type LiveQuestion } from "./live-plan.ts";
import { LiveQuery, type LiveSource, type Reading, type Subscriber } from "./live-query.ts";
import { resumeFrom } from "./live-resume.ts";
import { isByText } from "./similar-text.ts";
import { runKey, runParameters } from "./plan-run-key.ts";
import { openEnvironment, planEnvironment } from "./planner.ts";

/** `values`: of the plan's open operands. `id`: the plan is that of one record. */
export interface LiveRequest extends LiveQuestion {
  readonly values?: readonly Value[];
  readonly id?: Value;
  /** A position that was told before; null: from now on. */
  readonly since: string | null;
  /** Absent: nobody is counted for it. */
  readonly from?: Sender;
}

export interface LiveStats {
  readonly subscriptions: number;
  readonly queries: number;
  readonly stateBytes: number;
  readonly framesTotal: number;
  readonly resetsTotal: number;
}

interface Followed {
  readonly query: LiveQuery;
  readonly name: string;
  /** Null: changes alone tell, and the index has what it depends on. */
  dependencies: ReadDependencies | null;
  cancelTimer: (() => void) | null;
  bytes: number;
}

/** What can be worked out once for each plan and set of roles. */
interface Prepared { readonly source: LiveSource; readonly parameters: readonly Expression[] | null; readonly digest: string }

class Following implements LiveSubscription, Subscriber {
  readonly sink: LiveSink;
  from = -1;
  readonly #followed: Followed;
  readonly #home: FollowedHome;

  constructor(followed: Followed, sink: LiveSink, home: FollowedHome) {
    this.#followed = followed;
    this.sink = sink;
    this.#home = home;
  }

  snapshot(): void { this.#home.snapshot(this.#followed, this); }
  close(): void { this.#home.leave(this.#followed, this); }
}

/** Where a subscription is kept. */
interface FollowedHome {
  snapshot(followed: Followed, subscriber: Subscriber): void;
  leave(followed: Followed, subscriber: Subscriber): void;
}

/** An entry with more changes is not held against each query: all are read again. */
const CHANGES_MAX = 5_000;
/** So many are read again before everything else gets its turn. */
const READ_AT_ONCE = 100;
/** Where nothing is known about when an answer changes by itself, and at the least. */
const REFRESH_MS = 1_000;
const TIMER_MS_MAX = 2_000_000_000;

export class LiveQueries {
  readonly #core: DispatchCore;
  readonly #index: FootprintIndex<Followed>;
  readonly #herd: LiveHerd;
  readonly #nextInstant: NextInstant;
  readonly #followed = new Map<string, Followed>();
  readonly #plans = new WeakMap<Plan, { readonly plan: Plan; readonly unlimited: boolean }>();
  readonly #prepared = new WeakMap<CompiledPlan, Prepared>();
  #epoch: string | null = null;
  #dirty = new Set<Followed>();
  #scheduled = false;
  #subscriptions = 0;
  #bytes = 0;
  #frames = 0;
  #resets = 0;
  #unshared = 0;
  #cancelHeartbeat: (() => void) | null = null;
  #closed = false;
  readonly #home: FollowedHome = {
    leave: (followed, subscriber) => this.#leave(followed, subscriber),
    snapshot: (followed, subscriber) => {
      try {
        if (followed.query.subscribers.has(subscriber)) this.#snapshot(followed, subscriber);
      } catch (error) {
        this.#leave(followed, subscriber);
        subscriber.sink.fail(this.#failure(followed, error));
      }
    },
  };

  constructor(core: DispatchCore) {
    this.#core = core;
    this.#index = new FootprintIndex(core.book);
    this.#herd = new LiveHerd(core);
    this.#nextInstant = nextInstants(core.storage.reader, core.catalog);
    core.tables.onCommitted((entry) => this.committed(entry));
  }

  stats(): LiveStats {
    return { subscriptions: this.#subscriptions, queries: this.#followed.size, stateBytes: this.#bytes, framesTotal: this.#frames, resetsTotal: this.#resets };
  }

  /** The first frames come before this returns. Throws what a read of the query throws, NOT_LIVE, OVERLOADED, TOO_MANY_ROWS. */
  subscribe(request: LiveRequest, rights: Rights, sink: LiveSink, reset: ResetReason | null = null): LiveSubscription {
    if (this.#closed) throw fault("UNAVAILABLE", "The app is being replaced.", { retryAfterS: 1 });
    rights.require(request.plan.table, "READ");
    if (isByText(request.plan)) throw fault("NOT_LIVE", "similar by a text is not followed: a model would be asked for it.", { where: "similar", fix: "Follow similar with a vector, or ask by a plain GET." });
    const { limits } = this.#core;
    if (this.#subscriptions >= limits.subscriptions) throw fault("OVERLOADED", "Too many queries are followed.", { retryAfterS: 1 });
    if (reset === null) this.#core.limiting.follow({ table: request.plan.table }, request.from);
    const followed = this.#find(request, rights);
    const subscriber = new Following(followed, sink, this.#home);
    try {
      this.#begin(followed, subscriber, reset === null ? request.since : "", reset);
    } catch (error) {
      if (followed.query.subscribers.size === 0) this.#drop(followed);
      throw error;
    }
    followed.query.subscribers.add(subscriber);
    this.#subscriptions++;
    return subscriber;
  }

  /** Of these tables, and of those that served before. */
  committed({ position, changes }: CommittedEntry): void {
    if (this.#followed.size === 0 || changes.length === 0) return;
    try {
      const touched = changes.length > CHANGES_MAX ? [...this.#followed.values()] : this.#index.touched(changes);
      for (const followed of touched) this.#touched(followed, position, changes);
      for (const { query } of touched) query.forget();
    } catch (error) {
      for (const followed of this.#followed.values()) this.#fail(followed, error);
    }
  }

  /** Everybody subscribes at what serves next. */
  close(): void {
    this.#closed = true;
    this.#cancelHeartbeat?.();
    this.#herd.clear();
    for (const followed of this.#followed.values()) {
      const sinks = [...followed.query.subscribers];
      for (const subscriber of sinks) this.#leave(followed, subscriber);
      for (const { sink } of sinks) sink.renew();
    }
  }

  #find(request: LiveRequest, rights: Rights): Followed {
    const { planner } = this.#core;
    const { plan, unlimited } = this.#livePlan(request, rights);
    const { compiled } = planner.prepare(plan, rights, "wire");
    const prepared = this.#preparedOf(compiled, unlimited);
    const now = dateTimeOf(this.#core.clock.now());
    const environment = request.values === undefined ? planEnvironment(rights, now, request.id ?? null) : openEnvironment(rights, now, request.values);
    const name = this.#nameOf(prepared, environment);
    const known = this.#followed.get(name);
    if (known !== undefined) return known;
    const mark = createHash("sha256").update(name).digest("base64url").slice(0, 16);
    const query = new LiveQuery(prepared.source, { variables: environment.variables, mark });
    const followed: Followed = { query, name, dependencies: null, cancelTimer: null, bytes: 0 };
    try {
      this.#depend(followed, query.isLocal ? null : this.#readFirst(followed));
    } catch (error) {
      this.#drop(followed);
      throw error;
    }
    this.#followed.set(name, followed);
    this.#beat();
    return followed;
  }

  #livePlan(request: LiveRequest, rights: Rights): { readonly plan: Plan; readonly unlimited: boolean } {
    const isRecord = request.id !== undefined;
    let found = this.#plans.get(request.plan);
    if (found === undefined) {
      const plan = isRecord ? this.#core.planner.byKey(request.plan) : request.plan;
      found = { plan: livePlan({ plan, limit: isRecord ? null : request.limit }, rights, this.#core), unlimited: isRecord || request.limit === null };
      this.#plans.set(request.plan, found);
    }
    return found;
  }

  #preparedOf(compiled: CompiledPlan, unlimited: boolean): Prepared {
    let prepared = this.#prepared.get(compiled);
    if (prepared === undefined) {
      const text = JSON.stringify([this.#core.catalog.hash, compiled.plan], (_key, item: unknown) => (typeof item === "bigint" ? `${item}n` : item));
      prepared = { source: this.#source(compiled, unlimited), parameters: runParameters(compiled), digest: createHash("sha256").update(text).digest("base64url") };
      this.#prepared.set(compiled, prepared);
    }
    return prepared;
  }

  #source(compiled: CompiledPlan, unlimited: boolean): LiveSource {
    const { storage, limits, clock } = this.#core;
    const epoch = this.#epoch ??= readEpoch(storage.reader);
    return {
      compiled, writer: rowWriter(compiled.plan, unlimited, this.#core), rowsMax: limits.subscriptionRows, now: () => dateTimeOf(clock.now()),
      read: (at) => readRows(storage.reader, compiled, at), position: (at, mark) => `${positionText(epoch, at)}.${mark}`, count: () => { this.#frames++; },
    };
  }

  /** Equal for those to whom the same is told. What depends on the time and the caller at once is nobody else's. */
  #nameOf({ parameters, digest }: Prepared, environment: Environment): string {
    return `${digest} ${parameters === null ? ++this.#unshared : runKey(parameters, environment, this.#core.book)}`;
  }

  #readFirst(followed: Followed): Reading {
    const reading = followed.query.read();
    followed.query.keep(reading);
    this.#account(followed);
    return reading;
  }

  #account(followed: Followed): void {
    this.#bytes += followed.query.bytes - followed.bytes;
    followed.bytes = followed.query.bytes;
    if (this.#bytes > this.#core.limits.subscriptionsBytes) throw fault("OVERLOADED", "What is followed does not fit in limits.subscriptionsBytes.", { retryAfterS: 1 });
  }

  /** `reading` null: changes alone tell, so the whole condition is what it depends on. */
  #depend(followed: Followed, reading: Reading | null): void {
    const { query } = followed;
    const environment = reading?.environment ?? query.environment();
    const dependencies = footprintsOf(query.compiled.plan, {
      environment, rows: reading?.rows.rows ?? 1, lastKeys: reading?.rows.lastKeys ?? null, nextInstant: this.#nextInstant,
      answer: reading === null || query.compiled.plan.grouped ? null : reading.answer,
    }, this.#core);
    this.#index.remove(followed);
    this.#index.add(followed, dependencies.footprints);
    followed.cancelTimer?.();
    followed.cancelTimer = null;
    if (query.isLocal) return;
    followed.dependencies = dependencies;
    const { validUntil } = dependencies;
    if (validUntil === null) return;
    const delayMs = Math.min(TIMER_MS_MAX, Math.max(millisecondsOf(validUntil) - this.#core.clock.now(), validUntil <= environment.now ? REFRESH_MS : 1));
    followed.cancelTimer = this.#core.clock.schedule(delayMs, () => this.#mark(followed));
  }

  #begin(followed: Followed, subscriber: Subscriber, since: string | null, reset: ResetReason | null): void {
    const { query } = followed;
    this.#refreshNow(followed);
    if (this.#followed.get(followed.name) !== followed) throw fault("UNAVAILABLE", "The query could not be read again.", { retryAfterS: 1 });
    if (since === null) return this.#snapshot(followed, subscriber);
    const head = logHead(this.#core.storage.reader);
    const resumed = reset ?? this.#herd.resumed(query, { since, head }, () => resumeFrom({
      since, head, current: query.change(head, []).position, query, dependencies: followed.dependencies, entriesSince: (position) => this.#herd.entriesSince(position, head),
    }, this.#core));
    if (typeof resumed === "string") {
      this.#resets++;
      query.tell(subscriber, { op: "reset", reason: resumed });
      return this.#snapshot(followed, subscriber);
    }
    for (const frame of resumed) query.tell(subscriber, frame);
    if ((resumed.at(-1)?.at ?? -1) < head) query.tell(subscriber, query.change(head, []));
    query.forget();
    subscriber.from = head;
  }

  #snapshot(followed: Followed, subscriber: Subscriber): void {
    this.#refreshNow(followed);
    const head = logHead(this.#core.storage.reader);
    const frame = this.#herd.snapshot(followed.query, head);
    subscriber.from = head;
    followed.query.tell(subscriber, frame);
  }

  /** What goes wrong here is no other query's affair. */
  #touched(followed: Followed, position: number, changes: CommittedEntry["changes"]): void {
    try {
      this.#touch(followed, position, changes);
    } catch (error) {
      this.#fail(followed, error);
    }
  }

  #touch(followed: Followed, position: number, changes: CommittedEntry["changes"]): void {
    const { query } = followed;
    if (!query.isLocal) return this.#mark(followed);
    const told = query.changesOf(changes);
    if (told !== null) this.#deliver(followed, query.change(position, told));
  }

  /** Who fails at it ends alone. */
  #deliver(followed: Followed, frame: PlacedFrame): void {
    for (const { subscriber, thrown } of followed.query.deliver(frame)) {
      this.#leave(followed, subscriber);
      subscriber.sink.fail(this.#failure(followed, thrown));
    }
  }

  #mark(followed: Followed): void {
    this.#dirty.add(followed);
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Once for all entries of a batch.
    queueMicrotask(() => this.#readDirty());
  }

  #readDirty(): void {
    this.#scheduled = false;
    let count = 0;
    for (const followed of this.#dirty) {
      if (count++ >= READ_AT_ONCE) {
        this.#scheduled = true;
        this.#core.clock.schedule(0, () => this.#readDirty());
        return;
      }
      this.#refreshNow(followed);
    }
  }

  /** Where something may have changed since it was read. */
  #refreshNow(followed: Followed): void {
    if (!this.#dirty.delete(followed)) return;
    const { query } = followed;
    try {
      const head = logHead(this.#core.storage.reader);
      const reading = query.read();
      const changes = query.keep(reading);
      this.#account(followed);
      this.#depend(followed, reading);
      if (changes === null) this.#deliver(followed, query.snapshot(head));
      else if (changes.length > 0) this.#deliver(followed, query.change(head, changes));
    } catch (error) {
      this.#fail(followed, error);
    }
  }

  #failure(followed: Followed, thrown: unknown): AmbitError {
    const { table } = followed.query.compiled.plan;
    return thrown instanceof AmbitError ? thrown : incident("INTERNAL", "A query can no longer be followed.", { requestId: "live", body: `follow ${table}`, thrown }, this.#core);
  }

  #fail(followed: Followed, thrown: unknown): void {
    const told = this.#failure(followed, thrown);
    const subscribers = [...followed.query.subscribers];
    for (const subscriber of subscribers) this.#leave(followed, subscriber);
    this.#drop(followed);
    for (const { sink } of subscribers) sink.fail(told);
  }

  #leave(followed: Followed, subscriber: Subscriber): void {
    if (!followed.query.subscribers.delete(subscriber)) return;
    this.#subscriptions--;
    if (followed.query.subscribers.size === 0) this.#drop(followed);
  }

  #drop(followed: Followed): void {
    if (this.#followed.get(followed.name) === followed) this.#followed.delete(followed.name);
    this.#index.remove(followed);
    this.#dirty.delete(followed);
    this.#herd.forget(followed.query);
    followed.cancelTimer?.();
    this.#bytes -= followed.bytes;
    followed.bytes = 0;
    if (this.#followed.size > 0) return;
    this.#cancelHeartbeat?.();
    this.#cancelHeartbeat = null;
  }

  /** Tells all who heard nothing for a while how far the log is, so that they resume from there and not from long ago. */
  #beat(): void {
    this.#cancelHeartbeat ??= this.#core.clock.schedule(this.#core.limits.heartbeatMs, () => {
      this.#cancelHeartbeat = null;
      this.#beat();
      const head = logHead(this.#core.storage.reader);
      for (const followed of this.#followed.values()) {
        const { query } = followed;
        if (!this.#dirty.has(followed) && query.at < head) this.#deliver(followed, query.change(head, []));
      }
    });
  }
}
