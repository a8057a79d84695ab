// Decisions as the rest of the server asks them: who may, with what, under which key; then a run, whose answer is the same for whoever asks
// again. What happens in a run is the loop's (loop.ts) and the commit's (run/commit-run.ts).
import { assert } from "../base/assert.ts";
import type { Identity } from "../access/identity.ts";
import { readIdentity } from "../access/stored-identity.ts";
import { AmbitError, fault } from "../base/error.ts";
import { inParallel } from "../base/in-parallel.ts";
import { describeError } from "../base/log.ts";
import type { Json, RecordValues } from "../base/value.ts";
import { isTrue } from "../expression/evaluate.ts";
import { toWireValue } from "../schema/wire-value.ts";
import type { RawInput } from "../tables/write.ts";
import type { AppFunction } from "../resources/app-code.ts";
import type { Body, Caller } from "../resources/body.ts";
import type { ApprovalQuestion, BacktestQuestion, DecideRequest, DecisionPort, DecisionResult, DecisionsQuestion, KeepAnswer, ListedDecision, NegotiationAnswer, NegotiationQuestion, ProofQuestion, RecallQuestion, RememberRequest, RowsQuestion } from "../resources/decision-port.ts";
import type { RowsSource } from "../resources/followed-rows.ts";
import type { Forgettable } from "../resources/forgettable.ts";
import type { DispatchCore } from "../resources/dispatch-parts.ts";
import { openRuns, readRun, runOfKey, stepsOf, takeRun, type AdmittedRun, type DecisionRow } from "../storage/decision-rows.ts";
import { Approvals, type AskedRun } from "./approvals/approvals.ts";
import type { TextWriters } from "./approvals/text-writers.ts";
import type { Checkpoints } from "./audit/checkpoints.ts";
import { subjectOf, type Gathered, type Question } from "./context/gather.ts";
import type { AskingRun, ReasonRequest, RunStage } from "./loop.ts";
import { postFacts, recallRecord } from "./memory/memory-access.ts";
import { Negotiations } from "./negotiation/negotiations.ts";
import type { CompiledDecision } from "./policy/compiled-decision.ts";
import type { Advice } from "./reason/act.ts";
import type { ReadyDecision } from "./ready-decision.ts";
import type { RunBudget } from "./reason/budgets.ts";
import { spentBelow } from "./reason/journal.ts";
import type { ParseJson } from "./reason/read-arguments.ts";
import { commitRun, type CommitRequest } from "./run/commit-run.ts";
import { directReason, failed, type FallbackReason } from "./run/ending.ts";
import { readAdmission, type Admission, type Anew } from "./run/admission.ts";
import { eraseNow } from "./run/erase-run.ts";
import { forgettableDecisions } from "./run/forget-runs.ts";
import { fallbackAnswer } from "./run/fallback.ts";
import { Fenced, KeyTaken, noFacts, storeRun, type RunFacts } from "./run/store-run.ts";
import { callbackAdded, readCallback } from "./run/callback.ts";
import { admittedRun, principalOf } from "./run/admitted-run.ts";
import { cancelRuns } from "./run/cancel-runs.ts";
import { joinTransaction } from "./run/join-transaction.ts";
import { LoweredModes } from "./run/lowered-modes.ts";
import type { DecisionMode } from "../schema/decision.ts";
import { Rollouts } from "./rollout/rollouts.ts";
import { whoDecides, type Decided, type Shadowing } from "./rollout/who-decides.ts";
import { shadowRun } from "./run/shadow-run.ts";
import { overviewOf } from "./run/overview.ts";
import type { RunEnd } from "./run/run-tally.ts";
import { ShadowQueue } from "./run/shadow-queue.ts";
import { mismatch, readQuestion } from "./run/read-question.ts";
import { RunLooks } from "./run/run-looks.ts";
import { listedDecision, resultOf } from "./run/run-view.ts";

export interface DecisionsParts {
  readonly core: DispatchCore;
  readonly decisions: ReadonlyMap<string, ReadyDecision>;
  readonly fallbacks: ReadonlyMap<string, AppFunction>;
  readonly checkpoints: Checkpoints;
  readonly parse: ParseJson;
  /** Of what a decision's model costs; null: no price is known. */
  currencyOf(name: string): string | null;
  /** A run has ended, durably. */
  ended(end: RunEnd): void;
  /** Addresses that are told what waits for approval. */
  readonly notify: readonly string[];
  /** Begins one, or tells of those that were. */
  backtest(ask: BacktestQuestion, caller: Caller): Promise<Json>;
  /** Somebody's rights as of now. */
  renew(identity: Identity): Identity;
}

