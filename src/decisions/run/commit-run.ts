// The commit of a decision: one serializable transaction whose body the runtime supplies. The contexts are read again, the effects applied, all
// bounds held against the state that is committed; where one does not hold everything is discarded and the fallback takes its place, in the
// same transaction, with the record, the sums, the answer and the run's end. A conflict runs this again, never the model.
import { assert } from "../../base/assert.ts";
import { AmbitError } from "../../base/error.ts";
import type { Value } from "../../base/value.ts";
import type { Body } from "../../resources/body.ts";
import { BodyConflict } from "../../resources/body-conflict.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { runTransaction } from "../../resources/run-body.ts";
import { stateOf } from "../../resources/work.ts";
import { notFound } from "../../tables/denial.ts";
import type { WriteSession } from "../../tables/write-session.ts";
import { noted, permits, valueOf, violations, type Variables } from "../bounds/judge.ts";
import { clampedOutput } from "../bounds/clamp.ts";
import { sumsOf, type DailySum } from "../bounds/totals.ts";
import { gather, memoryIn, type Gathered, type Question } from "../context/gather.ts";
import { applyEffect, type AppliedEffect } from "../effects/apply-effect.ts";
import { memValues } from "../memory/recall.ts";
import type { StagedFact } from "../memory/remember.ts";
import type { CompiledBound, CompiledEffect, CompiledWrite } from "../policy/compiled-decision.ts";
import type { Ending, FallbackReason, Source } from "./ending.ts";
import type { RunEnd } from "./run-tally.ts";

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
}

export interface CommitRequest {
  readonly question: Question;
  /** Null: the fallback at once, and why. */
  readonly proposal: Proposal | null;
  readonly reason: FallbackReason | null;
  /** Bounds with else: REFUSE that the answer does not keep: no fallback. */
  readonly refusedBy?: readonly string[];
  readonly extracted: Readonly<Record<string, Value>>;
  /** Not yet admitted: a record that is missing is nobody's decision. */
  readonly isNew: boolean;
  /** Once more, if the contexts have changed so that a bound no longer holds. */
  readonly mayReason: boolean;
  /** The transaction is that of app code. */
  readonly isWithin?: boolean;
  fallback(gathered: Gathered): FallbackAnswer;
  /** In the commit: the run's end, the record, the answer. Throws where somebody else has ended it. */
  store(session: WriteSession, ending: Ending, gathered: Gathered): RunEnd;
  /** Once it is durable. */
  ended(end: RunEnd): void;
}

/** `output` undefined: it gave none, or one of another shape. */
export interface FallbackAnswer { readonly output: Value | undefined; readonly source: Source }

export type Committed = { readonly kind: "ended"; readonly ending: Ending } | { readonly kind: "reason-again"; readonly gathered: Gathered };

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
        run: (body) => decideIn(body, core, attempt < SUM_ATTEMPTS ? request : { ...request, proposal: null, reason: request.proposal === null ? request.reason : "conflict" }),
      });
    } catch (error) {
      if (!(error instanceof SumMoved) || attempt > SUM_ATTEMPTS) throw error;
    }
  }
}

