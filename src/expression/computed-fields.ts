// Computed fields among themselves: none may need itself, and stored ones read nothing but their own record.
import type { Diagnostic } from "../base/diagnostic.ts";
import type { Catalog, Cel, Table } from "../schema/catalog.ts";
import { celDiagnostic } from "./cel-context.ts";
import type { Expression } from "./expression.ts";
import { fieldsRead, someIn, type FieldRead } from "./inspect.ts";

/** One diagnostic for each computed field that is worked out from itself. */
export function computedCycles(catalog: Catalog, compiled: ReadonlyMap<Cel, Expression>): Diagnostic[] {
  const needs = new Map<string, readonly string[]>();
  const rules = new Map<string, Cel>();
  for (const table of catalog.tables.values()) {
    for (const field of table.fields.values()) {
      if (field.fill?.kind !== "computed") continue;
      const expression = compiled.get(field.fill.rule);
      rules.set(`${table.name}.${field.name}`, field.fill.rule);
      needs.set(`${table.name}.${field.name}`, expression === undefined ? [] : fieldsRead(expression).map((read) => endOf(read, catalog)));
    }
  }
  return [...rules].filter(([name]) => reaches(name, name, needs)).map(([name, cel]) => celDiagnostic(cel, { start: 0, end: cel.source.length }, {
    code: "COMPUTED_SHAPE", message: `${name} is computed from itself.`, why: "There would be no value to begin with.", fix: "Compute it from stored fields.",
  }));
}

function endOf({ table, path, field }: FieldRead, catalog: Catalog): string {
  return `${path.reduce((at, step) => catalog.tables.get(at)?.fields.get(step)?.relation?.table ?? "", table)}.${field}`;
}

function reaches(from: string, target: string, needs: ReadonlyMap<string, readonly string[]>): boolean {
  const seen = new Set<string>();
  const open = [from];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const next of needs.get(name) ?? []) {
      if (next === target) return true;
      if (!seen.has(next)) open.push(next);
      seen.add(next);
    }
  }
  return false;
}

/** The part of a stored field's rule that its own record's stored fields do not answer. */
export function foreignInStored(expression: Expression, table: Table): Extract<Expression, { op: "field" }> | null {
  let found: Extract<Expression, { op: "field" }> | null = null;
  someIn(expression, (part) => {
    if (part.op !== "field" || (part.path.length === 0 && table.fields.get(part.field)?.kind !== "computed")) return false;
    found = part;
    return true;
  });
  return found;
}
