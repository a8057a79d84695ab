// The waist: every request becomes an Operation and comes here. Permission is decided once, for every interface; faults end here.
import { AmbitError } from "../base/error.ts";
import { noTracer } from "../base/tracer.ts";
import type { Rights } from "../access/rights.ts";
import { answerAccount } from "./account-operation.ts";
import { incident } from "./app-fault.ts";
import type { Caller } from "./body.ts";
import { runBatch } from "./batch.ts";
import { callJob } from "./call-job.ts";
import { callBody } from "./callables.ts";
import { ChannelHub } from "./channel-hub.ts";
import { answerDecision, decisionsOf } from "./decide-operation.ts";
import { answerRecall, answerRemember } from "./memory-operations.ts";
import { ConflictLanes } from "./conflict-lanes.ts";
import type { DecisionPort, RowsQuestion } from "./decision-port.ts";
import type { DispatchCore, DispatchParts } from "./dispatch-parts.ts";
import { answerForget } from "./forget-operation.ts";
import { IdempotencyKeys } from "./idempotency.ts";
import { LiveQueries } from "./live-queries.ts";
import type { Operation, OperationBody, Result } from "./operation.ts";
import { answerKey } from "./key-operations.ts";
import { answerOutbox } from "./outbox-operations.ts";
import { Planner } from "./planner.ts";
import { publishBody } from "./publish-operation.ts";
import { asAsked } from "./of-all-tenants.ts";
import { ReadOperations } from "./read-operations.ts";
import { sensitiveTexts } from "./redact-fields.ts";
import { linkFile, readFile } from "./read-file.ts";
import { readHistory } from "./record-history.ts";
import { receiveWebhook } from "./receive-webhook.ts";
import { answerRun, followRun } from "./run-operations.ts";
import { RunWatch, type RunSink } from "./run-watch.ts";
import { FollowedRows, type RowsFollower } from "./followed-rows.ts";
import type { LiveSubscription } from "./live-frame.ts";
import { answerSecurity, noteOutcome } from "./security-record.ts";
import { getSourced } from "./read-source.ts";
import { RecordViews } from "./record-view.ts";
import { restoreBody } from "./restore-operation.ts";
import { CursorSeal } from "./sealed-cursor.ts";
import { invalidateOperation } from "./source-access.ts";
import { isByText, withVector } from "./similar-text.ts";
import { tellAnswer } from "./tell-answer.ts";
import { UsageLimits } from "./usage-limits.ts";
import { UsageMeter } from "./usage-meter.ts";
import { tellable } from "./system-refusal.ts";
import { uploadFile } from "./upload-file.ts";
import { tableOf, writeBody } from "./write-operations.ts";

export interface Dispatcher {
  /** Reads answer at once. Throws, or rejects with, AmbitError only. */
  dispatch(operation: Operation): Result | Promise<Result>;
  /** Of lists answered from memory. */
  stats(): ReturnType<ReadOperations["stats"]>;
  /** Queries that are followed. */
  readonly live: LiveQueries;
  /** Topics of channels. */
  readonly channels: ChannelHub;
  readonly decisions: DecisionPort | null;
  readonly runs: RunFollowing;
  readonly rows: RowsFollowing;
  /** @limit of what is followed, which is no operation. */
  readonly limiting: UsageLimits;
}

/** Runs that are followed. */
export interface RunFollowing {
  /** Throws NOT_FOUND for a run that the caller may not see, OVERLOADED. */
  follow(run: string, caller: Pick<Caller, "identity" | "rights">, sink: RunSink): LiveSubscription;
  /** Whoever follows comes again, to what serves by then. */
  close(): void;
}

/** Approvals, negotiations and commitments that are followed. */
export interface RowsFollowing {
  /** Throws what looking at them throws, OVERLOADED. */
  follow(ask: RowsQuestion, follower: RowsFollower): LiveSubscription;
  /** Null: nothing serves next. */
  close(next: (() => FollowedRows) | null): void;
  readonly followed: FollowedRows;
}

