// Records that come from elsewhere: what is kept is answered while it is fresh; then one fetch serves all who ask. In memory is only
// what is under way, missing or failing; when each record was fetched stands beside the records. One for as long as the process has the data.
import { AmbitError, fault } from "../base/error.ts";
import type { Clock } from "../base/clock.ts";
import { describeError } from "../base/log.ts";
import type { Value } from "../base/value.ts";
import type { Caller, Body } from "../resources/body.ts";
import type { DispatchCore } from "../resources/dispatch-parts.ts";
import { ownCopy } from "../resources/own-copy.ts";
import type { Served, Sourced, SourcePort } from "../resources/source-port.ts";
import type { RecordWrite } from "../resources/straight-write.ts";
import type { Effect } from "../resources/work.ts";
import { checkLimits } from "../schema/check-limits.ts";
import type { Table, TableSource } from "../schema/catalog.ts";
import { findFetch, outdateFetches, writeFetch } from "../storage/source-rows.ts";
import type { Storage } from "../storage/open-storage.ts";
import { isWithin } from "../tables/confinement.ts";
import type { StoredRecord, WriteOutcome } from "../tables/write.ts";
import { callSource, invalidAnswer } from "./call-source.ts";
import { Flights } from "./flights.ts";
import { keepAnswer, type Kept } from "./keep-record.ts";
import { KeptRows } from "./kept-rows.ts";
import { Remembered } from "./remembered.ts";
import { readAnswer, shortTag, type Previous } from "./source-answer.ts";
import { UpstreamSlots } from "./upstream-slots.ts";
import { writeThrough } from "./write-through.ts";

export interface SourcesOptions { readonly storage: Storage; readonly clock: Clock }

export interface Sources extends SourcePort {
  /** Another app is served by now: what failed or was missing may be there. */
  replaced(): void;
  /** What is under way is not kept any more. */
  stop(): void;
  stats(): SourceStats;
}

export interface SourceStats {
  /** Reads answered from what is kept; of these, beyond its age. */
  readonly hits: number; readonly stale: number;
  /** Calls of a `get`; of these, those that failed. */
  readonly fetches: number; readonly failures: number;
  readonly running: number; readonly waiting: number;
}

/** What is here of one record. */
interface Here {
  readonly stored: StoredRecord | null;
  /** Infinity: it was never fetched, or is to be fetched again. */
  readonly ageMs: number;
  readonly tag: string | null;
}

/** A flight that is overtaken so often is not tried again. */
const ATTEMPTS = 3;
/** So far a clock may have been set back. */
const CLOCK_SLACK_MS = 60_000;

export function createSources(options: SourcesOptions): Sources {
  return new SourceCache(options);
}

class SourceCache implements Sources {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #flights = new Flights<Kept>();
  readonly #missing: Remembered<true>;
  readonly #failing: Remembered<unknown>;
  readonly #slots = new Map<string, UpstreamSlots>();
  readonly #rows = new KeptRows();
  #isStopped = false;
  #hits = 0;
  #stale = 0;
  #fetches = 0;
  #failures = 0;

  constructor({ storage, clock }: SourcesOptions) {
    this.#storage = storage;
    this.#clock = clock;
    this.#missing = new Remembered(clock);
    this.#failing = new Remembered(clock);
  }

