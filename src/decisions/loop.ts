// The steps of a run that asks a model: admit, gather, reason, act, repair, propose. The one place with their control flow; what each step does
// is in leaves. Whatever the provider does, the run comes to its commit by its deadline.
import { AmbitError } from "../base/error.ts";
import { describeError } from "../base/log.ts";
import { assert } from "../base/assert.ts";
import { calendarDay } from "../base/calendar-day.ts";
import type { Json, RecordValues, Value } from "../base/value.ts";
import type { Caller } from "../resources/body.ts";
import type { DecisionResult } from "../resources/decision-port.ts";
import type { DispatchCore } from "../resources/dispatch-parts.ts";
import { BodyConflict } from "../resources/body-conflict.ts";
import { beside } from "../resources/run-body.ts";
import { toWireValue } from "../schema/wire-value.ts";
import { notFound } from "../tables/denial.ts";
import { ModelFailure, type Model, type ModelAnswer, type ModelMessage, type ModelRequest, type ModelTool } from "../models/model.ts";
import type { Connection } from "../storage/connection.ts";
import type { WriteSession } from "../tables/write-session.ts";
import type { ModelAccess } from "../models/model-access.ts";
import { admitRun, type AdmittedRun, type RunStep } from "../storage/decision-rows.ts";
import { TextWriters } from "./approvals/text-writers.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { violations } from "./bounds/judge.ts";
import { nearMemories } from "./memory/near-memories.ts";
import { gather, gatheredAgain, recordOf, subjectOf, type Gathered, type Question, type Recorded } from "./context/gather.ts";
import { assertKeptBack, keptBack } from "./context/kept-back.ts";
import type { CompiledCall } from "./policy/compiled-decision.ts";
import { ANSWER } from "./policy/tool-names.ts";
import { Acting, Halt, kindOfCall, Refusal, refused, type Advice, type CallKind } from "./reason/act.ts";
import type { ToolUse } from "./reason/call-tool.ts";
import { liveData } from "./reason/live-data.ts";
import { addDaily, OverBudget, reservation, RunBudget, settlement, type BudgetPlace } from "./reason/budgets.ts";
import { Diverged, Journal, nothing, requestHash, spentBelow, type Acted, type AskedStep, type AskingStep, type Spent } from "./reason/journal.ts";
import { Extraction } from "./reason/extract.ts";
import { firstMessages, toolsOf, type Schemas } from "./reason/prompt.ts";
import { inTime, reasoningMs } from "./reason/in-time.ts";
import { judgeAnswer } from "./reason/judge-answer.ts";
import type { ParseJson } from "./reason/read-arguments.ts";
import { StepLedger } from "./reason/step-ledger.ts";
import { readAgain, type ReadAgain } from "./reason/read-again.ts";
import { StrictReads } from "./reason/strict-reads.ts";
import { admissionOf, type Anew } from "./run/admission.ts";
import { callbackAdded } from "./run/callback.ts";
import { commitRun, recordShadow, type CommitRequest, type FallbackAnswer, type Proposal } from "./run/commit-run.ts";
import { failed, type Ending, type FallbackReason } from "./run/ending.ts";
import { ownCaller } from "./run/own-caller.ts";
import type { RunEnd } from "./run/run-tally.ts";
import { Fenced, KeyTaken, noFacts, seenIn, storeRun, type RunFacts, type StoredEnd } from "./run/store-run.ts";

export interface ReasonRequest {
  readonly question: Question;
  readonly admitted: AdmittedRun;
  /** Of the decision, unless it was asked by another that has less time. */
  readonly deadlineMs?: number;
  /** Of the run that asked for it. */
  readonly above?: RunBudget;
  /** Where it is wanted to know who wrote what it reads. */
  readonly writers?: TextWriters;
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
  /** Called once it is there for others to see. */
  admittedNow(): void;
  /** Where the run is by now; for whoever follows it. */
  moved?(to: RunStage): void;
  /** The caller's own answer, where it has given one. */
  readonly own: Value | undefined;
  fallback(gathered: Gathered): FallbackAnswer;
  /** People are asked; `facts`: of the reasoning so far. Absent: nobody can be. */
  asking?(facts: () => RunFacts, at: AskingPlace): Pick<CommitRequest, "wait" | "told">;
  /** Beside a run that has answered: what that one saw, and its answer. */
  readonly shadowed?: { readonly gathered: Gathered; readonly answered: Json };
}

