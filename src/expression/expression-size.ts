// How much an expression is once computed fields stand in place: it becomes one piece of SQL, and one deep call in memory.
import type { Diagnostic } from "../base/diagnostic.ts";
import type { Catalog, Cel } from "../schema/catalog.ts";
import { celDiagnostic } from "./cel-context.ts";
import type { Expression } from "./expression.ts";
import { partsOf } from "./inspect.ts";

/** SQLite takes expressions 1,000 deep; a part of ours is up to three of SQL, and a query nests them in its own conditions. */
const DEPTH_MAX = 100;
const PARTS_MAX = 5_000;

interface Size { readonly parts: number; readonly depth: number }

const NONE: Size = { parts: 0, depth: 0 };

/** One diagnostic for each expression that is too large. Computed fields that need themselves count nothing: that is told elsewhere. */
export function oversized(catalog: Catalog, compiled: ReadonlyMap<Cel, Expression>): Diagnostic[] {
  const sizes = new Map<Expression, Size>();
  const inPlace = (part: Expression): Expression | undefined => (part.op === "field" ? computedBy(part, catalog, compiled) : undefined);
  for (const expression of compiled.values()) measure(expression, inPlace, sizes);
  return [...compiled].flatMap(([cel, expression]) => {
    const { parts, depth } = sizes.get(expression) ?? NONE;
    if (parts <= PARTS_MAX && depth <= DEPTH_MAX) return [];
    const what = parts > PARTS_MAX ? `has more than ${PARTS_MAX} parts` : `is nested deeper than ${DEPTH_MAX} levels`;
    return [celDiagnostic(cel, { start: 0, end: cel.source.length }, {
      message: `With the computed fields that it reads, the expression ${what}.`,
      why: "It could not be asked of the database in one piece.",
      fix: "Say it in fewer steps, or make a computed field on the way stored.",
    })];
  });
}

/** The rule of a computed field that is not stored, wherever the path leads. */
function computedBy(part: Extract<Expression, { op: "field" }>, catalog: Catalog, compiled: ReadonlyMap<Cel, Expression>): Expression | undefined {
  const table = part.path.reduce<string | undefined>((at, step) => (at === undefined ? undefined : catalog.tables.get(at)?.fields.get(step)?.relation?.table), part.table);
  const field = table === undefined ? undefined : catalog.tables.get(table)?.fields.get(part.field);
  return field?.kind === "computed" && field.fill?.kind === "computed" ? compiled.get(field.fill.rule) : undefined;
}

// A stack of our own: a thousand computed fields may each read the one before.
function measure(root: Expression, inPlace: (part: Expression) => Expression | undefined, sizes: Map<Expression, Size>): void {
  const open = [root];
  const entered = new Set<Expression>();
  for (let part = open.at(-1); part !== undefined; part = open.at(-1)) {
    const computed = inPlace(part);
    const inside = computed === undefined ? partsOf(part) : [computed];
    if (!sizes.has(part) && !entered.has(part)) {
      entered.add(part);
      open.push(...inside.filter((one) => !entered.has(one)));
      continue;
    }
    open.pop();
    if (sizes.has(part)) continue;
    const counted = inside.map((one) => sizes.get(one) ?? NONE);
    sizes.set(part, { parts: 1 + counted.reduce((sum, one) => sum + one.parts, 0), depth: 1 + counted.reduce((most, one) => Math.max(most, one.depth), 0) });
  }
}
