// Governed decisions as the Catalog holds them: what was declared, in order, with defaults. Plain frozen data; nothing is judged here.
import type { Value } from "../base/value.ts";
import type { Callable, Cel, Schedule } from "./catalog.ts";
import type { QueryTemplate } from "./query-template.ts";

export type DecisionMode = "OFF" | "SHADOW" | "ENFORCE";
/** REASON: a loop with tools. JUDGE: one typed answer. RULE: no model. */
export type DecisionKind = "REASON" | "JUDGE" | "RULE";
export type Freshness = "SNAPSHOT" | "REVALIDATE" | "STRICT";
/** The first point at which a bound is checked; all but CALL are checked again in the commit. */
export type BoundPoint = "INPUT" | "CALL" | "EFFECT" | "OUTPUT" | "COMMIT" | "TOTAL";
export type OnViolation = "REPAIR" | "CLAMP" | "ESCALATE" | "FALLBACK" | "REFUSE";
export type TaintRule = "FORBID" | "ESCALATE" | "ALLOW";
export type BudgetScope = "RUN" | "NEGOTIATION" | "SUBJECT_DAY" | "DECISION_DAY" | "TENANT_DAY";
export type ActsAs = "CALLER" | "DECISION";

export interface ContextDeclaration {
  readonly name: string;
  /** Null: `from` and `extract`. */
  readonly query: QueryTemplate | null;
  /** Text that is read in a quarantined call. */
  readonly from: Cel | null;
  /** The output type of that call. */
  readonly extract: string | null;
  readonly maxRows: number;
  readonly maxBytes: number;
  readonly required: boolean;
}

export interface MayRead {
  /** Of the tool: as declared, else the table's name in lower case. */
  readonly name: string;
  readonly query: QueryTemplate;
  readonly max: number;
  readonly as: ActsAs;
}

export interface MayCall {
  readonly tool: string;
  readonly where: Cel | null;
  readonly max: number;
  readonly taint: TaintRule;
}

export interface MayAsk { readonly decision: string; readonly max: number }

/** `Table.create`, `Table.update`, `Table.delete`, `Table.increment`, or an action `Table.NAME`. */
export interface EffectTarget { readonly table: string; readonly verb: string }

export interface MayWrite {
  readonly operation: EffectTarget;
  /** All that the model supplies. */
  readonly fields: readonly string[];
  /** What the runtime fills in from the accepted output. */
  readonly set: ReadonlyMap<string, Cel>;
  readonly where: Cel | null;
  readonly max: number;
  readonly taint: TaintRule;
  readonly as: ActsAs;
  /** Of what an offer holds: what undoes it, and what makes it final. Null: none. */
  readonly release: EffectTarget | null;
  readonly convert: EffectTarget | null;
}

/** Of the answer, whoever gave it. */
export interface EffectDeclaration {
  readonly operation: EffectTarget;
  readonly set: ReadonlyMap<string, Cel>;
  readonly when: Cel | null;
}

/** Facts of one record that a decision reads and writes. */
export interface MemoryDeclaration {
  /** `TABLE:id`. */
  readonly about: Cel;
  /** Predicates. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Of what a model is shown. */
  readonly maxTokens: number;
  /** Null: however old. */
  readonly maxAgeMs: number | null;
}

export interface Bound {
  readonly name: string;
  readonly rule: Cel;
  readonly at: BoundPoint;
  readonly else: OnViolation;
  /** Of CLAMP: the fields of the output that change. */
  readonly to: Cel | null;
  /** All that the model and the caller learn of it. */
  readonly tell: string | null;
  /** Only noted. */
  readonly soft: boolean;
  /** Of TOTAL: what this run adds, and to which sum. */
  readonly of: Cel | null;
  readonly per: BudgetScope | null;
}

/** A person decides. */
export interface Approval {
  /** Null: only what escalates. */
  readonly when: Cel | null;
  /** Roles. */
  readonly by: readonly string[];
  readonly withinMs: number;
  /** When nobody has decided in time. */
  readonly else: "FALLBACK" | "REFUSE";
}

/** Its answers are offers. */
export interface Negotiates {
  readonly rounds: number;
  readonly offerTtlMs: number;
  readonly exclusive: Cel | null;
  readonly concession: Cel | null;
  /** What a run that has read untrusted text may offer. */
  readonly taint: TaintRule;
}

/** What an accepted offer obliges to. */
export interface CommitmentDeclaration {
  readonly due: Cel;
  readonly keptWhen: Cel;
  readonly query: QueryTemplate | null;
  readonly remedy: EffectTarget;
}

export interface Budget {
  readonly per: BudgetScope;
  readonly timeMs: number | null;
  readonly steps: number | null;
  readonly calls: number | null;
  readonly tokens: number | null;
  /** In millionths of the currency's unit. */
  readonly cost: { readonly micros: number; readonly currency: string } | null;
  readonly runs: number | null;
}

export type Fallback =
  | { readonly kind: "call"; readonly name: string }
  | { readonly kind: "table"; readonly file: string }
  | { readonly kind: "value"; readonly value: Value }
  /** The caller's own answer travels with the request. */
  | { readonly kind: "own" };

/** One @on: a record that enters the query is the event. */
export interface ChangeTrigger { readonly change: QueryTemplate; readonly when: Cel | null; /** A map of arguments over the record; null: there are none. */ readonly input: Cel | null }

/** Champion and challenger. Shares of runs, 0 to 1. */
export interface Rollout {
  /** Another decision. Null: this one itself, enforced for the share `canary` while the rest answers as SHADOW. */
  readonly candidate: string | null;
  readonly shadow: number;
  readonly canary: number;
  readonly stickyBy: Cel | null;
  readonly stopWhen: Cel | null;
}

export interface Decision {
  /** Its arguments, result and @allow, and where it is called from. */
  readonly callable: Callable;
  /** On the wires; null when not exported. */
  readonly exportName: string | null;
  /** The docstring. Null: `policyFile`, or none. */
  readonly policy: string | null;
  readonly policyFile: string | null;
  readonly mode: DecisionMode;
  readonly kind: DecisionKind;
  /** An alias of config.yaml. */
  readonly model: string;
  readonly deadlineMs: number;
  readonly freshness: Freshness;
  readonly subject: Cel | null;
  readonly idempotency: Cel | null;
  readonly repairs: number;
  /** Roles that may look at its runs. */
  readonly inspect: readonly string[];
  readonly contexts: readonly ContextDeclaration[];
  readonly mayRead: readonly MayRead[];
  readonly mayCall: readonly MayCall[];
  readonly mayAsk: readonly MayAsk[];
  readonly mayWrite: readonly MayWrite[];
  readonly effects: readonly EffectDeclaration[];
  readonly memories: readonly MemoryDeclaration[];
  readonly bounds: readonly Bound[];
  readonly budgets: readonly Budget[];
  readonly approvals: readonly Approval[];
  readonly negotiates: Negotiates | null;
  /** Of its result's type. */
  readonly commitment: CommitmentDeclaration | null;
  readonly fallback: Fallback | null;
  readonly triggers: readonly ChangeTrigger[];
  readonly schedules: readonly Schedule[];
  readonly rollout: Rollout | null;
  /** Refusals that the author has answered for, by code. */
  readonly acknowledged: readonly { readonly rule: string | null; readonly reason: string }[];
}