export function createDispatcher(parts: DispatchParts): Dispatcher {
  const limiting = new UsageLimits(parts.catalog, parts.usage ?? new UsageMeter({ clock: parts.clock, limits: () => parts.limits, seed: 0 }));
  const core: DispatchCore & { decisions: DispatchCore["decisions"] } = {
    ...parts, decisions: null, limiting, tracer: parts.tracer ?? noTracer,
    planner: new Planner(parts), views: new RecordViews(parts.catalog, parts.book),
    lanes: new ConflictLanes(), keys: new IdempotencyKeys(parts), cursors: new CursorSeal(parts.random), channels: new ChannelHub(parts, limiting), runs: new RunWatch(parts),
    followed: new FollowedRows(parts),
  };
  core.decisions = parts.createDecisions?.(core) ?? null;
  const reads = new ReadOperations(core);
  return {
    stats: () => reads.stats(),
    live: new LiveQueries(core),
    channels: core.channels,
    decisions: core.decisions,
    runs: { follow: (run, caller, sink) => followRun(core, run, { caller, sink }), close: () => core.runs.close() },
    rows: {
      followed: core.followed,
      follow: (ask, follower) => core.followed.follow(decisionsOf(core).rows(ask, follower), follower),
      close: (next) => (next === null ? core.followed.close() : core.followed.handOver(next)),
    },
    limiting,
    dispatch(operation) {
      if (operation.from === undefined) return carryOut(core, reads, operation);
      try {
        const leave = limiting.begin(operation);
        return leave === null ? carryOut(core, reads, operation) : leaving(leave, () => carryOut(core, reads, operation));
      } catch (error) {
        noteOutcome(core, operation, { label: labelOf(operation), error });
        throw error;
      }
    },
  };
}

function carryOut(core: DispatchCore, reads: ReadOperations, operation: Operation): Result | Promise<Result> {
  const { body } = operation;
  try {
    const rights = core.access.rights(operation.identity);
    if (body.kind === "get") return core.catalog.tables.get(body.table)?.source === undefined ? reads.get(body, rights) : sourced(core, reads, operation, rights);
    if (body.kind === "query") return isByText(body.plan) ? answered(core, operation, queryByText(core, reads, { ...operation, body }, rights)) : reads.query(body, rights);
    if (body.kind === "file") return answered(core, operation, readFile(core, body, rights));
    if (body.kind === "file-link") return answered(core, operation, linkFile(core, body, rights));
    if (body.kind === "history") return readHistory(core, body, { rights, identity: operation.identity });
    const caller = callerOf(operation, rights, core.access.system(operation.identity));
    return body.kind === "publish" ? publishBody(core, operation, body, caller) : recorded(core, operation, changing(core, { operation, body, caller }));
  } catch (error) {
    throw answerable(core, error, { requestId: operation.requestId, label: labelOf(operation), asked: operation.body });
  }
}

function recorded(core: DispatchCore, operation: Operation, result: Promise<Result>): Promise<Result> {
  if (operation.from === undefined || core.security === undefined) return result;
  return result.then((done) => {
    noteOutcome(core, operation, { label: labelOf(operation) });
    return done;
  }, (error: unknown) => {
    noteOutcome(core, operation, { label: labelOf(operation), error });
    throw error;
  });
}

/** Of what may only be under way so many times at once. */
function leaving(leave: () => void, work: () => Result | Promise<Result>): Result | Promise<Result> {
  let result: Result | Promise<Result>;
  try {
    result = work();
  } catch (error) {
    leave();
    throw error;
  }
  if (result instanceof Promise) return result.finally(leave);
  leave();
  return result;
}

type ChangingBody = Exclude<OperationBody, { kind: "get" | "query" | "history" | "file" | "file-link" | "publish" }>;

