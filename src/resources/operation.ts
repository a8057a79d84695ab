// Every request, message, job step and tool call becomes one Operation, and its answer one Result. No wire types here.
import type { Json, Value } from "../base/value.ts";
import type { Plan } from "../query/plan.ts";
import type { Connection } from "../storage/connection.ts";
import type { OutboxState } from "../storage/outbox.ts";
import type { FileValue } from "../schema/file-type.ts";
import type { Precondition, RawInput } from "../tables/write.ts";
import type { AccountAnswer, AccountRequest } from "../access/accounts/account-store.ts";
import type { Identity } from "../access/identity.ts";
import type { ApprovalQuestion, DecisionResult, DecisionsQuestion, NegotiationQuestion, ProofQuestion, RecallQuestion, RememberRequest } from "./decision-port.ts";
import type { Sender } from "../access/sender.ts";
import type { SignedMessage } from "../access/webhook-signature.ts";
import type { Effect } from "./work.ts";
import type { ToldState } from "../storage/job-rows.ts";
import type { JobRun } from "./job-port.ts";
import type { Served } from "./source-port.ts";

export type OperationBody =
  /** One record by key. `plan` is its shape, without the key: the same object for the same question is compiled once. `plain`: the record's own fields, unconditional, so it can come from the record cache. */
  | { readonly kind: "get"; readonly table: string; readonly id: Value; readonly plan: Plan; readonly plain: boolean }
  /** `values`: of the plan's variables `values[INDEX]`, where it has such (query/open-operand.ts). */
  | { readonly kind: "query"; readonly plan: Plan; readonly explain: boolean; readonly values?: readonly Value[] }
  | { readonly kind: "create"; readonly table: string; readonly inputs: readonly RawInput[]; readonly onConflict: { readonly fields: readonly string[] | null; readonly resolution: "merge" | "ignore" } | null; readonly precondition: Precondition | null; readonly returning: Plan | null }
  | { readonly kind: "replace"; readonly table: string; readonly id: Value; readonly input: RawInput; readonly precondition: Precondition | null; readonly returning: Plan | null }
  | { readonly kind: "update"; readonly table: string; readonly id: Value; readonly input: RawInput; readonly merge: boolean; readonly precondition: Precondition | null; readonly returning: Plan | null }
  | { readonly kind: "remove"; readonly table: string; readonly id: Value; readonly precondition: Precondition | null; readonly returning: Plan | null }
  /** `plan` has the filter, order and limit; every record that it yields under READ AND the verb's rule is written. */
  | { readonly kind: "update-many"; readonly plan: Plan; readonly input: RawInput; readonly merge: boolean; readonly maxAffected: number | null; readonly returning: Plan | null }
  | { readonly kind: "remove-many"; readonly plan: Plan; readonly maxAffected: number | null; readonly returning: Plan | null }
  /** What happened to one record, newest first. `after`: a position as it stands on the wire. */
  | { readonly kind: "history"; readonly table: string; readonly id: Value; readonly limit: number; readonly after: string | null }
  /** Brings a deleted record back. */
  | { readonly kind: "restore"; readonly table: string; readonly id: Value; readonly returning: Plan | null }
  | { readonly kind: "action"; readonly table: string; /** Null: on the table. */ readonly id: Value; readonly name: string; readonly input: RawInput; /** Of the record, in a transaction only. */ readonly precondition?: Precondition | null; readonly single?: boolean }
  /** `single`: a list that it answers has one item, or it is refused with what the body did. */
  | { readonly kind: "endpoint"; readonly name: string; readonly input: RawInput; readonly single?: boolean }
  /** `key`: of the topic, canonical; null: the message says it. `origin`: as in ChannelMessage. */
  | { readonly kind: "publish"; readonly channel: string; readonly key: Value; readonly input: RawInput; readonly origin?: object | null }
  /** A signed call of an endpoint. `read`: the arguments in its body, which nobody reads before the signature is verified. */
  | { readonly kind: "webhook"; readonly name: string; readonly message: SignedMessage; read(): RawInput }
  /** What came back for a request of ctx.send, for the endpoint that wanted to know. `settle`: in the same commit. */
  | { readonly kind: "answered"; readonly name: string; readonly input: RawInput; settle(connection: Connection, now: string): void }
  /** An attempt of a job: nobody but jobs/ asks for it. */
  | { readonly kind: "job"; readonly name: string; readonly input: RawInput; readonly run: JobRun }
  /** A decision is asked; the key is that of `idempotency`. `isAsynchronous`: answered once it has begun. `callback`: the address that is told the end. */
  | { readonly kind: "decide"; readonly name: string; readonly input: RawInput; readonly isAsynchronous?: boolean; readonly callback?: string }
  /** Which decisions the caller may ask. */
  | { readonly kind: "decisions" }
  /** The mode of a decision is lowered; null: that of the schema again. The administrator's. */
  | { readonly kind: "decision-mode"; readonly name: string; readonly mode: string | null }
  /** About all decisions: the administrator's. */
  | { readonly kind: "decisions-overview"; readonly ask: DecisionsQuestion }
  /** Offers that bind, and what was agreed. */
  | { readonly kind: "negotiation"; readonly ask: NegotiationQuestion }
  /** What waits for people. */
  | { readonly kind: "approval"; readonly ask: ApprovalQuestion }
  /** A proof of the audit log. */
  | { readonly kind: "proof"; readonly ask: ProofQuestion }
  /** What is known of a record, and facts that are posted about one. */
  | { readonly kind: "recall"; readonly ask: RecallQuestion }
  | { readonly kind: "remember"; readonly ask: RememberRequest }
  /** About API keys. */
  | { readonly kind: "key"; readonly ask: KeyQuestion }
  /** What is in the security record; the administrator's. */
  | { readonly kind: "security"; readonly ask: SecurityQuestion }
  /** About runs of jobs. */
  | { readonly kind: "run"; readonly ask: RunQuestion }
  /** A file for a field of a table. `length`: as announced; null: not. */
  | { readonly kind: "upload"; readonly table: string; readonly field: string; readonly content: ReadableStream<Uint8Array>; readonly length: number | null; readonly name: string | null }
  /** The content of a file. `link`: what stands in a signed link; `expires` in seconds since the epoch. */
  | { readonly kind: "file"; readonly id: string; readonly link: { readonly expires: number; readonly signature: string } | null }
  /** A link that is good for `forMs`. */
  | { readonly kind: "file-link"; readonly id: string; readonly forMs: number }
  /** About what ctx.send sent. */
  | { readonly kind: "outbox"; readonly ask: OutboxQuestion }
  /** Records of a table with @source are fetched before they are answered again; `id` null: all. The administrator's. */
  | { readonly kind: "invalidate"; readonly table: string; readonly id: unknown }
  /** Of sign-in. */
  | { readonly kind: "account"; readonly request: AccountRequest }
  /** Erases a person everywhere. */
  | { readonly kind: "forget"; readonly subject: string }
  /** Several operations in one transaction. */
  | { readonly kind: "batch"; readonly script: BatchScript };

