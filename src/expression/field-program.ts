// Reads fields, also through to-one relations and into nested values; computed fields are worked out in place.
import { assert } from "../base/assert.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { Relation } from "../schema/catalog.ts";
import type { Environment, Expression } from "./expression.ts";
import { ownFieldsOf } from "./inspect.ts";
import { valueAt } from "./json-value.ts";
import type { Program, ProgramScope } from "./program.ts";

type FieldExpression = Extract<Expression, { op: "field" }>;
type Row = RecordValues | null;

export function fieldProgram(expression: FieldExpression, scope: ProgramScope): Program {
  const { row, within } = expression;
  const { steps, table } = relationSteps(expression, scope);
  const read = ownField(table, expression.field, scope);
  const inside = within.length === 0 ? read : (values: RecordValues, environment: Environment) => valueAt(read(values, environment), within);
  if (steps.length === 0) {
    return ({ environment }) => {
      const values = environment.rows[row] ?? null;
      return values === null ? null : inside(values, environment);
    };
  }
  return ({ environment }) => {
    const values = follow(environment.rows[row] ?? null, steps, environment);
    return values === null ? null : inside(values, environment);
  };
}

interface Step { readonly relation: Relation; /** What counts of the record that it leads to. */ readonly looksAt: ReadonlySet<string> }

/** The to-one relations of a path, and the table it ends in. */
function relationSteps(expression: FieldExpression, scope: ProgramScope): { steps: readonly Step[]; table: string } {
  const relations: Relation[] = [];
  let { table } = expression;
  for (const name of expression.path) {
    const relation = scope.book.catalog.tables.get(table)?.fields.get(name)?.relation;
    assert(relation !== undefined && relation !== null && relation.kind === "one", `a to-one relation: ${table}.${name}`);
    relations.push(relation);
    table = relation.table;
  }
  const steps = relations.map((relation, index): Step => {
    const next = relations[index + 1];
    return { relation, looksAt: next === undefined ? ownFieldsOf(relation.table, expression.field, scope.book) : new Set([next.from]) };
  });
  return { steps, table };
}

function follow(start: Row, steps: readonly Step[], environment: Environment): Row {
  let values = start;
  for (const { relation, looksAt } of steps) {
    const key: Value = values === null ? null : valueOf(values, relation.from);
    if (key === null) return null;
    assert(environment.source !== null, "a source of records for a relation path");
    values = environment.source.get(relation.table, key, looksAt);
  }
  return values;
}

function ownField(table: string, field: string, scope: ProgramScope): (values: RecordValues, environment: Environment) => Value {
  const computed = scope.book.computed(table, field);
  if (computed === null) return (values) => valueOf(values, field);
  const program = scope.compile(computed, { ...scope, items: new Map() });
  return (values, { variables, now, source }) => program({ environment: { rows: { record: values }, variables, now, source }, items: [] });
}

function valueOf(values: RecordValues, field: string): Value {
  return Object.hasOwn(values, field) ? values[field] ?? null : null;
}
