// The commit of a decision: one serializable transaction whose body the runtime supplies. The contexts are read again, the effects applied, all
// bounds held against the state that is committed; where one does not hold everything is discarded and the fallback takes its place, in the
// same transaction, with the record, the sums, the answer and the run's end. A conflict runs this again, never the model.
import { assert } from "../../base/assert.ts";
import { AmbitError, fault } from "../../base/error.ts";
import type { Value } from "../../base/value.ts";
import type { Body } from "../../resources/body.ts";
import { BodyConflict } from "../../resources/body-conflict.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { runTransaction } from "../../resources/run-body.ts";
import { stateOf } from "../../resources/work.ts";
import { notFound } from "../../tables/denial.ts";
import type { WriteSession } from "../../tables/write-session.ts";
import { earlyViolations, lateViolations, noted, permits, violations, type Variables } from "../bounds/judge.ts";
import { clampedOutput } from "../bounds/clamp.ts";
import { sumsOf, type DailySum } from "../bounds/totals.ts";
import { gather, memoryIn, type Gathered, type Question } from "../context/gather.ts";
import { ownCaller } from "./own-caller.ts";
import { applyEffect, type AppliedEffect } from "../effects/apply-effect.ts";
import { filledArguments } from "../effects/filled-arguments.ts";
import { approvalsNeeded } from "../approvals/approvals-needed.ts";
import { memValues } from "../memory/recall.ts";
import type { StagedFact } from "../memory/remember.ts";
import { runValue } from "../policy/decision-values.ts";
import type { CompiledApproval, CompiledBound, CompiledEffect, CompiledFixedEffect, CompiledWrite } from "../policy/compiled-decision.ts";
import type { Reading, StrictReads } from "../reason/strict-reads.ts";
import type { Ending, FallbackReason, Source } from "./ending.ts";
import type { StoredEnd } from "./store-run.ts";

/** What a model wants to have done: staged, never applied before. */
export interface StagedEffect { readonly write: CompiledWrite; readonly args: Readonly<Record<string, Value>> }

export interface Proposal {
  readonly output: Value;
  readonly effects: readonly StagedEffect[];
  readonly source: Source;
  /** Over which contexts it was reasoned; null: none before these. */
  readonly over: Gathered | null;
  readonly isUntrusted: boolean;
  /** What it would have remembered. */
  readonly remembered?: readonly StagedFact[];
  /** What of it only a person may let through, besides bounds: `taint:TOOL`, `bound:NAME` of a call. Absent: nothing. */
  readonly escalated?: readonly string[];
  /** Who wrote text that nobody answers for, among what was read besides the contexts. Absent: nobody. */
  readonly writers?: readonly string[];
  /** What the model has read besides the contexts, where it must still be so. Absent: nothing. */
  readonly readings?: readonly Reading[];
}

/** What people are asked about: judged by all bounds, and applied nowhere. */
export interface Waiting {
  /** With its answer as it would be committed. */
  readonly proposal: Proposal;
  readonly approvals: readonly CompiledApproval[];
  /** Why people are asked besides @approval(when): bounds that it breaks, as `bound:NAME`, and taint. */
  readonly escalated: readonly string[];
  readonly clamped: readonly string[];
  readonly effects: readonly AppliedEffect[];
  readonly gathered: Gathered;
}

/** A person's word on a proposal. */
export interface Approved {
  /** Bounds with else: ESCALATE that it lifts; null: all of them, since the person has written it. */
  readonly lifted: readonly string[] | null;
  /** The operations that were shown, in order; null: it is another proposal, and these are its own. */
  readonly operations: readonly string[] | null;
}

/** What was approved does not stand any more, and nothing was done. `tells`: of the bounds that do not hold. */
export class ApprovalVoid extends Error {
  override readonly name = "ApprovalVoid";
  readonly because: "changed" | "bound";
  readonly tells: readonly string[];
  constructor(because: ApprovalVoid["because"], tells: readonly string[] = []) {
    super("what was approved does not stand any more");
    this.because = because;
    this.tells = tells;
  }
}