/** Of one's own keys; the administrator's are about everybody's. `input`: as it came. */
export type KeyQuestion =
  | { readonly do: "create"; readonly input: RawInput }
  | { readonly do: "revoke"; readonly id: string }
  | { readonly do: "list"; readonly subject: string | null; readonly after: string | null; readonly limit: number };

export type SecurityQuestion = { readonly event: string | null; readonly subject: string | null; readonly before: number | null; readonly limit: number };

/** find, cancel: of whoever enqueued it, or the administrator, who alone may ask for the others. trace: of a decision, for those who may inspect it. */
export type RunQuestion =
  | { readonly do: "find" | "cancel" | "replay" | "trace"; readonly id: string }
  | { readonly do: "list"; readonly state: ToldState | null; readonly job: string | null; readonly limit: number; readonly after: string | null }
  | { readonly do: "enqueue"; readonly job: string; readonly input: RawInput; readonly options: RawInput };

/** Of the administrator alone. `before`: a number, newest first. */
export type OutboxQuestion =
  | { readonly do: "find" | "replay" | "cancel"; readonly number: number }
  | { readonly do: "list"; readonly state: OutboxState | null; readonly before: number | null; readonly limit: number };

/** Carries out one operation of a batch; at once where it needs no code of the app. */
export type BatchDispatch = (operation: Operation) => Result | Promise<Result>;

