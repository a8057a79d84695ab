// The compiled schema: what every other part reads. Plain frozen data, no behaviour, no input or output.
import type { SourcePosition } from "../base/diagnostic.ts";
import type { Rate } from "../base/rate-meter.ts";
import type { Value } from "../base/value.ts";
import type { Decision } from "./decision.ts";

export type ScalarName =
  | "ID" | "String" | "Int" | "Long" | "Float" | "Boolean" | "DateTime" | "Date" | "Duration"
  | "Money" | "Decimal" | "JSON" | "Bytes" | "Blob" | "Vector";

/** The type of a field, argument or result. Lists are one level deep. */
export interface TypeRef {
  readonly kind: "scalar" | "enum" | "object" | "input" | "table";
  /** A ScalarName, or the name of an enum, nested object, input or table. */
  readonly name: string;
  readonly list: boolean;
  /** Not null. */
  readonly required: boolean;
  /** The items of a list are not null. */
  readonly itemRequired: boolean;
}

/** CEL source as it stands in the schema. Compiled ones are found by this object's identity (expression/compile-catalog.ts). */
export interface Cel {
  readonly source: string;
  /** Of the first character of the source, inside the quotes. */
  readonly position: SourcePosition;
  /** The text in the file between the quotes, where it differs from `source` (escapes, block string): maps places and edits exactly. */
  readonly raw?: string;
}

/** Limits of a value, from @length @range @pattern @currency @redact. Those of a list's items where they concern items. */
export interface ValueLimits {
  readonly length: { readonly min: number | null; readonly max: number | null } | null;
  readonly range: { readonly min: Value; readonly max: Value } | null;
  /** Source of an RE2 expression. */
  readonly pattern: string | null;
  readonly currency: { readonly code: string } | { readonly field: string } | null;
  readonly redact: readonly ("CARD" | "IBAN" | "EMAIL")[];
  readonly sensitive: boolean;
  readonly secret: boolean;
  readonly untrusted: boolean;
}

/** One @limit. */
export interface UsageLimit {
  readonly rate: Rate | null;
  readonly per: "IP" | "SUBJECT" | "RECORD";
  /** Instead of `limits.bodyBytes`. */
  readonly bodyBytes: number | null;
  /** At once. */
  readonly concurrency: number | null;
}

export type Verb = "READ" | "CREATE" | "UPDATE" | "DELETE" | "SUBSCRIBE" | "PUBLISH";

export interface AllowRule {
  /** Roles, `public`, `authenticated`, `decision:NAME`. */
  readonly to: readonly string[];
  /** Empty on callables: the call. */
  readonly do: readonly Verb[];
  readonly where: Cel | null;
  /** Path of to-one relations to where the role was granted; empty for the record itself; null without `on`. */
  readonly on: readonly string[] | null;
  readonly position: SourcePosition;
}

export interface CheckRule {
  readonly rule: Cel;
  readonly message: string | null;
  /** The field it stands on, or null for the type. */
  readonly field: string | null;
}

export type Fill =
  | { readonly kind: "default-value"; readonly value: Value }
  | { readonly kind: "default-rule"; readonly rule: Cel }
  | { readonly kind: "computed"; readonly rule: Cel; readonly stored: boolean }
  | { readonly kind: "created-time" } | { readonly kind: "updated-time" } | { readonly kind: "created-by" }
  | { readonly kind: "sequence"; readonly per: string | null }
  /** The field of @table(tenant): the caller's. */
  | { readonly kind: "tenant" }
  /** @embed: by a model after the commit, from the texts of these fields. */
  | { readonly kind: "embedding"; readonly from: readonly string[]; readonly model: string };

export interface Relation {
  /** one: `from` is a foreign key here. many: `to` is a foreign key there. through: two keys of a join table. */
  readonly kind: "one" | "many" | "through";
  /** The other table. */
  readonly table: string;
  /** one: the foreign key field here. many, through: this table's primary key. */
  readonly from: string;
  /** one, through: the other table's primary key. many: the foreign key field there. */
  readonly to: string;
  readonly through: { readonly table: string; readonly from: string; readonly to: string } | null;
  /** Of kind one only, else null. */
  readonly onDelete: "RESTRICT" | "CASCADE" | "SET_NULL" | null;
}

