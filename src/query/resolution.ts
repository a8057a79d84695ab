// What one query shares while its names are resolved: whose names they are, and how much of each bound is used up.
import { didYouMean } from "../base/diagnostic.ts";
import { fault, type AmbitError } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import type { Catalog, Field, Relation, Table } from "../schema/catalog.ts";
import { assert } from "../base/assert.ts";
import type { Scope } from "./scope.ts";

export interface QueryContext {
  readonly table: Table;
  readonly scope: Scope;
  readonly limits: Limits;
  /** Canonical DateTime text, fixed for the operation. */
  readonly now: string;
}

export interface Resolution {
  readonly scope: Scope;
  readonly catalog: Catalog;
  readonly limits: Limits;
  /** Throws MALFORMED_QUERY beyond `limits.filterTerms`. */
  countTerms(count: number, where: string): void;
  /** Counted so far. */
  terms(): number;
  /** Throws MALFORMED_QUERY beyond `limits.selectItems`. */
  countItem(): void;
  /** A row name that nothing else in the request has. */
  nextRow(): string;
}

export type RelationField = Field & { readonly relation: Relation };

export function createResolution({ scope, limits }: QueryContext): Resolution {
  let terms = 0;
  let items = 0;
  let rows = 0;
  return {
    scope, limits, catalog: scope.catalog,
    terms: () => terms,
    countTerms(count, where) {
      terms += count;
      if (terms > limits.filterTerms) throw fault("MALFORMED_QUERY", `A query has at most ${limits.filterTerms} conditions and order terms.`, { where, fix: "Use in.(...) for many values of one field." });
    },
    countItem() {
      if (++items > limits.selectItems) throw fault("MALFORMED_QUERY", `A query selects at most ${limits.selectItems} items.`, { where: "select", fix: "Select * where all fields are wanted." });
    },
    nextRow: () => `r${++rows}`,
  };
}

/** Names that a message lists. */
const NAMED_MAX = 30;

/** The table as clients call it. */
export function tableLabel(table: Table): string {
  return table.exportName ?? table.name;
}

/** The same whether the field does not exist or may not be read. */
export function unknownField(name: string, table: Table, scope: Scope, where: string): AmbitError {
  // What only code may name is in its scope, but the client hears this too.
  const known = [...scope.fields(table).values()].filter((field) => !isForCode(field, table, scope.catalog)).map((field) => field.name);
  const near = didYouMean(name, known);
  return fault("UNKNOWN_FIELD", `${tableLabel(table)} has no field ${name}.${near === null ? "" : ` Did you mean ${near}?`}`, { where, fix: near === null ? nameOneOf(known) : `Write ${near}.` });
}

/** Internal, or a relation over an internal key. */
function isForCode({ internal, relation }: Field, table: Table, catalog: Catalog): boolean {
  const isInternal = (owner: string, name: string): boolean => catalog.tables.get(owner)?.fields.get(name)?.internal === true;
  if (internal || relation === null) return internal;
  switch (relation.kind) {
    case "one": return isInternal(table.name, relation.from);
    case "many": return isInternal(relation.table, relation.to);
    case "through": return relation.through !== null && (isInternal(relation.through.table, relation.through.from) || isInternal(relation.through.table, relation.through.to));
  }
}

function nameOneOf(names: readonly string[]): string {
  return names.length === 0 ? "Leave it out." : `Name one of ${names.slice(0, NAMED_MAX).join(", ")}${names.length > NAMED_MAX ? ", ..." : ""}.`;
}

/** The field, if the caller may name it. */
export function visibleField(name: string, table: Table, scope: Scope): Field | null {
  return scope.fields(table).get(name) ?? null;
}

/** The relation field, if the caller may name it and may read some record there. */
export function visibleRelation(name: string, table: Table, scope: Scope): RelationField | null {
  const field = scope.fields(table).get(name);
  return field !== undefined && isRelation(field) && scope.readable(relatedTable(field, scope.catalog)) ? field : null;
}

export function isRelation(field: Field): field is RelationField {
  return field.kind === "relation" && field.relation !== null;
}

export function relatedTable(field: RelationField, catalog: Catalog): Table {
  const table = catalog.tables.get(field.relation.table);
  assert(table !== undefined, `the table of relation ${field.name} is in the catalog`);
  return table;
}
