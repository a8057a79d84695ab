// The security record: what is written into it, in the commit that it is about or soon after, and who reads it. What comes in masses, as
// refusals do when somebody tries their luck, is counted together and bounded, so that nobody fills the disk with it.
import { dateTimeOf } from "../base/date-time.ts";
import { AmbitError } from "../base/error.ts";
import { describeError } from "../base/log.ts";
import type { Clock } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Json } from "../base/value.ts";
import type { Identity } from "../access/identity.ts";
import type { Connection } from "../storage/connection.ts";
import type { Storage } from "../storage/open-storage.ts";
import { insertSecurity, listSecurity, trimSecurity, type SecurityEvent } from "../storage/security-rows.ts";
import type { Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { Operation, OperationBody, Result, SecurityQuestion } from "./operation.ts";
import { nothing } from "./read-operations.ts";

/** In a commit: happens with what it tells about. */
export function recordSecurity({ clock }: Pick<DispatchCore, "clock">, connection: Connection, { event, caller, about, tenant, details = {} }: {
  readonly event: string; readonly caller: Pick<Caller, "identity" | "requestId" | "from">; readonly about: string | null; readonly tenant: string | null; readonly details?: { readonly [name: string]: Json };
}): void {
  insertSecurity(connection, { event, timeMs: clock.now(), subject: nameOf(caller.identity), about, tenant, address: caller.from?.address ?? null, requestId: caller.requestId, details, count: 1 });
}

/** Of the administrator, who has no subject. */
export function nameOf({ kind, subject }: Identity): string | null {
  return kind === "administrator" ? "(administrator)" : subject;
}

export interface SecurityParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: () => Limits;
}

const FLUSH_MS = 1_000;
const TRIM_EVERY_MS = 600_000;
const TRIM_ROWS = 1_000;

/** For what happens outside of a commit: written within a second, equal ones together. */
export class SecurityRecord {
  readonly #parts: SecurityParts;
  #waiting = new Map<string, SecurityEvent>();
  /** Whom events that wait do not name any more. */
  #forgotten = new Map<string, string | null | undefined>();
  readonly #told = new WeakSet<AmbitError>();
  #left = 0;
  #cancelFlush: (() => void) | null = null;
  #cancelTrim = (): void => {};

  constructor(parts: SecurityParts) {
    this.#parts = parts;
  }

  start(): void {
    const { clock } = this.#parts;
    const again = (): void => {
      void this.#trim();
      this.#cancelTrim = clock.schedule(TRIM_EVERY_MS, again);
    };
    again();
  }

  note(event: Omit<SecurityEvent, "timeMs" | "count">): void {
    const { clock, limits } = this.#parts;
    const key = JSON.stringify([event.event, event.subject, event.about, event.tenant, event.address, event.details]);
    const known = this.#waiting.get(key);
    if (known === undefined && this.#waiting.size >= limits().securityWaiting) {
      this.#left++;
      return;
    }
    this.#waiting.set(key, known === undefined ? { ...event, timeMs: clock.now(), count: 1 } : { ...known, count: known.count + 1 });
    this.#cancelFlush ??= clock.schedule(FLUSH_MS, () => { void this.flush(); });
  }

  /** Also in what waits to be written, and in what their forgetting itself makes known. `tenant`: undefined: of all. */
  forgotten(subject: string, tenant: string | null | undefined): void {
    this.#forgotten.set(subject, tenant);
    this.#cancelFlush ??= this.#parts.clock.schedule(FLUSH_MS, () => { void this.flush(); });
  }

  /** Somebody was told that they may not, or not as often; any other error is none of this record's. */
  refused(error: unknown, { identity, address, requestId }: { readonly identity: Identity; readonly address: string; readonly requestId: string }, operation: string): void {
    const event = error instanceof AmbitError ? REFUSALS[error.status] : undefined;
    // Several places meet it on its way out.
    if (event === undefined || this.#told.has(error as AmbitError)) return;
    this.#told.add(error as AmbitError);
    this.note({ event, subject: nameOf(identity), about: null, tenant: identity.tenant, address, requestId, details: { operation, code: (error as AmbitError).code } });
  }

  /** Writes what waits. */
  async flush(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelFlush = null;
    const [events, left] = [[...this.#waiting.values()].map((event) => withoutNames(event, this.#forgotten)), this.#left];
    this.#waiting = new Map();
    this.#forgotten = new Map();
    this.#left = 0;
    if (events.length === 0) return;
    const { storage, log } = this.#parts;
    try {
      await storage.commit((connection) => { for (const event of events) insertSecurity(connection, event); });
      if (left > 0) log.warn("security-events-left-out", { count: left });
    } catch (error) {
      log.warn("security-events-not-written", { count: events.length, ...describeError(error) });
    }
  }

  async stop(): Promise<void> {
    this.#cancelTrim();
    await this.flush();
  }

  async #trim(): Promise<void> {
    const { storage, clock, limits, log } = this.#parts;
    const { securityEvents, securityMs } = limits();
    try {
      while (await storage.commit((connection) => trimSecurity(connection, { beforeMs: clock.now() - securityMs, keep: securityEvents, limit: TRIM_ROWS })) === TRIM_ROWS);
    } catch (error) {
      log.warn("security-events-not-trimmed", describeError(error));
    }
  }
}

/** As storage/security-rows.ts leaves them of somebody who is forgotten. */
function withoutNames(event: SecurityEvent, forgotten: ReadonlyMap<string, string | null | undefined>): SecurityEvent {
  const isForgotten = (name: string): boolean => forgotten.has(name) && [undefined, event.tenant].includes(forgotten.get(name));
  const [subject, about] = [event.subject, event.about].map((name) => (name !== null && isForgotten(name) ? null : name)) as [string | null, string | null];
  return subject === event.subject && about === event.about ? event : { ...event, subject, about, address: null, details: {} };
}

/** What was refused to whoever came over a wire, and what the administrator did there. */
export function noteOutcome({ security }: Pick<DispatchCore, "security">, { identity, requestId, from, body }: Operation, { label, error }: { readonly label: string; readonly error?: unknown }): void {
  if (security === undefined || from === undefined) return;
  const who = { identity, address: from.address, requestId };
  if (error !== undefined) security.refused(error, who, label);
  else if (identity.kind === "administrator" && !QUIET.has(body.kind)) security.note({ event: "administrator-acted", subject: nameOf(identity), about: null, tenant: identity.tenant, address: from.address, requestId, details: { operation: label } });
}

const REFUSALS: Readonly<Record<number, string>> = { 401: "access-denied", 403: "access-denied", 429: "limit-reached" };
/** They only read, or are recorded with their commit. */
const QUIET: ReadonlySet<OperationBody["kind"]> = new Set(["get", "query", "history", "file", "key", "security", "decisions", "decisions-overview", "proof", "recall"]);

/** Of the administrator alone, within their tenant. */
export function answerSecurity({ storage }: DispatchCore, ask: SecurityQuestion, { rights, identity }: Caller): Result {
  if (!rights.administrator) throw rights.refusal("read the security record");
  const rows = listSecurity(storage.reader, { ...ask, tenant: identity.tenant });
  const body = rows.map(({ number, event, timeMs, subject, about, tenant, address, requestId, details, count }): Json => ({ number, event, time: dateTimeOf(timeMs), subject, about, tenant, address, requestId, details, count }));
  return { ...nothing, body, nextCursor: rows.length === ask.limit ? String(rows.at(-1)!.number) : null };
}
