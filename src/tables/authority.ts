// The port through which tables/ asks whether a write may happen. Implemented by access/; null stands for code without rules.
import type { Expression } from "../expression/expression.ts";
import type { Value } from "../base/value.ts";
import type { Confinement } from "./confinement.ts";

/** Never, always, or where an expression over rows `record` (and `old`) and variables `auth`, `input` is true. */
export type Permission = false | true | Expression;

export interface TableAuthority {
  readonly read: Permission;
  /** On the final record. */
  readonly create: Permission;
  /** Must hold on the record before (as `record`) and on the final one (with `old` bound). */
  readonly update: Permission;
  /** On the stored record. */
  readonly remove: Permission;
  /** Of a field's own @allow; `true` when it has none. A field that may not be read is as unknown. */
  field(name: string): { readonly read: Permission; readonly create: Permission; readonly update: Permission };
}

/** One caller's rights, for one operation. */
export interface Authority {
  table(name: string): TableAuthority;
  /** The `auth` variable of rules: { subject, roles, tenant, claims }. Absent ones are null. */
  readonly auth: { readonly [key: string]: Value };
  /** Named in @createdBy; null when nobody is signed in. */
  readonly subject: string | null;
  /** Error details may say which rule denied (development only). */
  readonly explainDenials: boolean;
  /** In words which rules would have permitted it, and who asked; null where that is not told. */
  hint?(table: string, verb: "CREATE" | "UPDATE" | "DELETE"): string | null;
  /** Whose records of tenant tables are there for it; null or absent: all. The session's is the same. */
  readonly confinement?: Confinement | null;
  /** Signed in: refusals are 403, else 401. */
  readonly authenticated: boolean;
}
