// Runs app code: in a transaction that is run again when the state moved under it, or directly, each write by itself.
import { fault } from "../base/error.ts";
import { dateTimeOf } from "../base/date-time.ts";
import type { TablesHold } from "../tables/engine.ts";
import type { Linger } from "../storage/committer.ts";
import { catalogChanged, withoutRepetition } from "../storage/catalog-changed.ts";
import type { WriteSession } from "../tables/write-session.ts";
import { Body, type Caller } from "./body.ts";
import { BodyCalls } from "./body-calls.ts";
import { BodyConflict } from "./body-conflict.ts";
import { BufferedWork } from "./buffered-work.ts";
import { commitAs } from "./commit-as.ts";
import type { JobEnd } from "./job-end.ts";
import { LanePlace } from "./conflict-lanes.ts";
import { createContext } from "./context.ts";
import { DirectWork, unwanted } from "./direct-work.ts";
import { ReadingWork, readsOnly, type ReadingFor } from "./reading-work.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { plansOn, type Committing, type Work } from "./work.ts";

export interface BodyRequest<Value, Answer> {
  readonly caller: Caller;
  run(body: Body): Promise<Value>;
  /** Makes the answer in the state that the body left: inside the commit, or beside it when nothing was written. Synchronous. */
  complete(value: Value, at: Committing): Answer;
  /** In the commit: the first `writes` of what the body wrote are in. Synchronous. */
  along?(value: Value, writes: number, session: WriteSession): void;
  /** Something is kept in the same commit, so there must be one. */
  readonly commits: boolean;
  /** Of the body that it is part of. */
  readonly root?: object;
  /** False once nobody waits for it any more: then nothing is committed. */
  isWanted?(): boolean;
  /** Told the answer before COMMIT, and may add to it (storage/committer.ts). */
  readonly linger?: Linger<Answer>;
}

/** A body without a transaction around it. */
export interface DirectRequest<Value, Answer> extends Omit<BodyRequest<Value, Answer>, "linger"> {
  /** Of a job. Without it: as long as a request. */
  readonly bodyMs?: number;
  /** Lets its end join the last commit of its transactions. */
  readonly end?: JobEnd;
}

/** One entry, or none. Throws what the body throws, TRANSACTION_CONFLICT or TRANSACTION_TIMEOUT. */
export async function runTransaction<Value, Answer>(core: DispatchCore, request: BodyRequest<Value, Answer>): Promise<Answer> {
  const deadlineMs = core.clock.now() + core.limits.transactionMs;
  const place = new LanePlace(core.lanes);
  try {
    for (let attempt = 1; ; attempt++) {
      const alone = attempt >= core.limits.transactionAttempts;
      try {
        return await attemptOnce(core, request, { alone, deadlineMs, place });
      } catch (error) {
        if (!(error instanceof BodyConflict)) throw error;
        if (alone) throw conflictAnswer(core, request.caller, error);
        await before(core, place.move(error.lane), deadlineMs, () => {});
      }
    }
  } finally {
    place.leave();
  }
}

/** Without a transaction: what it wrote stays, whatever comes after. */
export async function runDirect<Value, Answer>(core: DispatchCore, request: DirectRequest<Value, Answer>): Promise<Answer> {
  const { tables, storage, clock, limits } = core;
  const { value } = await runOnce(core, request, {
    deadlineMs: clock.now() + (request.bodyMs ?? limits.requestMs),
    workOf: (calls) => new DirectWork({ tables, storage, who: commitAs(request.caller), isWanted: () => calls.isOpen }),
  }).catch((error: unknown) => { throw withoutRepetition(error); });
  return request.complete(value, beside(core));
}

/** A tool: it reads what is committed, and changes nothing. */
export async function runReading<Value, Answer>(core: DispatchCore, request: Pick<BodyRequest<Value, Answer>, "caller" | "run" | "complete"> & ReadingFor): Promise<Answer> {
  const { tables, storage, clock, limits } = core;
  const { value } = await runOnce(core, { ...request, commits: false }, {
    deadlineMs: clock.now() + limits.requestMs,
    workOf: (calls) => new ReadingWork({ tables, storage, who: commitAs(request.caller), isWanted: () => calls.isOpen }, request),
    transact: () => Promise.reject(readsOnly("A transaction")),
  });
  return request.complete(value, beside(core));
}

interface Attempt { readonly alone: boolean; readonly deadlineMs: number; readonly place: LanePlace }

async function attemptOnce<Value, Answer>(core: DispatchCore, request: BodyRequest<Value, Answer>, { alone, deadlineMs, place }: Attempt): Promise<Answer> {
  const hold = alone ? await turn(core, core.tables.hold(), deadlineMs, (late) => late.release()) : null;
  const atMs = core.clock.now();
  const work = new BufferedWork(core, commitAs(request.caller), { place, atMs });
  try {
    // Its time may have gone by in the commit queue: then the body does not run in vain, and keeps the hold from nobody.
    if (atMs > deadlineMs) throw tookTooLong();
    const { value } = await runOnce(core, request, { workOf: () => work, deadlineMs, atMs });
    // No timer fires while a body computes without a pause.
    if (core.clock.now() > deadlineMs) throw tookTooLong();
    return await commit(core, request, { work, value, hold });
  } catch (error) {
    // What the body made of it does not count.
    throw core.tables.isOutdated ? catalogChanged() : work.failure ?? error;
  } finally {
    work.end();
    hold?.release();
  }
}