/** As a part of the transaction of app code: it commits with that, and runs again with it. */
export async function decideInBody(body: Body, request: CommitRequest): Promise<Ending> {
  const committed = await decideIn(body, body.core, { ...request, isWithin: true });
  assert(committed.kind === "ended", "nothing is reasoned here");
  return committed.ending;
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
  const denied = request.isNew || proposal === null ? violations({ ...judgingOf(question, gathered.variables, body), bounds: question.decision.bounds }, "INPUT") : [];
  const commit = new RunCommit(body, core, request, gathered);
  if (denied.length > 0 && !denied.some(({ declaration: bound }) => bound.else === "FALLBACK")) return commit.end(refusal("DENIED", denied));
  if (denied.length > 0) return commit.fallBack(`bound:${denied[0]!.declaration.name}`);
  if (gathered.missing !== null) return commit.end(refusal("REFUSED", []));
  if (gathered.overflow !== null) return commit.fallBack("context_overflow");
  const refusing = question.decision.bounds.filter(({ declaration: { name } }) => request.refusedBy?.includes(name) === true);
  if (refusing.length > 0) return commit.end(refusal("REFUSED", refusing));
  if (proposal === null) return commit.fallBack(request.reason);
  const hasChanged = proposal.over !== null && !isSame(proposal.over, gathered);
  if (hasChanged && declaration.freshness === "STRICT") return commit.fallBack("conflict");
  const attempted = await commit.attempt(proposal);
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

type Attempted = { readonly ending: Ending; readonly sums: readonly DailySum[] } | { readonly violated: Violated };

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
    const ends: RunEnd[] = [];
    await this.#body.work.effect({
      store: (session) => {
        for (const sum of sums) if (!sum.add(session.connection)) throw this.#request.isWithin === true ? new BodyConflict({ records: [], lane: "decisions" }) : new SumMoved("a sum has moved");
        if (ending.state !== "SHADOWED") this.#certifyMemory(session);
        ends[0] = this.#request.store(session, ending, this.#gathered);
      },
      tell: () => ends.forEach((end) => this.#request.ended(end)),
    });
    return { kind: "ended", ending };
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
    const isRule = declaration.kind === "RULE";
    const attempted = await this.attempt({ output, effects: [], source: isRule ? "rule" : source, over: null, isUntrusted: declaration.fallback?.kind !== "value" && this.#gathered.isUntrusted }, isRule ? null : reason ?? "no_model");
    if ("ending" in attempted) return this.end(attempted.ending, attempted.sums);
    return this.end(refusal("REFUSED", attempted.violated.bounds));
  }

  /** What is declared for the bounds that do not hold. */
  async instead({ violated }: { readonly violated: Violated }): Promise<Committed> {
    if (violated.bounds.some(({ declaration }) => declaration.else === "REFUSE")) return this.end(refusal("REFUSED", violated.bounds));
    return this.fallBack(violated.because ?? `bound:${violated.bounds[0]!.declaration.name}`);
  }

  /** Applies a proposal, clamped where bounds say so; what is violated leaves nothing. `reason`: of a fallback. */
  async attempt(proposal: Proposal, reason: FallbackReason | null = null): Promise<Attempted> {
    const clamped = new Set<string>();
    let { output } = proposal;
    for (;;) {
      try {
        const { effects, sums, variables, after } = await this.#body.work.nested(this.#body.root, () => this.#apply({ ...proposal, output }));
        const state = reason === null ? "DECIDED" : "FELL_BACK";
        const ending: Ending = {
          state, reason, source: proposal.source, output, tells: [], isUntrusted: proposal.isUntrusted, clamped: [...clamped], effects, ...this.#memoryOf(proposal),
          noted: noted(judgingOf(this.#request.question, variables, this.#body)), after: after.rows,
        };
        return { ending, sums };
      } catch (error) {
        const violated = violationOf(error);
        const clamp = violated.bounds.find(({ declaration }) => declaration.else === "CLAMP" && !clamped.has(declaration.name));
        const isOther = violated.because !== null || violated.bounds.some(({ declaration }) => declaration.else !== "CLAMP");
        const changed = clamp === undefined || isOther ? undefined : this.#clamped(clamp, output);
        if (changed === undefined) return { violated };
        clamped.add(clamp!.declaration.name);
        output = changed;
      }
    }
  }

  /** An attempt that leaves nothing. */
  async rehearse(proposal: Proposal): Promise<Attempted> {
    const { work, root } = this.#body;
    const found: Attempted[] = [];
    try {
      await work.nested(root, async () => {
        found.push(await this.attempt(proposal));
        throw new Discarded("a shadow leaves nothing");
      });
    } catch (error) {
      if (!(error instanceof Discarded)) throw error;
    }
    return found[0]!;
  }

  async #apply(proposal: Proposal): Promise<{ readonly effects: readonly AppliedEffect[]; readonly sums: readonly DailySum[]; readonly variables: Variables; readonly after: Gathered }> {
    const { question } = this.#request;
    const { decision } = question;
    const variables = this.#outcome(proposal, []);
    const early = violations(judgingOf(question, variables, this.#body), "INPUT", "OUTPUT");
    if (early.length > 0) throw new Violated(early);
    const effects: AppliedEffect[] = [];
    for (const staged of proposal.effects) effects.push(await this.#applyStaged(staged, variables));
    for (const effect of decision.effects) {
      if (permits(effect.when, judgingOf(question, variables, this.#body))) effects.push(await this.#write(effect, { args: this.#filled(effect, variables), mode: "system" }));
    }
    // What changes nothing leaves what was there.
    const after = effects.length === 0 ? this.#gathered : gather(question, stateOf(this.#body.work, this.#body.now), this.#core, this.#request.extracted);
    const final: Variables = { ...this.#outcome(proposal, effects), after: contextsOf(after, question) };
    const late = violations(judgingOf(question, final, this.#body), "COMMIT");
    if (late.length > 0) throw new Violated(late);
    const { sums, violated } = sumsOf({ question, variables: final, now: this.#body.now, core: this.#core });
    if (violated.length > 0) throw new Violated(violated);
    return { effects, sums, variables: final, after };
  }

  async #applyStaged({ write, args }: StagedEffect, variables: Variables): Promise<AppliedEffect> {
    const { question } = this.#request;
    const whole = { ...args, ...this.#filled(write, variables) };
    const key = whole["id"] ?? null;
    const row = write.verb === "create" || key === null ? null : this.#body.work.get(write.table.name, key)?.values ?? null;
    const seen: Variables = { ...variables, args: whole, row: row as Value };
    if (!permits(write.where, judgingOf(question, seen, this.#body))) throw new Violated([], "tool_not_allowed");
    const broken = violations(judgingOf(question, seen, this.#body), "EFFECT");
    if (broken.length > 0) throw new Violated(broken);
    return this.#write(write, { args: whole, mode: "caller" });
  }

  async #write(effect: CompiledEffect, how: { readonly args: Readonly<Record<string, Value>>; readonly mode: "caller" | "system" }): Promise<AppliedEffect> {
    try {
      return await applyEffect(this.#body, { effect, ...how });
    } catch (error) {
      if (error instanceof AmbitError && !(error instanceof BodyConflict) && error.status < 500) throw new Violated([], "output_invalid");
      throw error;
    }
  }

  #filled({ set }: CompiledEffect, variables: Variables): Record<string, Value> {
    const judging = judgingOf(this.#request.question, variables, this.#body);
    return Object.fromEntries([...set].map(([name, expression]) => {
      const value = valueOf(expression, judging);
      if (value === undefined) throw new Violated([], "output_invalid");
      return [name, value];
    }));
  }

  #outcome({ output, isUntrusted }: Proposal, effects: readonly AppliedEffect[]): Record<string, Value> {
    return { ...this.#gathered.variables, now: this.#body.now, out: output, effects: effects as unknown as Value, run: { taint: isUntrusted ? "UNTRUSTED" : null }, mem: memValues(this.#request.question.decision, this.#gathered.memory), negotiation: null };
  }

  /** Undefined: the clamp has no value, or makes no output. */
  #clamped(clamp: CompiledBound, output: Value): Value | undefined {
    const judging = { variables: { ...this.#gathered.variables, now: this.#body.now, out: output }, now: this.#body.now, book: this.#core.book };
    return clampedOutput(this.#request.question.decision, clamp, output, judging);
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

