// What sign-in needs of the rest: records, transactions, mails, passwords. Implemented in resources/ and runtime/; one store serves one request.
import type { Json, RecordValues, Value } from "../../base/value.ts";

/** One request under /auth, as the interface read it. */
export interface AccountRequest {
  readonly method: string;
  /** Behind `/auth`, with its slash. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** Of the client; empty where it is not known. */
  readonly address: string;
}

export interface AccountAnswer {
  readonly status: number;
  /** Lower-case names, without Set-Cookie. */
  readonly headers: Readonly<Record<string, string>>;
  /** Values of Set-Cookie. */
  readonly cookies: readonly string[];
  readonly body: string | null;
}

export interface AccountPort {
  /** Throws AmbitError for what becomes a problem. */
  answer(request: AccountRequest, store: AccountStore): Promise<AccountAnswer>;
  /** Methods of a path behind `/auth`; none: nothing is there. */
  methods(path: string): readonly string[];
}

export type StoredRow = RecordValues;

/** Records without rules and of all tenants, through the same transactions, overrides and checks as everything else. */
export interface AccountStore {
  get(table: string, id: Value): Promise<StoredRow | null>;
  /** All that equal these values, or are one of a list of them. */
  find(table: string, by: { readonly [field: string]: Value | { readonly in: readonly Value[] } }): Promise<StoredRow[]>;
  /** People whose field `by` is this text, whatever its case. */
  named(text: string): Promise<StoredRow[]>;
  create(table: string, input: { readonly [field: string]: unknown }): Promise<StoredRow>;
  update(table: string, id: Value, patch: { readonly [field: string]: unknown }): Promise<StoredRow>;
  remove(table: string, id: Value): Promise<void>;
  /** A new person, through the type's own create. */
  createPerson(input: { readonly [field: string]: unknown }): Promise<StoredRow>;
  /** May run again; what `run` throws undoes everything. */
  transaction<T>(run: () => Promise<T>): Promise<T>;
  /** API keys of this subject. */
  removeKeys(subject: string): Promise<void>;
  /** Goes out if and only if what it is a part of is committed. */
  mail(mail: { readonly to: string; readonly subject: string; readonly text: string }): Promise<void>;
  /** Whether whoever asks may create such a person, by the type's rules; throws why not. */
  requireInviter(input: { readonly [field: string]: Json }): Promise<void>;
  /** Who asks: null where nobody is signed in. */
  readonly inviter: { readonly subject: string | null; readonly tenant: string | null } | null;
  readonly nowMs: number;
  readonly requestId: string;
}

/** Slow on purpose, and bounded. Throws OVERLOADED. */
export interface PasswordHashing {
  hash(password: string): Promise<string>;
  verify(password: string, hash: string): Promise<boolean>;
}
