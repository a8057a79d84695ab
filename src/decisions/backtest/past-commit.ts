// What would have become of a proposal in the commit of a past run: every bound held against what that run saw. Nothing is written, and nothing of
// the app's data is read, so effects are what they say. The rules are those of run/commit-run.ts.
import type { Json, RecordValues, Value } from "../../base/value.ts";
import { someIn } from "../../expression/inspect.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import { approvalsNeeded } from "../approvals/approvals-needed.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import { clampedOutput } from "../bounds/clamp.ts";
import { earlyViolations, lateViolations, noted, permits, violations, type Judging, type Variables } from "../bounds/judge.ts";
import { gatherFrom, type Gathered } from "../context/gather.ts";
import type { Reasoned } from "../loop.ts";
import { memValues } from "../memory/recall.ts";
import { runValue } from "../policy/decision-values.ts";
import type { CompiledBound, CompiledEffect } from "../policy/compiled-decision.ts";
import type { AppliedEffect } from "../effects/apply-effect.ts";
import { filledArguments } from "../effects/filled-arguments.ts";
import { plannedEffect } from "../effects/planned-effects.ts";
import type { Proposal } from "../run/commit-run.ts";
import { fallbackAnswer } from "../run/fallback.ts";
import { rowsAfter, type PlannedEffect } from "./contexts-after.ts";
import type { BacktestedDecision, PastRun } from "./past-run.ts";

/** How a run ends, or waits for people. */
export interface Verdict {
  readonly state: "DECIDED" | "FELL_BACK" | "REFUSED" | "DENIED" | "AWAITING_APPROVAL";
  readonly reason: string | null;
  /** JSON of the output; null: there is none. */
  readonly output: Json;
  /** Names of hard bounds that a proposal broke, on the way or in the end. */
  readonly violated: readonly string[];
  readonly clamped: readonly string[];
  readonly noted: readonly string[];
  /** Names of bounds of which nobody knows whether they hold. */
  readonly unjudged: readonly string[];
}

type End = Pick<Verdict, "state" | "reason"> & { readonly output?: Value; readonly clamped?: readonly string[]; readonly noted?: readonly string[] };
type Attempted =
  | { readonly output: Value; readonly clamped: readonly string[]; readonly lifted: readonly string[]; readonly variables: Variables; readonly soft: readonly string[] }
  | { readonly bounds: readonly CompiledBound[]; readonly because: string | null };
type Applied = Pick<Extract<Attempted, { readonly output: Value }>, "variables" | "soft"> | Extract<Attempted, { readonly bounds: readonly CompiledBound[] }>;

export class PastCommit {
  readonly #past: PastRun;
  readonly #by: BacktestedDecision;
  readonly #violated = new Set<string>();
  readonly #unjudged = new Set<string>();

  constructor(past: PastRun, by: BacktestedDecision) {
    this.#past = past;
    this.#by = by;
  }

  /** A bound that an answer broke before there was a proposal. */
  broke(names: readonly string[]): void {
    for (const name of names) this.#violated.add(name);
  }

  /** Where it ends without a word of a model; null: it is asked. */
  early(): Verdict | null {
    const { committed } = this.#past;
    if (committed.missing !== null) return this.#end({ state: "REFUSED", reason: null });
    const denied = this.#broken(committed.variables, "INPUT").filter(({ declaration }) => declaration.else !== "ESCALATE");
    if (denied.length > 0) return denied.some(({ declaration }) => declaration.else === "FALLBACK") ? this.#fallBack(`bound:${denied[0]!.declaration.name}`) : this.#end({ state: "DENIED", reason: `bound:${denied[0]!.declaration.name}` });
    if (committed.overflow !== null) return this.#fallBack("context_overflow");
    return this.#by.decision.declaration.kind === "RULE" ? this.#fallBack(null) : null;
  }

  /** What came of reasoning. */
  conclude(reasoned: Reasoned): Verdict {
    if ("refusedBy" in reasoned) return this.#end({ state: "REFUSED", reason: `bound:${reasoned.refusedBy[0]}` });
    if ("reason" in reasoned) return this.#fallBack(reasoned.reason);
    const { proposal } = reasoned;
    const waiting = this.#waiting(proposal);
    if (waiting !== null) return waiting;
    const attempted = this.#attempt(proposal);
    if ("output" in attempted) return this.#end({ state: "DECIDED", reason: null, output: attempted.output, clamped: attempted.clamped, noted: attempted.soft });
    const { bounds, because } = attempted;
    if (bounds.some(({ declaration }) => declaration.else === "REFUSE")) return this.#end({ state: "REFUSED", reason: `bound:${bounds[0]!.declaration.name}` });
    return this.#fallBack(because ?? `bound:${bounds[0]!.declaration.name}`);
  }

  #end({ state, reason, output, clamped = [], noted: soft = [] }: End): Verdict {
    return { state, reason, output: output === undefined ? null : this.#wire(output), violated: [...this.#violated], clamped, noted: soft, unjudged: [...this.#unjudged] };
  }