export interface CommitRequest {
  readonly question: Question;
  /** Null: the fallback at once, and why. */
  readonly proposal: Proposal | null;
  readonly reason: FallbackReason | null;
  /** Bounds with else: REFUSE that the answer does not keep: no fallback. */
  readonly refusedBy?: readonly string[];
  readonly extracted: Readonly<Record<string, Value>>;
  /** What the model has read besides, where it must still be so. */
  readonly strict?: Pick<StrictReads, "isSo" | "hold">;
  /** Not yet admitted: a record that is missing is nobody's decision. */
  readonly isNew: boolean;
  /** Once more, if the contexts have changed so that a bound no longer holds. */
  readonly mayReason: boolean;
  /** The transaction is that of app code. */
  readonly isWithin?: boolean;
  fallback(gathered: Gathered): FallbackAnswer;
  /** A person has spoken. Absent: nobody was asked. */
  readonly approved?: Approved;
  /** In the commit, instead of an end: people are asked. Absent: nobody can be. */
  wait?(session: WriteSession, waiting: Waiting): void;
  /** The run's end, or that people are asked, is committed. */
  told?(): void;
  /** In the commit: the run's end, the record, the answer. Throws where somebody else has ended it. */
  store(session: WriteSession, ending: Ending, gathered: Gathered): StoredEnd;
  /** Once it is durable. */
  ended(end: StoredEnd): void;
}

/** `output` undefined: it gave none, or one of another shape. */
export interface FallbackAnswer { readonly output: Value | undefined; readonly source: Source }

export type Committed = { readonly kind: "ended"; readonly ending: Ending } | { readonly kind: "waiting" } | { readonly kind: "reason-again"; readonly gathered: Gathered };

/** A sum has moved between the check and the commit. */
class SumMoved extends Error {
  override readonly name = "SumMoved";
}

const SUM_ATTEMPTS = 3;

/** Throws NOT_FOUND for a record that must be there, where the run is new; TRANSACTION_CONFLICT after its attempts. */
export async function commitRun(core: DispatchCore, request: CommitRequest): Promise<Committed> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await runTransaction<Committed, Committed>(core, {
        caller: request.question.caller, commits: false, complete: (committed) => committed,
        run: (body) => decideIn(body, core, attempt < SUM_ATTEMPTS || request.approved !== undefined ? request : { ...request, proposal: null, reason: request.proposal === null ? request.reason : "conflict" }),
      });
    } catch (error) {
      if (!(error instanceof SumMoved)) throw error;
      if (attempt > SUM_ATTEMPTS) throw fault("TRANSACTION_CONFLICT", "Other decisions kept adding to the same sum.", { retryAfterS: 1, cause: error });
    }
  }
}

/** As a part of the transaction of app code: it commits with that, and runs again with it. Null: it waits for people. */
export async function decideInBody(body: Body, request: CommitRequest): Promise<Ending | null> {
  const committed = await decideIn(body, body.core, { ...request, isWithin: true });
  assert(committed.kind !== "reason-again", "nothing is reasoned here");
  return committed.kind === "ended" ? committed.ending : null;
}

export interface ShadowRecord extends Pick<CommitRequest, "question" | "proposal" | "extracted" | "store" | "ended"> {
  /** Of the run that answered. */
  readonly gathered: Gathered;
  /** Why there is no proposal. */
  readonly reason: string | null;
}

/** Judges as a commit would, with the effects in a buffer that is discarded whatever comes of it. Only the record is written. */
export async function recordShadow(core: DispatchCore, { question, gathered, proposal, reason, extracted, store, ended }: ShadowRecord): Promise<void> {
  const request: CommitRequest = { question, proposal, reason: null, extracted, isNew: false, mayReason: false, fallback: () => ({ output: undefined, source: "fallback" }), store, ended };
  await runTransaction<Committed, Committed>(core, {
    caller: question.caller, commits: false, complete: (committed) => committed,
    async run(body) {
      const commit = new RunCommit(body, core, request, gathered);
      const judged = proposal === null ? null : await commit.rehearse(proposal);
      const output = proposal?.output;
      if (judged !== null && "ending" in judged) return commit.end({ ...judged.ending, state: "SHADOWED" });
      const violated = judged?.violated;
      const because = violated === undefined ? reason : violated.because ?? `bound:${violated.bounds[0]!.declaration.name}`;
      return commit.end({ ...refusal("REFUSED", []), state: "SHADOWED", reason: because, source: proposal?.source ?? null, output, isUntrusted: proposal?.isUntrusted ?? false });
    },
  });
}