  ready(core: DispatchCore, wanted: Sourced, caller: () => Caller): Served | null | Promise<Served | null> {
    const { table } = wanted;
    const here = this.#here(core, wanted);
    if (here === null) return null;
    const source = table.source!;
    if (here.ageMs < source.maxAgeMs) {
      this.#hits++;
      return served("kept", here.ageMs, source);
    }
    const name = nameOf(wanted);
    if (here.stored === null && this.#missing.get(name) === true) return null;
    if (here.ageMs < source.maxAgeMs + source.staleWhileRevalidateMs) {
      if (this.#failing.get(name) === undefined && !this.#isStopped) this.#flightOf(core, wanted, caller);
      return this.#outdated("stale", here.ageMs, source);
    }
    const failed = this.#failing.get(name);
    return failed === undefined ? this.#fetched(core, wanted, caller) : this.#instead(core, wanted, failed);
  }

  isReady(core: DispatchCore, wanted: Sourced): boolean {
    const { maxAgeMs, staleWhileRevalidateMs } = wanted.table.source!;
    const here = this.#here(core, wanted);
    return here === null || here.ageMs < maxAgeMs + staleWhileRevalidateMs || (here.stored === null && this.#missing.get(nameOf(wanted)) === true);
  }

  write(body: Body, request: RecordWrite): Promise<WriteOutcome> {
    const { core, caller } = body;
    return writeThrough(body, request, {
      flights: this.#flights, nameOf,
      fresh: (wanted) => this.#fresh(core, wanted, () => caller),
      previous: (wanted) => previousOf(this.#here(core, wanted)),
      wrote: (wanted) => this.#tell(core, wanted),
    });
  }

  invalidate(table: Table, id: Value): Effect {
    const key = id === null ? null : String(id);
    return {
      store: ({ connection }) => {
        this.#flights.overtake(table.name, key);
        outdateFetches(connection, table.name, key);
      },
      tell: () => this.#forget(table, id),
    };
  }

  async keep(body: Body, { table, id, input, tag }: Parameters<SourcePort["keep"]>[1]): Promise<void> {
    const { work, core } = body;
    await work.write({ kind: "replace", table: table.name, id, input, precondition: null }, { dialect: "code", authority: null, sent: null });
    await work.effect({
      store: ({ connection }) => {
        this.#flights.overtake(table.name, String(id));
        writeFetch(connection, table.name, String(id), { fetchedMs: core.clock.now(), tag: shortTag(tag) });
      },
      tell: () => this.#tell(core, { table, id, confinement: null }),
    });
  }

  replaced(): void {
    this.#missing.deleteAll("");
    this.#failing.deleteAll("");
  }

  stop(): void {
    this.#isStopped = true;
    this.#flights.overtakeAll();
  }

  stats(): SourceStats {
    let [running, waiting] = [0, 0];
    for (const slots of this.#slots.values()) [running, waiting] = [running + slots.running, waiting + slots.waiting];
    return { hits: this.#hits, stale: this.#stale, fetches: this.#fetches, failures: this.#failures, running, waiting };
  }

  /** Null: what is here is all that there is for whoever asks. */
  #here(core: DispatchCore, { table, id, confinement }: Sourced): Here | null {
    // Whoever names no tenant reads what is kept: nobody could say whose a new record is.
    if (table.tenant !== null && (confinement?.tenant ?? null) === null) return null;
    const stored = core.tables.get(table.name, id);
    // No source is asked for what could not be kept: a key of the wrong shape may mean something else there.
    if (stored === null && !isPossible(table, id)) return null;
    if (stored === null) return { stored, ageMs: Number.POSITIVE_INFINITY, tag: null };
    if (!isWithin(confinement, table, stored.values)) return null;
    const fetch = findFetch(this.#storage.reader, table.name, String(id));
    if (fetch === null || fetch.fetchedMs === 0) return { stored, ageMs: Number.POSITIVE_INFINITY, tag: fetch?.tag ?? null };
    const ageMs = this.#clock.now() - fetch.fetchedMs;
    // By a clock that was far ahead: nobody knows when.
    return { stored, ageMs: ageMs < -CLOCK_SLACK_MS ? Number.POSITIVE_INFINITY : Math.max(0, ageMs), tag: fetch.tag };
  }

  /** Once it was fetched; else what is kept, as long as it may stand in. */
  async #fetched(core: DispatchCore, wanted: Sourced, caller: () => Caller): Promise<Served | null> {
    try {
      return await this.#fly(core, wanted, caller) === "missing" ? null : served("fetched", 0, wanted.table.source!);
    } catch (error) {
      return this.#instead(core, wanted, error);
    }
  }

  /** What is kept, within its age; fetched where it is not. Throws where it cannot be. */
  async #fresh(core: DispatchCore, wanted: Sourced, caller: () => Caller): Promise<void> {
    const here = this.#here(core, wanted);
    if (here === null || here.ageMs < wanted.table.source!.maxAgeMs || (here.stored === null && this.#missing.get(nameOf(wanted)) === true)) return;
    await this.#fly(core, wanted, caller);
  }

  #instead(core: DispatchCore, wanted: Sourced, error: unknown): Served {
    const source = wanted.table.source!;
    const ageMs = this.#here(core, wanted)?.ageMs ?? Number.POSITIVE_INFINITY;
    if (ageMs < source.maxAgeMs) return served("kept", ageMs, source);
    if (!(error instanceof AmbitError) || ageMs >= source.maxAgeMs + source.staleIfErrorMs) throw error;
    return this.#outdated("failed", ageMs, source);
  }

  #outdated(how: "stale" | "failed", ageMs: number, source: TableSource): Served {
    this.#hits++;
    this.#stale++;
    return served(how, ageMs, source);
  }

  async #fly(core: DispatchCore, wanted: Sourced, caller: () => Caller): Promise<Kept> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (this.#isStopped) throw fault("UNAVAILABLE", "The process stops.", { retryAfterS: 1 });
      if (attempt > 1 && (this.#here(core, wanted)?.ageMs ?? 0) < wanted.table.source!.maxAgeMs) return "kept";
      const end = await this.#flightOf(core, wanted, caller);
      if (end !== "overtaken") return end;
    }
    throw fault("SOURCE_FAILED", `The source of ${wanted.table.name} tells of changes faster than it answers.`, { retryAfterS: 1 });
  }

  #flightOf(core: DispatchCore, wanted: Sourced, caller: () => Caller): Promise<Kept> {
    const name = nameOf(wanted);
    const { end } = this.#flights.find(name) ?? this.#flights.start(name, { table: wanted.table.name, key: String(wanted.id) }, (isOvertaken) => this.#fetch(core, wanted, { caller: caller(), isOvertaken, name }));
    return end;
  }

  async #fetch(core: DispatchCore, wanted: Sourced, { caller, isOvertaken, name }: { readonly caller: Caller; readonly isOvertaken: () => boolean; readonly name: string }): Promise<Kept> {
    const { limits } = core;
    const slots = this.#slotsOf(wanted.table.name);
    await slots.take({ atOnce: limits.sourceConcurrency, waiting: limits.sourceWaiting, waitMs: limits.sourceMs });
    this.#fetches++;
    try {
      const kept = await this.#ask(core, wanted, caller, isOvertaken);
      if (kept === "missing" && !isOvertaken()) this.#missing.set(name, true, { forMs: Math.min(limits.sourceMissingMs, wanted.table.source!.maxAgeMs), most: limits.sourceMissing });
      if (kept === "kept") this.#tell(core, wanted);
      return kept;
    } catch (error) {
      this.#failures++;
      if (!isOvertaken()) this.#failing.set(name, error, { forMs: limits.sourceRetryMs, most: limits.sourceMissing });
      throw error;
    } finally {
      slots.release();
    }
  }

  async #ask(core: DispatchCore, wanted: Sourced, caller: Caller, isOvertaken: () => boolean): Promise<Kept> {
    const { table, id } = wanted;
    const here = this.#here(core, wanted);
    const previous = previousOf(here);
    const fetchedMs = this.#clock.now();
    const { get } = core.app.sources.get(table.name)!;
    const value = await callSource(core, { caller, table: table.name, verb: "get", run: (ctx) => get.call(undefined, ctx, ownCopy(id), previous) });
    const answer = readAnswer(value, previous);
    if (answer === null) throw invalidAnswer(core, table.name, new TypeError(`get answered ${typeof value}`));
    if (isOvertaken()) return "overtaken";
    if (answer.kind === "missing" && (here?.stored ?? null) === null) return "missing";
    return keepAnswer(core, { ...wanted, requestId: caller.requestId, answer, fetchedMs, tag: here?.tag ?? null, isOvertaken });
  }

  /** A record is here that its source knows. */
  #tell(core: DispatchCore, { table, id }: Sourced): void {
    this.#forget(table, id);
    this.#rows.added(core, table).catch((error: unknown) => core.log.warn("source-rows-not-removed", { table: table.name, cause: describeError(error) }));
  }

