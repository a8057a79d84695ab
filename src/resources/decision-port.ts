// What the rest of the server knows of decisions: that they can be asked. Implemented by decisions/; null where there are none.
import type { Json } from "../base/value.ts";
import type { Callable } from "../schema/catalog.ts";
import type { Body, Caller, Mode } from "./body.ts";
import type { Connection } from "../storage/connection.ts";
import type { RawInput } from "../tables/write.ts";
import type { Forgettable } from "./forgettable.ts";
import type { RowsSource } from "./followed-rows.ts";
import type { RunProgress } from "./run-watch.ts";

export interface DecideRequest {
  readonly name: string;
  /** Arguments, and `own` where the caller's answer travels along. */
  readonly input: RawInput;
  readonly caller: Caller;
  /** Null: the decision's own, or none. */
  readonly key: string | null;
  /** Answered once the run has begun; else when it has ended. */
  readonly isAsynchronous: boolean;
  /** Who is told the end of the run: an address, as the caller has sent it. Absent: nobody. */
  readonly callback?: string;
  /** `ctx.decide`: what says nothing of who may ask it is code's to ask. */
  readonly isOfCode?: boolean;
  /** Nobody asks: a change or a schedule does, whose declaration is the permission. */
  readonly trigger?: { /** Its input is text that nobody vouches for. */ readonly isUntrusted: boolean };
}

/** Of one run, for every interface. */
export interface DecisionResult {
  readonly run: string;
  readonly state: string;
  /** HTTP's numbers as the common vocabulary. */
  readonly status: number;
  /** Ready JSON: the bare output, or the problem. */
  readonly body: string;
  readonly source: string | null;
  readonly reason: string | null;
  readonly isUntrusted: boolean;
  readonly tells: readonly string[];
  readonly replayed: boolean;
}

export interface ListedDecision {
  readonly name: string;
  readonly description: string | null;
  readonly callable: Callable;
  /** In which it runs by now. */
  readonly mode: string;
  /** That of the schema. */
  readonly declared: string;
  readonly kind: string;
}

export interface DecisionPort {
  /** Throws what is refused before there is a run. */
  decide(request: DecideRequest): Promise<DecisionResult>;
  /** One without a model, in the transaction of the body: all of it happens with that, or nothing. */
  decideWithin(request: Pick<DecideRequest, "name" | "input" | "key">, body: Body): Promise<DecisionResult>;
  /** Takes up runs that have not ended and that nobody holds: all of them, when a process has started, or those whose lease is over. */
  recover(which: "all" | "lapsed"): Promise<void>;
  /** Another app serves from now on: what is under way here may end here for `limits.drainMs`, then `next` takes it. */
  handOver(next: () => DecisionPort | null): void;
  /** Takes a run that another port holds; resolves once it is taken. */
  takeOver(run: string): Promise<void>;
  /** Decisions that a model shall make, and there is none: they answer by their fallbacks. */
  readonly isWithoutModel: boolean;
  /** Resolves once none is under way here. */
  settled(which: "runs" | "runs and shadows"): Promise<void>;
  /** What this caller may ask, as `GET /decide` lists it. */
  list(caller: Caller): readonly ListedDecision[];
  /** Lowers the mode of a decision; null: that of the schema again. Throws NOT_FOUND, and VALIDATION_FAILED for one above the schema. */
  setMode(name: string, mode: string | null, caller: Caller): Promise<ListedDecision>;
  /** Ends a run and those that it has asked, these first; each with what came of it. Null: none that they may know of. */
  cancel(id: string, caller: Caller): Promise<readonly { readonly run: string; readonly outcome: string; readonly state: string }[] | null>;
  /** One run as this caller may see it; null: none that they may know of. */
  run(id: string, caller: Caller): { readonly [name: string]: Json } | null;
  /** How far it has come; null: none that they may know of. */
  progress(id: string, caller: Pick<Caller, "identity">): RunProgress | null;
  /** Null: nothing that this caller may know of. */
  recall(question: RecallQuestion, caller: Caller): Json | null;
  /** In the commit of the body. Throws what is refused. */
  remember(request: RememberRequest, body: Body): Promise<Json>;
  /** All that happened in a run, for those who may inspect it; that they have looked is recorded. Null: none that they may know of. */
  trace(id: string, caller: Caller): Promise<{ readonly [name: string]: Json } | null>;
  /** For the administrator of all tenants. */
  administer(ask: DecisionsQuestion, caller: Caller): Promise<Json>;
  /** What decisions keep of somebody. */
  readonly forgettables: readonly Forgettable[];
  /** What waits for people, and what they say of it. Throws what is refused, NOT_FOUND for what they may not know of. */
  approvals(ask: ApprovalQuestion, caller: Caller, keep?: KeepAnswer | null): Promise<{ readonly body: Json; readonly next: string | null }>;
  /** What is followed of these. Throws what looking at it throws. */
  rows(ask: RowsQuestion, caller: Pick<Caller, "identity">): RowsSource;
  /** Negotiations, their offers and what was agreed. Throws what is refused, NOT_FOUND for what they may not know of. */
  negotiate(ask: NegotiationQuestion, caller: Caller, keep?: KeepAnswer | null): Promise<NegotiationAnswer>;
  /** Ends what has waited for its time, so much at once, and looks at what is due. True: there is more. */
  endLate(): Promise<boolean>;
  /** Proofs of the audit log, for those who may see the run or inspect runs; null: none that they may know of. */
  proof(ask: ProofQuestion, caller: Caller): Promise<Json | null>;
}