/** What may run app code or write. */
async function changing(core: DispatchCore, { operation, body, caller }: { readonly operation: Operation; readonly body: ChangingBody; readonly caller: Caller }): Promise<Result> {
  try {
    if (body.kind === "batch") return await runBatch(core, operation, body.script, caller);
    if (body.kind === "answered") return await tellAnswer(core, body, asAsked(core, caller));
    if (body.kind === "account") return await answerAccount(core, body.request, caller);
    if (body.kind === "outbox") return await answerOutbox(core, body.ask, caller);
    if (body.kind === "webhook") return await receiveWebhook(core, body, caller);
    if (body.kind === "upload") return await uploadFile(core, body, caller);
    if (body.kind === "restore") return await restoreBody(core, operation, body, caller);
    if (body.kind === "decide" || body.kind === "decisions" || body.kind === "decisions-overview" || body.kind === "decision-mode" || body.kind === "proof" || body.kind === "approval" || body.kind === "negotiation") return await answerDecision(core, operation, body, caller);
    if (body.kind === "forget") return await answerForget(core, body.subject, caller);
    if (body.kind === "recall") return answerRecall(core, body.ask, caller);
    if (body.kind === "remember") return await answerRemember(core, operation, body.ask, caller);
    if (body.kind === "job") return await callJob(core, body, asAsked(core, caller));
    if (body.kind === "invalidate") return await invalidateOperation(core, body, caller);
    if (body.kind === "security") return answerSecurity(core, body.ask, caller);
    if (body.kind === "key") return await answerKey(core, body.ask, caller);
    if (body.kind === "run") return await answerRun(core, body.ask, caller);
    if ((body.kind === "update-many" || body.kind === "remove-many") && isByText(body.plan)) {
      caller.rights.require(body.plan.table, "READ");
      return await writeBody(core, operation, { ...body, plan: await withVector(core, body.plan, caller.signal) }, caller);
    }
    return await (body.kind === "action" || body.kind === "endpoint" ? callBody(core, operation, body, caller) : writeBody(core, operation, body, caller));
  } catch (error) {
    throw answerable(core, tellable(core, error, caller), { requestId: caller.requestId, label: caller.label, asked: operation.body });
  }
}

function callerOf(operation: Operation, rights: Rights, system: Rights): Caller {
  const { identity, requestId, request, body, signal, from } = operation;
  const run = body.kind === "job" ? body.run : null;
  return { identity, rights, system, requestId, request, run, signal: run?.signal ?? signal, systemRefusals: new WeakMap(), label: labelOf(operation), ...(from === undefined ? {} : { from }) };
}

/** For the log: what was asked for, never with values. */
function labelOf({ body }: Operation): string {
  switch (body.kind) {
    case "action": return `${body.table}.${body.name}`;
    case "endpoint": case "webhook": case "answered": return body.name;
    case "job": return `Jobs.${body.name}`;
    case "run": return `${body.ask.do} run`;
    case "security": return "list security";
    case "key": return `${body.ask.do} key`;
    case "outbox": return `${body.ask.do} delivery`;
    case "decide": return `decide ${body.name}`;
    case "decisions": return "list decisions";
    case "decision-mode": return `mode of ${body.name}`;
    case "forget": return "forget";
    case "recall": case "remember": return `${body.kind} facts`;
    case "decisions-overview": return `${body.ask.do} decisions`;
    case "negotiation": return `${body.ask.do} of negotiations`;
    case "approval": return `${body.ask.do} approvals`;
    case "proof": return `prove ${body.ask.of}`;
    case "batch": return "batch";
    case "account": return "sign-in";
    case "publish": return `publish ${body.channel}`;
    case "get": case "history": case "restore": case "invalidate": return `${body.kind} ${body.table}`;
    case "upload": return `upload ${body.table}.${body.field}`;
    case "file": case "file-link": return body.kind;
    case "query": return `query ${body.plan.table}`;
    default: return `${body.kind} ${tableOf(body)}`;
  }
}

/** A model is asked first. */
async function queryByText(core: DispatchCore, reads: ReadOperations, { body, signal }: Operation & { readonly body: Extract<OperationBody, { kind: "query" }> }, rights: Rights): Promise<Result> {
  rights.require(body.plan.table, "READ");
  return reads.query({ ...body, plan: await withVector(core, body.plan, signal) }, rights);
}

/** A record that may have to be fetched. */
function sourced(core: DispatchCore, reads: ReadOperations, operation: Operation, rights: Rights): Result | Promise<Result> {
  const caller = (): Caller => callerOf(operation, rights, core.access.system(operation.identity));
  const result = getSourced(core, reads, { body: operation.body as Extract<OperationBody, { kind: "get" }>, rights, caller });
  return result instanceof Promise ? answered(core, operation, result) : result;
}

async function answered(core: DispatchCore, operation: Operation, result: Promise<Result>): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    throw answerable(core, error, { requestId: operation.requestId, label: labelOf(operation), asked: operation.body });
  }
}

/** A refusal as it is; anything else is a fault of ours or of the app: logged, and told as an incident. */
function answerable(core: DispatchCore, error: unknown, { requestId, label, asked }: { readonly requestId: string; readonly label: string; readonly asked: OperationBody }): AmbitError {
  if (error instanceof AmbitError) return error;
  return incident("INTERNAL", "Something failed in an unexpected way.", { requestId, body: label, thrown: error, hidden: sensitiveTexts(asked, core.catalog) }, core);
}
