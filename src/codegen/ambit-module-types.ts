// The part of module `ambit` that is the same for every app: the typed context, queries and table classes.

/** Body of the module declaration, after the app's own types. */
export const ambitModuleTypes = `
export type Json = $Json;
type $Json = null | string | number | boolean | readonly $Json[] | { readonly [key: string]: $Json };
type Tables = App.$Tables;
type Callables = App.$Callables;
type Channels = App.$Channels;
type EndpointName = App.$EndpointName;
type JobInputs = App.$JobInputs;
type Decisions = App.$Decisions;
type Fallbacks = App.$Fallbacks;
type Facts = App.$Facts;
type SourceName = App.$SourceName;
type Awaitable<T> = T | Promise<T>;

export type Input<N extends keyof Tables> = Tables[N]["input"];
export type Patch<N extends keyof Tables> = Tables[N]["patch"];
export type RecordOf<N extends keyof Tables> = Tables[N]["record"];
export type Args<N extends keyof Callables> = Callables[N]["arguments"];
export type Result<N extends keyof Callables> = Callables[N]["result"];

/** A plain value is equality; null is "is null"; operators are those of REST. A value can never become an operator. */
type $Condition<T> = T | null | $Operators<T>;
interface $Operators<T> {
  eq?: T; neq?: T; gt?: T; gte?: T; lt?: T; lte?: T; in?: readonly T[]; is?: null | boolean | "null" | "not_null" | "unknown"; isdistinct?: T | null;
  like?: string; ilike?: string; match?: string; imatch?: string; fts?: string; plfts?: string; phfts?: string; wfts?: string;
  not?: $Condition<T>;
}
interface $ListCondition<T> { cs?: readonly T[]; cd?: readonly T[]; ov?: readonly T[]; is?: null | "null" | "not_null"; eq?: readonly T[]; not?: $ListCondition<T> }
interface $JsonCondition { cs?: $Json; cd?: $Json; is?: null | "null" | "not_null"; eq?: $Json; not?: $JsonCondition }
interface $Logic<W> { or?: readonly W[]; and?: readonly W[]; not?: W }
type Direction = "asc" | "desc" | "asc.nullsfirst" | "asc.nullslast" | "desc.nullsfirst" | "desc.nullslast";
export type Query<N extends keyof Tables> = Tables[N]["where"] & {
  order?: { [F in keyof Tables[N]["record"]]?: Direction } | readonly { [F in keyof Tables[N]["record"]]?: Direction }[];
  limit?: number; offset?: number; after?: string | null;
  /** Field names, or { relation: [...] } to embed. */
  select?: readonly (keyof Tables[N]["record"] | "*" | { readonly [relation: string]: readonly unknown[] })[];
  search?: string;
  /** The rows as they were: a time, or a position from the history of a record. */
  asof?: Date | string;
  near?: { field?: string; latitude: number; longitude: number; metres: number };
  similar?: readonly number[] | string | { field?: string; vector: readonly number[] } | { field?: string; text: string };
};

/** What a field of type Blob holds. */
export interface StoredFile { readonly url: string; readonly size: number; readonly type: string; readonly name: string | null; readonly hash: string }
/** An uploaded file by its url, or one of code's own: it is kept with the record. */
type $FileInput = StoredFile | { readonly url: string } | string | Blob | Uint8Array;
export interface FileHandle {
  /** Whole, in memory. */
  blob(): Promise<Blob>;
  stream(): Promise<ReadableStream<Uint8Array>>;
  /** A path that is good for itself, for whoever has it; \`expires\` is an ISO 8601 duration such as PT10M. */
  link(options: { expires: string }): Promise<{ readonly url: string; readonly expires: string }>;
}

export interface TableAccess<N extends keyof Tables> {
  get(id: Tables[N]["id"]): Promise<RecordOf<N> | null>;
  find(query?: Query<N>): Promise<RecordOf<N>[]>;
  first(query?: Query<N>): Promise<RecordOf<N> | null>;
  /** A page: its rows, and the cursor for \`after\` when there are more. */
  query(query?: Query<N>): Promise<{ rows: RecordOf<N>[]; next: string | null }>;
  count(query?: Query<N>): Promise<number>;
  create(input: Input<N>): Promise<RecordOf<N>>;
  update(id: Tables[N]["id"], patch: Patch<N>): Promise<RecordOf<N>>;
  upsert(input: Input<N>): Promise<RecordOf<N>>;
  remove(id: Tables[N]["id"]): Promise<void>;
  /** Guarded by @range and @check; answers the new record. */
  increment(id: Tables[N]["id"], field: keyof RecordOf<N> & string, by: number | bigint | string): Promise<RecordOf<N>>;
  /** Takes the next matching record exactly once: patches and answers it, or null when there is none. */
  claim(query: Query<N>, patch: Patch<N>): Promise<RecordOf<N> | null>;
}

interface $SentOptions {
  /** What the receiver tells repetitions by, as \`Idempotency-Key\`. The same one again is not sent again. */
  key?: string;
  /** One after the other, in the order of their commits. */
  orderKey?: string;
  /** Then it is a dead letter. */
  attempts?: number;
  /** Statuses after which it is not tried again. Without it: 410. */
  giveUpOn?: readonly number[];
  /** An endpoint with an argument \`answer: JSON!\`, called with what came back. */
  then?: { call: EndpointName; input?: { readonly [name: string]: unknown } };
}
export type Sent =
  | $SentOptions & {
    url: string | URL;
    method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
    headers?: { readonly [name: string]: string };
    /** Text and bytes as they are, everything else as JSON. */
    body?: unknown;
    /** A secret to sign with, as Standard Webhooks say. */
    sign?: keyof Secrets;
    /** A secret to send as \`Authorization: Bearer\`. */
    bearer?: keyof Secrets;
    mail?: undefined;
  }
  | $SentOptions & { mail: { to: string; subject: string; text: string; readonly [name: string]: unknown }; url?: undefined };

export interface Ctx {
  /** Under the caller's rules. */
  readonly db: { readonly [N in keyof Tables]: TableAccess<N> };
  /** The same without rules, so that stepping outside them is visible. */
  readonly system: { readonly [N in keyof Tables]: TableAccess<N> } & Omit<{ readonly publish: $Publish }, keyof Tables>;
  /** What a source tells of its records by itself, in a webhook say. */
  readonly sources: { readonly [N in SourceName]: SourceAccess<N> };
  readonly auth: { readonly subject: string | null; readonly roles: readonly string[]; readonly tenant: string | null; readonly claims: { readonly [name: string]: $Json } };
  readonly values: Values;
  readonly secrets: Secrets;
  /** Thrown, becomes the problem object. */
  error(status: number, code: string, message: string, details?: unknown): Error;
  now(): Date;
  random(): number;
  id(): string;
  readonly log: { info(message: string, fields?: { readonly [name: string]: unknown }): void; warn(message: string, fields?: { readonly [name: string]: unknown }): void; error(message: string, fields?: { readonly [name: string]: unknown }): void };
  readonly request: { readonly method: string; readonly path: string; readonly headers: Readonly<Record<string, string>> } | null;
  /**
   * One serializable transaction: all that \`run\` writes through the ctx that it gets, or nothing. It may run several times. Within a
   * transaction, a part of it that is undone by itself if \`run\` throws.
   */
  transaction<T>(run: (ctx: Ctx) => Awaitable<T>): Promise<T>;
  /** Asks a decision, outside of transactions. A key answers the same for the same; without one it is made of the request or job. */
  readonly decide: { readonly [N in keyof Decisions]: (input: Decisions[N]["input"], options?: { readonly key?: string }) => Promise<Decided<Decisions[N]["output"]>> };
  /** Erases a person, named as in \`auth.subject\`, wherever they are; or what is known of a record, "Customer:42". */
  forget(subject: string): Promise<Receipt>;
  /** What is known of records, for decisions to read. Without rules, within the caller's tenant. */
  readonly memory: MemoryAccess;
  /** Under the caller's rules; told if and only if the transaction commits. */
  readonly publish: $Publish;
  /** Goes out if and only if the transaction commits, at least once, with one key. Answers that key. */
  send(request: Sent): Promise<string>;
  /** A signed bearer token, for a visitor without an account say. \`expires\`: a duration or a time; an hour without it. */
  token(options: { subject: string; roles?: readonly string[]; tenant?: string | null; claims?: { readonly [name: string]: $Json }; expires?: string | Date | number }): string;
  /** Ends all tokens and sessions that a subject has by now, if and only if the transaction commits. */
  revoke(subject: string): Promise<void>;
  /**
   * A job runs later, if and only if what this body writes is committed, with the caller's rights. Answers the id of the run; with a
   * dedupe key that of the one that waits or runs already.
   */
  enqueue<N extends keyof JobInputs>(job: N, ...rest: $JobRest<N, EnqueueOptions>): Promise<string>;
  /** The same at a time; one that has passed is now. */
  at<N extends keyof JobInputs>(time: Date | string, job: N, ...rest: $JobRest<N, Omit<EnqueueOptions, "delay">>): Promise<string>;
  /** In a job: how far it is, for whoever looks at its run. */
  progress(done: number, total?: number): void;
  /** In a tool that a model calls: of this call, and the same when it is repeated after a crash. */
  readonly callKey: string;
  /** Aborted when the job is cancelled or its time is up; elsewhere when the caller went away, where that is known. */
  readonly signal: AbortSignal;
  /** The file behind a field of a record, whoever may read that: give it what a record holds, never what a caller sent. */
  file(file: StoredFile): FileHandle;
  /** Outside transactions only. */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>;
}

/** A message with its key, or the topic and the rest of it. */
interface $Publish {
  <N extends keyof Channels>(channel: N, message: Channels[N]["message"]): Promise<void>;
  <N extends keyof Channels & string>(topic: \`\${N}/\${string}\`, message: Channels[N]["keyed"]): Promise<void>;
}
export interface EnqueueOptions {
  /** Milliseconds, or an ISO 8601 duration. */
  delay?: number | string;
  /** Whole number; larger goes first. 0 unless given. */
  priority?: number;
  /** While a run of this job with this key waits or runs, no other is made. */
  dedupe?: string;
  /** Runs with one key, of whatever job, go one after the other. */
  concurrency?: string;
}
type $JobRest<N extends keyof JobInputs, O> = {} extends JobInputs[N] ? [input?: JobInputs[N], options?: O] : [input: JobInputs[N], options?: O];

interface TableInstance<N extends keyof Tables> {
  readonly ctx: Ctx;
  /** Without rules: the action's own @allow has decided. */
  update(patch: Patch<N>): Promise<RecordOf<N>>;
  remove(): Promise<void>;
}
export interface TableClass<N extends keyof Tables> {
  new (): RecordOf<N> & TableInstance<N>;
  create(ctx: Ctx, input: Input<N>): Promise<RecordOf<N>>;
}
/** \`class Order extends Table("Order")\`: actions are its methods, on the table static ones; override create, update, remove. */
export function Table<N extends keyof Tables>(name: N): TableClass<N>;

export type EndpointBodies = { [N in EndpointName]: (ctx: Ctx, args: Args<N>) => Awaitable<Result<N>> };
export function endpoints<B extends EndpointBodies>(bodies: B): B;

type $JobCall<N extends string> = Callables[\`Jobs.\${N}\` & keyof Callables];
export type JobBodies = { [N in keyof JobInputs]: (ctx: Ctx, args: $JobCall<N>["arguments"]) => Awaitable<$JobCall<N>["result"]> };
export function jobs<B extends JobBodies>(bodies: B): B;

/** What each store has erased; \`left\` is still at work: forget once more when it has ended. */
export type Receipt = { readonly subject: string; readonly stores: readonly { readonly store: string; readonly erased: number; readonly left: number }[] };
/** A record, as in \`Customer:42\`. */
type $About = \`\${keyof Tables & string}:\${string}\`;
export interface MemoryAccess {
  /** If and only if the transaction commits. Null: it is known no more. */
  remember(about: $About, facts: Partial<Facts>, options?: { readonly validFrom?: Date | string; readonly validTo?: Date | string; /** Nobody answers for it. */ readonly untrusted?: boolean }): Promise<{ readonly about: string; readonly remembered: readonly string[] }>;
  /** Null: there is no such record. */
  recall(about: $About, options?: { readonly asOf?: Date | string }): Promise<Recalled | null>;
}
/** Times as text; of a run, \`by\` is null. */
export type Recalled = {
  readonly about: string;
  readonly asOf: string;
  readonly facts: readonly { readonly predicate: keyof Facts & string; readonly value: $Json; readonly validFrom: string; readonly validTo: string | null; readonly knownFrom: string; readonly knownTo: string | null; readonly episode: string | null; readonly label: "UNTRUSTED" | null; readonly run: string | null; readonly by: string | null }[];
  readonly episodes: readonly { readonly id: string; readonly time: string; readonly what: $Json; readonly label: "UNTRUSTED" | null; readonly run: string | null; readonly by: string | null }[];
};
/** How a decision ended. */
export interface Decided<T> {
  readonly state: string;
  /** In the states that answer: DECIDED, DECIDED_BY_HUMAN, FELL_BACK. In AWAITING_APPROVAL there is none yet. */
  readonly value?: T;
  readonly run: string;
  readonly source: "model" | "rule" | "fallback" | "human" | null;
  readonly reason: string | null;
  readonly taint: "UNTRUSTED" | null;
  readonly tells: readonly string[];
}
/** What models call. They read with the caller's rights; whatever changes something throws. */
export type ToolBodies = { [N in App.$ToolName]: (ctx: Ctx, args: Args<\`Tools.\${N}\`>) => Awaitable<Result<\`Tools.\${N}\`>> };
export function tools<B extends ToolBodies>(bodies: B): B;

/** Answers of decisions where no model gives one: pure and synchronous, over the input and the contexts by name. */
export type FallbackBodies = { [N in keyof Fallbacks]: (input: Fallbacks[N]["input"], context: { readonly [name: string]: any; readonly now: string }) => Fallbacks[N]["output"] };
export function fallbacks<B extends FallbackBodies>(bodies: B): B;
/** What is kept of a record. Answered by \`get\` as it is: it has not changed. */
export interface Previous<N extends SourceName> { readonly record: RecordOf<N>; readonly etag: string | null; readonly ageMs: number }
declare const $fetched: unique symbol;
export interface Fetched<T> { readonly [$fetched]: true; readonly record: T; readonly etag: string | null }
/** A record of a source, with its ETag there. */
export function fetched<T>(record: T, options?: { readonly etag?: string | null }): Fetched<T>;
export interface SourceBody<N extends SourceName> {
  /** Null: there is none. \`previous\`: it has not changed. Without a transaction, with the rights of whoever asked first. */
  get(ctx: Ctx, id: Tables[N]["key"], previous: Previous<N> | null): Awaitable<Input<N> | Fetched<Input<N>> | Previous<N> | null>;
  /** Before the record is written here. What it answers is kept instead. */
  put?(ctx: Ctx, id: Tables[N]["key"], record: RecordOf<N>, previous: Previous<N> | null): Awaitable<Input<N> | Fetched<Input<N>> | undefined | void>;
  remove?(ctx: Ctx, id: Tables[N]["key"], previous: Previous<N> | null): Awaitable<unknown>;
}
export type SourceBodies = { [N in SourceName]: SourceBody<N> };
export function sources<B extends SourceBodies>(bodies: B): B;
export interface SourceAccess<N extends SourceName> {
  /** Fetched before it is answered again; without an id all of them. If and only if the transaction commits. */
  invalidate(id?: Tables[N]["id"]): Promise<void>;
  /** As if it had been fetched just now. */
  keep(record: Input<N>, options?: { readonly etag?: string | null }): Promise<void>;
}

/** From an old record to the fields of the new one that it cannot keep. Pure and synchronous; the old shape is not known here. */
export type MigrationBodies = { [N in keyof Tables]?: (old: { readonly [field: string]: any }) => Partial<RecordOf<N>> };
export function migrations<B extends MigrationBodies>(bodies: B): B;
`.trim();
