// What one caller can name: the Catalog without what does not exist for them. Grammars resolve names only through it.
import type { Field, Table } from "../schema/catalog.ts";
import type { Catalog } from "../schema/catalog.ts";

/** Implemented by access/ for an identity's roles; `openScope` (everything) serves code that stands outside the rules. */
export interface Scope {
  readonly catalog: Catalog;
  /** Fields of the table that the caller may name, in order of declaration. Internal ones are never there. */
  fields(table: Table): ReadonlyMap<string, Field>;
  /** True if the caller may read some record of the table, so that relations to it may be named. */
  readable(table: Table): boolean;
}