/** No word of the model, nor of its data. */
export interface RunStage { readonly state: string; /** Requests to the model so far. */ readonly step: number; /** Null: none. */ readonly kind: "reason" | "extract" | CallKind | null }

/** Which run asks. */
export interface AskingPlace { readonly admitted: AdmittedRun; readonly epoch: number; readonly extracted: Readonly<Record<string, Value>> }

/** A run whose holder is gone, taken with a new epoch. */
export interface TakenRun { readonly epoch: number; readonly read: Recorded; readonly steps: readonly RunStep[]; /** By whom it has asked. */ readonly spentBelow: Spent; /** Absent: people did not have to decide of it, or its proposal stands. */ readonly anew?: Anew }

export interface Reasoner {
  /** No model of it may be asked just now: it failed too often. */
  readonly isOut: boolean;
  /** As it has ended; null: it waits for people. Throws KeyTaken, and NOT_FOUND before the run is admitted. */
  run(request: ReasonRequest): Promise<DecisionResult | null>;
  /** Goes on where its journal ends, if time is left. */
  resume(request: ReasonRequest, taken: TakenRun): Promise<DecisionResult | null>;
  /** Nothing but a record comes of it. */
  shadow(request: ReasonRequest & Required<Pick<ReasonRequest, "shadowed">>): Promise<void>;
  /** What was read for a proposal is read once more, and noted until the commit. Throws ApprovalVoid where it is not so any more. */
  readAgain(again: ReadAgain): Promise<StrictReads>;
}

export interface ReasonerParts {
  readonly core: DispatchCore;
  readonly access: ModelAccess;
  /** The policy's text. */
  readonly policy: string;
  readonly schemas: Schemas;
  readonly parse: ParseJson;
  readonly limits: { readonly steps: number; readonly calls: number; readonly outputTokens: number };
  callTool(call: CompiledCall, args: RecordValues, use: ToolUse): Promise<Json>;
  ask(name: string, args: RecordValues, parent: AskingRun): Promise<Advice>;
  /** A run has ended, durably. */
  ended(end: RunEnd): void;
}

/** On whose behalf another decision is asked. */
export interface AskingRun { readonly run: string; readonly caller: Caller; readonly deadlineMs: number; readonly isUntrusted: boolean; readonly budget: RunBudget; /** Absent: nobody wants to know. */ readonly writers: TextWriters | undefined }

export function modelReasoner(parts: ReasonerParts): Reasoner {
  return {
    get isOut() { return parts.access.isOut; },
    run: (request) => new ReasonRun(parts, request).toEnd(),
    shadow: (request) => new ReasonRun(parts, request).beside(request.shadowed),
    resume: (request, taken) => new ReasonRun(parts, request, taken).again(taken.read),
    readAgain: (again) => readAgain(parts, again),
  };
}

/** What came of reasoning: a proposal, or why there is none. */
export type Reasoned = { readonly proposal: Proposal } | { readonly reason: FallbackReason } | { readonly refusedBy: readonly string[] };

export interface ToolResult { readonly id: string; readonly name: string; readonly json: string }

/** What a conversation needs of whoever leads it: a run, or a backtest over the record of one. */
export interface Conversation {
  readonly repairs: number;
  readonly outputTokens: number;
  /** It begins with these. */
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ModelTool[];
  ask(request: ModelRequest): Promise<ModelAnswer>;
  /** Everything but the last call of answer; in order. */
  carryOut(answer: ModelAnswer): Promise<readonly ToolResult[]>;
  /** The proposal, what is to be repaired, or how it ends without one. */
  judge(text: string): Reasoned | { readonly repair: Json; readonly otherwise: FallbackReason };
  /** The model is asked to. */
  repairing(): void;
}

