// A decision made ready to run: its queries as plans, its expressions compiled for their places. Made once, at the start of the app.
import type { Expression } from "../../expression/expression.ts";
import type { Callable, Catalog, InputField, Table } from "../../schema/catalog.ts";
import type { ActsAs, Approval, Bound, ContextDeclaration, Decision, EffectDeclaration, MayCall, MayWrite, MemoryDeclaration, Rollout } from "../../schema/decision.ts";
import type { AnswerShape } from "./answer-shape.ts";
import type { CompiledQuery } from "./compile-query.ts";
import type { DecisionTable } from "./decision-table.ts";

export interface CompiledContext {
  readonly declaration: ContextDeclaration;
  readonly source:
    | { readonly kind: "query"; readonly query: CompiledQuery; readonly shape: AnswerShape }
    /** Text that a quarantined call reads. */
    | { readonly kind: "extract"; readonly from: Expression; readonly type: string };
}

export interface CompiledRead { readonly name: string; readonly query: CompiledQuery; readonly shape: AnswerShape; readonly arguments: ReadonlyMap<string, Pick<InputField, "type">>; readonly max: number; readonly as: ActsAs }

export interface CompiledBound { readonly declaration: Bound; readonly rule: Expression; /** The rule names `effects`. */ readonly readsEffects: boolean; readonly of: Expression | null; /** Of CLAMP, by field of the output. */ readonly to: ReadonlyMap<string, Expression> }

/** An operation that is called with what is known by name. */
export type CompiledTarget = Omit<CompiledEffect, "set">;

export interface CompiledEffect {
  readonly table: Table;
  /** create update delete increment, or the name of an action. */
  readonly verb: string;
  readonly action: Callable | null;
  readonly set: ReadonlyMap<string, Expression>;
}

export interface CompiledWrite extends CompiledEffect { readonly declaration: MayWrite; /** Of the tool. */ readonly name: string; /** What the operation may be called with. */ readonly members: ReadonlyMap<string, InputField>; readonly where: Expression | null; /** Of what an offer holds. */ readonly release: CompiledTarget | null; readonly convert: CompiledTarget | null }
export interface CompiledFixedEffect extends CompiledEffect { readonly declaration: EffectDeclaration; readonly when: Expression | null }
export interface CompiledMemory { readonly declaration: MemoryDeclaration; readonly about: Expression }
export interface CompiledCall { readonly declaration: MayCall; readonly tool: Callable; readonly where: Expression | null }

/** One @on, over rows `record` and `previous` of its table. */
export interface CompiledTrigger {
  readonly table: Table;
  /** Null: every record is in the query. */
  readonly filter: Expression | null;
  readonly when: Expression | null;
  /** By argument. */
  readonly input: ReadonlyMap<string, Expression>;
  /** Some of it is text that nobody vouches for. */
  readonly isUntrusted: boolean;
}

/** What an accepted offer obliges to, over `offer` and `found`. */
export interface CompiledCommitment {
  readonly due: Expression;
  readonly keptWhen: Expression;
  /** Null: nothing is looked at but the offer. */
  readonly found: CompiledContext | null;
  readonly remedy: CompiledTarget;
}

export interface CompiledApproval { readonly declaration: Approval; readonly when: Expression | null }

export interface CompiledRollout {
  readonly declaration: Rollout;
  readonly stickyBy: Expression | null;
  /** Over `stats`, as rollout/arm-stats.ts gives them. */
  readonly stopWhen: Expression | null;
}

export interface CompiledDecision {
  readonly name: string;
  readonly declaration: Decision;
  /** The app's, with the shapes of the contexts' answers. */
  readonly catalog: Catalog;
  readonly contexts: readonly CompiledContext[];
  readonly reads: readonly CompiledRead[];
  readonly calls: readonly CompiledCall[];
  readonly writes: readonly CompiledWrite[];
  readonly effects: readonly CompiledFixedEffect[];
  readonly memories: readonly CompiledMemory[];
  readonly bounds: readonly CompiledBound[];
  readonly approvals: readonly CompiledApproval[];
  /** Of @negotiates; null: it has none. */
  readonly exclusive: Expression | null;
  readonly commitment: CompiledCommitment | null;
  /** Fields and arguments whose text only quarantined calls read, by `placeOfField`. */
  readonly quarantined: ReadonlySet<string>;
  readonly triggers: readonly CompiledTrigger[];
  readonly rollout: CompiledRollout | null;
  /** Of @fallback(table); null: it has another. */
  readonly table: DecisionTable | null;
  readonly subject: Expression | null;
  readonly idempotency: Expression | null;
}