async function decideIn(body: Body, core: DispatchCore, request: CommitRequest): Promise<Committed> {
  const { question, proposal } = request;
  const { declaration } = question.decision;
  const gathered = gather(question, stateOf(body.work, body.now), core, request.extracted);
  if (gathered.missing !== null && request.isNew) throw notFound(gathered.missing);
  const denied = request.isNew || proposal === null ? violations({ ...judgingOf(question, gathered.variables, body), bounds: question.decision.bounds }, "INPUT").filter(({ declaration: bound }) => bound.else !== "ESCALATE") : [];
  const commit = new RunCommit(body, core, request, gathered);
  if (denied.length > 0 && !denied.some(({ declaration: bound }) => bound.else === "FALLBACK")) return commit.end(refusal("DENIED", denied));
  if (denied.length > 0) return commit.fallBack(`bound:${denied[0]!.declaration.name}`);
  if (gathered.missing !== null) return commit.end({ ...refusal("REFUSED", []), reason: `context_missing:${gathered.missing}` });
  if (gathered.overflow !== null) return commit.fallBack("context_overflow");
  const refusing = question.decision.bounds.filter(({ declaration: { name } }) => request.refusedBy?.includes(name) === true);
  if (refusing.length > 0) return commit.end(refusal("REFUSED", refusing));
  if (proposal === null) return commit.fallBack(request.reason);
  const hasChanged = (proposal.over !== null && !isSame(proposal.over, gathered)) || request.strict?.isSo === false;
  if (hasChanged && declaration.freshness === "STRICT") return request.approved === undefined ? commit.fallBack("conflict") : Promise.reject(new ApprovalVoid("changed"));
  if (request.approved !== undefined) return commit.approve(proposal, request.approved);
  const attempted = await commit.ask(proposal) ?? await commit.attempt(proposal);
  if ("kind" in attempted) return attempted;
  if ("ending" in attempted) return commit.end(attempted.ending, attempted.sums);
  if (hasChanged && request.mayReason && declaration.freshness === "REVALIDATE") return { kind: "reason-again", gathered };
  return commit.instead(attempted);
}

export function isSame(before: Gathered, after: Gathered): boolean {
  return JSON.stringify([before.rows, before.memory]) === JSON.stringify([after.rows, after.memory]);
}

function judgingOf({ decision }: Question, variables: Variables, body: Body): { bounds: readonly CompiledBound[]; variables: Variables; now: string; book: DispatchCore["book"] } {
  return { bounds: decision.bounds, variables, now: body.now, book: body.core.book };
}

function refusal(state: "DENIED" | "REFUSED", bounds: readonly CompiledBound[]): Ending {
  return { state, reason: bounds[0] === undefined ? null : `bound:${bounds[0].declaration.name}`, source: null, output: undefined, tells: tellsOf(bounds), isUntrusted: false, clamped: [], noted: [], effects: [] };
}

function tellsOf(bounds: readonly CompiledBound[]): string[] {
  return bounds.flatMap(({ declaration: { tell } }) => (tell === null ? [] : [tell]));
}

/** Undoes what was applied. */
class Violated extends Error {
  override readonly name = "Violated";
  readonly bounds: readonly CompiledBound[];
  /** Instead of a bound: an effect that is not permitted, or whose write was refused. */
  readonly because: FallbackReason | null;

  constructor(bounds: readonly CompiledBound[], because: FallbackReason | null = null) {
    super("a bound does not hold");
    this.bounds = bounds;
    this.because = because;
  }
}

/** Undoes a rehearsal. */
class Discarded extends Error {
  override readonly name = "Discarded";
}

type Attempted = { readonly ending: Ending; readonly sums: readonly DailySum[]; /** Bounds that it breaks. */ readonly lifted: readonly string[]; readonly variables: Variables } | { readonly violated: Violated };

/** Whether a bound with else: ESCALATE may be broken. */
type Lifting = (name: string) => boolean;
const NOTHING: Lifting = () => false;

class RunCommit {
  readonly #body: Body;
  readonly #core: DispatchCore;
  readonly #request: CommitRequest;
  readonly #gathered: Gathered;

  constructor(body: Body, core: DispatchCore, request: CommitRequest, gathered: Gathered) {
    this.#body = body;
    this.#core = core;
    this.#request = request;
    this.#gathered = gathered;
  }