/** Asks and carries out until there is an answer that stands, or none any more. Throws what its parts throw: ModelFailure, Halt, Refusal, OverBudget. */
export async function converse({ repairs, outputTokens, messages: first, tools, ask, carryOut, judge, repairing }: Conversation): Promise<Reasoned> {
  const messages: ModelMessage[] = [...first];
  let repaired = 0;
  for (;;) {
    const answer = await ask({ messages: [...messages], tools, maxOutputTokens: outputTokens });
    if (answer.finish !== "complete") return { reason: answer.finish === "filtered" ? "model_refused" : "output_invalid" };
    messages.push({ role: "assistant", text: answer.text, calls: answer.calls });
    const results = [...await carryOut(answer)];
    const last = answer.calls.findLast(({ name }) => name === ANSWER);
    if (last !== undefined) {
      const judged = judge(last.arguments);
      if (!("repair" in judged)) return judged;
      if (repaired >= repairs) return { reason: judged.otherwise };
      results.push({ id: last.id, name: ANSWER, json: JSON.stringify(judged.repair) });
    }
    const isStuck = answer.calls.length === 0;
    if (isStuck && repaired >= repairs) return { reason: "output_invalid" };
    if (isStuck || last !== undefined) {
      repaired++;
      repairing();
    }
    messages.push(isStuck ? { role: "user", text: "Call the tool answer." } : { role: "tool", results });
  }
}

const RE_REASONS_MAX = 2;

class ReasonRun {
  readonly #parts: ReasonerParts;
  #request: ReasonRequest;
  readonly #budget: RunBudget;
  readonly #gone = new AbortController();
  readonly #journal: Journal;
  readonly #place: BudgetPlace;
  readonly #deadlineMs: number;
  /** A budget gives it less time than its deadline. */
  readonly #isHurried: boolean;
  readonly #isTaken: boolean;
  /** Where it is reasoned anew, once its steps so far are gone through. */
  #restart: Anew | null;
  #admitted: AdmittedRun;
  readonly #ledger: StepLedger;
  /** What it began with. */
  #first: Gathered | null = null;
  /** Once it has ended here. */
  #result: DecisionResult | null = null;
  #steps = 0;
  #repairs = 0;
  #reported = { input: 0, output: 0 };
  readonly #extraction: Extraction;
  /** Null: what was read may change. */
  readonly #strict: StrictReads | null;
  #transcript: Json[] = [];
  /** What was sent and not answered, yet or ever. */
  #unanswered: Json = null;
  /** Since the last request. */
  #acted: Acted[] = [];
  /** Of the next request, where it is reasoned anew. */
  #anew: Recorded | null = null;
  /** By what entered any of its prompts so far. */
  #isUntrusted = false;
  /** Of the same. Null: nobody is asked about what comes of it. */
  readonly #writers: TextWriters | null;