  #forget(table: Table, id: Value): void {
    const prefix = id === null ? `${table.name} ` : `${table.name} ${JSON.stringify(String(id))} `;
    for (const memory of [this.#missing, this.#failing]) {
      if (id !== null && table.tenant === null) memory.delete(prefix);
      else memory.deleteAll(prefix);
    }
  }

  #slotsOf(table: string): UpstreamSlots {
    let slots = this.#slots.get(table);
    if (slots === undefined) this.#slots.set(table, slots = new UpstreamSlots(table, this.#clock));
    return slots;
  }
}

function isPossible({ fields, primaryKey }: Table, id: Value): boolean {
  const { type, limits } = fields.get(primaryKey)!;
  return checkLimits(id, type, limits).length === 0;
}

/** A source may answer differently to each tenant. */
function nameOf({ table, id, confinement }: Sourced): string {
  return `${table.name} ${JSON.stringify(String(id))} ${table.tenant === null ? "" : confinement?.tenant ?? ""}`;
}

function previousOf(here: Here | null): Previous | null {
  if (here === null || here.stored === null) return null;
  return { record: ownCopy(here.stored.values), etag: here.tag, ageMs: here.ageMs };
}

function served(how: Served["how"], ageMs: number, { maxAgeMs }: TableSource): Served {
  return { how, ageMs, ttlMs: maxAgeMs - ageMs };
}