  /** The run ends with this transaction. */
  async end(ending: Ending, sums: readonly DailySum[] = []): Promise<Committed> {
    const ends: StoredEnd[] = [];
    await this.#body.work.effect({
      store: (session) => {
        for (const sum of sums) if (!sum.add(session.connection)) throw this.#request.isWithin === true ? new BodyConflict({ records: [], lane: "decisions" }) : new SumMoved("a sum has moved");
        if (ending.source === "model" || this.#request.approved !== undefined) this.#request.strict?.hold(session);
        if (ending.state !== "SHADOWED") this.#certifyMemory(session);
        if (ending.state !== "SHADOWED") this.#request.question.negotiating?.offered(session, ending);
        ends[0] = this.#request.store(session, ending, this.#gathered);
      },
      tell: () => ends.forEach((end) => this.#request.ended(end)),
    });
    return { kind: "ended", ending };
  }

  /** Asks people where they are to be asked; null: nobody is. What is asked about is applied nowhere. */
  async ask(proposal: Proposal): Promise<Committed | Attempted | null> {
    const { question: { decision }, wait, told } = this.#request;
    if (decision.approvals.length === 0 || wait === undefined) return null;
    const judged = await this.rehearse(proposal, () => true);
    if ("violated" in judged) return judged;
    const { ending, lifted, variables } = judged;
    const escalated = [...new Set([...proposal.escalated ?? [], ...lifted.map((name) => `bound:${name}`)])];
    const approvals = approvalsNeeded(decision, { variables, now: this.#body.now, book: this.#core.book, escalated });
    if (approvals.length === 0) return null;
    const { clamped, effects, output } = ending;
    await this.#body.work.effect({
      store: (session) => wait(session, { proposal: { ...proposal, output: output! }, approvals, escalated, clamped, effects, gathered: this.#gathered }),
      tell: () => told?.(),
    });
    return { kind: "waiting" };
  }

  /** Carries out what people have let through, as they saw it. Throws ApprovalVoid. */
  async approve(proposal: Proposal, { lifted, operations }: Approved): Promise<Committed> {
    const attempted = await this.attempt(proposal, { lifts: (name) => lifted === null || lifted.includes(name) });
    if ("violated" in attempted) throw new ApprovalVoid("bound", tellsOf(attempted.violated.bounds));
    const { ending, sums } = attempted;
    const isOther = operations !== null && JSON.stringify(operations) !== JSON.stringify(ending.effects.map(({ operation }) => operation));
    if (isOther) throw new ApprovalVoid("changed");
    const { memory } = ending;
    // What is bound is nobody's words no more; what is remembered keeps its label for life.
    const kept = memory === undefined || !proposal.isUntrusted ? {} : { memory: { ...memory, facts: memory.facts.map((fact) => ({ ...fact, isUntrusted: true })) } };
    return this.end({ ...ending, ...kept, state: "DECIDED_BY_HUMAN", source: "human", isUntrusted: false, lifted: attempted.lifted }, sums);
  }

  #memoryOf({ remembered: facts = [] }: Proposal): Pick<Ending, "memory"> {
    const { memories } = this.#request.question.decision;
    const places = memories.flatMap(({ declaration: { writes } }, index) => {
      const { about = null, tenant = null } = this.#gathered.memory[index] ?? {};
      return writes.length === 0 || about === null ? [] : [{ about, tenant }];
    });
    return places.length === 0 ? {} : { memory: { places, facts, rowsMax: this.#core.limits.memoryRows } };
  }

  /** No table of the app holds memory, so it is read again where nothing moves any more. Throws BodyConflict. */
  #certifyMemory({ connection }: WriteSession): void {
    const { question } = this.#request;
    const { decision, caller } = question;
    if (decision.memories.length === 0 || this.#gathered.missing !== null) return;
    const { work, now } = this.#body;
    const found = memoryIn(connection, question, { variables: this.#gathered.variables, caller, state: stateOf(work, now), core: this.#core });
    // Bounds see facts alone; more than they see counts only where all that was read must stand.
    const seen = (memory: Gathered["memory"]): string => JSON.stringify(decision.declaration.freshness === "STRICT" ? memory : memory.map(({ items }) => items.filter(({ kind, ended }) => kind === "fact" && ended === null)));
    if (found !== null && seen(found) === seen(this.#gathered.memory)) return;
    throw new BodyConflict({ records: [], lane: JSON.stringify(["memory", caller.identity.tenant, ...this.#gathered.memory.map(({ about }) => about)]) });
  }

  async fallBack(reason: FallbackReason | null): Promise<Committed> {
    const { output, source } = this.#request.fallback(this.#gathered);
    if (output === undefined) return this.end({ ...refusal("REFUSED", []), reason });
    const { declaration } = this.#request.question.decision;
    const isRule = declaration.kind === "RULE" && reason !== "approval_timeout";
    const proposal: Proposal = { output, effects: [], source: isRule ? "rule" : source, over: isRule ? this.#gathered : null, isUntrusted: declaration.fallback?.kind !== "value" && this.#gathered.isUntrusted };
    const asked = isRule ? await this.ask(proposal) : null;
    if (asked !== null && "kind" in asked) return asked;
    const attempted = asked ?? await this.attempt(proposal, { reason: isRule ? null : reason ?? "no_model" });
    if ("ending" in attempted) return this.end(attempted.ending, attempted.sums);
    return this.end(refusal("REFUSED", attempted.violated.bounds));
  }

  /** What is declared for the bounds that do not hold. */
  async instead({ violated }: { readonly violated: Violated }): Promise<Committed> {
    if (violated.bounds.some(({ declaration }) => declaration.else === "REFUSE")) return this.end(refusal("REFUSED", violated.bounds));
    return this.fallBack(violated.because ?? `bound:${violated.bounds[0]!.declaration.name}`);
  }

  /** Applies a proposal, clamped where bounds say so; what is violated leaves nothing. `reason`: of a fallback. */
  async attempt(proposal: Proposal, { reason = null, lifts = NOTHING }: { readonly reason?: FallbackReason | null; readonly lifts?: Lifting } = {}): Promise<Attempted> {
    const clamped = new Set<string>();
    const lifted = new Set<string>();
    let { output } = proposal;
    for (;;) {
      try {
        const { effects, sums, variables, after } = await this.#body.work.nested(this.#body.root, () => this.#apply({ ...proposal, output }, lifted));
        const state = reason === null ? "DECIDED" : "FELL_BACK";
        const ending: Ending = {
          state, reason, source: proposal.source, output, tells: [], isUntrusted: proposal.isUntrusted, clamped: [...clamped], effects, ...this.#memoryOf(proposal),
          noted: noted(judgingOf(this.#request.question, variables, this.#body)), after: after.rows,
        };
        return { ending, sums, lifted: [...lifted], variables };
      } catch (error) {
        const violated = violationOf(error);
        const isLifted = ({ declaration }: CompiledBound): boolean => declaration.else === "ESCALATE" && lifts(declaration.name);
        const escalating = violated.bounds.filter(isLifted);
        if (violated.because === null && violated.bounds.length === escalating.length) {
          for (const { declaration: { name } } of escalating) lifted.add(name);
          continue;
        }
        const clamp = violated.bounds.find(({ declaration }) => declaration.else === "CLAMP" && !clamped.has(declaration.name));
        const isOther = violated.because !== null || violated.bounds.some((bound) => bound.declaration.else !== "CLAMP" && !isLifted(bound));
        const changed = clamp === undefined || isOther ? undefined : this.#clamped(clamp, { ...proposal, output });
        if (changed === undefined) return { violated };
        clamped.add(clamp!.declaration.name);
        output = changed;
      }
    }
  }

  /** An attempt that leaves nothing. */
  async rehearse(proposal: Proposal, lifts: Lifting = NOTHING): Promise<Attempted> {
    const { work, root } = this.#body;
    const found: Attempted[] = [];
    try {
      await work.nested(root, async () => {
        found.push(await this.attempt(proposal, { lifts }));
        throw new Discarded("a shadow leaves nothing");
      });
    } catch (error) {
      if (!(error instanceof Discarded)) throw error;
    }
    return found[0]!;
  }

  /** `lifted`: names of bounds that it may break. */
  async #apply(proposal: Proposal, lifted: ReadonlySet<string>): Promise<{ readonly effects: readonly AppliedEffect[]; readonly sums: readonly DailySum[]; readonly variables: Variables; readonly after: Gathered }> {
    const { question } = this.#request;
    const { decision } = question;
    const effects: AppliedEffect[] = [];
    // Each effect sees those before it.
    const variables = this.#outcome(proposal, effects);
    const kept = (bounds: readonly CompiledBound[]): readonly CompiledBound[] => bounds.filter(({ declaration: { name } }) => !lifted.has(name));
    const early = kept(earlyViolations(judgingOf(question, variables, this.#body)));
    if (early.length > 0) throw new Violated(early);
    await question.negotiating?.release(this.#body);
    for (const staged of proposal.effects) effects.push(await this.#applyStaged(staged, variables, lifted));
    for (const effect of decision.effects) {
      if (permits(effect.when, judgingOf(question, variables, this.#body))) effects.push(await this.#applyFixed(effect, variables, lifted));
    }
    // What changes nothing leaves what was there.
    const after = effects.length === 0 ? this.#gathered : gather(question, stateOf(this.#body.work, this.#body.now), this.#core, this.#request.extracted);
    const final: Variables = { ...variables, after: contextsOf(after, question) };
    const late = kept(lateViolations(judgingOf(question, final, this.#body)));
    if (late.length > 0) throw new Violated(late);
    const { sums, violated } = sumsOf({ question, variables: final, now: this.#body.now, core: this.#core, lifted });
    if (violated.length > 0) throw new Violated(violated);
    return { effects, sums, variables: final, after };
  }

  async #applyStaged({ write, args }: StagedEffect, variables: Variables, lifted: ReadonlySet<string>): Promise<AppliedEffect> {
    const { question } = this.#request;
    const whole = { ...args, ...this.#filled(write, variables) };
    const seen = this.#seenBy(write, whole, variables);
    if (!permits(write.where, judgingOf(question, seen, this.#body))) throw new Violated([], "tool_not_allowed");
    this.#holdAtEffect(seen, lifted);
    return this.#write(write, { args: whole, mode: "caller" }, write.declaration.as === "DECISION" ? this.#body.as(ownCaller(question, this.#core)) : this.#body);
  }

  async #applyFixed(effect: CompiledFixedEffect, variables: Variables, lifted: ReadonlySet<string>): Promise<AppliedEffect> {
    const args = this.#filled(effect, variables);
    this.#holdAtEffect(this.#seenBy(effect, args, variables), lifted);
    return this.#write(effect, { args, mode: "system" });
  }

  /** `row`: as it is, with the effects before this one. */
  #seenBy({ table, verb }: CompiledEffect, args: Readonly<Record<string, Value>>, variables: Variables): Variables {
    const key = args["id"] ?? null;
    const row = verb === "create" || key === null ? null : this.#body.work.get(table.name, key)?.values ?? null;
    return { ...variables, args, row: row as Value };
  }

  #holdAtEffect(seen: Variables, lifted: ReadonlySet<string>): void {
    const broken = violations(judgingOf(this.#request.question, seen, this.#body), "EFFECT").filter(({ declaration: { name } }) => !lifted.has(name));
    if (broken.length > 0) throw new Violated(broken);
  }

  async #write(effect: CompiledEffect, how: { readonly args: Readonly<Record<string, Value>>; readonly mode: "caller" | "system" }, body: Body = this.#body): Promise<AppliedEffect> {
    try {
      return await applyEffect(body, { effect, ...how });
    } catch (error) {
      if (error instanceof AmbitError && !(error instanceof BodyConflict) && error.status < 500) throw new Violated([], "output_invalid");
      throw error;
    }
  }

  #filled(effect: CompiledEffect, variables: Variables): Record<string, Value> {
    const filled = filledArguments(effect, judgingOf(this.#request.question, variables, this.#body));
    if (filled === undefined) throw new Violated([], "output_invalid");
    return filled;
  }

  #outcome({ output, isUntrusted }: Proposal, effects: readonly AppliedEffect[]): Record<string, Value> {
    return { ...this.#gathered.variables, now: this.#body.now, out: output, effects: effects as unknown as Value, run: runValue(isUntrusted), mem: memValues(this.#request.question.decision, this.#gathered.memory) };
  }

  /** Undefined: the clamp has no value, or makes no output. */
  #clamped(clamp: CompiledBound, proposal: Proposal): Value | undefined {
    const { effects: _, ...variables } = this.#outcome(proposal, []);
    return clampedOutput(this.#request.question.decision, clamp, { output: proposal.output, staged: proposal.effects }, { variables, now: this.#body.now, book: this.#core.book });
  }
}

/** What discards the proposal; everything else goes on. */
function violationOf(error: unknown): Violated {
  if (error instanceof Violated) return error;
  throw error;
}

function contextsOf({ variables }: Gathered, { decision }: Question): Value {
  return Object.fromEntries(decision.contexts.map(({ declaration: { name } }) => [name, variables[name] ?? null]));
}