interface Asked extends Decided {
  /** Shorter than its own, where it was asked by another. */
  readonly deadlineMs?: number;
  /** Of that one. */
  readonly above?: RunBudget;
  /** Where that one wants to know who wrote what is read. */
  readonly writers?: TextWriters;
  /** Called once it is admitted. */
  admittedNow?(): void;
}

interface Running {
  readonly run: string;
  readonly fingerprint: string;
  /** Others may see it by then. */
  readonly admitted: Promise<void>;
  readonly done: Promise<DecisionResult>;
}

/** How long after its lease a run may still be committing. */
const LEASE_GRACE_MS = 10_000;
/** How often it is looked whether a run of somebody else has ended. */
const ENDED_LOOK_MS = 50;
/** Runs that are taken up side by side. */
const RECOVERED_AT_ONCE = 8;

export class Decisions implements DecisionPort {
  readonly #parts: DecisionsParts;
  readonly #shadows: ShadowQueue;
  readonly #modes: LoweredModes;
  readonly #rollouts: Rollouts;
  readonly #looks: RunLooks;
  /** What serves by now, once this does no more. */
  #next: (() => DecisionPort | null) | null = null;
  readonly #approvals: Approvals;
  readonly #negotiations: Negotiations;
  /** By key. */
  readonly #running = new Map<string, Running>();
  /** By run: ends its work when it is cancelled, and tells when there is no more. */
  readonly #held = new Map<string, { abort(): void; readonly over: Promise<void> }>();

  /** By run: where those are that are under way here. */
  readonly #stages = new Map<string, RunStage>();
  /** By run: those that are taken up just now. */
  readonly #recovering = new Map<string, Promise<void>>();

