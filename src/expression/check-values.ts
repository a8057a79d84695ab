// Which null would make a bound a violation without its author having thought of null: reads of named values that may be missing, where no
// test stands before them. Unlike in checks only a guard to the left counts: `x == null || x < 5`, `x != null && x < 5`, `has_x && x.y > 0`.
import type { Catalog, InputField, TypeRef } from "../schema/catalog.ts";
import type { Expression } from "./expression.ts";
import { partsOf } from "./inspect.ts";

type Variable = Extract<Expression, { op: "variable" }>;
type Roots = ReadonlyMap<string, Pick<InputField, "type">>;

export interface UnguardedValue {
  /** As CEL: `order.customer.tier`. */
  readonly name: string;
  /** Where it is read. */
  readonly part: Expression;
}

/** Names of what is surely there. */
type Known = ReadonlySet<string>;

interface Visit {
  readonly catalog: Catalog;
  readonly found: Map<string, UnguardedValue>;
}

/** Each name once, in the order of the source. */
export function unguardedValues(expression: Expression, roots: Roots, catalog: Catalog): readonly UnguardedValue[] {
  const visit: Visit = { catalog, found: new Map() };
  read(expression, { roots, known: new Set() }, visit);
  return [...visit.found.values()];
}

interface Scope { readonly roots: Roots; readonly known: Known }

function read(expression: Expression, scope: Scope, visit: Visit): void {
  switch (expression.op) {
    case "variable": return readVariable(expression, scope, visit);
    // What is asked is whether it is there; on the way to it something may be missing, which is the same answer.
    case "is-null": case "distinct": return;
    case "and": case "or": {
      let { known } = scope;
      for (const operand of expression.operands) {
        read(operand, { ...scope, known }, visit);
        known = extended(known, presentIf(operand, expression.op === "and"));
      }
      return;
    }
    case "conditional":
      read(expression.condition, scope, visit);
      read(expression.then, { ...scope, known: extended(scope.known, presentIf(expression.condition, true)) }, visit);
      read(expression.otherwise, { ...scope, known: extended(scope.known, presentIf(expression.condition, false)) }, visit);
      return;
    case "quantify": {
      read(expression.list, scope, visit);
      const list = expression.list.op === "variable" ? typeOf(expression.list, scope.roots, visit.catalog) : null;
      const item: TypeRef = list === null || !list.list ? UNKNOWN : { ...list, list: false, required: list.itemRequired };
      return read(expression.body, { ...scope, roots: new Map([...scope.roots, [expression.variable, { type: item }]]) }, visit);
    }
    default: for (const part of partsOf(expression)) read(part, scope, visit);
  }
}

/** Counts as there. */
const UNKNOWN: TypeRef = { kind: "scalar", name: "JSON", list: false, required: true, itemRequired: true };

function readVariable(variable: Variable, { roots, known }: Scope, visit: Visit): void {
  const missing = missingSteps(variable, roots, visit.catalog).find((name) => !known.has(name));
  if (missing !== undefined && !visit.found.has(missing)) visit.found.set(missing, { name: missing, part: variable });
}

/** In the order in which a reader meets them. */
function missingSteps({ root, path }: Variable, roots: Roots, catalog: Catalog): string[] {
  const first = roots.get(root)?.type;
  if (first === undefined) return [];
  const names = first.required ? [] : [root];
  let type: TypeRef | null = first;
  let at = root;
  for (const step of path) {
    at = `${at}.${step}`;
    type = stepInto(type, step, catalog);
    if (type?.required !== true) names.push(at);
  }
  return names;
}

/** Null: nothing is known of it, as inside of JSON. */
function stepInto(type: TypeRef | null, step: string, catalog: Catalog): TypeRef | null {
  if (type === null || type.list) return null;
  return catalog.objects.get(type.name)?.fields.get(step)?.type ?? null;
}

function typeOf({ root, path }: Variable, roots: Roots, catalog: Catalog): TypeRef | null {
  return path.reduce<TypeRef | null>((type, step) => stepInto(type, step, catalog), roots.get(root)?.type ?? null);
}

function extended(known: Known, more: readonly string[]): Known {
  return more.length === 0 ? known : new Set([...known, ...more]);
}

/** What the expression says is there if it has this verdict. */
function presentIf(expression: Expression, verdict: boolean): string[] {
  switch (expression.op) {
    case "not": return presentIf(expression.operand, !verdict);
    case "and": return verdict ? expression.operands.flatMap((operand) => presentIf(operand, true)) : [];
    case "or": return verdict ? [] : expression.operands.flatMap((operand) => presentIf(operand, false));
    case "is-null": return !verdict && expression.operand.op === "variable" ? namesOf(expression.operand) : [];
    case "variable": return verdict && expression.path.length === 0 && expression.root.startsWith("has_") ? [expression.root.slice("has_".length)] : [];
    default: return [];
  }
}

/** It and all that it lies in. */
function namesOf({ root, path }: Variable): string[] {
  return [root, ...path.map((_, index) => [root, ...path.slice(0, index + 1)].join("."))];
}