async function commit<Value, Answer>(
  core: DispatchCore, request: BodyRequest<Value, Answer>, { work, value, hold }: { readonly work: BufferedWork; readonly value: Value; readonly hold: TablesHold | null },
): Promise<Answer> {
  if (work.failure !== null) throw work.failure;
  if (work.isEmpty && !work.stores && !request.commits) {
    work.certify();
    const answer = request.complete(value, beside(core));
    work.tell();
    return answer;
  }
  const committed = await (hold ?? core.tables).commit((session) => {
    if (request.isWanted?.() === false) throw unwanted();
    work.apply(session, hold !== null, (writes) => request.along?.(value, writes, session));
    return request.complete(value, committing(session));
  }, commitAs(request.caller), request.linger);
  work.tell();
  return committed.value;
}

/** `atMs`: the time that the body sees; without it, now. */
interface BodyRunOnce { workOf(calls: BodyCalls): Work; readonly deadlineMs: number; readonly atMs?: number; /** Instead of a transaction. */ transact?(): Promise<never> }

async function runOnce<Value, Answer>(core: DispatchCore, request: DirectRequest<Value, Answer>, { workOf, deadlineMs, atMs, transact }: BodyRunOnce): Promise<{ value: Value }> {
  const { caller, end } = request;
  const calls = new BodyCalls({ clock: core.clock, atMs: deadlineMs });
  const body = new Body({
    core, caller, work: workOf(calls), calls, createContext,
    ...(request.root === undefined ? {} : { root: request.root }), ...(atMs === undefined ? {} : { nowMs: atMs }),
    transact<T>(inner: (body: Body) => Promise<T>, root: object): Promise<T> {
      if (transact !== undefined) return transact();
      const transaction: BodyRequest<T, T> = { caller, run: inner, root, complete: (value) => value, commits: false, isWanted: () => calls.isOpen };
      return end === undefined ? runTransaction(core, transaction) : end.lead(calls, ({ linger, applied, isTold }) => runTransaction(core, {
        ...transaction, linger, isWanted: () => calls.isOpen && !isTold(),
        complete(value, at) { applied(at); return value; },
      }));
    },
  });
  try {
    const value = await before(core, request.run(body), deadlineMs, () => calls.close("its time was up"));
    calls.finish();
    return { value };
  } finally {
    calls.close("its body had failed");
  }
}

/** `work`'s answer, or TRANSACTION_TIMEOUT at the deadline; what comes after that is nobody's. */
async function before<Value>(core: DispatchCore, work: Promise<Value>, deadlineMs: number, late: () => void): Promise<Value> {
  let cancel = (): void => {};
  const timeout = new Promise<never>((_, reject) => {
    cancel = core.clock.schedule(Math.max(0, deadlineMs - core.clock.now()), () => {
      late();
      reject(tookTooLong());
    });
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    cancel();
  }
}

function tookTooLong(): Error {
  return fault("TRANSACTION_TIMEOUT", "The body took too long.", { retryAfterS: 1 });
}

/** Waits for its turn, behind others on the same record or before the commit queue, but not beyond the deadline. */
async function turn<Held>(core: DispatchCore, coming: Promise<Held>, deadlineMs: number, giveBack: (held: Held) => void): Promise<Held> {
  try {
    return await before(core, coming, deadlineMs, () => {});
  } catch (error) {
    void coming.then(giveBack, () => {});
    throw error;
  }
}

export function committing(session: WriteSession): Committing {
  const { connection, now, source } = session;
  return { ...plansOn(connection), connection, now, source, get: (table, id) => session.get(table, id) };
}

/** The committed state, where nothing is written. */
export function beside(core: DispatchCore): Committing {
  const { storage, tables, clock } = core;
  return { ...plansOn(storage.reader), connection: storage.reader, now: dateTimeOf(clock.now()), source: tables.source, get: (table, id) => tables.get(table, id) };
}

/** Names the records that kept changing, as far as the caller may see them. */
function conflictAnswer(core: DispatchCore, caller: Caller, { records, extras: { cause } }: BodyConflict): Error {
  const now = dateTimeOf(core.clock.now());
  const named = records.filter(({ table, id }) => {
    const stored = core.tables.get(table, id);
    const view = core.views.of(table, caller.rights, "wire");
    return stored !== null && view.show({ rights: caller.rights, values: stored.values, now, source: core.tables.source }) !== null;
  });
  core.log.warn("transaction-conflict", { requestId: caller.requestId, body: caller.label, tables: [...new Set(records.map(({ table }) => table))] });
  const details = { records: named.slice(0, 10).map(({ table, id }) => ({ table, id: String(id) })) };
  return fault("TRANSACTION_CONFLICT", "Other requests kept changing what this one had read.", { details, retryAfterS: 1, cause });
}