/** What is known of a record, `TABLE:id`. */
export interface RecallQuestion {
  readonly about: string;
  /** What was known then; null: now. */
  readonly asOf: string | null;
  /** system: of app code, which answers for what it does. */
  readonly mode: Mode;
}

export interface RememberRequest {
  readonly about: string;
  /** By predicate; null: it is known no more. */
  readonly facts: RawInput;
  /** Canonical; null: from now on, until further notice. */
  readonly validFrom: string | null;
  readonly validTo: string | null;
  /** Nobody answers for it. */
  readonly isUntrusted: boolean;
  readonly mode: Mode;
}
export type NegotiationQuestion =
  | { readonly do: "start"; readonly decision: string; readonly input: RawInput }
  | { readonly do: "counter"; readonly id: string; readonly terms: unknown; readonly message: unknown }
  | { readonly do: "find" | "offer" | "decline" | "commitment" | "release"; readonly id: string }
  | { readonly do: "accept"; readonly id: string; /** Of what was shown. */ readonly hash: string }
  | { readonly do: "commitments"; readonly after: string | null; readonly limit: number };

/** Keeps what is answered in the commit that does it, under the key of the request. */
export type KeepAnswer = (connection: Connection, body: Json) => void;

export interface NegotiationAnswer { readonly status: number; readonly body: Json; readonly next: string | null }

/** What is followed of approvals: the first that wait for the caller, or one, while it waits for the caller. */
export type ApprovalRows = { readonly of: "approvals"; readonly limit: number } | { readonly of: "approval"; readonly id: string };

/** One negotiation with its offer, one commitment, the newest of the caller's. */
export type NegotiationRows = { readonly of: "negotiation" | "commitment"; readonly id: string } | { readonly of: "commitments"; readonly limit: number };

export type RowsQuestion = ApprovalRows | NegotiationRows;

/** `after`: the id of one that was listed before. */
export type ApprovalQuestion =
  | { readonly do: "list"; readonly after: string | null; readonly limit: number }
  | { readonly do: "find"; readonly id: string }
  | { readonly do: "decide"; readonly id: string; readonly input: RawInput };

/** list: all decisions, with what their runs of so many days came to and spent. erase: the payloads of a run and those that it has asked. */
export type DecisionsQuestion =
  | { readonly do: "list"; readonly days: number }
  | { readonly do: "erase"; readonly run: string }
  | BacktestQuestion;

/** backtest: begins one. backtests: all that are known. backtest-state, cancel-backtest: of one. */
export type BacktestQuestion =
  | { readonly do: "backtest"; readonly request: BacktestRequest }
  | { readonly do: "backtests" }
  | { readonly do: "backtest-state" | "cancel-backtest"; readonly id: string };

/** Past runs of a decision gone through with something changed. Only bounds: what was proposed then is judged; else a model is asked anew. */
export interface BacktestRequest {
  readonly decision: string;
  /** So many of the newest runs. */
  readonly last: number;
  /** How often the model is asked of each run. */
  readonly repeat: number;
  /** The policy's text. Null: as it stands. */
  readonly policy: string | null;
  /** An alias. Null: the decision's own. */
  readonly model: string | null;
  /** Another decision with the same arguments and result. Null: the same. */
  readonly candidate: string | null;
  /** Rules by the name of a bound, in CEL. */
  readonly bounds: Readonly<Record<string, string>>;
  /** All that it may cost, as "1.00 USD". Null: one unit of the model's currency. */
  readonly maxCost: string | null;
}

/** receipt: of a run. consistency: that the log of `from` records is the beginning of that of `to`. */
export type ProofQuestion =
  | { readonly of: "receipt"; readonly run: string }
  | { readonly of: "checkpoint" | "key" }
  | { readonly of: "consistency"; readonly from: number; readonly to: number };