export interface Field {
  readonly name: string;
  readonly description: string | null;
  readonly position: SourcePosition;
  readonly type: TypeRef;
  /** stored: has a column (stored @computed too). computed: worked out at read. relation: has no column. */
  readonly kind: "stored" | "computed" | "relation";
  readonly relation: Relation | null;
  readonly fill: Fill | null;
  readonly limits: ValueLimits;
  /** Own rules; empty: the type's alone. */
  readonly allow: readonly AllowRule[];
  readonly readOnly: boolean;
  readonly fixed: boolean;
  readonly internal: boolean;
  readonly expiresAt: boolean;
  /** @renamed(from): its name before, where the data may still have it. */
  readonly renamedFrom?: string | null;
}

export interface Index {
  readonly kind: "BTREE" | "TEXT" | "VECTOR" | "GEO";
  /** In order. GEO: one object field, or latitude and longitude. */
  readonly fields: readonly string[];
  readonly unique: boolean;
  readonly fold: boolean;
  /** Of VECTOR. */
  readonly dimensions: number | null;
  readonly metric: "COSINE" | "L2" | "L1";
}

export interface Grants {
  readonly subject: string;
  readonly role: string;
  readonly on: string;
  /** The table that `on` points to. */
  readonly table: string;
  readonly ordered: boolean;
  /** Values of the role enum in order; role names are these in lower case. */
  readonly roles: readonly string[];
}

export interface Table {
  readonly name: string;
  readonly description: string | null;
  readonly position: SourcePosition;
  /** In SQLite. */
  readonly sqlName: string;
  /** On the wires; null when not exported. */
  readonly exportName: string | null;
  readonly exportOver: readonly string[];
  /** In order of declaration. */
  readonly fields: ReadonlyMap<string, Field>;
  readonly primaryKey: string;
  readonly indexes: readonly Index[];
  readonly allow: readonly AllowRule[];
  readonly checks: readonly CheckRule[];
  readonly grants: Grants | null;
  /** @secret(where): rows that never enter a model request. Absent or null: none. */
  readonly secretWhere?: Cel | null;
  /** Text fields or paths through relations to many, with weights. */
  readonly search: readonly { readonly path: readonly string[]; readonly weight: number }[];
  /** @personal(of): relations to the field that says whose its records are, and that field. Absent: nobody's. */
  readonly personal?: readonly string[];
  /** The field of @table(tenant); null where records belong to no tenant. */
  readonly tenant: string | null;
  readonly expirationMs: number | null;
  /** How long former versions are kept; null: none are. */
  readonly historyMs: number | null;
  /** How long deleted records can be restored; null: not at all. */
  readonly trashMs: number | null;
  /** The field of @expiresAt. */
  readonly expiresAt: string | null;
  readonly open: boolean;
  /** @renamed(from): the type's name before, where the data may still have it. */
  readonly renamedFrom?: string | null;
  readonly actions: ReadonlyMap<string, Callable>;
  /** @source: records come from elsewhere. Absent: they are only here. */
  readonly source?: TableSource;
  /** Absent: none. */
  readonly usage?: readonly UsageLimit[];
}

/** How long a record is good that came from elsewhere. */
export interface TableSource {
  readonly maxAgeMs: number;
  /** Beyond it, answered at once and fetched again meanwhile. */
  readonly staleWhileRevalidateMs: number;
  /** Beyond it, answered where it cannot be fetched again. */
  readonly staleIfErrorMs: number;
}

/** A typed topic that is not stored, `NAME/{key}`. */
export interface Channel {
  readonly name: string;
  readonly description: string | null;
  readonly position: SourcePosition;
  /** On the wires; null when not exported. */
  readonly exportName: string | null;
  readonly exportOver: readonly string[];
  /** The field whose value is the last part of the topic. */
  readonly key: string;
  /** Of a message, in order of declaration; all of kind `stored`. */
  readonly fields: ReadonlyMap<string, Field>;
  /** SUBSCRIBE and PUBLISH. */
  readonly allow: readonly AllowRule[];
  /** Each connection that subscribes has an entry that the others see. */
  readonly presence: boolean;
  /** Absent: none. */
  readonly usage?: readonly UsageLimit[];
}