  constructor(parts: DecisionsParts) {
    this.#parts = parts;
    this.#shadows = new ShadowQueue(parts.core.limits.decisionShadows);
    this.#modes = new LoweredModes(parts.core);
    this.#looks = new RunLooks(parts);
    this.#negotiations = new Negotiations({
      core: parts.core, decisionOf: (name) => parts.decisions.get(name)?.decision ?? null,
      prepare: (name, input, caller) => {
        const asked = this.#ask({ name, input, caller, key: null, isRound: true });
        return { run: asked.admitted.id, question: asked.question, begin: (negotiating) => this.#begin({ ...asked, question: { ...asked.question, negotiating } }) };
      },
    });
    this.#approvals = new Approvals({
      core: parts.core, notify: parts.notify, decisionOf: (name) => parts.decisions.get(name) ?? null, subjectOf: (decision, gathered) => subjectOf(decision, gathered, parts.core),
      askedAgain: (row, admission) => this.#askedRun(row, admission), ended: (end) => parts.ended(end),
      resume: (row, taken) => this.#resumeAnew(row, taken),
      readAgain: (again) => parts.decisions.get(again.question.decision.name)?.reasoner?.readAgain(again) ?? null,
      endBy: async ({ admitted: { id } }, reason, how) => { await this.#endBy(id, reason, how); },
    });
    this.#rollouts = new Rollouts(parts.core);
    parts.core.runs.listen((run) => {
      this.#approvals.moved(run);
      this.#negotiations.moved(run);
    });
  }

  get isWithoutModel(): boolean {
    return [...this.#parts.decisions.values()].some(({ decision: { declaration: { kind, mode } }, reasoner }) => reasoner === null && kind !== "RULE" && mode !== "OFF");
  }

  list(caller: Caller): ReturnType<DecisionPort["list"]> {
    return [...this.#parts.decisions.values()].filter(({ decision }) => caller.rights.mayCall(decision.declaration.callable) !== false)
      .map(({ decision }) => listedDecision(decision, this.#modes.of(decision), caller));
  }

  async setMode(name: string, mode: string | null, caller: Caller): Promise<ListedDecision> {
    const decision = this.#parts.decisions.get(name)?.decision;
    if (decision === undefined) throw fault("NOT_FOUND", `There is no decision ${name}.`);
    await this.#modes.set(decision, mode, principalOf(caller));
    return listedDecision(decision, this.#modes.of(decision), caller);
  }

  run(id: string, caller: Caller): ReturnType<DecisionPort["run"]> {
    return this.#looks.run(id, caller);
  }

  progress(id: string, caller: Pick<Caller, "identity">): ReturnType<DecisionPort["progress"]> {
    return this.#looks.progress(id, caller, this.#stages.get(id) ?? null);
  }

  trace(id: string, caller: Caller): ReturnType<DecisionPort["trace"]> {
    return this.#looks.trace(id, caller);
  }

  proof(ask: ProofQuestion, caller: Caller): Promise<Json | null> {
    return this.#looks.proof(ask, caller);
  }

  async administer(ask: DecisionsQuestion, caller: Caller): Promise<Json> {
    const { core, decisions, currencyOf } = this.#parts;
    if (ask.do === "list") {
      const listed = [...decisions.values()].map(({ decision, version, reasoner }) => ({ decision, mode: this.#modes.of(decision), version, hasModel: reasoner !== null, currency: currencyOf(decision.name), rollout: this.#rolloutOf(decision, version) }));
      return overviewOf(core.storage.reader, listed, { days: ask.days, nowMs: core.clock.now() });
    }
    if (ask.do !== "erase") return this.#parts.backtest(ask, caller);
    return { erased: [...await eraseNow(core, ask.run)] };
  }

  #rolloutOf(decision: CompiledDecision, version: string): Json {
    const named = decision.rollout?.declaration.candidate;
    const candidate = typeof named === "string" ? this.#parts.decisions.get(named) : { decision, version };
    return candidate === undefined ? null : this.#rollouts.view({ decision, version }, candidate);
  }

  get forgettables(): readonly Forgettable[] {
    return forgettableDecisions(this.#parts.core, [...this.#parts.decisions.values()].map(({ decision }) => decision));
  }

  recall(question: RecallQuestion, caller: Caller): Json | null {
    return recallRecord(this.#parts.core, [...this.#parts.decisions.values()].map(({ decision }) => decision), question, caller);
  }

  remember(request: RememberRequest, body: Body): Promise<Json> {
    return postFacts(request, body);
  }

  async decide(request: DecideRequest): Promise<DecisionResult> {
    const asked = this.#decidedBy(this.#ask(request), request.input);
    if (request.isAsynchronous && this.#held.size >= this.#parts.core.limits.decisionRuns) throw fault("OVERLOADED", "Too many decisions are under way.", { retryAfterS: 1 });
    const { key } = asked.admitted;
    if (key === null) return this.#told(this.#start(asked), request.isAsynchronous);
    const name = JSON.stringify([key.scope, key.key]);
    for (;;) {
      const running = this.#running.get(name);
      if (running !== undefined) {
        if (running.fingerprint !== key.fingerprint) throw mismatch();
        await Promise.race([running.done.catch(() => {}), ...(request.isAsynchronous ? [running.admitted] : [])]);
      }
      const known = runOfKey(this.#parts.core.storage.reader, key.scope, key.key, asked.admitted.admittedMs);
      const isParked = known?.state === "AWAITING_APPROVAL";
      if (known !== null && known.endedMs === null && known.fingerprint === key.fingerprint && (request.isAsynchronous || isParked)) return { ...resultOf(known), replayed: true };
      if (known !== null && known.endedMs === null && known.fingerprint === key.fingerprint && (this.#recovering.has(known.id) || known.leaseMs + LEASE_GRACE_MS < this.#parts.core.clock.now())) {
        await this.#recover(known);
        continue;
      }
      if (known !== null && known.endedMs === null && known.fingerprint === key.fingerprint && await this.#ended(known.id, asked.admitted.leaseMs)) continue;
      if (known !== null) return this.#known(known, key.fingerprint);
      if (this.#running.has(name)) continue;
      const started = this.#start(asked);
      this.#running.set(name, started);
      void started.done.catch(() => {}).then(() => this.#running.delete(name));
      try {
        return await this.#told(started, request.isAsynchronous);
      } catch (error) {
        if (!(error instanceof KeyTaken)) throw error;
      }
      await started.done.catch(() => {});
    }
  }

  /** By whom, where a challenger is tried. */
  #decidedBy(asked: Asked, raw: RawInput): Asked {
    const { core, decisions } = this.#parts;
    return { ...asked, ...whoDecides({ ...asked, raw }, { core, rollouts: this.#rollouts, readyOf: (name) => decisions.get(name) ?? null, modeOf: (decision) => this.#modes.of(decision) }) };
  }

  #start(asked: Asked): Running {
    let admittedNow = (): void => {};
    const admitted = new Promise<void>((resolve) => { admittedNow = resolve; });
    return { run: asked.admitted.id, fingerprint: asked.admitted.key?.fingerprint ?? "", admitted, done: this.#begin({ ...asked, admittedNow }) };
  }

  /** Its end; for who does not wait for that, where it is. */
  #told({ run, admitted, done }: Running, isAsynchronous: boolean): Promise<DecisionResult> {
    return isAsynchronous ? Promise.race([done, admitted.then(() => this.#result(run))]) : done;
  }

  approvals(ask: ApprovalQuestion, caller: Caller, keep: KeepAnswer | null = null): ReturnType<DecisionPort["approvals"]> {
    return this.#approvals.answer(ask, caller, keep);
  }

  rows(ask: RowsQuestion, caller: Pick<Caller, "identity">): RowsSource {
    switch (ask.of) {
      case "approvals": case "approval": return this.#approvals.followed(ask, caller);
      default: return this.#negotiations.followed(ask, caller);
    }
  }

  negotiate(ask: NegotiationQuestion, caller: Caller, keep: KeepAnswer | null = null): Promise<NegotiationAnswer> {
    return this.#negotiations.answer(ask, caller, keep);
  }

  async endLate(): Promise<boolean> {
    const hasMore = await this.#approvals.endLate();
    await this.#negotiations.endLate();
    return hasMore;
  }

  async cancel(id: string, caller: Caller): ReturnType<DecisionPort["cancel"]> {
    const { core, decisions } = this.#parts;
    const row = readRun(core.storage.reader, id);
    if (row === null || this.#looks.standing(row, caller) === null) return null;
    const nodes = await cancelRuns(row, core, { decisionOf: (name) => decisions.get(name)?.decision ?? null, ended: (end) => this.#parts.ended(end) });
    for (const { run } of nodes) {
      this.#held.get(run)?.abort();
      core.runs.changed(run);
    }
    return nodes;
  }

  /** For another decision: its own record, its rights those of whoever asked the other. */
  async advise(name: string, args: RecordValues, { run, caller, deadlineMs, isUntrusted, budget, writers }: AskingRun): Promise<Advice> {
    const { core, decisions } = this.#parts;
    const ready = decisions.get(name)!;
    const { callable } = ready.decision.declaration;
    const raw = Object.fromEntries([...callable.arguments].map(([argument, { type }]) => [argument, toWireValue(args[argument], type, core.catalog)]));
    const asked = this.#ask({ name, input: raw, caller, key: null, isAdvice: true });
    const leftMs = Math.max(0, deadlineMs - core.clock.now());
    const result = await this.#begin({ ...asked, above: budget, ...(writers === undefined ? {} : { writers }), question: { ...asked.question, isFromUntrusted: isUntrusted }, admitted: { ...asked.admitted, parent: run, key: null }, deadlineMs: Math.min(ready.decision.declaration.deadlineMs, leftMs) });
    return { answer: result.status === 200 ? JSON.parse(result.body) as Json : { refused: "NO_ADVICE", tell: null }, isUntrusted: result.isUntrusted, writers: writers?.subjects ?? [] };
  }

  async recover(which: "all" | "lapsed"): Promise<void> {
    const { core } = this.#parts;
    const waiting = openRuns(core.storage.reader, which === "all" ? null : core.clock.now() - LEASE_GRACE_MS);
    await inParallel(waiting, RECOVERED_AT_ONCE, async (id) => {
      const row = readRun(core.storage.reader, id);
      // What is at work here ends here, however late the machine lets it.
      if (row === null || row.endedMs !== null || this.#held.has(id)) return;
      await this.#recover(row).catch((error: unknown) => core.log.error("decision-not-recovered", { run: row.id, decision: row.name, ...describeError(error) }));
    });
  }

  handOver(next: () => DecisionPort | null): void {
    const { clock, limits, log } = this.#parts.core;
    this.#next = next;
    const give = (run: string): Promise<void> => this.#giveAway(run).catch((error: unknown) => log.error("decision-not-recovered", { run, ...describeError(error) }));
    clock.schedule(limits.drainMs, () => { for (const run of this.#held.keys()) void give(run); });
  }

  async takeOver(run: string): Promise<void> {
    const { storage, log } = this.#parts.core;
    const row = readRun(storage.reader, run);
    if (row === null || row.endedMs !== null) return;
    await new Promise<void>((taken) => {
      void this.#recover(row, taken).catch((error: unknown) => log.error("decision-not-recovered", { run: row.id, decision: row.name, ...describeError(error) })).finally(taken);
    });
  }

  async settled(which: "runs" | "runs and shadows"): Promise<void> {
    for (;;) {
      const busy = [...this.#held.values()].map(({ over }) => over);
      if (which === "runs and shadows" && this.#shadows.isBusy) busy.push(this.#shadows.idle());
      if (busy.length === 0) return;
      await Promise.all(busy);
    }
  }

  /** To whoever serves by now. What it still does here meets the fence. */
  async #giveAway(run: string): Promise<void> {
    await this.#next?.()?.takeOver(run);
    this.#held.get(run)?.abort();
  }

  /** Looks now and then: it is somebody else's. False: it has not, by then. */
  async #ended(run: string, untilMs: number): Promise<boolean> {
    const { storage: { reader }, clock } = this.#parts.core;
    for (;;) {
      const row = readRun(reader, run);
      if (row === null || row.endedMs !== null) return true;
      if (clock.now() >= untilMs) return false;
      await new Promise<void>((resolve) => { clock.schedule(ENDED_LOOK_MS, resolve); });
    }
  }

  #recover(row: DecisionRow, taken: () => void = () => {}): Promise<void> {
    const begun = this.#recovering.get(row.id) ?? this.#held.get(row.id)?.over;
    if (begun !== undefined) return begun;
    const recovering = this.#takeUp(row, taken).finally(() => this.#recovering.delete(row.id));
    this.#recovering.set(row.id, recovering);
    return recovering;
  }

  /** Whoever held it is gone, as after a crash: it goes on from its journal, or ends here. */
  async #takeUp(row: DecisionRow, taken: () => void): Promise<void> {
    const { core, decisions } = this.#parts;
    const ready = decisions.get(row.name);
    const admission = readAdmission(core.storage.reader, row.id);
    const leaseMs = Math.max((admission?.anew?.beganMs ?? row.admittedMs) + (ready?.decision.declaration.deadlineMs ?? 0), core.clock.now());
    const epoch = await core.storage.commit((connection) => takeRun(connection, row.id, row.epoch, leaseMs));
    taken();
    if (epoch === null) return;
    core.log.warn("decision-recovered", { run: row.id, decision: row.name });
    const asked = ready === undefined || admission === null ? null : this.#askedAgain(row, ready, admission);
    if (asked === null || admission === null) {
      this.#parts.ended(await core.storage.commit((connection) => storeRun({ connection }, failed, null, { admitted: { ...row, key: null }, epoch, decision: null, input: {}, facts: noFacts, random: core.random, nowMs: core.clock.now() })));
      callbackAdded({ ...row, key: null }, core);
      return;
    }
    const { version, reasoner } = asked.ready;
    const { anew } = admission;
    if (version !== row.version || reasoner === null) await this.#answerDirectly(asked, "replay_divergence", { epoch });
    // Whoever asked for its advice asks anew.
    else if (row.parent !== null) await this.#answerDirectly(asked, "crash_recovered", { epoch });
    else await this.#hold(row.id, (signal) => reasoner.resume(this.#reasoning(asked, signal), { epoch, read: admission, steps: stepsOf(core.storage.reader, row.id), spentBelow: spentBelow(core.storage.reader, row.id), ...(anew === undefined ? {} : { anew }) }));
  }

  /** For approvals: null if its input is none of the decision any more, or the decision is gone. */
  #askedRun(row: DecisionRow, admission: Admission): AskedRun | null {
    const ready = this.#parts.decisions.get(row.name);
    const asked = ready === undefined ? null : this.#askedAgain(row, ready, admission);
    return asked === null ? null : { question: asked.question, own: asked.own, admitted: asked.admitted, fallback: (gathered) => this.#fallback(asked, gathered) };
  }

  #resumeAnew(row: DecisionRow, { epoch, admission, anew }: { readonly epoch: number; readonly admission: Admission; readonly anew: Anew }): Promise<unknown> | null {
    const ready = this.#parts.decisions.get(row.name);
    const asked = ready === undefined ? null : this.#askedAgain(row, ready, admission);
    const reasoner = ready?.reasoner ?? null;
    if (asked === null || reasoner === null) return null;
    const { reader } = this.#parts.core.storage;
    const taken = { epoch, read: admission, steps: stepsOf(reader, row.id), spentBelow: spentBelow(reader, row.id), anew };
    return this.#hold(row.id, (signal) => reasoner.resume(this.#reasoning(asked, signal), taken));
  }

  async #endBy(id: string, reason: FallbackReason | null, { epoch, facts }: { readonly epoch: number; readonly facts: RunFacts }): Promise<void> {
    const { reader } = this.#parts.core.storage;
    const [row, admission] = [readRun(reader, id), readAdmission(reader, id)];
    const ready = row === null ? undefined : this.#parts.decisions.get(row.name);
    const asked = row === null || admission === null || ready === undefined ? null : this.#askedAgain(row, ready, admission);
    if (asked !== null) await this.#answerDirectly(asked, reason, { epoch, facts });
  }

  /** Null: its input is none of the decision any more. */
  #askedAgain(row: DecisionRow, ready: ReadyDecision, { input: raw, isFromUntrusted, brought, depth = 0 }: Admission): Asked | null {
    const { core } = this.#parts;
    const identity = this.#parts.renew(readIdentity(row.caller));
    const caller: Caller = {
      identity, rights: core.access.rights(identity), system: core.access.system(identity), requestId: row.id, request: null, signal: null, run: null,
      systemRefusals: new WeakMap(), label: `decide ${row.name}`, depth,
    };
    try {
      const { own, question: asked } = readQuestion(raw, ready.decision, core, { caller, isFromUntrusted });
      const question: Question = brought === undefined ? asked : { ...asked, brought };
      const negotiating = this.#negotiations.ofRun(row.id, ready.decision);
      return { ready, own, question: negotiating === undefined ? question : { ...question, negotiating }, admitted: { ...row, key: null } };
    } catch (error) {
      if (error instanceof AmbitError && error.status < 500) return null;
      throw error;
    }
  }

  #known(row: DecisionRow, fingerprint: string): DecisionResult {
    if (row.fingerprint !== fingerprint) throw mismatch();
    if (row.endedMs === null) throw fault("IDEMPOTENCY_IN_PROGRESS", "The first request with this key has not been answered yet.", { retryAfterS: 1, details: { run: row.id } });
    return { ...resultOf(row), replayed: true };
  }

  /** Throws what is wrong with the request. */
  #ask({ name, input: raw, caller, key, callback, trigger, isOfCode = false, isRound = false, isAdvice = false }: Omit<DecideRequest, "isAsynchronous"> & { readonly isRound?: boolean; readonly isAdvice?: boolean }): Asked {
    const { core, decisions } = this.#parts;
    const ready = decisions.get(name);
    if (ready === undefined) throw fault("NOT_FOUND", `There is no decision ${name}.`);
    const { callable } = ready.decision.declaration;
    // Code may ask, and a decision whose declaration says so, where @allow lets in nobody.
    const isOpen = trigger !== undefined || ((isAdvice || isOfCode) && callable.allow.length === 0);
    if (!isOpen) caller.rights.requireCall(callable);
    if (ready.decision.declaration.negotiates !== null && !isRound) throw fault("VALIDATION_FAILED", `${name} answers with offers, in rounds.`, { fix: `Send {"decision": "${name}", "input": {...}} to POST /negotiations.` });
    const { own, question } = readQuestion(raw, ready.decision, core, { caller, isFromUntrusted: trigger?.isUntrusted ?? false });
    const { input } = question;
    const now = new Date(core.clock.now()).toISOString();
    const permission = caller.rights.mayCall(callable);
    if (!isOpen && typeof permission !== "boolean" && !isTrue(permission, { rows: {}, variables: { auth: caller.rights.auth, input }, now, source: null }, core.book)) throw caller.rights.callRefusal(callable);
    const kept = callback === undefined ? null : readCallback(callback, { identity: caller.identity, core });
    return { ready, own, question, admitted: { ...admittedRun(ready, { question, own, key, isKeyed: !isRound && !isAdvice, now }, core), callback: kept } };
  }

  #begin(asked: Asked): Promise<DecisionResult> {
    const { name, version, parent } = asked.admitted;
    return this.#parts.core.tracer.span(`invoke_agent ${name}`, {
      kind: "internal", attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name, "gen_ai.agent.version": version, "ambit.run.id": asked.admitted.id, "ambit.run.parent": parent },
    }, async (span) => {
      const result = await this.#beginWithin(asked);
      this.#challenge(asked);
      span.set({ "ambit.run.state": result.state, "ambit.run.source": result.source, "ambit.run.reason": result.reason, "ambit.run.untrusted": result.isUntrusted });
      if (result.state === "FAILED") span.failed(result.state);
      return result;
    });
  }

  /** The candidate of a rollout, beside a champion that has answered. */
  #challenge({ beside: aside, admitted }: Asked): void {
    const row = aside === undefined ? null : readRun(this.#parts.core.storage.reader, admitted.id);
    if (aside !== undefined && row !== null && row.status === 200) this.#shadow(aside, null, { admitted, row });
  }

  async #beginWithin(asked: Asked): Promise<DecisionResult> {
    const { reasoner } = asked.ready;
    const direct = directReason(asked.ready.decision, lower(this.#modes.of(asked.ready.decision), asked.mode));
    if (direct !== undefined || reasoner === null) return this.#answerDirectly(asked, direct === undefined ? "no_model" : direct);
    if (reasoner.isOut && !countsBeforeAsking(asked.question.decision)) return this.#answerDirectly(asked, "circuit_open");
    return this.#hold(asked.admitted.id, (signal) => reasoner.run(this.#reasoning(asked, signal)));
  }

  async decideWithin({ name, input, key }: Pick<DecideRequest, "name" | "input" | "key">, body: Body): Promise<DecisionResult> {
    const { core } = this.#parts;
    const asked = this.#ask({ name, input, key, caller: body.caller, isOfCode: true });
    const { question, admitted } = asked;
    assert(question.decision.declaration.kind === "RULE", "what joins a transaction has no model");
    const known = admitted.key === null ? null : runOfKey(core.storage.reader, admitted.key.scope, admitted.key.key, admitted.admittedMs);
    if (known?.state === "AWAITING_APPROVAL" && known.fingerprint === admitted.key!.fingerprint) return { ...resultOf(known), replayed: true };
    if (known !== null) return this.#known(known, admitted.key!.fingerprint);
    const fallback = (gathered: Gathered): ReturnType<typeof fallbackAnswer> => this.#fallback(asked, gathered);
    const { approvals } = question.decision;
    return joinTransaction(body, { question, admitted, fallback, ended: (end) => this.#parts.ended(end), ...(approvals.length === 0 ? {} : { asking: this.#approvals.opening({ asked: { question, own: asked.own, admitted, fallback }, epoch: 0, extracted: {}, facts: () => noFacts }) }) });
  }

  /** As it has ended, whoever has ended it. */
  async #hold(run: string, work: (signal: AbortSignal) => Promise<DecisionResult | null>): Promise<DecisionResult> {
    const held = new AbortController();
    let result: DecisionResult | null = null;
    const over = Promise.withResolvers<void>();
    this.#held.set(run, { abort: () => held.abort(), over: over.promise });
    try {
      result = await work(held.signal);
    } catch (error) {
      await this.#endedElsewhere(run, error);
    } finally {
      this.#held.delete(run);
      this.#stages.delete(run);
      this.#parts.core.runs.changed(run);
      over.resolve();
    }
    return result ?? this.#result(run);
  }

  /** Throws the fault where nobody else ends the run. */
  async #endedElsewhere(run: string, error: unknown): Promise<void> {
    const { storage: { reader }, clock, tables } = this.#parts.core;
    const row = readRun(reader, run);
    if (error instanceof Fenced && row?.endedMs !== null) return;
    if (row === null || row.endedMs !== null || this.#next === null || !(error instanceof Fenced || tables.isOutdated)) throw error;
    await this.#giveAway(run);
    if (!await this.#ended(run, Math.max(row.leaseMs, clock.now()) + LEASE_GRACE_MS)) throw error;
  }

  #reasoning(asked: Asked, signal: AbortSignal): ReasonRequest {
    const { question, admitted, own, deadlineMs, above, writers } = asked;
    const fallback = (gathered: Gathered): ReturnType<typeof fallbackAnswer> => this.#fallback(asked, gathered);
    return {
      question, admitted, own, signal, fallback, admittedNow: () => asked.admittedNow?.(), moved: (stage) => this.#moved(admitted.id, stage),
      ...(deadlineMs === undefined ? {} : { deadlineMs }), ...(above === undefined ? {} : { above }), ...(writers === undefined ? {} : { writers }),
      ...(question.decision.approvals.length === 0 ? {} : { asking: (facts, at) => this.#approvals.opening({ asked: { question, own, admitted: at.admitted, fallback }, epoch: at.epoch, extracted: at.extracted, facts }) }),
    };
  }

  #moved(run: string, stage: RunStage): void {
    // What ends in this moment, or was admitted with its end, is followed by nobody.
    if (!this.#held.has(run)) return;
    this.#stages.set(run, stage);
    this.#parts.core.runs.changed(run);
  }

  /** Without a model: answered and ended in one commit, and admitted in it where `epoch` is 0. */
  async #answerDirectly(asked: Asked, reason: FallbackReason | null, { epoch = 0, facts = noFacts }: { readonly epoch?: number; readonly facts?: RunFacts } = {}): Promise<DecisionResult> {
    const { core } = this.#parts;
    const { question, admitted, ready, own } = asked;
    const done: { seen: Gathered | null; result: DecisionResult | null } = { seen: null, result: null };
    const fallback = (gathered: Gathered): ReturnType<typeof fallbackAnswer> => this.#fallback(asked, gathered);
    // Of a rule people are asked as of a model; of a fallback they are not.
    const opening = reason !== null || ready.decision.approvals.length === 0 ? {} : this.#approvals.opening({ asked: { question, own, admitted, fallback }, epoch, extracted: {}, facts: () => facts });
    const request: CommitRequest = {
      question, proposal: null, reason, extracted: {}, isNew: epoch === 0, mayReason: false, fallback, ...opening,
      store: (session, ending, gathered) => storeRun(session, ending, done.seen = gathered, {
        admitted: { ...admitted, subject: subjectOf(ready.decision, gathered, core) }, epoch, decision: ready.decision, input: question.input, facts, random: core.random, nowMs: core.clock.now(),
      }),
      ended: (end) => {
        done.result = end.result;
        callbackAdded(admitted, core);
        this.#parts.ended(end);
      },
    };
    await commitRun(core, request);
    const { seen, result } = done;
    if (seen !== null) asked.writers?.addGathered(ready.decision, seen);
    // Without an end it waits for people.
    if (result === null) return this.#result(admitted.id);
    const row = seen !== null && result.state === "FELL_BACK" && result.reason === "mode_shadow" ? readRun(core.storage.reader, admitted.id) : null;
    if (row !== null) this.#shadow(asked, seen, { admitted, row });
    return result;
  }

  /** What a model would have said, when there is time for it. `gathered` null: it reads for itself. */
  #shadow({ ready, question }: Shadowing, gathered: Gathered | null, of: { readonly admitted: AdmittedRun; readonly row: DecisionRow }): void {
    const { core } = this.#parts;
    const about = { run: of.row.id, decision: ready.decision.name };
    if (ready.reasoner === null) return;
    const isTaken = this.#shadows.add(() => shadowRun({ ...ready, reasoner: ready.reasoner! }, { question, gathered, ...of }, core).catch((error: unknown) => core.log.warn("shadow-failed", { ...about, ...describeError(error) })));
    if (!isTaken) core.log.warn("shadow-left-out", about);
  }

  #fallback({ ready: { decision }, question, own }: Asked, gathered: Gathered): ReturnType<typeof fallbackAnswer> {
    return fallbackAnswer(decision, { input: question.input, own, gathered }, { fallbacks: this.#parts.fallbacks, clock: this.#parts.core.clock, book: this.#parts.core.book });
  }

  #result(id: string): DecisionResult {
    const row = readRun(this.#parts.core.storage.reader, id);
    if (row === null) throw fault("NOT_FOUND", "There is no such run.");
    return resultOf(row);
  }
}

/** What is spent, or looked for, before a model is asked is so whether one can be. */
function countsBeforeAsking({ declaration: { budgets }, memories }: CompiledDecision): boolean {
  return memories.length > 0 || budgets.some(({ runs }) => runs !== null);
}

function lower(mode: DecisionMode, other: DecisionMode = mode): DecisionMode {
  return other === "SHADOW" && mode === "ENFORCE" ? other : mode;
}
