// A stored record as one caller, or app code for it, may see it; worked out in memory. Plans do the same in SQL.
import type { Rights } from "../access/rights.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { evaluate, isTrue } from "../expression/evaluate.ts";
import type { Environment, Expression, RecordSource } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { isLocal } from "../expression/inspect.ts";
import type { Scope } from "../query/scope.ts";
import type { Catalog, Field, Table } from "../schema/catalog.ts";
import type { Permission } from "../tables/authority.ts";
import type { Reader } from "./planner.ts";

export interface ViewRequest {
  readonly rights: Rights;
  readonly values: RecordValues;
  /** Canonical. */
  readonly now: string;
  readonly source: RecordSource | null;
}

export interface RecordView {
  /** Needs no other record: `source` may be null. */
  readonly local: boolean;
  /** Every field is shown on every readable record. */
  readonly unconditional: boolean;
  readonly read: Permission;
  /** In order of declaration. */
  readonly fields: readonly ViewedField[];
  /** Null: not readable. Fields that are hidden on this record are absent. */
  show(request: ViewRequest): RecordValues | null;
}

export interface ViewedField {
  readonly field: Field;
  readonly read: Permission;
  /** In place of a column. */
  readonly computed: Expression | null;
}

export class RecordViews {
  readonly #catalog: Catalog;
  readonly #book: ExpressionBook;
  /** A scope is one object for each set of roles and reader. */
  readonly #views = new WeakMap<Scope, Map<string, RecordView>>();

  constructor(catalog: Catalog, book: ExpressionBook) {
    this.#catalog = catalog;
    this.#book = book;
  }

  of(name: string, rights: Rights, reader: Reader): RecordView {
    const scope = reader === "code" ? rights.codeScope : rights.scope;
    let views = this.#views.get(scope);
    if (views === undefined) this.#views.set(scope, views = new Map());
    let view = views.get(name);
    if (view === undefined) views.set(name, view = this.#create(this.#catalog.tables.get(name)!, rights, scope));
    return view;
  }

  #create(table: Table, rights: Rights, scope: Scope): RecordView {
    const book = this.#book;
    const authority = rights.authority?.table(table.name) ?? null;
    // Also without rules: the confinement to a tenant stands there.
    const read = rights.permission(table.name, "READ");
    const fields = [...scope.fields(table).values()].filter((field) => field.kind !== "relation").map((field): ViewedField => ({
      field, read: authority === null || field.internal ? true : authority.field(field.name).read, computed: book.computed(table.name, field.name),
    }));
    const isLocalPermission = (permission: Permission): boolean => typeof permission === "boolean" || isLocal(permission, book);
    return {
      read, fields,
      local: isLocalPermission(read) && fields.every((field) => isLocalPermission(field.read) && (field.computed === null || isLocal(field.computed, book))),
      unconditional: fields.every((field) => field.read === true),
      show: (request) => {
        const environment = viewEnvironment(request);
        const holds = (permission: Permission): boolean => (typeof permission === "boolean" ? permission : isTrue(permission, environment, book));
        return holds(read) ? shownFields({ table, fields, environment, book, holds }, request.values) : null;
      },
    };
  }
}

export function viewEnvironment({ rights, values, now, source }: ViewRequest): Environment {
  return { rows: { record: values }, variables: { auth: rights.auth }, now, source };
}

interface Showing {
  readonly table: Table;
  readonly fields: readonly ViewedField[];
  readonly environment: Environment;
  readonly book: ExpressionBook;
  holds(permission: Permission): boolean;
}

function shownFields({ table, fields, environment, book, holds }: Showing, values: RecordValues): RecordValues {
  const shown = Object.create(null) as { [name: string]: Value };
  for (const { field, read, computed } of fields) {
    if (!holds(read)) continue;
    shown[field.name] = computed === null ? values[field.name] ?? null : evaluate(computed, environment, book);
  }
  if (table.open) for (const name of Object.keys(values)) if (!table.fields.has(name)) shown[name] = values[name] ?? null;
  return shown;
}
