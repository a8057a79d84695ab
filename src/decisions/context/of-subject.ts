// Of tables that lead to the subject's, a model reads the rows of this subject alone: the plan of a read, narrowed before the database sees it.
import type { Expression, ExpressionType } from "../../expression/expression.ts";
import { typeOfField } from "../../expression/field-type.ts";
import type { Plan, SelectItem } from "../../query/plan.ts";
import type { Catalog, Table } from "../../schema/catalog.ts";
import type { CompiledQuery } from "../policy/compile-query.ts";

/** Where the plan finds the key of the subject. */
export const SUBJECT = "subject";

/** Relations to one, from a table to the subject's. */
const HOPS_MAX = 3;

const narrowed = new WeakMap<CompiledQuery, Map<string, CompiledQuery>>();

/** `subject`: its table. Made once for each read. */
export function ofSubject(query: CompiledQuery, subject: Table, catalog: Catalog): CompiledQuery {
  let known = narrowed.get(query);
  if (known === undefined) narrowed.set(query, known = new Map());
  let found = known.get(subject.name);
  if (found === undefined) known.set(subject.name, found = { ...query, plan: narrow(query.plan, subject, catalog) });
  return found;
}

function narrow(plan: Plan, subject: Table, catalog: Catalog): Plan {
  const select = plan.select.map((item): SelectItem => (item.kind === "embed" ? { ...item, plan: narrow(item.plan, subject, catalog) } : item));
  const ways = waysTo(catalog.tables.get(plan.table)!, subject, catalog);
  if (ways.length === 0) return { ...plan, select };
  const isOf = ways.map((path): Expression => ({ op: "compare", comparison: "eq", left: keyAt(plan.table, path, subject, catalog), right: { op: "variable", type: keyType(subject, catalog), root: "args", path: [SUBJECT] } }));
  const wanted: Expression = isOf.length === 1 ? isOf[0]! : { op: "or", operands: isOf };
  return { ...plan, select, filter: plan.filter === null ? wanted : { op: "and", operands: [plan.filter, wanted] } };
}

/** The shortest, all of them; of the subject's own table the empty one. */
function waysTo(table: Table, subject: Table, catalog: Catalog): string[][] {
  let level: { readonly at: Table; readonly path: string[] }[] = [{ at: table, path: [] }];
  for (let hops = 0; hops <= HOPS_MAX; hops++) {
    const found = level.filter(({ at }) => at === subject);
    if (found.length > 0) return found.map(({ path }) => path);
    level = level.flatMap(({ at, path }) => [...at.fields.values()].flatMap(({ name, relation }) => {
      const next = relation?.kind === "one" ? catalog.tables.get(relation.table) : undefined;
      return next === undefined ? [] : [{ at: next, path: [...path, name] }];
    }));
  }
  return [];
}

function keyAt(table: string, path: readonly string[], subject: Table, catalog: Catalog): Expression {
  return { op: "field", type: keyType(subject, catalog), row: "record", table, path, field: subject.primaryKey, within: [] };
}

function keyType(table: Table, catalog: Catalog): ExpressionType {
  return typeOfField(table.fields.get(table.primaryKey)!.type, catalog);
}
