// Plans as one caller may run them, compiled: kept as long as the plan object lives, once for each set of roles.
import type { Rights } from "../access/rights.ts";
import type { Limits } from "../base/limits.ts";
import type { Environment, Expression, ExpressionType } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { typeOfField } from "../expression/field-type.ts";
import { openValuesRoot } from "../query/open-operand.ts";
import type { Plan } from "../query/plan.ts";
import { recordPlan, type RecordPlan } from "../query/record-plan.ts";
import type { Scope } from "../query/scope.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import { compilePlan, type CompiledPlan } from "../storage/plan-sql.ts";
import type { Value } from "../base/value.ts";

/** Who reads: the caller over a wire, or app code for the caller, which also sees internal fields. */
export type Reader = "wire" | "code";

export interface PreparedPlan {
  readonly compiled: CompiledPlan;
  /** `public` may read all that the plan reads. */
  readonly public: boolean;
  /** As records at hand answer it; null: the database does. */
  readonly record: RecordPlan | null;
}

export class Planner {
  readonly #parts: { readonly catalog: Catalog; readonly book: ExpressionBook; readonly limits: Limits };
  /** A scope is one object for each set of roles and reader. */
  readonly #prepared = new WeakMap<Plan, WeakMap<Scope, PreparedPlan>>();
  readonly #keyed = new WeakMap<Plan, Plan>();

  constructor(parts: { readonly catalog: Catalog; readonly book: ExpressionBook; readonly limits: Limits }) {
    this.#parts = parts;
  }

  prepare(plan: Plan, rights: Rights, reader: Reader): PreparedPlan {
    let byRoles = this.#prepared.get(plan);
    if (byRoles === undefined) this.#prepared.set(plan, byRoles = new WeakMap());
    const scope = reader === "code" ? rights.codeScope : rights.scope;
    let prepared = byRoles.get(scope);
    if (prepared === undefined) {
      const compiled = this.compile(rights.rulePlan(plan, reader));
      prepared = { compiled, public: reader === "wire" && rights.publicRead(plan), record: recordPlan(compiled.plan, this.#parts.catalog) };
      byRoles.set(scope, prepared);
    }
    return prepared;
  }

  /** The same plan for the one record whose key is the variable `args.key`. */
  byKey(plan: Plan): Plan {
    let keyed = this.#keyed.get(plan);
    if (keyed === undefined) {
      const table = this.#parts.catalog.tables.get(plan.table)!;
      const wanted: Expression = { op: "compare", comparison: "eq", left: keyField(table, this.#parts.catalog), right: keyVariable(table, this.#parts.catalog) };
      const filter: Expression = plan.filter === null ? wanted : { op: "and", operands: [plan.filter, wanted] };
      keyed = { ...plan, filter, order: [], limit: 1, offset: 0, after: null, count: null };
      this.#keyed.set(plan, keyed);
    }
    return keyed;
  }

  compile(plan: Plan): CompiledPlan {
    return compilePlan(plan, this.#parts);
  }
}

export function keyField(table: Table, catalog: Catalog): Expression {
  const key = table.fields.get(table.primaryKey)!;
  return { op: "field", type: keyType(table, catalog), row: "record", table: table.name, path: [], field: key.name, within: [] };
}

export function keyType(table: Table, catalog: Catalog): ExpressionType {
  return typeOfField(table.fields.get(table.primaryKey)!.type, catalog);
}

function keyVariable(table: Table, catalog: Catalog): Expression {
  return { op: "variable", type: keyType(table, catalog), root: "args", path: ["key"] };
}

/** What a plan reads besides its rows. `key`: for plans of `byKey`. */
export function planEnvironment(rights: Rights, now: string, key: Value = null): Environment {
  return { rows: {}, variables: { auth: rights.auth, args: { key } }, now, source: null };
}

/** The same for a plan whose values were left open. */
export function openEnvironment(rights: Rights, now: string, values: readonly Value[]): Environment {
  return { rows: {}, variables: { auth: rights.auth, [openValuesRoot]: values }, now, source: null };
}