/** A nested object type or an input type. */
export interface ObjectType {
  readonly name: string;
  readonly description: string | null;
  readonly kind: "object" | "input";
  readonly fields: ReadonlyMap<string, InputField>;
}

/** An argument, a field of an input type or of a nested object. */
export interface InputField {
  readonly name: string;
  readonly description: string | null;
  readonly position: SourcePosition;
  readonly type: TypeRef;
  /** From SDL `= value`; undefined when there is none. */
  readonly defaultValue: Value | undefined;
  readonly limits: ValueLimits;
}

export interface EnumType {
  readonly name: string;
  readonly description: string | null;
  readonly values: readonly string[];
}

/** Of an endpoint that others call with a signature. */
export interface Webhook {
  readonly scheme: "STANDARD" | "STRIPE" | "GITHUB";
  /** A name under `secrets` of config.yaml. */
  readonly secret: string;
  /** Null: the id that the scheme sends. */
  readonly dedupe: Cel | null;
  /** Null: the order does not matter. */
  readonly sequence: Cel | null;
  readonly per: Cel | null;
}

export interface Callable {
  readonly kind: "action" | "endpoint" | "job" | "tool" | "decision" | "fact";
  readonly name: string;
  /** The table of an action, null for all others. */
  readonly table: string | null;
  /** Of an action: on one record, or on the table. */
  readonly on: "RECORD" | "TABLE";
  readonly description: string | null;
  readonly position: SourcePosition;
  readonly arguments: ReadonlyMap<string, InputField>;
  readonly result: TypeRef;
  readonly allow: readonly AllowRule[];
  readonly transaction: "SERIALIZABLE" | "NONE";
  /** Null: called by code only. Segments are literal text or `{argument}`. */
  readonly http: { readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"; readonly path: readonly string[] } | null;
  readonly page: boolean;
  /** Of an endpoint: the interfaces that it is exported over. Absent: none but what `http` says. Actions go with their table. */
  readonly exportOver?: readonly string[];
  /** Of an endpoint. Absent: it is no webhook. */
  readonly webhook?: Webhook;
  /** Absent: none. */
  readonly usage?: readonly UsageLimit[];
}

/** Work that is carried out later: enqueued by code, or by its schedules. */
export interface Job extends Callable {
  readonly retry: { /** After the first attempt. */ readonly times: number; readonly backoff: "FIXED" | "EXPONENTIAL"; readonly delayMs: number };
  readonly schedules: readonly Schedule[];
}

/** One @every. */
export interface Schedule {
  readonly cron: string;
  /** An IANA name. */
  readonly zone: string;
  readonly overlap: "SKIP" | "QUEUE" | "ALLOW";
  readonly catchUp: boolean;
  /** A map of arguments; null: there are none. */
  readonly input: Cel | null;
}

/** The type with @account. */
export interface AccountDeclaration {
  readonly table: string;
  /** The field that one signs in with. */
  readonly by: string;
  readonly signUp: "OPEN" | "INVITED" | "CLOSED";
}

export interface Catalog {
  /** SHA-256 over the normalised schema, hex. */
  readonly hash: string;
  readonly tables: ReadonlyMap<string, Table>;
  readonly channels: ReadonlyMap<string, Channel>;
  readonly enums: ReadonlyMap<string, EnumType>;
  readonly objects: ReadonlyMap<string, ObjectType>;
  readonly endpoints: ReadonlyMap<string, Callable>;
  readonly jobs: ReadonlyMap<string, Job>;
  /** What models may call. */
  readonly tools: ReadonlyMap<string, Callable>;
  readonly decisions: ReadonlyMap<string, Decision>;
  /** Predicates that memory may hold, from `type Facts`: posted with `about` and `value`, by whom their @allow says. */
  readonly facts: ReadonlyMap<string, Callable>;
  /** Every role named by an @allow, besides `public` and `authenticated`. */
  readonly roles: readonly string[];
  /** Whose records are the people. Absent: nobody signs in here. */
  readonly account?: AccountDeclaration;
}