  constructor(parts: ReasonerParts, request: ReasonRequest, taken: TakenRun | null = null) {
    const { question, admitted } = request;
    const { decision } = question;
    this.#parts = parts;
    this.#request = request;
    this.#admitted = admitted;
    this.#isTaken = taken !== null;
    this.#restart = taken?.anew ?? null;
    this.#writers = request.writers ?? (request.asking === undefined ? null : new TextWriters(parts.core));
    this.#journal = new Journal(taken?.steps ?? []);
    this.#budget = new RunBudget(decision.declaration.budgets, { ...parts.limits, above: request.above, spent: taken?.spentBelow });
    const leftMs = request.deadlineMs ?? decision.declaration.deadlineMs;
    const timeMs = reasoningMs(decision.declaration.budgets, leftMs);
    this.#isHurried = timeMs < leftMs;
    this.#deadlineMs = this.#restart === null ? admitted.admittedMs + timeMs : Math.min(this.#restart.beganMs + timeMs, this.#restart.dueMs);
    const { core: { book }, schemas, parse, limits: { outputTokens } } = parts;
    this.#extraction = new Extraction({
      decision, book, schemas, parse, outputTokens, isOver: () => this.#gone.signal.aborted,
      ask: (asked, kept) => this.#ask(asked, kept, "extract"),
    });
    this.#strict = decision.declaration.freshness === "STRICT" && request.shadowed === undefined ? new StrictReads(parts.core, question.caller) : null;
    this.#place = { tenant: admitted.tenant, decision: decision.name, subject: admitted.subject, negotiation: question.negotiating?.id ?? null, day: calendarDay(admitted.admittedMs, parts.core.zone ?? "UTC"), isShadow: request.shadowed !== undefined };
    this.#ledger = new StepLedger({
      storage: parts.core.storage, run: admitted.id, budgets: decision.declaration.budgets, place: this.#place, leaseMs: this.#deadlineMs, epoch: taken?.epoch ?? 0,
      admit: (connection) => this.#admit(connection), admitted: () => request.admittedNow(),
    });
  }

  async toEnd(): Promise<DecisionResult | null> {
    const { core } = this.#parts;
    const first = await this.#look();
    const { question } = this.#request;
    if (first.missing !== null) throw notFound(first.missing);
    if (isDenied(question, first, core) || first.overflow !== null) return this.#commit({ reason: "context_overflow" }, first);
    this.#begin(first);
    return this.#toEndWith(first);
  }

  /** With what its words bring to mind, where a model is there to find it. */
  async #look(): Promise<Gathered> {
    const { core } = this.#parts;
    const { question, signal } = this.#request;
    const plain = gather(question, beside(core), core);
    const brought = isDenied(question, plain, core) ? null : nearMemories(question, plain, core, { signal, deadlineMs: this.#deadlineMs });
    if (brought === null) return plain;
    this.#request = { ...this.#request, question: { ...question, brought: await brought } };
    return gather(this.#request.question, beside(core), core);
  }

  async again(read: Recorded): Promise<DecisionResult | null> {
    return this.#toEndWith(gatheredAgain(this.#request.question, read));
  }

  async #toEndWith(first: Gathered): Promise<DecisionResult | null> {
    const { core } = this.#parts;
    const end = (): void => this.#gone.abort();
    const cancel = core.clock.schedule(Math.max(0, this.#deadlineMs - core.clock.now()), end);
    const { signal } = this.#request;
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    try {
      const isTooLate = this.#isTaken && core.clock.now() >= this.#deadlineMs;
      return isTooLate ? await this.#commit({ reason: "crash_recovered" }, first) : await this.#reasonAndCommit(first);
    } catch (error) {
      // Once the data have another shape nothing is ended from here: whoever serves by then does.
      if (error instanceof Fenced || error instanceof KeyTaken || core.tables.isOutdated) throw error;
      return await this.#fail(error);
    } finally {
      cancel();
      this.#strict?.end();
    }
  }

  /** Not admitted before its end: nobody waits for it, and nobody takes it up. */
  async beside({ gathered, answered }: NonNullable<ReasonRequest["shadowed"]>): Promise<void> {
    const { core } = this.#parts;
    const { question: { decision }, question } = this.#request;
    Object.assign(this.#place, { subject: this.#admitted.subject });
    const cancel = core.clock.schedule(Math.max(0, this.#deadlineMs - core.clock.now()), () => this.#gone.abort());
    try {
      const reasoned = await this.#reason(gathered, { runs: 1 });
      const proposal = "proposal" in reasoned ? reasoned.proposal : null;
      const reason = "reason" in reasoned ? reasoned.reason : "refusedBy" in reasoned ? `bound:${reasoned.refusedBy[0]}` : null;
      await recordShadow(core, {
        question, gathered: proposal?.over ?? gathered, extracted: this.#extraction.values, proposal, reason,
        ended: (end) => this.#parts.ended(end),
        store: (session, ending) => {
          const said = ending.output === undefined ? null : toWireValue(ending.output, decision.declaration.callable.result, decision.catalog);
          const facts = this.#facts(gathered);
          const comparison = { answered, agrees: canonicalJson(said) === canonicalJson(answered) };
          return this.#store(session, ending, gathered, { ...facts, payloads: { ...facts.payloads, comparison } });
        },
      });
    } finally {
      cancel();
    }
  }

  /** About whom it is says what it reads. */
  #begin(first: Gathered): void {
    this.#first = first;
    this.#admitted = { ...this.#admitted, subject: subjectOf(this.#request.question.decision, first, this.#parts.core) };
    Object.assign(this.#place, { subject: this.#admitted.subject });
  }

  /** With its first request: what ends without one is admitted with its end. Throws KeyTaken, OverBudget. */
  #admit(connection: Connection): void {
    const { question, own } = this.#request;
    addDaily(connection, question.decision.declaration.budgets, this.#place, { runs: 1 });
    if (!admitRun(connection, this.#admitted, { state: "REASONING", admission: admissionOf({ question, own, read: recordOf(this.#first!) }) })) throw new KeyTaken("the key is another run's");
  }

  async #reasonAndCommit(first: Gathered): Promise<DecisionResult | null> {
    let over = first;
    for (let again = 0; ; again++) {
      const reasoned = await this.#reason(over);
      const restart = "proposal" in reasoned && this.#restart?.steps === this.#journal.position ? this.#restart.read : null;
      if (restart !== null) {
        this.#restart = null;
        again = 0;
      }
      const anew = this.#journal.coming?.over ?? restart;
      if (anew !== null) {
        over = gatheredAgain(this.#request.question, anew);
        this.#anew = anew;
        continue;
      }
      const ended = await this.#tryCommit(reasoned, over, again < RE_REASONS_MAX && "proposal" in reasoned);
      if (ended === null) return this.#result;
      over = ended;
      this.#anew = recordOf(ended);
    }
  }

  /** A fault of ours: the run ends all the same, and nothing of it is there. Throws the fault where not even that can be written. */
  async #fail(error: unknown): Promise<DecisionResult | null> {
    const { core } = this.#parts;
    const { decision } = this.#request.question;
    core.log.error("decision-failed", { run: this.#admitted.id, decision: decision.name, ...describeError(error) });
    try {
      await this.#ledger.settled();
      this.#ended(await core.storage.commit((connection) => this.#store({ connection }, failed, null, { ...noFacts, steps: this.#steps })));
    } catch {
      throw error;
    }
    return this.#result;
  }

  async #commit(reasoned: Reasoned, over: Gathered): Promise<DecisionResult | null> {
    const again = await this.#tryCommit(reasoned, over, false);
    assert(again === null, "a run without a model is not reasoned again");
    return this.#result;
  }

  /** Null: the run has ended. Else the contexts as they are by now: a bound no longer holds over them. */
  async #tryCommit(reasoned: Reasoned, over: Gathered, mayReason: boolean): Promise<Gathered | null> {
    const { core } = this.#parts;
    const { question, fallback } = this.#request;
    await this.#ledger.settled();
    const { epoch } = this.#ledger;
    this.#moved("COMMITTING", null);
    const asking = this.#request.asking?.(() => this.#facts(over), { admitted: this.#admitted, epoch, extracted: this.#extraction.values });
    const request: CommitRequest = {
      question, ...(this.#strict === null ? {} : { strict: this.#strict }), extracted: this.#extraction.values, isNew: this.#first === null && !this.#isTaken, mayReason, fallback,
      proposal: "proposal" in reasoned ? reasoned.proposal : null,
      reason: "reason" in reasoned ? reasoned.reason : null,
      ...("refusedBy" in reasoned ? { refusedBy: reasoned.refusedBy } : {}),
      ...asking,
      ...(asking?.wait === undefined ? {} : { wait: (session, waiting) => {
        this.#ledger.writeRest(session.connection);
        asking.wait!(session, waiting);
      } }),
      store: (session, ending, gathered) => {
        this.#request.writers?.addGathered(question.decision, gathered);
        return this.#store(session, ending, gathered, this.#facts(over));
      },
      ended: (end) => this.#ended(end),
    };
    const committed = await core.tracer.span("commit", { kind: "internal" }, () => commitRun(core, request));
    return committed.kind === "reason-again" ? committed.gathered : null;
  }

  /** Durably. */
  #ended(end: StoredEnd): void {
    this.#result = end.result;
    callbackAdded(this.#admitted, this.#parts.core);
    this.#parts.ended(end);
  }

  /** In the commit of its end. */
  #store(session: Pick<WriteSession, "connection">, ending: Ending, gathered: Gathered | null, facts: RunFacts): StoredEnd {
    const { core } = this.#parts;
    const { decision, input } = this.#request.question;
    this.#ledger.writeRest(session.connection);
    return storeRun(session, ending, gathered, { admitted: this.#admitted, epoch: this.#ledger.epoch, decision, input, facts, random: core.random, nowMs: core.clock.now() });
  }

  #facts(over: Gathered): RunFacts {
    // What it has asked others they count themselves.
    const below = this.#request.question.decision.declaration.mayAsk.length === 0 ? 0 : spentBelow(this.#parts.core.storage.reader, this.#admitted.id).micros;
    return {
      steps: this.#steps, repairs: this.#repairs, tokens: this.#reported, costMicros: this.#budget.micros - below,
      payloads: { reasonedOver: { rows: over.rows as unknown as Json, seen: seenIn(over, this.#request.question), memory: over.memory as unknown as Json }, transcript: this.#transcript, ...(this.#unanswered === null ? {} : { unanswered: this.#unanswered }) },
    };
  }

  async #reason(gathered: Gathered, more: { readonly runs?: number } = {}): Promise<Reasoned> {
    try {
      const { budgets } = this.#request.question.decision.declaration;
      if (more.runs !== undefined) await this.#parts.core.storage.commit((connection) => addDaily(connection, budgets, this.#place, more));
      // Whether there is one left to be had is known before anything is asked.
      if (more.runs === undefined && budgets.some(({ runs }) => runs !== null)) await this.#ledger.flush();
      return await this.#converse(gathered);
    } catch (error) {
      if (error instanceof Refusal) return { refusedBy: error.bounds };
      const reason = this.#isTaken && error instanceof OverBudget ? "crash_recovered" : reasonOf(error);
      if (reason === null) throw error;
      if (reason === "provider_timeout" && this.#isHurried) return { reason: "budget:time" };
      // Why a circuit is open was said when it failed.
      if (error instanceof ModelFailure && reason !== "circuit_open") this.#parts.core.log.warn("model-failed", { run: this.#admitted.id, reason, status: error.status, message: error.message });
      return { reason };
    }
  }

  async #converse(loaded: Gathered): Promise<Reasoned> {
    const gathered = await this.#extraction.over(loaded);
    const acting = this.#acting(gathered);
    try {
      return await this.#converseWith(gathered, acting);
    } finally {
      this.#isUntrusted ||= acting.isUntrusted;
    }
  }

  #converseWith(gathered: Gathered, acting: Acting): Promise<Reasoned> {
    const { question } = this.#request;
    const { policy, schemas, limits } = this.#parts;
    const { secret, quarantined } = keptBack(question.decision, question.input, gathered.rows);
    return converse({
      repairs: question.decision.declaration.repairs, outputTokens: limits.outputTokens,
      messages: firstMessages({ decision: question.decision, input: question.input, gathered, policy, negotiating: question.negotiating }), tools: toolsOf(question.decision, schemas),
      ask: (request) => this.#ask(request, [...secret, ...quarantined]),
      carryOut: (answer) => this.#carryOut(answer, acting),
      judge: (text) => this.#judge(text, gathered, acting),
      repairing: () => {
        this.#repairs++;
        this.#moved("REPAIRING", "reason");
      },
    });
  }

  #acting(gathered: Gathered): Acting {
    const { core, parse, callTool, ask } = this.#parts;
    const { question, shadowed } = this.#request;
    const noting = this.#strict?.work ?? null;
    const outside = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
      await this.#ledger.flush();
      return work();
    };
    const acting = new Acting({
      core, question, reader: { parse, catalog: question.decision.catalog }, data: liveData(question, { own: () => ownCaller(question, core), noting }, core), isStrict: noting !== null && this.#restart === null, writers: this.#writers,
      beyond: shadowed !== undefined ? null : {
        callTool: (call, args, how) => outside(() => callTool(call, args, { caller: { ...question.caller, callKey: `${this.#admitted.id}-${how.key}` }, watch: how.watch, noting })),
        ask: (name, args, isUntrusted) => outside(() => ask(name, args, { run: this.#admitted.id, caller: question.caller, deadlineMs: this.#deadlineMs, isUntrusted, budget: this.#budget, writers: this.#writers?.apart() })),
      },
    }, gathered);
    // What entered an earlier prompt of the run stays with it.
    acting.isUntrusted ||= this.#isUntrusted;
    return acting;
  }

  /** Everything but the last answer; in order. */
  async #carryOut({ calls }: ModelAnswer, acting: Acting): Promise<ToolResult[]> {
    const results: ToolResult[] = [];
    const last = calls.findLast(({ name }) => name === ANSWER);
    const before = this.#journal.coming?.acted ?? [];
    for (const call of calls) {
      if (call === last) continue;
      this.#budget.reserve({ calls: 1 });
      this.#moved("ACTING", kindOfCall(this.#request.question.decision, call.name));
      const known = before[this.#acted.length];
      const json = call.name === ANSWER ? JSON.stringify(refused("SUPERSEDED", "The last answer counts.")) : known !== undefined ? acting.restore(call, known) : await inTime(this.#traced(call.name, () => acting.act(call)), this.#gone.signal);
      const writers = this.#writers?.subjects ?? [];
      this.#acted.push({ json, isUntrusted: acting.isUntrusted, ...(acting.escalated.size === 0 ? {} : { escalated: [...acting.escalated] }), ...(writers.length === 0 ? {} : { writers }) });
      results.push({ id: call.id, name: call.name, json });
      if (this.#gone.signal.aborted) throw new ModelFailure("provider_timeout", "the deadline has passed");
    }
    // No request has what came of calls beside the last answer, and a replay wants to know.
    if (last !== undefined && results.length > 0) this.#transcript.push({ ...this.#transcript.pop() as { readonly [name: string]: Json }, beside: results as unknown as Json });
    return results;
  }

  /** Names that are not declared are words of the model. */
  #traced<Answer>(name: string, work: () => Promise<Answer>): Promise<Answer> {
    const { reads, calls, writes, declaration: { mayAsk } } = this.#request.question.decision;
    const isKnown = [...reads.map((one) => one.name), ...calls.map(({ tool }) => tool.name), ...writes.map((one) => one.name), ...mayAsk.map(({ decision }) => decision)].includes(name);
    const tool = isKnown ? name : "_OTHER";
    return this.#parts.core.tracer.span(`execute_tool ${tool}`, { kind: "internal", attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool, "gen_ai.tool.type": "function" } }, work);
  }

  /** The proposal, what is to be repaired, or how it ends without one. */
  #judge(text: string, gathered: Gathered, acting: Acting): Reasoned | { readonly repair: Json; readonly otherwise: FallbackReason } {
    const { core: { book }, parse } = this.#parts;
    const { isUntrusted, staged, remembered, escalated } = acting;
    const judged = judgeAnswer(text, { decision: this.#request.question.decision, gathered, staged, isUntrusted, book, parse });
    const taint = this.#request.question.decision.declaration.negotiates?.taint ?? "ALLOW";
    if ("output" in judged && isUntrusted && taint === "FORBID") return { reason: "taint_blocked" };
    if ("output" in judged && isUntrusted && taint === "ESCALATE") escalated.add("taint:offer");
    return "output" in judged ? { proposal: { output: judged.output, effects: staged, remembered, source: "model", over: gathered, isUntrusted, escalated: [...escalated], writers: this.#writers?.subjects ?? [], readings: acting.readings } } : judged;
  }

  async #ask(request: ModelRequest, kept: readonly string[], kind: "reason" | "extract" = "reason"): Promise<ModelAnswer> {
    assertKeptBack(request, kept);
    const { core, access } = this.#parts;
    const { primary } = access;
    const { hash, bytes } = requestHash(primary, request);
    const { number, recorded, lost } = this.#journal.step(hash);
    this.#steps++;
    this.#moved("REASONING", kind);
    const since = { acted: this.#acted, over: this.#anew };
    this.#acted = [];
    this.#anew = null;
    this.#budget.reserve(lost);
    if (recorded !== null) {
      this.#budget.reserve({ steps: 1, tokens: recorded.settled.tokens, micros: recorded.settled.micros });
      return this.#noted(request, recorded);
    }
    this.#budget.reserve({ steps: 1 });
    const entry = (step: AskingStep | AskedStep): RunStep => ({ number, kind: "ask", hash, facts: JSON.stringify(step) });
    let asking: AskingStep = { model: primary.id, reserved: nothing, lost, ...since };
    // Before each request, once it is known whom: where nobody is asked, as with an open breaker, nothing is reserved and nothing written.
    const attempt = async (next: Model): Promise<void> => {
      this.#unanswered = { model: next.id, ...this.#sent(request) };
      const reserved = reservation(bytes, request.maxOutputTokens, next.price);
      this.#budget.reserve(reserved);
      // What failed may have been billed: its reservation stays, and each further request may cost as much again.
      asking = { ...asking, model: next.id, reserved, lost: { tokens: asking.lost.tokens + asking.reserved.tokens, micros: asking.lost.micros + asking.reserved.micros } };
      await this.#ledger.asking(entry(asking), reserved);
    };
    const { answer, model } = await inTime(access.ask({ ...request, by: { decision: this.#place.decision, step: number } }, { signal: this.#gone.signal, deadlineMs: this.#deadlineMs, attempt }), this.#gone.signal);
    const { reserved } = asking;
    const settled = settlement(answer.usage, reserved, model.price);
    const back = { tokens: reserved.tokens - settled.tokens, micros: reserved.micros - settled.micros };
    this.#budget.giveBack(back);
    const step: AskedStep = { ...asking, model: model.id, answer, settled };
    this.#ledger.answered(entry(step), { tokens: -back.tokens, micros: -back.micros });
    if (settled.flag !== null) core.log.warn("model-usage", { run: this.#admitted.id, flag: settled.flag });
    return this.#noted(request, step);
  }

  #noted(request: ModelRequest, { model, answer }: AskedStep): ModelAnswer {
    this.#unanswered = null;
    this.#reported = { input: this.#reported.input + (answer.usage.input ?? 0), output: this.#reported.output + (answer.usage.output ?? 0) };
    this.#transcript.push({ model, ...this.#sent(request), answer: answer as unknown as Json });
    return answer;
  }

  /** All of the first request of a conversation, of those after it what was added. */
  #sent({ messages, tools }: ModelRequest): { readonly messages: Json; readonly tools?: Json } {
    const isBeginning = !messages.some(({ role }) => role === "assistant");
    return isBeginning ? { messages: messages as unknown as Json, tools: tools as unknown as Json } : { messages: messages.slice(-1) as unknown as Json };
  }

  #moved(state: string, kind: RunStage["kind"]): void {
    this.#request.moved?.({ state, step: this.#steps, kind });
  }
}

/** By a bound at INPUT: then no model is asked. */
function isDenied({ decision: { bounds } }: Question, { variables }: Gathered, { book }: DispatchCore): boolean {
  return violations({ bounds, variables, now: String(variables["now"]), book }, "INPUT").some(({ declaration }) => declaration.else !== "ESCALATE");
}

/** Null: a fault of ours, or of who took the run. */
export function reasonOf(error: unknown): FallbackReason | null {
  if (error instanceof ModelFailure || error instanceof Halt) return error.reason;
  if (error instanceof OverBudget) return `budget:${error.budget}`;
  if (error instanceof Diverged) return "replay_divergence";
  if (error instanceof BodyConflict) return "conflict";
  // A tool's own refusal, or the advice of another decision that was refused.
  return error instanceof AmbitError && error.status < 500 ? "output_invalid" : null;
}