/** The operations of a batch, as the interface reads them. A transaction may run several times: each begins a pass of its own. */
export interface BatchScript {
  readonly length: number;
  begin(): BatchPass;
}

export interface BatchPass {
  /**
   * Works out operation `index`, which may refer to answers before it, has it carried out with one call of `dispatch`, and keeps its
   * answer in place of one that it may have already. Synchronous where `dispatch` is. Throws what is wrong with it.
   */
  step(index: number, dispatch: BatchDispatch): void | Promise<void>;
  /** Whether a later operation refers to the answer of `index`. */
  isReferred(index: number): boolean;
  /** The answers of all. */
  answers(): JsonText;
}

export interface IdempotencyClaim {
  readonly key: string;
  /** Method and path with query, as the scope. */
  readonly scope: string;
  /** SHA-256 of the body, hex. */
  readonly fingerprint: string;
}

export interface Operation {
  readonly body: OperationBody;
  readonly identity: Identity;
  readonly requestId: string;
  readonly idempotency: IdempotencyClaim | null;
  /** What a body may see of the request as `ctx.request`: method, path, headers without credentials. */
  readonly request: { readonly method: string; readonly path: string; readonly headers: Readonly<Record<string, string>> } | null;
  readonly signal: AbortSignal | null;
  /** Who sent it over a wire, to be counted. Absent: it comes from within the process. */
  readonly from?: Sender;
  /** Of a write, or of what is published: happens with it, in its commit, if and only if it is carried out now. */
  readonly effect?: Effect;
}

/** Ready JSON text: written to the wire as it is. */
export class JsonText {
  readonly text: string;
  constructor(text: string) { this.text = text; }
}

export interface Result {
  /** HTTP's numbers, used as the common vocabulary: 201 where something was created, else 200. Refusals are thrown as AmbitError. */
  readonly status: number;
  /**
   * Undefined: no body. JsonText: ready JSON. Of `query`, `create`, `update-many` and `remove-many` a list of rows (of writes only
   * with `returning`; rows that the caller may not read are left out); of `get`, `replace`, `update` and `remove` one object, or
   * undefined where the caller may not read it; of a callable what it answers (undefined: nothing declared came back).
   */
  readonly body: JsonText | Json | undefined;
  /** Of the one record that this is about, when the representation is its own unconditional fields. */
  readonly version: number | null;
  /** Of a list: rows returned, offset, and the total when it was counted. */
  readonly range: { readonly offset: number; readonly rows: number; readonly total: number | null } | null;
  /** Records written. */
  readonly affected: number;
  /** Key of the one record created, for Location. */
  readonly createdId: Value;
  /** Cursor of the last row, when the page is full and `after` can go on. */
  readonly nextCursor: string | null;
  /** True: an unindexed filter was answered by visiting the table. */
  readonly scanned: boolean;
  /** True: this is the recorded answer of an earlier request with the same key. */
  readonly replayed: boolean;
  /** True when `public` may read all of it. */
  readonly public: boolean;
  /** Of a decision: which run answered, and how. `status` may then be that of a refusal, and `body` its problem. */
  readonly decision?: Omit<DecisionResult, "body" | "status">;
  /** Of `account`. */
  readonly account?: AccountAnswer;
  /** Of `file`. */
  readonly file?: OpenFile;
  /** Of a `get` of a table with @source. */
  readonly served?: Served;
  /** Of a `query` that may be kept: whether it was. */
  readonly cached?: "hit" | "miss";
}

export interface OpenFile {
  readonly value: FileValue;
  /** Bytes `start` to before `end`. */
  open(range: { readonly start: number; readonly end: number }): Promise<ReadableStream<Uint8Array>>;
}