  /** `reason` null: it is a rule. */
  #fallBack(reason: string | null): Verdict {
    const { decision, fallbacks, book } = this.#by;
    const { input, own, committed: gathered } = this.#past;
    const { output, source } = fallbackAnswer(decision, { input, own, gathered }, { fallbacks, clock: null, book });
    // The caller's own answer is kept only where it was given.
    if (output === undefined) return this.#end({ state: decision.declaration.fallback?.kind === "own" ? "FELL_BACK" : "REFUSED", reason });
    const proposal: Proposal = { output, effects: [], source: reason === null ? "rule" : source, over: null, isUntrusted: decision.declaration.fallback?.kind !== "value" && gathered.isUntrusted };
    const waiting = reason === null ? this.#waiting(proposal) : null;
    if (waiting !== null) return waiting;
    const attempted = this.#attempt(proposal);
    if ("bounds" in attempted) return this.#end({ state: "REFUSED", reason: attempted.bounds[0] === undefined ? null : `bound:${attempted.bounds[0].declaration.name}` });
    return this.#end({ state: reason === null ? "DECIDED" : "FELL_BACK", reason, output: attempted.output, clamped: attempted.clamped, noted: attempted.soft });
  }

  /** Null: no person is asked. */
  #waiting(proposal: Proposal): Verdict | null {
    const { decision, book } = this.#by;
    if (decision.approvals.length === 0) return null;
    const attempted = this.#attempt(proposal, true);
    if ("bounds" in attempted) return null;
    const escalated = [...new Set([...proposal.escalated ?? [], ...attempted.lifted.map((name) => `bound:${name}`)])];
    if (approvalsNeeded(decision, { variables: attempted.variables, now: this.#now, book, escalated }).length === 0) return null;
    return this.#end({ state: "AWAITING_APPROVAL", reason: null, output: attempted.output, clamped: attempted.clamped, noted: attempted.soft });
  }

  #attempt(proposal: Proposal, lifts = false): Attempted {
    const clamped = new Set<string>();
    const lifted = new Set<string>();
    let { output } = proposal;
    for (;;) {
      const applied = this.#apply({ ...proposal, output }, lifted);
      if ("variables" in applied) return { output, clamped: [...clamped], lifted: [...lifted], ...applied };
      const { bounds, because } = applied;
      const isLifted = ({ declaration }: CompiledBound): boolean => lifts && declaration.else === "ESCALATE";
      if (because === null && bounds.length > 0 && bounds.every(isLifted)) {
        for (const { declaration: { name } } of bounds) lifted.add(name);
        continue;
      }
      const clamp = bounds.find(({ declaration }) => declaration.else === "CLAMP" && !clamped.has(declaration.name));
      const isOther = because !== null || bounds.some((bound) => bound.declaration.else !== "CLAMP" && !isLifted(bound));
      const changed = clamp === undefined || isOther ? undefined : this.#clamped(clamp, { ...proposal, output });
      if (changed === undefined) return applied;
      clamped.add(clamp!.declaration.name);
      output = changed;
    }
  }

  #apply(proposal: Proposal, lifted: ReadonlySet<string>): Applied {
    const { decision } = this.#by;
    const kept = (bounds: readonly CompiledBound[]): readonly CompiledBound[] => bounds.filter(({ declaration: { name } }) => !lifted.has(name));
    const shown: AppliedEffect[] = [];
    // Each effect sees those before it.
    const variables = this.#outcome(proposal, shown as unknown as Value);
    const early = kept(this.#note(earlyViolations(this.#judging(variables))));
    if (early.length > 0) return { bounds: early, because: null };
    const planned: PlannedEffect[] = [];
    const plan = (effect: CompiledEffect, args: RecordValues): void => {
      planned.push({ effect, args });
      shown.push(plannedEffect(effect, args));
    };
    for (const { write, args } of proposal.effects) {
      const filled = filledArguments(write, this.#judging(variables));
      if (filled === undefined) return { bounds: [], because: "output_invalid" };
      const whole = { ...args, ...filled };
      const seen: Variables = { ...variables, args: whole, row: this.#row(write, whole) ?? null };
      if (!permits(write.where, this.#judging(seen))) return { bounds: [], because: "tool_not_allowed" };
      const broken = kept(this.#broken(seen, "EFFECT"));
      if (broken.length > 0) return { bounds: broken, because: null };
      plan(write, whole);
    }
    for (const effect of decision.effects) {
      if (!permits(effect.when, this.#judging(variables))) continue;
      const args = filledArguments(effect, this.#judging(variables));
      if (args === undefined) return { bounds: [], because: "output_invalid" };
      const broken = kept(this.#brokenBy(effect, args, variables));
      if (broken.length > 0) return { bounds: broken, because: null };
      plan(effect, args);
    }
    return this.#applied(proposal, { planned, shown }, kept);
  }

  /** Of bounds over the record that it changes nobody knows whether they hold, where that was not recorded. */
  #brokenBy(effect: CompiledEffect, args: RecordValues, variables: Variables): readonly CompiledBound[] {
    const row = this.#row(effect, args);
    const broken = violations(this.#judging({ ...variables, args, row: row ?? null }), "EFFECT");
    if (row !== undefined) return this.#note(broken);
    const isOfRow = ({ rule }: CompiledBound): boolean => someIn(rule, (part) => part.op === "variable" && part.root === "row");
    for (const bound of broken.filter(isOfRow)) this.#unjudged.add(bound.declaration.name);
    return this.#note(broken.filter((bound) => !isOfRow(bound)));
  }

  /** Undefined: it was not recorded. */
  #row({ table, verb }: CompiledEffect, args: RecordValues): RecordValues | null | undefined {
    const key = args["id"] ?? null;
    return verb === "create" || key === null ? null : this.#past.data.record(table.name, key);
  }

  #clamped(clamp: CompiledBound, proposal: Proposal): Value | undefined {
    const { effects: _, ...variables } = this.#outcome(proposal, []);
    return clampedOutput(this.#by.decision, clamp, { output: proposal.output, staged: proposal.effects }, this.#judging(variables));
  }

  #applied(proposal: Proposal, { planned, shown: applied }: { readonly planned: readonly PlannedEffect[]; readonly shown: readonly AppliedEffect[] }, kept: (bounds: readonly CompiledBound[]) => readonly CompiledBound[]): Applied {
    const { decision } = this.#by;
    const { payloads } = this.#past.recorded;
    const then = (payloads["effects"] ?? []) as unknown as readonly { readonly operation: string; readonly args: Json }[];
    const isSame = canonicalJson([payloads["output"] ?? null, then.map(({ operation, args }) => [operation, args])]) === canonicalJson([this.#wire(proposal.output), applied.map(({ operation, args }) => [operation, args])]);
    const recorded = isSame ? (payloads["after"] ?? null) as Gathered["rows"] | null : null;
    const rows = recorded ?? rowsAfter(decision, this.#past.committed.rows, planned);
    const effects = (isSame ? then : applied) as unknown as Value;
    const final: Record<string, Value> = { ...this.#outcome(proposal, effects) };
    if (rows !== null) final["after"] = this.#contexts(rows);
    const known = decision.bounds.filter((bound) => this.#isKnown(bound, { hasAfter: rows !== null, hasEffects: isSame || planned.length === 0 }));
    for (const { declaration: { name, at } } of decision.bounds) if (at === "TOTAL") this.#unjudged.add(name);
    const late = kept(this.#note(lateViolations({ ...this.#judging(final), bounds: known })));
    return late.length > 0 ? { bounds: late, because: null } : { variables: final, soft: [...noted({ ...this.#judging(final), bounds: known.filter(({ declaration: { at } }) => at !== "TOTAL") })] };
  }

  /** Of the state with the effects, and of records before and after them, little is known where they are others than then. */
  #isKnown({ declaration: { at, name, rule: { source } }, rule, readsEffects }: CompiledBound, { hasAfter, hasEffects }: { readonly hasAfter: boolean; readonly hasEffects: boolean }): boolean {
    if (at !== "COMMIT" && at !== "TOTAL" && !readsEffects) return true;
    const names = (root: string): boolean => someIn(rule, (part) => part.op === "variable" && part.root === root);
    const isKnown = (hasAfter || !names("after")) && (hasEffects || !readsEffects || !/\.(?:before|after)\b/.test(source));
    if (!isKnown) this.#unjudged.add(name);
    return isKnown;
  }

  #contexts(rows: Gathered["rows"]): Value {
    const { decision } = this.#by;
    const { variables } = gatherFrom({ decision, input: this.#past.input }, {
      auth: this.#past.committed.variables["auth"] ?? null, now: this.#now, extracted: this.#past.committed.variables, negotiation: this.#past.committed.variables["negotiation"] ?? null, rowsOf: ({ declaration: { name } }) => rows[name] ?? [], memoryOf: () => this.#past.committed.memory,
    });
    return Object.fromEntries(decision.contexts.map(({ declaration: { name } }) => [name, variables[name] ?? null]));
  }

  #outcome({ output, isUntrusted }: Proposal, effects: Value): Variables {
    const { committed } = this.#past;
    return { ...committed.variables, out: output, effects, run: runValue(isUntrusted), mem: memValues(this.#by.decision, committed.memory) };
  }

  #broken(variables: Variables, ...points: Parameters<typeof violations> extends [unknown, ...infer Points] ? Points : never): readonly CompiledBound[] {
    return this.#note(violations(this.#judging(variables), ...points));
  }

  /** What a clamp makes good is told apart. */
  #note(bounds: readonly CompiledBound[]): readonly CompiledBound[] {
    for (const { declaration } of bounds) if (declaration.else !== "CLAMP") this.#violated.add(declaration.name);
    return bounds;
  }

  get #now(): string { return String(this.#past.committed.variables["now"]); }

  #judging(variables: Variables): Judging {
    return { bounds: this.#by.decision.bounds, variables, now: this.#now, book: this.#by.book };
  }

  #wire(output: Value): Json {
    const { catalog, declaration: { callable: { result } } } = this.#by.decision;
    return toWireValue(output, { ...result, required: false }, catalog);
  }
}
