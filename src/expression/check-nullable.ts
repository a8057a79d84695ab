// Which null would make a check unknown, and so fail it, without its author having thought of null.
// A guard is a test for null beside it: `record.F == null || ...`, `record.F != null && ...`, has(record.F), a ternary.
import type { Catalog, Field, Table } from "../schema/catalog.ts";
import type { Expression } from "./expression.ts";
import { partsOf } from "./inspect.ts";

type FieldNode = Extract<Expression, { op: "field" }>;

export interface UnguardedNull {
  /** What may be null, as CEL: `record.discount`, `old`, `record.customer`. */
  readonly name: string;
  /** Where it is read. */
  readonly field: FieldNode;
}

/** What is surely there. A field's own presence includes that of the records on its path. */
type Known = ReadonlySet<string>;

/** Each name once, in the order of the source. */
export function unguardedNulls(check: Expression, catalog: Catalog): readonly UnguardedNull[] {
  const found = new Map<string, UnguardedNull>();
  visit(check, new Set(), (field, known) => {
    for (const name of possibleNulls(field, catalog)) {
      if (known.has(name)) continue;
      if (!found.has(name)) found.set(name, { name, field });
      return;
    }
  });
  return [...found.values()];
}

function visit(expression: Expression, known: Known, read: (field: FieldNode, known: Known) => void): void {
  switch (expression.op) {
    case "field": read(expression, known); return;
    // These are never unknown.
    case "is-null": case "distinct": return;
    case "and": case "or": {
      const { operands } = expression;
      for (const operand of operands) {
        const others = operands.filter((other) => other !== operand).flatMap((other) => presentIf(other, expression.op === "and"));
        visit(operand, union(known, others), read);
      }
      return;
    }
    case "conditional":
      visit(expression.condition, known, read);
      visit(expression.then, union(known, presentIf(expression.condition, true)), read);
      visit(expression.otherwise, union(known, presentIf(expression.condition, false)), read);
      return;
    default: for (const part of partsOf(expression)) visit(part, known, read);
  }
}

function union(known: Known, more: readonly string[]): Known {
  return more.length === 0 ? known : new Set([...known, ...more]);
}

/** What tests for null say is there if the expression has this verdict. */
function presentIf(expression: Expression, verdict: boolean): string[] {
  switch (expression.op) {
    case "not": return presentIf(expression.operand, !verdict);
    case "and": return verdict ? expression.operands.flatMap((operand) => presentIf(operand, true)) : [];
    case "or": return verdict ? [] : expression.operands.flatMap((operand) => presentIf(operand, false));
    case "is-null": return !verdict && expression.operand.op === "field" ? presentWith(expression.operand) : [];
    default: return [];
  }
}

/** The names that are there once this field is not null: itself, the records on its path, what its place lies in. */
function presentWith({ row, path, field, within }: FieldNode): string[] {
  const names = [row];
  for (let length = 1; length <= path.length; length++) names.push([row, ...path.slice(0, length)].join("."));
  for (let length = 0; length <= within.length; length++) names.push([row, ...path, field, ...within.slice(0, length)].join("."));
  return names;
}

/** In the order in which a reader meets them. */
function possibleNulls(node: FieldNode, catalog: Catalog): string[] {
  const names: string[] = node.row === "old" ? ["old"] : [];
  let table: Table | undefined = catalog.tables.get(node.table);
  let at = node.row;
  for (const step of node.path) {
    const relation = table?.fields.get(step)?.relation;
    // A relation that is itself in error says nothing about nulls.
    if (relation === undefined || relation === null) return names;
    const key = table?.fields.get(relation.from);
    // The key's own presence will do: `record.customerId == null || ...`.
    if (key?.type.required !== true) names.push(`${at}.${step}`);
    at = `${at}.${step}`;
    table = catalog.tables.get(relation.table);
  }
  const field = table?.fields.get(node.field);
  const name = `${at}.${node.field}`;
  if (field?.type.required !== true) names.push(name);
  return [...names, ...nullsWithin(node, field, name, catalog)];
}

function nullsWithin(node: FieldNode, field: Field | undefined, name: string, catalog: Catalog): string[] {
  const names: string[] = [];
  let type = field?.type;
  let at = name;
  for (const step of node.within) {
    at = `${at}.${step}`;
    type = typeof step === "string" && type?.kind === "object" ? catalog.objects.get(type.name)?.fields.get(step)?.type : undefined;
    if (type?.required !== true) names.push(at);
  }
  return names;
}
