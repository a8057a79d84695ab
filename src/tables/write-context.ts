// What the parts of one write session share. Made by session.ts; the parts are functions over it.
import type { Limits } from "../base/limits.ts";
import type { Value } from "../base/value.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Environment, RecordSource } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { isTrue } from "../expression/evaluate.ts";
import type { Authority, Permission, TableAuthority } from "./authority.ts";
import type { Confinement } from "./confinement.ts";
import type { Overlay, Slot } from "./overlay.ts";
import type { ReadNotes } from "./read-notes.ts";
import type { FileSession } from "./record-files.ts";
import type { Sequences } from "./sequences.ts";
import type { TableModels } from "./table-model.ts";
import type { WriteOptions } from "./write.ts";

export interface Removal {
  readonly slot: Slot;
  /** Its time, or that of what it hangs on, was over: gone for all, whoever's session it is. */
  readonly lapsed: boolean;
}

export interface WriteContext {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly models: TableModels;
  readonly limits: Limits;
  readonly overlay: Overlay;
  readonly sequences: Sequences;
  readonly source: RecordSource;
  /** Of a draft; null in a commit. */
  readonly reads: ReadNotes | null;
  /** Who the log names; `auth.subject` where code acts without rules. */
  readonly actor: string | null;
  /** Null: not confined to one tenant's records. */
  readonly confinement: Confinement | null;
  /** For files that are written. */
  readonly files: FileSession;
  /** A new UUIDv7. */
  createId(): string;
  /** Position of the entry to be: the version of everything written. */
  position(): number;
  /** Slots removed since referential actions were last carried out. */
  readonly removed: Removal[];
}

/** What reading and filling new values takes: all that a message needs, which is not stored. */
export type FillContext = Pick<WriteContext, "catalog" | "book" | "limits" | "source" | "actor" | "confinement"> & { readonly overlay: Pick<Overlay, "now">; /** Null: there are no files in it. */ readonly files: FileSession | null };

/** The `auth` that rules and defaults see. */
export function authOf(context: FillContext, authority: Authority | null): Value {
  return authority === null ? { subject: context.actor, roles: [], tenant: context.confinement?.tenant ?? null, claims: {} } : authority.auth;
}

export function rightsOf(options: Pick<WriteOptions, "authority">, table: string): TableAuthority | null {
  return options.authority === null ? null : options.authority.table(table);
}

/** True only if the permission certainly holds on these rows. */
export function holds(context: FillContext, permission: Permission, rows: Environment["rows"], authority: Authority | null): boolean {
  if (typeof permission === "boolean") return permission;
  return isTrue(permission, environmentOf(context, rows, { auth: authOf(context, authority) }), context.book);
}

export function environmentOf(context: FillContext, rows: Environment["rows"], variables: Environment["variables"]): Environment {
  return { rows, variables, now: context.overlay.now, source: context.source };
}
